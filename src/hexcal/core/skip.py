"""How a step says that there is nothing for it to do."""


class SkipStep(Exception):
    """Raised by `Step.process`, before anything is changed, when there is nothing to do: the input goes on unchanged with status SKIPPED.

    Parameters
    ----------
    reason : str
        Logged for the user.
    """
