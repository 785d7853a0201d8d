"""What installed packages bring, by entry points: found once, loaded where it is asked for."""

from functools import cache
from typing import Any

from hexcal.errors import HexcalError, InputError


@cache
def _all_entry_points():
    """Entry points of all installed packages; searched once, which takes as long as reading a hundred headers."""
    from importlib.metadata import entry_points

    return entry_points()


def entry_points_of(group: str) -> Any:
    """Return the entry points that installed packages have in a group."""
    return _all_entry_points().select(group=group)


def load(point: Any, group: str, kind: type, described: str) -> Any:
    """Return what an entry point stands for.

    Parameters
    ----------
    point : EntryPoint
        Of an installed package.
    group : str
        Its group, for the message.
    kind : type
        What it must be: an object of this type.
    described : str
        How the message calls that: "an Observatory".

    Raises
    ------
    InputError
        If the package cannot be loaded, for whatever reason, or provides something else.
    """
    where = f"entry point {point.value} of group {group}"
    try:
        loaded = point.load()
    except Exception as error:
        # Foreign code: whatever is wrong with it must not stop those who do not need it.
        reason = error.message if isinstance(error, HexcalError) else f"{type(error).__name__}: {error}"
        raise InputError(
            f"plug-in '{point.name}' cannot be loaded: {reason}",
            where=where,
            hint="install its package again, or remove it",
        ) from error
    if not isinstance(loaded, kind):
        raise InputError(
            f"plug-in '{point.name}' must provide {described}, not {type(loaded).__name__}",
            where=where,
            hint="install another release of its package, or remove it",
        )
    return loaded
