"""Adding and counting flags of images, in bands of rows."""

from collections import deque

import numpy as np

from hexcal.core.bands import run_bands

_ROWS = 64
"""Rows that are looked at together: what is computed of them stays in the cache."""


def add_flags(pixel_dq, flags, threads=None):
    """Combine flags into those of an exposure, in place.

    Parameters
    ----------
    pixel_dq : uint32 array (ny, nx)
        Gets the flags as well.
    flags : uint32 array (ny, nx) or None
        In master bits; None for no flags.
    threads : int, optional
        Default: the number of the run.
    """
    if flags is None:
        return

    def add(first, last):
        rows = pixel_dq[first:last]
        np.bitwise_or(rows, flags[first:last], out=rows)

    run_bands(add, len(pixel_dq), threads=threads)


def count_flagged(images, flag, threads=None):
    """Return how many values of an array of images have a flag.

    Parameters
    ----------
    images : integer array (..., ny, nx)
        Flags.
    flag : int
        One flag, or several of which any counts.
    threads : int, optional
        Default: the number of the run.
    """
    wanted = images.dtype.type(flag)
    rows = images.reshape(-1, images.shape[-1])
    counts = deque()

    def count(first, last):
        for start in range(first, last, _ROWS):
            counts.append(int(np.count_nonzero(rows[start : min(start + _ROWS, last)] & wanted)))

    run_bands(count, len(rows), threads=threads)
    return sum(counts)


def without_flag(pixel_dq, flag, threads=None):
    """Return which pixels do not have a flag: bool array of the shape of `pixel_dq` (ny, nx).

    Parameters
    ----------
    pixel_dq : uint32 array (ny, nx)
        Flags.
    flag : int
        One flag, or several of which any counts.
    threads : int, optional
        Default: the number of the run.
    """
    without = np.empty(pixel_dq.shape, bool)

    def compare(first, last):
        np.equal(pixel_dq[first:last] & np.uint32(flag), 0, out=without[first:last])

    run_bands(compare, len(pixel_dq), threads=threads)
    return without
