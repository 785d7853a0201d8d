"""Drizzling: spread the pixels of an exposure over those of a mosaic.

For each band of rows of the mosaic the pixels of the exposure are visited in one and the same order, so that the sums
do not depend on where the bands are cut. What one exposure gives to a pixel is summed in float64 and then added to the
mosaic.
"""

import math
from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import inlined, kernel
from hexcal.kernels.drizzle_lattice import BLOCK, add_exposure
from hexcal.kernels.drizzle_spread import GAUSSIAN, POINT, SQUARE, TOPHAT, TURBO, Sums, square, weighted_by_distance
from hexcal.kernels.drizzle_spread import point as spread_point
from hexcal.kernels.drizzle_spread import turbo as spread_turbo

__all__ = [
    "BLOCK",
    "GAUSSIAN",
    "POINT",
    "SQUARE",
    "TOPHAT",
    "TURBO",
    "Mosaic",
    "Source",
    "block_bounds",
    "drizzle",
    "drizzle_whole",
    "spread_pixel",
    "weigh",
]

_ROWS = 128
"""Rows of the mosaic that are worked on at a time: what crosses from some to the next is looked at twice."""


class Source(NamedTuple):
    """An exposure that is drizzled.

    Attributes
    ----------
    x, y : float64 array (ny, nx)
        Where the centre of each pixel lies in the mosaic, 0-based; NaN: nowhere.
    y_low, y_high : float64 array (ny, blocks)
        First and last row of the mosaic that the pixels of a block may reach.
    values, weights : float32 array (ny, nx)
        Pixels of weight 0, and those that are NaN, do not count.
    variances : tuple of 3 float32 arrays (ny, nx)
        VAR_RNOISE, VAR_POISSON, VAR_FLAT; looked at if `n_variances` is 3.
    dq : uint32 array (ny, nx)
        Looked at if `with_dq`.
    level : float
        Subtracted from the values.
    importance : float
        Of the variances of the exposure among those of others, u below; 0: the inverse of its read noise.
    n_variances : int
        0 or 3.
    with_dq : bool
        Whether flags are carried along.
    """

    x: np.ndarray
    y: np.ndarray
    y_low: np.ndarray
    y_high: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    variances: tuple
    dq: np.ndarray
    level: float
    importance: float
    n_variances: int
    with_dq: bool


class Mosaic(NamedTuple):
    """What is summed up, arrays (ny, nx).

    Attributes
    ----------
    values, weights : float32
        Sum of weight times value, sum of weights.
    importance, rnoise, poisson, flat : float32
        Sums over the exposures of u, u^2 v_rnoise, u^2 v_poisson, u^2 v_flat.
    context : int32
        Which exposures contributed: one plane of 32.
    dq : uint32
        Flags of the pixels that contributed.
    """

    values: np.ndarray
    weights: np.ndarray
    importance: np.ndarray
    rnoise: np.ndarray
    poisson: np.ndarray
    flat: np.ndarray
    context: np.ndarray
    dq: np.ndarray


@kernel
def weigh(first_row, last_row, weights, dq, bad, variance, constant):
    """Put the weight of each pixel into `weights`: 1 / variance, or a constant; 0 for flagged pixels.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    weights : float32 array (ny, nx)
        Overwritten.
    dq : uint32 array (ny, nx)
        Flags.
    bad : uint32
        Flags of pixels that do not count.
    variance : float32 array (ny, nx)
        Of the read noise; looked at if `constant` is 0.
    constant : float
        The weight of all pixels, or 0.
    """
    for row in range(first_row, last_row):
        for column in range(weights.shape[1]):
            weight = np.float32(0)
            if dq[row, column] & bad == 0:
                if constant > 0:
                    weight = np.float32(constant)
                elif variance[row, column] > 0 and math.isfinite(variance[row, column]):
                    weight = np.float32(1) / variance[row, column]
            weights[row, column] = weight if math.isfinite(weight) else np.float32(0)


