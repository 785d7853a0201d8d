"""Integral-field pixels laid into a cube: drizzled, or weighted by their distance.

Bands are planes of the cube. The pixels are visited in one and the same order for each of them, so that the sums do not
depend on where the bands are cut.
"""

import math
from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.overlap import bounds, cover

SHARE = 1e-12
"""Parts of a spaxel below this are rounding errors, not overlap."""
CELLS = 4096
"""Spaxels that a pixel may reach at most."""


class Sums(NamedTuple):
    """What is summed up for each voxel, float32 arrays (nz, ny, nx).

    Attributes
    ----------
    values, weights, variances : float32
        Sums of weight times value, of the weights, of the squares of weight times error.
    counts : float32
        Number of pixels.
    """

    values: np.ndarray
    weights: np.ndarray
    variances: np.ndarray
    counts: np.ndarray


class Planes(NamedTuple):
    """The wavelength axis of a cube, float64 arrays (nz,).

    Attributes
    ----------
    low, high : micron
        Where each plane begins and ends; both rise.
    """

    low: np.ndarray
    high: np.ndarray


class Volumes(NamedTuple):
    """Pixels as volumes in the cube, arrays of n pixels.

    Attributes
    ----------
    corner_x, corner_y : float64 array (4, n)
        Corners on the sky in order, in spaxels: the first one covers 0 to 1. A pixel with a NaN is not used.
    wavelength, depth : float64 array (n,)
        Middle and extent, micron.
    values, errors : float32 array (n,)
        A pixel whose value or error is NaN is not used.
    """

    corner_x: np.ndarray
    corner_y: np.ndarray
    wavelength: np.ndarray
    depth: np.ndarray
    values: np.ndarray
    errors: np.ndarray


class Points(NamedTuple):
    """Pixels as points in the cube, arrays of n pixels.

    Attributes
    ----------
    x, y : float64 array (n,)
        On the sky in spaxels: the first one covers 0 to 1.
    wavelength : float64 array (n,)
        Micron.
    values, errors : float32 array (n,)
        As of `Volumes`.
    """

    x: np.ndarray
    y: np.ndarray
    wavelength: np.ndarray
    values: np.ndarray
    errors: np.ndarray


class Reach(NamedTuple):
    """How far pixels are used, and what their weights are; float64 arrays (nz,), by plane.

    Attributes
    ----------
    radius : spaxels
        Up to which distance on the sky.
    half : micron
        Up to which distance in wavelength.
    step : micron
        Unit of distances in wavelength.
    scale : float
        Exponential weights: exp(-d^2 / scale).
    power, least : float
        Other weights: 1 / max(d, least)^power.
    """

    radius: np.ndarray
    half: np.ndarray
    step: np.ndarray
    scale: np.ndarray
    power: np.ndarray
    least: np.ndarray


