"""Photometry in circles of an image that is interpolated between its pixels by quintic B-splines."""

import math

import numpy as np

from hexcal.kernels.apertures import covered
from hexcal.kernels.compiled import helper, kernel

_POLES = (-0.430575347099973, -0.0430962882032647)
"""Of the filter whose output are the coefficients of quintic B-splines (Unser, Aldroubi & Eden 1993, table I)."""
_REACH = 3
"""Pixels to each side of its centre where a B-spline is not 0."""
_MARGIN = 12
"""Pixels that coefficients are computed beyond those used: there the edge does not count (0.43**12 = 4e-5)."""
_PARTS = 4
"""Places along each side of a pixel where the spline is evaluated."""


@helper
def _spline(x):
    """The quintic B-spline (Schoenberg 1946)."""
    t = abs(x)
    if t < 1:
        return (66 + t * t * (-60 + t * t * (30 - 10 * t))) / 120
    if t < 2:
        return (51 + t * (75 + t * (-210 + t * (150 + t * (-45 + 5 * t))))) / 120
    return (3 - t) ** 5 / 120 if t < 3 else 0.0


@helper
def _to_coefficients(line):
    """Turn values along a line into coefficients of B-splines, in place."""
    n = len(line)
    for pole in _POLES:
        gain = (1 - pole) * (1 - 1 / pole)
        line[0] *= gain / (1 - pole)
        for k in range(1, n):
            line[k] = gain * line[k] + pole * line[k - 1]
        line[n - 1] *= pole / (pole - 1)
        for k in range(n - 2, -1, -1):
            line[k] = pole * (line[k + 1] - line[k])


@helper
def _cut_out(data, masked, x, y, near, tile):
    """Copy the image about a pixel; False where a pixel nearer than `near` along an axis does not count."""
    ny, nx = data.shape
    half = len(tile) // 2
    for j in range(len(tile)):
        for i in range(len(tile)):
            row, column = y + j - half, x + i - half
            inside = 0 <= row < ny and 0 <= column < nx
            counts = inside and not masked[row, column] and math.isfinite(data[row, column])
            if not counts and max(abs(j - half), abs(i - half)) <= near:
                return False
            tile[j, i] = data[row, column] if counts else 0.0
    return True


@helper
def _light_of_pixel(coefficients, row, column, dx, dy, radius, taps):
    """Light of a pixel inside a circle; its centre is at (dx, dy) from that of the circle."""
    total = 0.0
    for b in range(_PARTS):
        down = dy + (b + 0.5) / _PARTS - 0.5
        for a in range(_PARTS):
            part = covered(dx + (a + 0.5) / _PARTS - 0.5, down, radius)
            if part == 0:
                continue
            value = 0.0
            for j in range(2 * _REACH + 1):
                along = 0.0
                for i in range(2 * _REACH + 1):
                    along += taps[a, i] * coefficients[row + j - _REACH, column + i - _REACH]
                value += taps[b, j] * along
            total += part * value
    return total / _PARTS**2


@kernel
def sum_smooth_circles(first_source, last_source, data, masked, x, y, radius, sums):
    """Sum an image in circles, as `hexcal.kernels.apertures.sum_circles`, with light that is not even within a pixel.

    What the circle covers of a pixel is moved over the spline: the mean over all places of a source in a pixel is that
    of even pixels for an image without frequencies near the largest that pixels sample, and the sum hardly depends on
    the place.

    Parameters
    ----------
    first_source, last_source : int
        Sources that are worked on.
    data : float32 array (ny, nx)
        The image.
    masked : bool array (ny, nx)
        Pixels that do not count.
    x, y : float64 array (n,)
        Centres, 0-based pixels.
    radius : float
        In pixels.
    sums : float64 array (n,)
        Get the sum; NaN where a pixel in the circle or within three pixels of it does not count, or is no pixel of the
        image.
    """
    used = math.ceil(radius) + 1
    half = used + _REACH + _MARGIN
    tile = np.empty((2 * half + 1, 2 * half + 1))
    taps = np.empty((_PARTS, 2 * _REACH + 1))
    for a in range(_PARTS):
        for i in range(2 * _REACH + 1):
            taps[a, i] = _spline((a + 0.5) / _PARTS - 0.5 - (i - _REACH))
    for source in range(first_source, last_source):
        middle_x, middle_y = math.floor(x[source] + 0.5), math.floor(y[source] + 0.5)
        sums[source] = np.nan
        if not _cut_out(data, masked, middle_x, middle_y, used + _REACH, tile):
            continue
        for j in range(len(tile)):
            _to_coefficients(tile[j])
        for i in range(len(tile)):
            _to_coefficients(tile[:, i])
        total = 0.0
        for j in range(half - used, half + used + 1):
            for i in range(half - used, half + used + 1):
                dx, dy = middle_x + i - half - x[source], middle_y + j - half - y[source]
                if math.hypot(dx, dy) < radius + 2:
                    total += _light_of_pixel(tile, j, i, dx, dy, radius, taps)
        sums[source] = total
