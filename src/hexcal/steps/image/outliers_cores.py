"""How much the cores of stars differ from one exposure to the next, and from a median that is smoothed."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

_BRIGHT = 20.0
"""Pixels so many errors above the sky are looked at."""
_LEAST = 5
"""Of fewer peaks nothing is learned: one of them may be a cosmic ray."""
_SHARE, _MARGIN, _MOST = 0.98, 1.25, 2.5
_TOP, _OTHER, _BESIDE_TOPS, _BESIDE, _MOST_OF_TOPS = 1.4, 0.85, 1.5, 0.6, 3.5
_MANY, _LOWEST = 20, 0.5
"""Of so many peaks a limit lower than the one that is asked for is learned, but not lower than this part of it."""
_SEVERAL, _LEAST_SAMPLE, _ROUNDS, _USUAL = 3, 200, 8, 2.0
_MOST_SHARPENING = 0.4
_AROUND = ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
_NEAREST = slice(0, 4)
"""The four that the steepness is that of."""


class _Bright(NamedTuple):
    """Bright pixels of the median: where they are, their value, that of the eight around, their error."""

    y: np.ndarray
    x: np.ndarray
    here: np.ndarray
    around: np.ndarray
    error: np.ndarray

    @property
    def steep(self):
        return np.abs(self.around[_NEAREST] - self.here).max(axis=0, initial=0.0)

    @property
    def is_top(self):
        return (self.here >= self.around).all(axis=0)

    @property
    def is_steep(self):
        from hexcal.kernels.outliers import STEEP

        return self.steep > STEEP * self.error

    @property
    def is_peak(self):
        return self.is_top & (self.steep > 0)

    @property
    def curvature(self):
        return self.around[_NEAREST].sum(axis=0) - 4 * self.here

    def needed(self, chosen, data, level, snr, sharpening=0.0):
        """The scale that chosen pixels need: what an image differs by, less `snr` errors, in units of the steepness."""
        differs = np.abs(data[self.y, self.x] - level - self.here + sharpening * self.curvature)
        return (differs[chosen] - snr * self.error[chosen]) / self.steep[chosen]


def scale_of_stars(data, errors, usable, expected, level, limits, spread=None):
    """Return the `scale` that the bright stars of an exposure need.

    Where a star is as narrow as a pixel, the pixel that its centre falls on has twice what the others of the same star
    have in other exposures, and the steepness of the median does not cover that.

    Parameters
    ----------
    data, errors : float32 array (ny, nx)
        An image and its standard deviations.
    usable : bool array (ny, nx)
        Its pixels that count.
    expected : float32 array (ny, nx)
        What the median of all images makes of it.
    level : float
        Background of the image that is not in `expected`.
    limits : Limits
        The limits as they are asked for: the least that is returned.
    spread : float32 array (ny, nx), optional
        As of `flag_outliers`.

    Returns
    -------
    float
        That of the first pass: what 98 % of the peaks of the median need, with a margin, but at most 2.5 times what is
        asked for; that itself where there are fewer than 5 peaks.
    """
    least = limits.scale[0]
    bright = _bright_pixels(errors, usable, expected, spread)
    needed = bright.needed(bright.is_peak, data, level, limits.snr[0])
    if needed.size < _LEAST:
        return least
    return float(np.clip(_MARGIN * np.quantile(needed, _SHARE), least, _MOST * least))


def with_sharpened_scales(data, errors, usable, expected, level, limits, number, spread=None):
    """Return limits with the scales that the bright stars of an exposure need where the median is sharpened.

    What is left of stars is greatest at their tops: what 98 % of the peaks of the median differ by, in units of its
    steepness, teaches both scales, that of tops (1.4 times this, not less than what is asked for) and that of all
    other bright pixels (0.85 times this, not less than half of what is asked for, and not less than that itself if
    fewer than 20 peaks are seen). Exposures that are not well aligned differ beside the tops: the latter is not less
    than 1.5 times what 98 % of these pixels need. Beside a detection it is 0.6 times that, where this is less than
    elsewhere.

    Parameters
    ----------
    data, errors, usable, expected, level, spread
        As of `scale_of_stars`.
    limits : Limits
        The limits as they are asked for, with `sharpening`.
    number : float32 array (ny, nx)
        How many values the median has: what this exposure alone sees teaches nothing.

    Returns
    -------
    Limits
        No scale is more than 3.5 times what is asked for; fewer than 5 peaks leave them as they are.
    """
    bright = _bright_pixels(errors, usable & (number > 1), expected, spread)
    tops = bright.needed(bright.is_peak, data, level, 0.0, limits.sharpening)
    others = bright.needed(~bright.is_top & bright.is_steep, data, level, limits.snr[0], limits.sharpening)
    if tops.size < _LEAST:
        return limits
    asked, needed = limits.scale[0], float(np.quantile(tops, _SHARE))
    lowest = _LOWEST * asked if tops.size >= _MANY else asked
    misaligned = _BESIDE_TOPS * float(np.quantile(others, _SHARE)) if others.size else 0.0
    top = float(np.clip(_TOP * needed, asked, _MOST_OF_TOPS * asked))
    star = float(np.clip(max(_OTHER * needed, misaligned), lowest, _MOST * asked))
    return replace(limits, star_scale=star, top_scale=top, star_beside=min(limits.scale[1], _BESIDE * star))


def smoothing_of(data, errors, usable, expected, level, number, spread=None):
    """Return how many times its curvature the median of resampled images is above what an exposure has.

    A pixel of an exposure is spread over those of the common grid, and what lies between them is interpolated: the
    median is the sky smoothed by three boxes of a pixel and the straight lines between two. The first term of that is
    the curvature (the Laplacian) times half of the variance that each adds, 1/6 in all; stars narrower than a pixel
    are told by less.

    Parameters
    ----------
    data, errors, usable, expected, level, spread
        As of `scale_of_stars`.
    number : float32 array (ny, nx)
        How many values the median has: pixels of 3 and more teach.

    Returns
    -------
    float
        Fitted to the bright pixels of the exposure, cosmic rays counting little; between 0 and 0.4; 0 where there are
        fewer than 200 of them.
    """
    bright = _bright_pixels(errors, usable & (number >= _SEVERAL), expected, spread)
    steep = bright.is_steep
    if np.count_nonzero(steep) < _LEAST_SAMPLE:
        return 0.0
    curved = -(bright.curvature / bright.error)[steep]
    differs = ((data[bright.y, bright.x] - level - bright.here) / bright.error)[steep]
    weights, result = np.ones(curved.size), 0.0
    for _ in range(_ROUNDS):
        result = float((weights * curved * differs).sum() / max((weights * curved**2).sum(), 1e-30))
        weights = 1 / np.fmax(1, np.abs(differs - result * curved) / _USUAL)
    return min(max(result, 0.0), _MOST_SHARPENING)


def _bright_pixels(errors, usable, expected, spread):
    """The usable pixels where the median is bright, away from the edges and from NaN."""
    seen = usable & np.isfinite(expected)
    sky = float(np.median(expected[seen])) if seen.any() else 0.0
    y, x = np.nonzero(seen & (expected - sky > _BRIGHT * errors))
    inside = (y > 0) & (x > 0) & (y < expected.shape[0] - 1) & (x < expected.shape[1] - 1)
    y, x = y[inside], x[inside]
    around = np.array([expected[y + j, x + i] for j, i in _AROUND], float).reshape(len(_AROUND), -1)
    known = np.isfinite(around).all(axis=0)
    y, x, around = y[known], x[known], around[:, known]
    error = errors[y, x].astype(float)
    if spread is not None:
        error = np.fmax(error, spread[y, x])
    return _Bright(y, x, expected[y, x].astype(float), around, error)
