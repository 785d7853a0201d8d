"""Reading and writing arrays of the data units of a FITS file piece by piece, in several threads.

Nothing is held twice, and the file is not mapped into memory.
"""

import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hexcal.errors import InputError
from hexcal.threads import run_bands

PIECE = 1 << 18
"""Elements read or written and converted at a time: they stay in the cache."""
_SHORTEST = 1 << 13
"""Elements: shorter rows than these are better read from a map of the file."""


class Box(NamedTuple):
    """A part of an array as rows that lie together in the file.

    Shape of the part, elements of a row, and where in the array each row begins.
    """

    shape: tuple[int, ...]
    length: int
    starts: np.ndarray


def box_of(shape: tuple[int, ...], index: Any) -> Box | None:
    """Return the part of an array that an index stands for.

    None if it is no box of whole numbers and slices without steps.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    index : int, slice, tuple of these, or None
        None stands for everything.
    """
    given = () if index is None else index if isinstance(index, tuple) else (index,)
    if len(given) > len(shape) or not all(isinstance(item, slice | int | np.integer) for item in given):
        return None
    ranges, kept = [], []
    for size, item in zip(shape, (*given, *(slice(None),) * (len(shape) - len(given))), strict=True):
        if isinstance(item, slice):
            first, last, step = item.indices(size)
            if step != 1:
                return None
            ranges.append((first, max(last - first, 0)))
            kept.append(max(last - first, 0))
        elif -size <= item < size:
            ranges.append((int(item) % size, 1))
        else:
            return None
    axis = len(shape)
    while axis > 0 and ranges[axis - 1] == (0, shape[axis - 1]):
        axis -= 1
    axis = max(axis - 1, 0)
    # What is whole lies together, and so does the part of the axis before it.
    inner = math.prod(shape[axis + 1 :])
    length = ranges[axis][1] * inner if shape else 1
    starts = np.array([ranges[axis][0] * inner if shape else 0])
    stride = inner * shape[axis] if shape else 1
    for size, (first, count) in zip(reversed(shape[:axis]), reversed(ranges[:axis]), strict=True):
        starts = ((first + np.arange(count))[:, None] * stride + starts).reshape(-1)
        stride *= size
    return Box(tuple(kept), length, starts)


def is_worth_it(box: Box) -> bool:
    """Whether a part of an array is read faster piece by piece than from a map of the file."""
    return hasattr(os, "preadv") and (box.length >= _SHORTEST or len(box.starts) == 1)


def read_box(
    path: os.PathLike, offset: int, stored: np.dtype, box: Box, result: np.ndarray, physical: Callable[[Any], Any]
) -> None:
    """Read a part of an array.

    Parameters
    ----------
    path : path-like
        The file.
    offset : int
        Where its data unit begins.
    stored : dtype
        As the file stores the values.
    box : Box
        Which part.
    result : ndarray
        Contiguous, of the shape of the box; gets the values.
    physical : callable
        ``physical(values)`` gives what is assigned for an array of values as stored.
    """
    flat = result.reshape(-1)
    pieces = [
        (start + first, row * box.length + first, min(PIECE, box.length - first))
        for row, start in enumerate(box.starts.tolist())
        for first in range(0, box.length, PIECE)
    ]
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        # A single piece is not worth a thread.
        threads = 1 if flat.size <= 2 * PIECE else None
        run_bands(_read_pieces, len(pieces), pieces, descriptor, offset, stored, flat, physical, path, threads=threads)
    finally:
        os.close(descriptor)


def _read_pieces(first, last, pieces, descriptor, offset, stored, flat, physical, path):
    buffer = np.empty(min(PIECE, max((count for _, _, count in pieces[first:last]), default=0)), stored)
    for source, target, count in pieces[first:last]:
        _read_fully(descriptor, buffer[:count], offset + source * stored.itemsize, path)
        flat[target : target + count] = physical(buffer[:count])


def _read_fully(descriptor, buffer, position, path):
    left = memoryview(buffer.view(np.uint8))
    while len(left):
        done = os.preadv(descriptor, [left], position)
        if not done:
            raise InputError("the file was cut while it was in use", where=str(path), hint="run again")
        left, position = left[done:], position + done


def unsigned_zero(dtype: np.dtype) -> int:
    """BZERO of whole numbers without a sign, which FITS stores as numbers with one; 0 where there is none."""
    return 1 << (8 * dtype.itemsize - 1) if dtype.kind == "u" and dtype.itemsize > 1 else 0


def as_stored(values: np.ndarray) -> np.ndarray:
    """Return native values as FITS stores them: big-endian, whole numbers without a sign shifted."""
    zero = unsigned_zero(values.dtype)
    stored = np.dtype(f">{'i' if zero else values.dtype.kind}{values.dtype.itemsize}")
    if zero:
        values = (values ^ values.dtype.type(zero)).view(f"i{values.dtype.itemsize}")
    return values.astype(stored, copy=False)


def may_be_written(data: Any) -> bool:
    """Whether an array is worth several threads: `write_array` takes it."""
    return hasattr(os, "pwrite") and data.flags.c_contiguous and data.size > 2 * PIECE


def write_array(descriptor: int, offset: int, data: np.ndarray) -> None:
    """Write an array.

    Parameters
    ----------
    descriptor : int
        Of a file that is open for writing.
    offset : int
        Where in the file it begins.
    data : ndarray
        C-contiguous, native.
    """
    run_bands(_write_pieces, -(-data.size // PIECE), descriptor, offset, data.reshape(-1))


def _write_pieces(first, last, descriptor, offset, flat):
    for start in range(first * PIECE, min(last * PIECE, flat.size), PIECE):
        left = as_stored(flat[start : start + PIECE]).data.cast("B")
        position = offset + start * flat.itemsize
        while len(left):
            done = os.pwrite(descriptor, left, position)
            left, position = left[done:], position + done
