"""The average of background exposures, for the part of the detector that the target covers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.models.dqflags import pixel

_BYTES = 2**22
"""Of the values, errors and flags of all backgrounds that are in memory at one time."""
_DO_NOT_USE = np.uint32(pixel.DO_NOT_USE)
_BLOCKS, _OF_BLOCK = 32, 8
"""Levels are measured in so many blocks of rows, each one of so many parts of the way to the next one."""


@dataclass(frozen=True)
class Clipping:
    """How outliers among several values of a pixel are found.

    Attributes
    ----------
    by : str
        "scatter": by the standard deviation of the values themselves; "noise": by their errors.
    sigma : float
        Standard deviations.
    iterations : int or None
        Most iterations of clipping by scatter; None: until nothing more is clipped.
    """

    by: str = "scatter"
    sigma: float = 3.0
    iterations: int | None = None


@dataclass(frozen=True)
class Window:
    """A part of the detector.

    Attributes
    ----------
    x, y : int
        First column and row, counted from 0 at the corner of the detector.
    shape : tuple of int
        (ny, nx).
    """

    x: int
    y: int
    shape: tuple

    def overlap(self, other):
        """Return rows and columns that are in another window too, as slices of this one and of the other.

        None if there are none.
        """
        mine, theirs = [], []
        for start, length, other_start, other_length in (
            (self.y, self.shape[0], other.y, other.shape[0]),
            (self.x, self.shape[1], other.x, other.shape[1]),
        ):
            first, last = max(start, other_start), min(start + length, other_start + other_length)
            if last <= first:
                return None
            mine.append(slice(first - start, last - start))
            theirs.append(slice(first - other_start, last - other_start))
        return tuple(mine), tuple(theirs)


@dataclass(frozen=True)
class Average:
    """The average of the backgrounds.

    Attributes
    ----------
    data, err : float32 array (ny, nx)
        Mean, and the uncertainty of the mean; 0 where there is no background.
    dq : uint32 array (ny, nx)
        Flags of the backgrounds.
    covered : bool array (ny, nx)
        Where at least one value was used.
    n_clipped : int
        Number of values that were clipped.
    """

    data: Any
    err: Any
    dq: Any
    covered: Any
    n_clipped: int


def average(backgrounds, window, clipping, threads=None):
    """Average background exposures over the window of a target.

    Parameters
    ----------
    backgrounds : list of (DataModel, Window)
        Images (ny, nx) or cubes (nints, ny, nx), read band by band. Only what overlaps the window of the target is
        used.
    window : Window
        That of the target.
    clipping : Clipping
        How outliers are found: of a cube first among its integrations, then among the exposures.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    Average

    Notes
    -----
    Clipped by scatter it is the average of the documents (JWST pipeline documentation 1.13.5, background): flags do not
    keep a value from being used, and those of all backgrounds are combined. Clipped by noise, values flagged DO_NOT_USE
    are left out, only flags of values that were used are combined, and a pixel for which no value is left is
    DO_NOT_USE. The sky is brighter in one exposure than in another by more than the noise of a pixel: values are
    compared, and averaged, after each exposure has been brought to the mean level of all.
    """
    ny, nx = window.shape
    result = Average(
        np.zeros((ny, nx), np.float32),
        np.zeros((ny, nx), np.float32),
        np.zeros((ny, nx), np.uint32),
        np.zeros((ny, nx), bool),
        0,
    )
    clipped = 0
    images = sum(1 if len(model.shape) == 2 else model.shape[0] for model, _ in backgrounds)
    height = max(1, min(ny, _BYTES // (max(images, 1) * nx * 13)))
    levels = _levels(backgrounds, window, clipping, threads) if clipping.by == "noise" else None
    for first in range(0, ny, height):
        rows = slice(first, min(first + height, ny))
        clipped += _average_rows(backgrounds, window, clipping, levels, rows, result, threads)
    return Average(result.data, result.err, result.dq, result.covered, clipped)


def _levels(backgrounds, window, clipping, threads):
    """How much brighter each exposure is than the mean of all (float32 array (n,)).

    The median of the differences from the first exposure, where both see the detector: neither structure of the
    background, nor sources and cosmic rays of some pixels, count.
    """
    ny = window.shape[0]
    stride = max(1, ny // _BLOCKS)
    differences = [[] for _ in backgrounds]
    for first in range(0, ny, stride):
        rows = slice(first, min(first + max(1, stride // _OF_BLOCK), ny))
        values, _, flags, _, _ = _read_rows(backgrounds, window, clipping, rows, threads)
        values[~_usable(flags, clipping)] = np.nan
        for part, image in zip(differences, values, strict=True):
            difference = image - values[0]
            part.append(difference[np.isfinite(difference)])
    together = [np.concatenate(parts) for parts in differences]
    levels = np.array([np.median(parts) if parts.size else 0.0 for parts in together], np.float32)
    return levels - levels.mean()


def _read_rows(backgrounds, window, clipping, rows, threads):
    """Values, errors and flags of some rows of all exposures (n, rows, nx).

    And where any of them looks (rows, nx), and how many values were clipped within exposures.
    """
    shape = (len(backgrounds), rows.stop - rows.start, window.shape[1])
    values, errors = np.full(shape, np.nan, np.float32), np.zeros(shape, np.float32)
    flags = np.zeros(shape, np.uint32)
    band = Window(window.x, window.y + rows.start, shape[1:])
    clipped, present = 0, np.zeros(shape[1:], bool)
    for number, (model, own) in enumerate(backgrounds):
        overlap = band.overlap(own)
        if overlap is None:
            continue
        mine, theirs = overlap
        present[mine] = True
        part, err, dq, count = _exposure(model, theirs, clipping, threads)
        values[number][mine], errors[number][mine], flags[number][mine] = part, err, dq
        clipped += count
    return values, errors, flags, present, clipped


def _average_rows(backgrounds, window, clipping, levels, rows, result, threads):
    """Average some rows into `result`; returns the number of values that were clipped."""
    values, errors, flags, present, clipped = _read_rows(backgrounds, window, clipping, rows, threads)
    if levels is not None:
        values -= levels[:, None, None]
    kept, mean, error, count = combine(values, errors, _usable(flags, clipping), clipping, threads)
    result.data[rows], result.err[rows] = mean, error
    result.covered[rows] = kept.any(axis=0)
    if clipping.by == "noise":
        flags[~kept] = 0
    combined = np.bitwise_or.reduce(flags, axis=0)
    if clipping.by == "noise":
        combined[present & ~kept.any(axis=0)] |= _DO_NOT_USE
    result.dq[rows] = combined
    return clipped + count


def _exposure(model, index, clipping, threads):
    """Values, errors and flags of a part of one exposure, averaged over its integrations.

    And how many values were clipped.
    """
    is_cube = len(model.shape) == 3
    index = (slice(None), *index) if is_cube else index
    values, errors, flags = (np.ascontiguousarray(model.read(name, index)) for name in ("data", "err", "dq"))
    if not is_cube:
        return values, errors, flags, 0
    kept, mean, error, clipped = combine(values, errors, _usable(flags, clipping), clipping, threads)
    if clipping.by == "noise":
        flags = np.where(kept, flags, 0)
    mean[~kept.any(axis=0)] = np.nan
    return mean, error, np.bitwise_or.reduce(flags, axis=0), clipped


def _usable(flags, clipping):
    return flags & _DO_NOT_USE == 0 if clipping.by == "noise" else np.ones(flags.shape, bool)


def combine(values, errors, usable, clipping, threads=None):
    """Average several images after clipping.

    Parameters
    ----------
    values, errors : float32 array (n, ny, nx)
        What is averaged, and the standard deviations.
    usable : bool array (n, ny, nx)
        Which values may be used.
    clipping : Clipping
        How outliers are found.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    kept : bool array (n, ny, nx)
        Which values were used.
    mean, error : float32 array (ny, nx)
        The mean and its uncertainty; 0 where no value was used.
    n_clipped : int
        How many values were clipped.
    """
    from hexcal.core import run_bands
    from hexcal.kernels.clipped_mean import clip_by_noise, clip_by_scatter

    kept = usable & np.isfinite(values)
    before = np.count_nonzero(kept)
    mean, error = (np.empty(values.shape[1:], np.float32) for _ in range(2))
    if clipping.by == "noise":
        arguments = (values, errors, kept, float(clipping.sigma), mean, error)
        run_bands(clip_by_noise, values.shape[1], *arguments, threads=threads)
    else:
        iterations = -1 if clipping.iterations is None else clipping.iterations
        arguments = (values, errors, kept, float(clipping.sigma), iterations, mean, error)
        run_bands(clip_by_scatter, values.shape[1], *arguments, threads=threads)
    return kept, mean, error, int(before - np.count_nonzero(kept))
