"""The parser of all commands.

Its errors are those of Hexcal, with the nearest right name, and help is printed, not raised.
"""

import argparse
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from hexcal.errors import ParameterError, nearest


class Arguments(argparse.ArgumentParser):
    """An argument parser that raises `ParameterError` instead of ending the program.

    Files may stand before, between and after options; names of options are not abbreviated.

    Parameters
    ----------
    prog : str
        The command: "hexcal steps".
    description : str
        What it does.
    **kwargs
        As for `argparse.ArgumentParser`.
    """

    def __init__(self, prog: str, description: str, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(prog=prog, description=description, **kwargs)

    def parse(self, words: Sequence[str]) -> argparse.Namespace | None:
        """Return the options that the words of the command give; None if they ask for help, which is printed."""
        if any(word in ("-h", "--help") for word in words):
            self.print_help()
            return None
        return self.parse_intermixed_args([word for word in words if word != "--debug"])

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> argparse.Namespace:
        """Parse all words."""
        return self.parse_intermixed_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise instead of ending the program."""
        option = re.match(r"unrecognized arguments: (--?[^\s=]+)", message)
        guess = self._nearest(message, option)
        if option:
            message = f"unknown option '{option[1]}'"
        hint = f"did you mean '{guess}'?" if guess else f"`{self.prog} --help` lists the options"
        raise ParameterError(message[:1].lower() + message[1:], where=self.prog, hint=hint)

    def _nearest(self, message: str, option: re.Match[str] | None) -> str | None:
        """The right word for the wrong one that a message of argparse tells, if there is one like it."""
        if option:
            return nearest(option[1], [name for name in self._option_string_actions if name.startswith("--")])
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        return nearest(choice[1], re.findall(r"[\w-]+", choice[2])) if choice else None


def whole_number(minimum: int | None = None) -> Callable[[str], int]:
    """Return a type of option: a whole number of 64 bits, at least `minimum`."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a whole number, got '{text}'") from None
        if minimum is not None and value < minimum:
            raise argparse.ArgumentTypeError(f"must be at least {minimum}, got {value}")
        if abs(value) >= 2**63:
            raise argparse.ArgumentTypeError(f"must fit into 64 bits, got {text:.40}")
        return value

    return convert


def number(minimum: float = -math.inf) -> Callable[[str], float]:
    """Return a type of option: a finite number, at least `minimum`."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < minimum:
            at_least = f" of at least {minimum:g}" if minimum > -math.inf else ""
            raise argparse.ArgumentTypeError(f"must be a finite number{at_least}, got '{text}'")
        return value

    return convert
