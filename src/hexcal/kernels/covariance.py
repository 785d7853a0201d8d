"""How the values of resampled pixels vary together, because pixels of the exposures fall on several of them.

The value of a resampled pixel s is the mean of what falls on it, ``sum_j w_sj d_j / W_s``. The covariance of two of
them, ``sum_j w_sj w_tj v_j / (W_s W_t)``, is kept in a short form: of each pixel the sum over all pixels t at the same
wavelength, and for each wavelength how that is shared out among neighbours on average, and how much of it there is
between one wavelength and the next. It takes a second look at the exposures, when all ``W_s`` are known.
"""

import math
from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import helper, kernel
from hexcal.kernels.cube import CELLS, SHARE, cover_spaxels, first_above, near_weight
from hexcal.kernels.drizzle import spread_pixel
from hexcal.kernels.drizzle_spread import Sums

REACH = 4
"""Neighbours so far away are told apart."""
LAGS = 3
"""So many wavelengths that follow."""
_EVERY = 16
"""One of so many points tells how neighbours go together."""


class Coupling(NamedTuple):
    """What is summed up, float64 arrays.

    Attributes
    ----------
    own, shared : array (ny, nx), or float32 array (nz, ny, nx)
        Variance of a pixel (of cubes it is known, and not looked at), and the sum of its covariances with all pixels at
        the same wavelength.
    pairs : array (nwavelengths, 2 REACH + 1) or (nwavelengths, 2 REACH + 1, 2 REACH + 1)
        Sum of products of the shares of neighbours, by their offset.
    lags : array (nwavelengths, LAGS + 1)
        Sum of products of what falls on one wavelength and on that so many further.
    """

    own: np.ndarray
    shared: np.ndarray
    pairs: np.ndarray
    lags: np.ndarray


@kernel
def couple_slit(source, coupling, weights, shape, size, most_cells, along_x):
    """Add an exposure of a slit.

    Parameters
    ----------
    source : drizzle.Source
        The exposure; its variances are summed.
    coupling : Coupling
        Changed in place.
    weights : float32 array (ny, nx)
        Sums of the weights of all exposures, W_s.
    shape, size, most_cells
        As of `drizzle.drizzle`.
    along_x : bool
        Whether the light is dispersed along x.
    """
    ny, nx = coupling.own.shape
    cells, totals = np.empty(most_cells), np.empty(most_cells)
    sums = Sums(np.empty((1, 1, 1)), 0, ny, nx)
    for row in range(source.y.shape[0]):
        for column in range(source.y.shape[1]):
            weight = source.weights[row, column]
            if not weight > 0 or not math.isfinite(source.values[row, column]):
                continue
            if not (math.isfinite(source.x[row, column]) and math.isfinite(source.y[row, column])):
                continue
            n_rows, first_y, n_columns, first_x, scale = spread_pixel(source, row, column, sums, cells, shape, size)
            if n_rows == 0:
                continue
            variance = 0.0
            for kind in range(3):
                value = np.float64(source.variances[kind][row, column])
                variance += value if value > 0 and math.isfinite(value) else 0.0
            if not along_x:
                _turn(cells, totals, n_rows, n_columns)
                n_rows, n_columns, first_y, first_x = n_columns, n_rows, first_x, first_y
            grid = (n_rows, first_y, n_columns, first_x)
            _couple(coupling, weights, cells, totals, grid, along_x, scale, weight, variance)


@kernel
def _turn(cells, spare, n_rows, n_columns):
    """Exchange rows and columns of a grid of cells."""
    for cell in range(n_rows * n_columns):
        spare[cell] = cells[cell]
    for r in range(n_rows):
        for c in range(n_columns):
            cells[c * n_rows + r] = spare[r * n_columns + c]


@kernel
def _couple(coupling, weights, cells, totals, grid, along_x, scale, weight, variance):
    """Add a pixel whose shares are ``cells[along, wavelength]``."""
    own = coupling.own if along_x else coupling.own.T
    shared = coupling.shared if along_x else coupling.shared.T
    of_all = weights if along_x else weights.T
    n_along, first, n_waves, first_wave = grid
    for c in range(n_waves):
        totals[c] = 0.0
        if not 0 <= first_wave + c < own.shape[1]:
            continue
        for r in range(max(0, -first), min(n_along, own.shape[0] - first)):
            cell, sum_of_all = r * n_waves + c, np.float64(of_all[first + r, first_wave + c])
            cells[cell] = cells[cell] * scale * weight / sum_of_all if sum_of_all > 0 else 0.0
            totals[c] += cells[cell]
    for c in range(max(0, -first_wave), min(n_waves, own.shape[1] - first_wave)):
        wave = first_wave + c
        for lag in range(min(LAGS + 1, n_waves - c)):
            coupling.lags[wave, lag] += totals[c] * totals[c + lag]
        for r in range(max(0, -first), min(n_along, own.shape[0] - first)):
            part = cells[r * n_waves + c]
            own[first + r, wave] += part * part * variance
            shared[first + r, wave] += part * totals[c] * variance
            for other in range(r + 1, min(r + 1 + REACH, n_along, own.shape[0] - first)):
                product = part * cells[other * n_waves + c]
                coupling.pairs[wave, REACH + other - r] += product
                coupling.pairs[wave, REACH - other + r] += product