@kernel
def block_bounds(first_row, last_row, y, reach, y_low, y_high):
    """Note the first and last row of the mosaic that each block of pixels may reach.

    Infinity and minus infinity where all of it lies nowhere.
    """
    nx = y.shape[1]
    for row in range(first_row, last_row):
        for block in range(y_low.shape[1]):
            low, high = np.inf, -np.inf
            for column in range(block * BLOCK, min(nx, (block + 1) * BLOCK)):
                position = y[row, column]
                if position < low:
                    low = position
                if position > high:
                    high = position
            y_low[row, block], y_high[row, block] = low - reach, high + reach


@kernel
def drizzle(first_row, last_row, source, mosaic, shape, size, most_cells, bit):
    """Add an exposure to some rows of a mosaic.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the mosaic.
    source : Source
        The exposure.
    mosaic : Mosaic
        Changed in place.
    shape : int
        SQUARE, POINT, TURBO, TOPHAT, GAUSSIAN, or the order of a Lanczos kernel, 2 or 3.
    size : tuple of 2 float
        Drop size (`pixfrac`) in pixels of the exposure; the same in pixels of the mosaic.
    most_cells : int
        Pixels of the mosaic that one pixel may reach; one that would reach more, as across a fold of the map, does not
        count.
    bit : int
        What is set in the context; 0: there is none.

    Notes
    -----
    Fruchter & Hook 2002 (PASP 114, 144), equations 4 and 5, for surface brightness.
    """
    nx = mosaic.values.shape[1]
    planes = 2 + source.n_variances
    sums = np.zeros((min(_ROWS, last_row - first_row), nx, planes))
    cells = np.empty(most_cells)
    for top in range(first_row, last_row, _ROWS):
        bottom = min(top + _ROWS, last_row)
        sums[:] = 0
        for row in range(source.y.shape[0]):
            for block in range(source.y_low.shape[1]):
                if source.y_low[row, block] < bottom and source.y_high[row, block] >= top - 1:
                    _spread_block(source, row, block, Sums(sums, top, bottom - top, nx), cells, shape, size, mosaic.dq)
        for row in range(top, bottom):
            _merge(sums[row - top], row, source, mosaic, bit)


@kernel
def _spread_block(source, row, block, sums, cells, shape, size, flags):
    """Spread the pixels of a block that count."""
    for column in range(block * BLOCK, min(source.x.shape[1], (block + 1) * BLOCK)):
        weight = source.weights[row, column]
        if not weight > 0 or not math.isfinite(source.values[row, column]):
            continue
        x, y = source.x[row, column], source.y[row, column]
        if not (math.isfinite(x) and math.isfinite(y)):
            continue
        n_rows, first_y, n_columns, first_x, scale = spread_pixel(source, row, column, sums, cells, shape, size)
        if n_rows > 0:
            grid = (n_rows, first_y, n_columns, first_x)
            _deposit(source, row, column, sums, cells, grid, scale * weight, flags)


@kernel
def spread_pixel(source, row, column, sums, cells, shape, size):
    """Put the shares of a pixel into `cells`; return the grid that they lie on, and their scale."""
    x, y = source.x[row, column], source.y[row, column]
    if shape == SQUARE:
        return square(source.x, source.y, row, column, size[0], sums, cells)
    if shape == POINT:
        return spread_point(x, y, cells)
    if shape == TURBO:
        return spread_turbo(x, y, size[1], sums, cells)
    return weighted_by_distance(x, y, shape, size, sums, cells)


