"""What the commands of associations have in common: a parser whose errors are errors of Hexcal."""

import argparse

from hexcal.errors import ParameterError


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
        """Raise, with the way to the help text."""
        raise ParameterError(message, where=self.prog, hint=f"`{self.prog} --help`")