@kernel
def couple_volumes(first_plane, last_plane, coupling, weights, planes, volumes):
    """Add pixels that are laid into a cube by their volumes (as `cube.drizzle_cube`).

    Parameters
    ----------
    first_plane, last_plane : int
        Planes that are worked on.
    coupling : Coupling
        Changed in place.
    weights : float32 array (nz, ny, nx)
        Sums of the weights of all exposures, W_s.
    planes : cube.Planes
        The wavelength axis.
    volumes : cube.Volumes
        The pixels.
    """
    cells, pairs = np.empty(CELLS), np.empty(coupling.pairs.shape[1:])
    ny, nx = coupling.shared.shape[1:]
    begin, end = planes.low[first_plane], planes.high[last_plane - 1]
    for i in range(volumes.wavelength.size):
        low = volumes.wavelength[i] - 0.5 * volumes.depth[i]
        high = volumes.wavelength[i] + 0.5 * volumes.depth[i]
        error = np.float64(volumes.errors[i])
        if not (high > begin and low < end) or math.isnan(volumes.values[i]) or not math.isfinite(error):
            continue
        row, rows, column, columns = cover_spaxels(cells, volumes, i, ny, nx)
        if rows == 0:
            continue
        total = _clean(cells, rows, columns)
        _pair(pairs, cells, rows, columns)
        plane = max(first_above(planes.high, low), first_plane)
        while plane < last_plane and planes.low[plane] < high:
            depth = min(high, planes.high[plane]) - max(low, planes.low[plane])
            if depth > 0:
                _add_coupled(coupling, weights, plane, cells, (row, rows, column, columns), depth, error)
                coupling.pairs[plane] += depth * depth * pairs
                for lag in range(min(LAGS + 1, planes.low.size - plane)):
                    after = min(high, planes.high[plane + lag]) - max(low, planes.low[plane + lag])
                    coupling.lags[plane, lag] += total * total * depth * max(after, 0.0)
            plane += 1


@kernel
def _clean(cells, rows, columns):
    """Make shares positive, and take out rounding errors; return their sum."""
    total = 0.0
    for cell in range(rows * columns):
        share = abs(cells[cell])
        cells[cell] = share if share > SHARE else 0.0
        total += cells[cell]
    return total


@kernel
def _pair(pairs, cells, rows, columns):
    """Put sums of products of the shares of neighbours into `pairs`, by their offset."""
    pairs[:] = 0.0
    for r in range(rows):
        for c in range(columns):
            part = cells[r * columns + c]
            if part == 0:
                continue
            for other in range(max(0, r - REACH), min(rows, r + REACH + 1)):
                for beside in range(max(0, c - REACH), min(columns, c + REACH + 1)):
                    pairs[REACH + other - r, REACH + beside - c] += part * cells[other * columns + beside]
    pairs[REACH, REACH] = 0.0


@kernel
def _add_coupled(coupling, weights, plane, cells, window, depth, error):
    """Add a pixel to the voxels of one plane."""
    row, rows, column, columns = window
    ny, nx = coupling.shared.shape[1:]
    total = 0.0
    for r in range(max(row, 0), min(row + rows, ny)):
        for c in range(max(column, 0), min(column + columns, nx)):
            of_all = np.float64(weights[plane, r, c])
            if of_all > 0:
                total += cells[(r - row) * columns + c - column] / of_all
    total *= (depth * error) ** 2
    for r in range(max(row, 0), min(row + rows, ny)):
        for c in range(max(column, 0), min(column + columns, nx)):
            of_all = np.float64(weights[plane, r, c])
            if of_all > 0:
                coupling.shared[plane, r, c] += cells[(r - row) * columns + c - column] / of_all * total


