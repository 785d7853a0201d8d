"""How a step says that there is nothing for it to do."""

import logging


class SkipStep(Exception):
    """Raised by `Step.process`, before anything is changed, when there is nothing to do.

    The input goes on unchanged with status SKIPPED.

    Parameters
    ----------
    reason : str
        Logged for the user.
    is_expected : bool
        Whether the exposure does not need the step (nothing to correct, another instrument): then it is no warning.
    """

    def __init__(self, reason, is_expected=False):
        super().__init__(reason)
        self.is_expected = is_expected

    @property
    def level(self):
        """Level of the message: what the exposure does not need is no warning."""
        return logging.INFO if self.is_expected else logging.WARNING


class MissingReference(SkipStep):
    """A step is left out because there is no reference file for it."""
