"""What the commands of associations have in common: a parser whose errors are errors of Hexcal."""

import argparse

from hexcal.errors import ParameterError, nearest


class Parser(argparse.ArgumentParser):
    """A parser that raises `ParameterError` instead of ending the interpreter.

    Parameters
    ----------
    prog : str
        Name of the command.
    description : str
        What it does.
    **kwargs
        For `argparse.ArgumentParser`.
    """

    def __init__(self, prog, description, **kwargs):
        super().__init__(
            prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def error(self, message):
        """Raise, with the nearest option to an unknown one, or the way to the help text."""
        unknown = message.rpartition("unrecognized arguments: ")[2].split()[0].partition("=")[0]
        near = nearest(unknown, self._option_string_actions) if unknown.startswith("--") else None
        hint = f"did you mean {near}? " if near else ""
        raise ParameterError(message, where=self.prog, hint=f"{hint}`{self.prog} --help`")
