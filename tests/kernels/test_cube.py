"""Cubes: kernels against a slow twin that clips polygons, and for any number of bands."""

import numpy as np
import pytest

from hexcal.core.bands import run_bands
from hexcal.kernels import cube


def _clipped(corners, axis, limit, keeps_above):
    """The part of a polygon (list of points) on one side of a line parallel to an axis."""
    result = []
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        inside_a, inside_b = ((p[axis] >= limit) == keeps_above or p[axis] == limit for p in (a, b))
        if inside_a:
            result.append(a)
        if inside_a != inside_b:
            share = (limit - a[axis]) / (b[axis] - a[axis])
            result.append(tuple(a[k] + share * (b[k] - a[k]) for k in range(2)))
    return result


def _overlap(corners, column, row):
    for axis, limit, above in ((0, column, True), (0, column + 1, False), (1, row, True), (1, row + 1, False)):
        corners = _clipped(corners, axis, limit, above) if corners else corners
    return 0.5 * abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, corners[1:] + corners[:1], strict=True)))


def _volumes(n, shape, rng):
    nz, ny, nx = shape
    x, y = rng.uniform(-1, nx + 1, n), rng.uniform(-1, ny + 1, n)
    angle, a, b = rng.uniform(0, 6, n), rng.uniform(0.2, 1.5, n), rng.uniform(0.2, 1.5, n)
    corner_x = np.array(
        [x + s * a * np.cos(angle) - t * b * np.sin(angle) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    )
    corner_y = np.array(
        [y + s * a * np.sin(angle) + t * b * np.cos(angle) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    )
    values = rng.normal(5, 1, n).astype("f4")
    values[::17] = np.nan
    return cube.Volumes(
        corner_x,
        corner_y,
        rng.uniform(-0.5, nz + 0.5, n),
        rng.uniform(0.1, 2, n),
        values,
        rng.uniform(1, 2, n).astype("f4"),
    )


SHAPE = (6, 7, 8)


def _planes():
    edges = np.arange(SHAPE[0] + 1.0)
    return cube.Planes(edges[:-1].copy(), edges[1:].copy())


def _sums():
    return cube.Sums(*(np.zeros(SHAPE, "f4") for _ in range(4)))


@pytest.mark.req("CUBE-23", "CUBE-25")
def test_the_weights_are_the_overlaps_on_the_sky_times_those_in_wavelength():
    volumes, sums = _volumes(200, SHAPE, np.random.default_rng(1)), _sums()
    cube.drizzle_cube(0, SHAPE[0], sums, _planes(), volumes)
    value, weight, variance, count = (np.zeros(SHAPE) for _ in range(4))
    for i in range(200):
        if np.isnan(volumes.values[i]):
            continue
        corners = list(zip(volumes.corner_x[:, i], volumes.corner_y[:, i], strict=True))
        low, high = (volumes.wavelength[i] + side * volumes.depth[i] / 2 for side in (-1, 1))
        for z, y, x in np.ndindex(SHAPE):
            w = _overlap(corners, x, y) * max(0, min(high, z + 1) - max(low, z))
            if w > 1e-11:
                value[z, y, x] += w * volumes.values[i]
                weight[z, y, x] += w
                variance[z, y, x] += (w * volumes.errors[i]) ** 2
                count[z, y, x] += 1
    assert np.allclose(sums.weights, weight, rtol=1e-5, atol=1e-6)
    assert np.allclose(sums.values, value, rtol=1e-5, atol=1e-5)
    assert np.allclose(sums.variances, variance, rtol=1e-5, atol=1e-6)
    assert np.array_equal(sums.counts, count)


@pytest.mark.req("CUBE-26", "CUBE-27", "CUBE-28", "CUBE-29")
@pytest.mark.parametrize("is_exponential", [True, False])
def test_points_are_weighted_by_their_distance(is_exponential):
    volumes, sums, shape = _volumes(150, SHAPE, np.random.default_rng(2)), _sums(), SHAPE
    points = cube.Points(volumes.corner_x[0].copy(), volumes.corner_y[0].copy(), volumes.wavelength, *volumes[4:])
    full = [np.full(shape[0], value) for value in (1.8, 1.4, 1.0, 0.7, 1.5, 0.1)]
    reach = cube.Reach(*full)
    cube.weigh_cube(0, shape[0], sums, _planes(), points, reach, is_exponential)
    value, weight, count = (np.zeros(shape) for _ in range(3))
    for i in np.flatnonzero(np.isfinite(points.values)):
        for z, y, x in np.ndindex(shape):
            dx, dy, dz = points.x[i] - x - 0.5, points.y[i] - y - 0.5, points.wavelength[i] - z - 0.5
            if dx**2 + dy**2 <= 1.8**2 and abs(dz) <= 1.4:
                d2 = dx**2 + dy**2 + dz**2
                w = np.exp(-d2 / 0.7) if is_exponential else max(np.sqrt(d2), 0.1) ** -1.5
                value[z, y, x] += w * points.values[i]
                weight[z, y, x] += w
                count[z, y, x] += 1
    assert np.array_equal(sums.counts, count)
    assert np.allclose(sums.weights, weight, rtol=1e-5)
    assert np.allclose(sums.values, value, rtol=1e-4, atol=1e-4)


def test_the_same_bits_for_any_number_of_bands():
    volumes = _volumes(300, SHAPE, np.random.default_rng(3))
    points = cube.Points(volumes.corner_x[0].copy(), volumes.corner_y[0].copy(), volumes.wavelength, *volumes[4:])
    reach = cube.Reach(*(np.full(SHAPE[0], value) for value in (1.8, 1.4, 1.0, 0.7, 1.5, 0.1)))
    results = []
    for threads in (1, 2, 3):
        sums, near, dq = _sums(), _sums(), np.zeros(SHAPE, "u4")
        run_bands(cube.drizzle_cube, SHAPE[0], sums, _planes(), volumes, threads=threads)
        run_bands(cube.weigh_cube, SHAPE[0], near, _planes(), points, reach, True, threads=threads)
        run_bands(cube.finish_cube, SHAPE[0], sums, dq, np.uint32(513), threads=threads)
        results.append(b"".join(values.tobytes() for values in (*sums, *near, dq)))
    assert results[0] == results[1] == results[2]


def test_voxels_without_pixels_are_nan_and_flagged():
    sums, dq = _sums(), np.zeros(SHAPE, "u4")
    sums.weights[1, 2, 3], sums.values[1, 2, 3], sums.variances[1, 2, 3] = 2, 6, 16
    cube.finish_cube(0, SHAPE[0], sums, dq, np.uint32(513))
    assert (sums.values[1, 2, 3], sums.variances[1, 2, 3], dq[1, 2, 3]) == (3, 2, 0)
    assert np.isnan(sums.values).sum() == np.isnan(sums.variances).sum() == (dq == 513).sum() == dq.size - 1