@kernel
def _deposit(source, row, column, sums, cells, grid, scale, flags):
    """Add a pixel to those pixels of the mosaic of which `cells` has the shares."""
    n_rows, first_y, n_columns, first_x = grid
    value = source.values[row, column] - source.level
    for r in range(max(0, sums.first - first_y), min(n_rows, sums.first + sums.n_rows - first_y)):
        for c in range(max(0, -first_x), min(n_columns, sums.n_columns - first_x)):
            amount = cells[r * n_columns + c] * scale
            if amount == 0:
                continue
            total = sums.values[r + first_y - sums.first, c + first_x]
            total[0] += amount
            total[1] += amount * value
            if source.n_variances == 3:
                for kind in range(3):
                    variance = source.variances[kind][row, column]
                    if variance > 0:
                        total[2 + kind] += amount * math.sqrt(variance)
            if source.with_dq:
                flags[r + first_y, c + first_x] |= source.dq[row, column]


@kernel
def _merge(sums, row, source, mosaic, bit):
    """Add what one exposure gives to a row."""
    with_variances = source.n_variances != 0
    for column in range(mosaic.values.shape[1]):
        weight = sums[column, 0]
        if weight == 0:
            continue
        _add_light(mosaic, row, column, weight, sums[column, 1], bit)
        if with_variances:
            deviations = (sums[column, 2], sums[column, 3], sums[column, 4])
            _add_variances(mosaic, row, column, weight, deviations, source.importance)


@inlined
def _add_light(mosaic, row, column, weight, value, bit):
    """Add to a pixel of the mosaic what one exposure gives to it."""
    mosaic.weights[row, column] += weight
    mosaic.values[row, column] += value
    if bit:
        mosaic.context[row, column] |= np.int32(bit)


@inlined
def _add_variances(mosaic, row, column, weight, deviations, importance):
    """Add to a pixel of the mosaic the variances of what one exposure gives to it."""
    u = importance
    if u == 0 and deviations[0] != 0:
        u = (weight / deviations[0]) ** 2
    mosaic.importance[row, column] += u
    mosaic.rnoise[row, column] += (u * deviations[0] / weight) ** 2
    mosaic.poisson[row, column] += (u * deviations[1] / weight) ** 2
    mosaic.flat[row, column] += (u * deviations[2] / weight) ** 2


@kernel
def drizzle_whole(first_row, last_row, source, mosaic, least, bit):
    """Add an exposure to some rows of a mosaic, with square drops of whole pixels: the same as `drizzle`, faster.

    Parameters
    ----------
    first_row, last_row, source, mosaic, bit
        As of `drizzle`; flags are not carried along.
    least : float
        Weights below this are rounding errors of the sum along the row.
    """
    nx = mosaic.values.shape[1]
    planes = 2 + source.n_variances
    most_rows = min(_ROWS, last_row - first_row)
    cells, sums = np.zeros((most_rows, nx, planes)), np.zeros((most_rows, nx + 1, planes))
    lattice, dense = np.empty((2, 2, source.x.shape[1] + 1)), np.empty((2, 5, source.x.shape[1]))
    for top in range(first_row, last_row, _ROWS):
        n_rows = min(_ROWS, last_row - top)
        add_exposure(source, top, cells[:n_rows], sums[:n_rows], lattice, dense)
        for row in range(n_rows):
            _merge_along(sums[row], cells[row], least, top + row, source, mosaic, bit)


@kernel
def _merge_along(sums, cells, least, row, source, mosaic, bit):
    """Add what one exposure gives to a row, with the sum along the row; its room is zero for the next one."""
    with_variances = source.n_variances != 0
    weights = values = rnoise = poisson = flat = 0.0
    for column in range(cells.shape[0]):
        weights += sums[column, 0]
        values += sums[column, 1]
        weight, value = cells[column, 0] + weights, cells[column, 1] + values
        # What is left beside the exposure is a rounding error.
        counts = not (weight < least or weight == 0)
        if counts:
            _add_light(mosaic, row, column, weight, value, bit)
        if with_variances:
            rnoise += sums[column, 2]
            poisson += sums[column, 3]
            flat += sums[column, 4]
            if counts:
                deviations = (cells[column, 2] + rnoise, cells[column, 3] + poisson, cells[column, 4] + flat)
                _add_variances(mosaic, row, column, weight, deviations, source.importance)
    sums[:] = 0.0
    cells[:] = 0.0