@kernel
def couple_points(first_plane, last_plane, coupling, weights, planes, points, reach, is_exponential):
    """Add pixels that are laid into a cube as points (as `cube.weigh_cube`).

    Parameters
    ----------
    first_plane, last_plane, planes, points, reach, is_exponential
        As of `cube.weigh_cube`.
    coupling : Coupling
        Changed in place.
    weights : float32 array (nz, ny, nx)
        Sums of the weights of all exposures, W_s.
    """
    cells, pairs, totals = np.empty(CELLS), np.empty(coupling.pairs.shape[1:]), np.empty(LAGS + 1)
    farthest = 0.0
    for plane in range(first_plane, last_plane):
        farthest = max(farthest, reach.half[plane])
    begin, end = planes.low[first_plane] - farthest, planes.high[last_plane - 1] + farthest
    for i in range(points.wavelength.size):
        wavelength, error = points.wavelength[i], np.float64(points.errors[i])
        if not (begin < wavelength < end) or math.isnan(points.values[i]):
            continue
        if not math.isfinite(error + points.x[i] + points.y[i]):
            continue
        plane = max(first_above(planes.high, wavelength - 2 * farthest), first_plane)
        while plane < last_plane and planes.low[plane] < wavelength + farthest:
            window = _window(points.x[i], points.y[i], reach.radius[plane])
            if window[1] > 0 and window[3] > 0 and window[1] * window[3] <= CELLS:
                totals[0] = _weigh(cells, points, i, planes, plane, reach, is_exponential, window)
                if totals[0] > 0:
                    _add_coupled(coupling, weights, plane, cells, window, 1.0, error)
                    if i % _EVERY == 0:
                        _pair(pairs, cells, window[1], window[3])
                        coupling.pairs[plane] += pairs
                        _add_lags(coupling, totals, cells, points, i, planes, plane, reach, is_exponential, window)
            plane += 1


@helper
def _add_lags(coupling, totals, cells, points, i, planes, plane, reach, is_exponential, window):
    """Add what a pixel has in common with the planes that follow; `totals[0]` is its weight in this one."""
    coupling.lags[plane, 0] += totals[0] * totals[0]
    for lag in range(1, LAGS + 1):
        totals[lag] = _weigh(cells, points, i, planes, plane + lag, reach, is_exponential, window)
        coupling.lags[plane, lag] += totals[0] * totals[lag]


@kernel
def _window(x, y, radius):
    """First row, number of rows, first column, number of columns of the spaxels whose middle may be so near."""
    row, column = math.ceil(y - 0.5 - radius), math.ceil(x - 0.5 - radius)
    rows, columns = math.floor(y - 0.5 + radius) + 1 - row, math.floor(x - 0.5 + radius) + 1 - column
    return row, rows, column, columns


@kernel
def _weigh(cells, points, i, planes, plane, reach, is_exponential, window):
    """Put the weights of a pixel in the voxels of a plane into `cells`; return their sum."""
    if plane >= planes.low.size:
        return 0.0
    distance = points.wavelength[i] - 0.5 * (planes.low[plane] + planes.high[plane])
    if abs(distance) > reach.half[plane]:
        return 0.0
    depth2, total = (distance / reach.step[plane]) ** 2, 0.0
    radius = reach.radius[plane]
    row, rows, column, columns = window
    for r in range(rows):
        for c in range(columns):
            near2 = (points.x[i] - 0.5 - column - c) ** 2 + (points.y[i] - 0.5 - row - r) ** 2
            weight = 0.0 if near2 > radius * radius else near_weight(near2, depth2, reach, plane, is_exponential)
            cells[r * columns + c] = weight
            total += weight
    return total


@helper
def _around(weights, errors, pairs, r, c):
    """Weights of the neighbours of a voxel by what they share with it, and the sum of these shares."""
    (ny, nx), half = weights.shape, pairs.shape[0] // 2
    around, known = 0.0, 0.0
    for dr in range(max(-half, -r), min(half, ny - 1 - r) + 1):
        for dc in range(max(-half, -c), min(half, nx - 1 - c) + 1):
            if math.isfinite(errors[r + dr, c + dc]):
                around += pairs[half + dr, half + dc] * weights[r + dr, c + dc]
                known += pairs[half + dr, half + dc]
    return around, known


@kernel
def combine_planes(first_plane, last_plane, weights, errors, factor, pairs, out):
    """Variance of a weighted sum over each plane of a cube.

    Parameters
    ----------
    first_plane, last_plane : int
        Planes that are worked on.
    weights : float64 array (nz, ny, nx)
        Of the sum; voxels without value have 0.
    errors : float32 array (nz, ny, nx)
        Of the voxels.
    factor : float32 array (nz, ny, nx)
        Variance with all neighbours over that of a voxel alone.
    pairs : float32 array (nz, 2 REACH + 1, 2 REACH + 1)
        How what exceeds 1 is shared out among the neighbours that have a value.
    out : float64 array (nz,)
        Overwritten.
    """
    ny, nx = weights.shape[1:]
    for plane in range(first_plane, last_plane):
        total = 0.0
        for r in range(ny):
            for c in range(nx):
                weight, variance = weights[plane, r, c], np.float64(errors[plane, r, c]) ** 2
                if weight == 0 or not math.isfinite(variance):
                    continue
                total += weight * weight * variance
                more = factor[plane, r, c] - 1.0
                if not more > 0:
                    continue
                around, known = _around(weights[plane], errors[plane], pairs[plane], r, c)
                if known > 0:
                    total += weight * variance * more * around / known
        out[plane] = total
