"""The shapes of drops: which pixels of a mosaic a pixel of an exposure falls on, and with what share.

Each function returns (rows, first row, columns, first column, scale) of the grid of pixels whose shares it has put into
`cells`; times the scale they are the weights. No rows: the pixel falls beside the rows that are worked on, or beside
the mosaic.
"""

import math
from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.overlap import SLIVER, bounds, cover

SQUARE, POINT, TURBO, TOPHAT, GAUSSIAN = 10, 11, 12, 13, 14
_FWHM = 2.3548
"""Full width at half maximum of a Gaussian, in units of sigma."""


class Sums(NamedTuple):
    """The rows of the mosaic that are worked on.

    Attributes
    ----------
    values : float64 array (rows, columns, planes)
        What the exposure gives to each pixel.
    first, n_rows, n_columns : int
        First row of the mosaic, number of rows and columns.
    """

    values: np.ndarray
    first: int
    n_rows: int
    n_columns: int


@kernel
def misses(sums, first_y, n_rows, first_x, n_columns):
    """Whether a grid of pixels lies beside the rows that are worked on, or beside the mosaic."""
    beside = first_x >= sums.n_columns or first_x + n_columns <= 0
    return beside or first_y >= sums.first + sums.n_rows or first_y + n_rows <= sums.first


@kernel
def _between(positions, row, column, part_y, part_x):
    """Position at an offset from a pixel's centre.

    Linear between the four centres around it, and beyond those at the border.
    """
    ny, nx = positions.shape
    r = min(max(row - 1 if part_y < 0 else row, 0), max(ny - 2, 0))
    c = min(max(column - 1 if part_x < 0 else column, 0), max(nx - 2, 0))
    ty, tx = row + part_y - r, column + part_x - c
    below, right = min(r + 1, ny - 1), min(c + 1, nx - 1)
    upper = positions[r, c] * (1 - tx) + positions[r, right] * tx
    lower = positions[below, c] * (1 - tx) + positions[below, right] * tx
    return upper * (1 - ty) + lower * ty


@kernel
def square(x, y, row, column, size, sums, cells):
    """The drop is the quadrilateral that the pixel, shrunk to `size`, is in the mosaic; shares are areas of overlap."""
    half = 0.5 * size
    y_corners = (
        _between(y, row, column, -half, -half) + 0.5,
        _between(y, row, column, -half, half) + 0.5,
        _between(y, row, column, half, half) + 0.5,
        _between(y, row, column, half, -half) + 0.5,
    )
    total = y_corners[0] + y_corners[1] + y_corners[2] + y_corners[3]
    if not math.isfinite(total):
        return 0, 0, 0, 0, 0.0
    first_y, n_rows = bounds(y_corners)
    if first_y >= sums.first + sums.n_rows or first_y + n_rows <= sums.first:
        return 0, 0, 0, 0, 0.0
    x_corners = (
        _between(x, row, column, -half, -half) + 0.5,
        _between(x, row, column, -half, half) + 0.5,
        _between(x, row, column, half, half) + 0.5,
        _between(x, row, column, half, -half) + 0.5,
    )
    total = x_corners[0] + x_corners[1] + x_corners[2] + x_corners[3]
    if not math.isfinite(total):
        return 0, 0, 0, 0, 0.0
    first_x, n_columns = bounds(x_corners)
    if misses(sums, first_y, n_rows, first_x, n_columns) or n_rows * n_columns > cells.size:
        return 0, 0, 0, 0, 0.0
    xs = (x_corners[0] - first_x, x_corners[1] - first_x, x_corners[2] - first_x, x_corners[3] - first_x)
    ys = (y_corners[0] - first_y, y_corners[1] - first_y, y_corners[2] - first_y, y_corners[3] - first_y)
    area = cover(cells, n_rows, n_columns, xs, ys)
    if area == 0:
        return 0, 0, 0, 0, 0.0
    for cell in range(n_rows * n_columns):
        if cells[cell] / area * abs(area) < SLIVER:
            cells[cell] = 0.0
    return n_rows, first_y, n_columns, first_x, 1 / area


@kernel
def point(x, y, cells):
    """All falls on the pixel that holds the centre."""
    cells[0] = 1.0
    return 1, math.floor(y + 0.5), 1, math.floor(x + 0.5), 1.0


@kernel
def turbo(x, y, size, sums, cells):
    """The drop is a square along the axes of the mosaic."""
    half = 0.5 * size
    first_x, last_x = math.floor(x - half + 0.5), math.floor(x + half + 0.5)
    first_y, last_y = math.floor(y - half + 0.5), math.floor(y + half + 0.5)
    n_columns, n_rows = last_x - first_x + 1, last_y - first_y + 1
    if misses(sums, first_y, n_rows, first_x, n_columns) or n_rows * n_columns > cells.size:
        return 0, 0, 0, 0, 0.0
    for r in range(n_rows):
        height = min(y + half, first_y + r + 0.5) - max(y - half, first_y + r - 0.5)
        for c in range(n_columns):
            width = min(x + half, first_x + c + 0.5) - max(x - half, first_x + c - 0.5)
            cells[r * n_columns + c] = max(width, 0.0) * max(height, 0.0)
    return n_rows, first_y, n_columns, first_x, 1 / size**2


@kernel
def weighted_by_distance(x, y, shape, size, sums, cells):
    """Shares depend on how far the centre of each pixel is: a top hat, a Gaussian of FWHM `size`, or a Lanczos kernel.

    ``size[1]`` is the drop size in pixels of the mosaic, and ``size[1] / size[0]`` that of a pixel of the exposure.
    """
    reach = 0.5 * size[1]
    if shape == GAUSSIAN:
        reach = max(2.5 * size[1] / _FWHM, 1.2 * size[1] / size[0])
    elif shape != TOPHAT:
        reach = shape * size[1]
    first_x, last_x = math.floor(x - reach + 0.5), math.floor(x + reach + 0.5)
    first_y, last_y = math.floor(y - reach + 0.5), math.floor(y + reach + 0.5)
    n_columns, n_rows = last_x - first_x + 1, last_y - first_y + 1
    if misses(sums, first_y, n_rows, first_x, n_columns) or n_rows * n_columns > cells.size:
        return 0, 0, 0, 0, 0.0
    for r in range(n_rows):
        for c in range(n_columns):
            cells[r * n_columns + c] = _share(first_x + c - x, first_y + r - y, shape, size[1])
    return n_rows, first_y, n_columns, first_x, 1.0


@kernel
def _share(dx, dy, shape, size):
    """Value of a kernel at an offset in pixels of the mosaic."""
    if shape == TOPHAT:
        return 1.0 if dx * dx + dy * dy <= 0.25 * size * size else 0.0
    if shape == GAUSSIAN:
        steepness = 0.5 * (_FWHM / size) ** 2
        return steepness / math.pi * math.exp(-(dx * dx + dy * dy) * steepness)
    return _lanczos(abs(dx) / size, shape) * _lanczos(abs(dy) / size, shape)


@kernel
def _lanczos(distance, order):
    """sinc(x) sinc(x / order) within the order."""
    if distance >= order:
        return 0.0
    if distance < 1e-8:
        return 1.0
    angle = math.pi * distance
    return order * math.sin(angle) * math.sin(angle / order) / angle**2
