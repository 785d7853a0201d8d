"""Lists of bad pixels as text: read into a mask, written of one, and compared with a former mask."""

from pathlib import Path
from typing import Any

import numpy as np

from hexcal.models import dqflags
from hexcal.models.dqflags import pixel


def manual_flags(path, shape) -> Any:
    """Return the flags that a text lists: columns x, y, flag, from 0, with ranges ``a:b`` (b included).

    Raises
    ------
    ParameterError
        For a line that is not understood.
    """
    from hexcal.errors import ParameterError

    dq = np.zeros(shape, np.uint32)
    with open(path, encoding="utf-8") as stream:
        lines = stream.read().splitlines()
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words or (number == 1 and words[0].lower() == "x"):
            continue
        try:
            x, y, name = words
            dq[_range(y), _range(x)] |= np.uint32(pixel[name.upper()])
        except (ValueError, KeyError, IndexError) as error:
            raise ParameterError(
                f"line {number} is not `x y FLAG` with a known flag: {line.strip()}", where=str(path)
            ) from error
    return dq


def _range(text):
    first, colon, last = text.partition(":")
    if not colon:
        return slice(int(first), int(first) + 1)
    return slice(int(first) if first else 0, int(last) + 1 if last else None)


def write_list(path: Any, dq: Any) -> None:
    """Write the pixels of a mask as such a list: one line for each pixel and flag, but for reference pixels.

    Parameters
    ----------
    path : path-like
        Text file.
    dq : uint32 array (ny, nx)
        Flags.
    """
    from hexcal.files.atomic import atomic

    lines = ["x y flag"]
    for bit in range(32):
        names = dqflags.names_of(1 << bit)
        if names and names[0] not in ("DO_NOT_USE", "REFERENCE_PIXEL"):
            lines += [f"{x} {y} {names[0]}" for y, x in np.argwhere(dq & np.uint32(1 << bit))]
    with atomic(Path(path)) as stream:
        stream.write(("\n".join(lines) + "\n").encode())


def told_changes(dq, parameters, log) -> None:
    """Say which bad pixels are new, and which vanish, against a former mask; lists of both are written if named."""
    from hexcal.errors import InputError
    from hexcal.models.open import open as open_model

    former: Any = open_model(parameters.former_mask).dq
    if former.shape != dq.shape:
        raise InputError(
            f"the former mask has the shape {former.shape}, the new one {dq.shape}", where=parameters.former_mask
        )
    for bit in range(32):
        value = np.uint32(1 << bit)
        gained, lost = np.count_nonzero(dq & ~former & value), np.count_nonzero(former & ~dq & value)
        if gained or lost:
            name = (dqflags.names_of(1 << bit) or [f"bit {bit}"])[0]
            log.info("%s: %d pixels are new, %d are no longer", name, gained, lost)
    if parameters.changes_list:
        write_list(f"{parameters.changes_list}.new.txt", dq & ~former)
        write_list(f"{parameters.changes_list}.vanished.txt", former & ~dq)
