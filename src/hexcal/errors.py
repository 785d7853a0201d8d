"""One tree of exceptions, by cause.

Which one to raise
------------------
InputError
    What the user gave to calibrate is not there, not readable, not of the right kind or shape, or contradicts itself.
ReferenceError_
    A reference file is missing, unreadable, made for another detector or mode, or does not fit the data.
ParameterError
    A name (step, pipeline, parameter, attribute, alias, option) is not known, or a value is out of its bounds.
DataUnusable
    The input is well formed, but nothing in it can be calibrated (everything saturated, no science data on the
    detector).
ResourceError
    The machine is in the way: disk full, directory not writable, not enough memory.
HookError
    Code that the user attached (pre_hooks, post_hooks) failed.

Do not raise ``Exception``, ``RuntimeError`` or ``AssertionError`` for something that the user can mend. An exception of
any other type that leaves Hexcal is a fault of Hexcal.

A message has at most five lines: what was required, what was found, where, what to do next. Each exception keeps its
data as attributes, can be pickled (it may have to cross processes), and is also the builtin that a caller would expect.
"""

import difflib
from collections.abc import Iterable
from os import PathLike

_LONGEST = 1200
"""Characters of a message, a place or a hint: more would hide what matters."""

__all__ = [
    "DataUnusable",
    "HexcalError",
    "HookError",
    "InputError",
    "ParameterError",
    "ReferenceError_",
    "ResourceError",
    "nearest",
    "unknown_name",
]


class HexcalError(Exception):
    """Base of all exceptions that Hexcal raises on purpose.

    Parameters
    ----------
    message : str
        What was required and what was found.
    where : str, optional
        File, header keyword or parameter concerned.
    hint : str, optional
        What to do next.
    """

    exit_status = 1

    def __init__(self, message: str, where: str | PathLike[str] | None = None, hint: str | None = None) -> None:
        super().__init__(message, where, hint)
        self.message, self.where, self.hint = message, where, hint

    def __str__(self) -> str:
        lines = [shortened(str(self.message))]
        if self.where:
            lines.append(f"  where: {one_line(self.where)}")
        if self.hint:
            lines.append(f"  next:  {shortened(str(self.hint))}")
        return "\n".join(lines)


class InputError(HexcalError, ValueError):
    """The input is missing, unreadable, of the wrong kind, or contradicts itself."""


class ReferenceError_(HexcalError, LookupError):
    """A reference file is missing, unreadable or does not fit the exposure."""


class ParameterError(HexcalError, ValueError, AttributeError):
    """A name is not known or a value is out of its bounds."""


class DataUnusable(HexcalError):
    """Well-formed input with nothing in it that can be calibrated.

    The command line ends with status 64 ("no science data").
    """

    exit_status = 64


class ResourceError(HexcalError, OSError):
    """The disk, the directory or the memory of the machine does not allow it."""

    def __init__(self, message: str, where: str | PathLike[str] | None = None, hint: str | None = None) -> None:
        HexcalError.__init__(self, message, where, hint)


class HookError(HexcalError):
    """A pre-hook or post-hook of the user failed or could not be found."""


def shortened(text: str) -> str:
    """Return a text of at most some lines' length: the middle of a longer one is left out."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 4 :]}"


def one_line(text: object) -> str:
    """Return a name or path as one short line, with line breaks and other control characters spelled out."""
    return shortened("".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text)))


def nearest(name: object, names: Iterable[str]) -> str | None:
    """Return the known name that resembles `name` most, or None when none does.

    Parameters
    ----------
    name : str
        What was given.
    names : iterable of str
        What would be right.
    """
    names = list(names)
    folded = {known.lower(): known for known in names}
    match = difflib.get_close_matches(str(name).lower(), folded, n=1, cutoff=0.6)
    return folded[match[0]] if match else None


def unknown_name(
    kind: str,
    name: object,
    names: Iterable[object],
    where: str | None = None,
    error: type[HexcalError] = ParameterError,
) -> HexcalError:
    """Return (not raise) the exception for a name that is not known, with the nearest right one.

    Parameters
    ----------
    kind : str
        What the name stands for: "parameter", "step", "keyword" ...
    name : str
        What was given.
    names : iterable of str
        What would be right.
    where : str, optional
        Whose name it is: "step 'jump'", a file.
    error : type, optional
        Class of the exception.
    """
    known = sorted({str(known) for known in names})
    guess = nearest(name, known)
    if guess:
        hint = f"did you mean '{guess}'?"
    elif len(known) <= 12:
        hint = f"one of: {', '.join(known)}" if known else "there is none"
    else:
        hint = f"{len(known)} are known, such as: {', '.join(known[:8])}"
    return error(f"unknown {kind} '{name}'", where=where, hint=hint)
