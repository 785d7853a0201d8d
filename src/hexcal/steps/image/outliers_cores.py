"""How much the cores of stars differ from one exposure to the next, where pixels are wide for them."""

import numpy as np

_BRIGHT = 20.0
"""Peaks so many errors above the sky are looked at."""
_LEAST = 5
"""Of fewer peaks nothing is learned: one of them may be a cosmic ray."""
_SHARE, _MARGIN, _MOST = 0.98, 1.25, 2.5


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
    seen = usable & np.isfinite(expected)
    if not seen.any():
        return least
    sky = float(np.median(expected[seen]))
    y, x = np.nonzero(seen & (expected - sky > _BRIGHT * errors))
    inside = (y > 0) & (x > 0) & (y < data.shape[0] - 1) & (x < data.shape[1] - 1)
    y, x = y[inside], x[inside]
    here = expected[y, x].astype(float)
    beside = np.array([expected[y + j, x + i] for j, i in _AROUND], float).reshape(len(_AROUND), -1)
    is_peak = (here >= beside).all(axis=0)
    y, x, steep = y[is_peak], x[is_peak], (here - beside[_NEAREST].min(axis=0))[is_peak]
    error = errors[y, x].astype(float)
    if spread is not None:
        error = np.fmax(error, spread[y, x])
    needed = (np.abs(data[y, x] - level - here[is_peak]) - limits.snr[0] * error)[steep > 0] / steep[steep > 0]
    if needed.size < _LEAST:
        return least
    return float(np.clip(_MARGIN * np.quantile(needed, _SHARE), least, _MOST * least))


_AROUND = ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
_NEAREST = slice(0, 4)
"""The four that the steepness is that of."""