@kernel
def first_above(edges, value):
    """Index of the first of rising edges that is above a value."""
    low, high = 0, edges.size
    while low < high:
        middle = (low + high) // 2
        if edges[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def drizzle_cube(first_plane, last_plane, sums, planes, volumes):
    """Add pixels to the voxels that they overlap.

    The weight of a pixel in a voxel is the area of the spaxel that it covers, times the part of the plane's wavelengths
    (Law et al. 2023, AJ 166, 45).

    Parameters
    ----------
    first_plane, last_plane : int
        Planes that are worked on.
    sums : Sums
        Changed in place.
    planes : Planes
        The wavelength axis.
    volumes : Volumes
        The pixels.
    """
    cells = np.empty(CELLS)
    ny, nx = sums.values.shape[1:]
    begin, end = planes.low[first_plane], planes.high[last_plane - 1]
    for i in range(volumes.wavelength.size):
        low = volumes.wavelength[i] - 0.5 * volumes.depth[i]
        high = volumes.wavelength[i] + 0.5 * volumes.depth[i]
        value, error = volumes.values[i], volumes.errors[i]
        if not (high > begin and low < end) or math.isnan(value) or math.isnan(error):
            continue
        row, rows, column, columns = cover_spaxels(cells, volumes, i, ny, nx)
        if rows == 0:
            continue
        plane = max(first_above(planes.high, low), first_plane)
        while plane < last_plane and planes.low[plane] < high:
            depth = min(high, planes.high[plane]) - max(low, planes.low[plane])
            if depth > 0:
                _add_plane(sums, plane, cells, row, rows, column, columns, depth, value, error)
            plane += 1


@kernel
def cover_spaxels(cells, volumes, i, ny, nx):
    """Put the parts of a pixel that lie in each spaxel of its surroundings into `cells`.

    Parameters
    ----------
    cells : float64 array (CELLS,)
        Changed in place: ``(rows, columns)`` of the surroundings, one after the other.
    volumes : Volumes
        The pixels.
    i : int
        Which of them.
    ny, nx : int
        Size of the cube.

    Returns
    -------
    row, rows, column, columns : int
        First row and column, and how many; 0 rows for a pixel that lies nowhere in the cube.
    """
    xs = (volumes.corner_x[0, i], volumes.corner_x[1, i], volumes.corner_x[2, i], volumes.corner_x[3, i])
    ys = (volumes.corner_y[0, i], volumes.corner_y[1, i], volumes.corner_y[2, i], volumes.corner_y[3, i])
    if not math.isfinite(xs[0] + xs[1] + xs[2] + xs[3] + ys[0] + ys[1] + ys[2] + ys[3]):
        return 0, 0, 0, 0
    column, columns = bounds(xs)
    row, rows = bounds(ys)
    if column + columns <= 0 or row + rows <= 0 or column >= nx or row >= ny or rows * columns > CELLS:
        return 0, 0, 0, 0
    xs = (xs[0] - column, xs[1] - column, xs[2] - column, xs[3] - column)
    ys = (ys[0] - row, ys[1] - row, ys[2] - row, ys[3] - row)
    cover(cells, rows, columns, xs, ys)
    return row, rows, column, columns


@kernel
def _add_plane(sums, plane, cells, row, rows, column, columns, depth, value, error):
    """Add a pixel to the voxels of one plane."""
    ny, nx = sums.values.shape[1:]
    for r in range(max(row, 0), min(row + rows, ny)):
        for c in range(max(column, 0), min(column + columns, nx)):
            share = abs(cells[(r - row) * columns + c - column])
            if share > SHARE:
                weight = share * depth
                sums.values[plane, r, c] += weight * value
                sums.weights[plane, r, c] += weight
                sums.variances[plane, r, c] += (weight * error) ** 2
                sums.counts[plane, r, c] += 1


@kernel
def weigh_cube(first_plane, last_plane, sums, planes, points, reach, is_exponential):
    """Add pixels to the voxels whose centre is near, weighted by the distance (modified Shepard's method).

    Parameters
    ----------
    first_plane, last_plane : int
        Planes that are worked on.
    sums : Sums
        Changed in place.
    planes : Planes
        The wavelength axis.
    points : Points
        The pixels.
    reach : Reach
        Region of influence, and weights.
    is_exponential : bool
        Exponential weights, or a power of the distance.
    """
    farthest = 0.0
    for plane in range(first_plane, last_plane):
        farthest = max(farthest, reach.half[plane])
    begin, end = planes.low[first_plane] - farthest, planes.high[last_plane - 1] + farthest
    for i in range(points.wavelength.size):
        wavelength, value, error = points.wavelength[i], points.values[i], points.errors[i]
        if not (begin < wavelength < end) or math.isnan(value) or math.isnan(error):
            continue
        if not math.isfinite(points.x[i] + points.y[i]):
            continue
        plane = max(first_above(planes.high, wavelength - 2 * farthest), first_plane)
        while plane < last_plane and planes.low[plane] < wavelength + farthest:
            distance = wavelength - 0.5 * (planes.low[plane] + planes.high[plane])
            if abs(distance) <= reach.half[plane]:
                depth2 = (distance / reach.step[plane]) ** 2
                _add_near(sums, plane, points.x[i], points.y[i], depth2, value, error, reach, is_exponential)
            plane += 1


@kernel
def near_weight(near2, depth2, reach, plane, is_exponential):
    """Weight of a pixel by the squares of its distances on the sky and in wavelength."""
    if is_exponential:
        return math.exp(-(near2 + depth2) / reach.scale[plane])
    return max(math.sqrt(near2 + depth2), reach.least[plane]) ** -reach.power[plane]


@kernel
def _add_near(sums, plane, x, y, depth2, value, error, reach, is_exponential):
    """Add a pixel to the voxels of one plane whose centre is near on the sky."""
    ny, nx = sums.values.shape[1:]
    radius = reach.radius[plane]
    for r in range(max(math.ceil(y - 0.5 - radius), 0), min(math.floor(y - 0.5 + radius) + 1, ny)):
        dy2 = (y - 0.5 - r) ** 2
        for c in range(max(math.ceil(x - 0.5 - radius), 0), min(math.floor(x - 0.5 + radius) + 1, nx)):
            near2 = (x - 0.5 - c) ** 2 + dy2
            if near2 > radius * radius:
                continue
            weight = near_weight(near2, depth2, reach, plane, is_exponential)
            sums.values[plane, r, c] += weight * value
            sums.weights[plane, r, c] += weight
            sums.variances[plane, r, c] += (weight * error) ** 2
            sums.counts[plane, r, c] += 1


@kernel
def finish_cube(first_plane, last_plane, sums, dq, empty):
    """Turn the sums into values, errors and counts in place; NaN and a flag where there is nothing.

    Parameters
    ----------
    first_plane, last_plane : int
        Planes that are worked on.
    sums : Sums
        Changed in place: values become means, variances become errors.
    dq : uint32 array (nz, ny, nx)
        Overwritten.
    empty : uint32
        Flags of voxels that no pixel reaches.
    """
    for plane in range(first_plane, last_plane):
        for r in range(sums.values.shape[1]):
            for c in range(sums.values.shape[2]):
                weight = sums.weights[plane, r, c]
                if weight > 0:
                    sums.values[plane, r, c] /= weight
                    sums.variances[plane, r, c] = math.sqrt(sums.variances[plane, r, c]) / weight
                    dq[plane, r, c] = 0
                else:
                    sums.values[plane, r, c] = np.nan
                    sums.variances[plane, r, c] = np.nan
                    dq[plane, r, c] = empty


@kernel
def fill_column(first_plane, last_plane, sums, column, corner_y, corner_z, values, errors):
    """Add the pixels of a slice to the column of a cube that stands for it, by the area of each voxel that they cover.

    Parameters
    ----------
    first_plane, last_plane : int
        Planes that are worked on.
    sums : Sums
        Changed in place.
    column : int
        Of the slice.
    corner_y, corner_z : float64 array (4, n)
        Corners along the slice and in wavelength, in order, in voxels: the first one covers 0 to 1.
    values, errors : float32 array (n,)
        A pixel whose value or error is NaN is not used.
    """
    cells = np.empty(CELLS)
    ny = sums.values.shape[1]
    for i in range(values.size):
        value, error = values[i], errors[i]
        ys = (corner_y[0, i], corner_y[1, i], corner_y[2, i], corner_y[3, i])
        zs = (corner_z[0, i], corner_z[1, i], corner_z[2, i], corner_z[3, i])
        if not math.isfinite(ys[0] + ys[1] + ys[2] + ys[3] + zs[0] + zs[1] + zs[2] + zs[3] + value + error):
            continue
        row, rows = bounds(ys)
        plane, planes = bounds(zs)
        if plane >= last_plane or plane + planes <= first_plane or row >= ny or row + rows <= 0:
            continue
        if rows * planes > CELLS:
            continue
        ys = (ys[0] - row, ys[1] - row, ys[2] - row, ys[3] - row)
        zs = (zs[0] - plane, zs[1] - plane, zs[2] - plane, zs[3] - plane)
        cover(cells, planes, rows, ys, zs)
        for z in range(max(plane, first_plane), min(plane + planes, last_plane)):
            for y in range(max(row, 0), min(row + rows, ny)):
                weight = abs(cells[(z - plane) * rows + y - row])
                if weight > SHARE:
                    sums.values[z, y, column] += weight * value
                    sums.weights[z, y, column] += weight
                    sums.variances[z, y, column] += (weight * error) ** 2
                    sums.counts[z, y, column] += 1
