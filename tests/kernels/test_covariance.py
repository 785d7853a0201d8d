"""How resampled pixels vary together: against the covariance matrix of what single pixels give."""

import itertools

import numpy as np
import pytest
from tilted_slits import star, tilted_slit

from hexcal.core.bands import run_bands
from hexcal.kernels import covariance as kernels
from hexcal.kernels import cube
from hexcal.steps.image.drizzling import Drizzle, Exposure
from hexcal.steps.spectrum.slit_grid import slit_grid
from hexcal.steps.spectrum.slit_resampling import coordinates_of

ROWS, COLUMNS = 9, 10


def _of_slit(kernel="square", pixfrac=1.0, dispaxis=1):
    """Exact covariance of the pixels of a slit (n, n), the sums of the kernel, and the shape."""
    slit = tilted_slit(star(), lambda wave: wave, dispaxis=dispaxis)
    seen = coordinates_of(slit)[0]
    grid = slit_grid([seen], dispaxis)
    x, y = (values[3 : 3 + ROWS, 4 : 4 + COLUMNS] for values in grid.positions(*seen))
    x, y = x - np.floor(x.min()) + 1, y - np.floor(y.min()) + 1
    shape = (int(y.max()) + 3, int(x.max()) + 3)
    rng = np.random.default_rng(5)
    weights = rng.uniform(0.5, 1.5, x.shape).astype(np.float32)
    weights[2, 3] = 0
    variances = tuple(rng.uniform(0.1, 1, x.shape).astype(np.float32) for _ in range(3))
    columns = []
    for pixel in range(x.size):
        drizzle, data = Drizzle(shape, kernel, pixfrac), np.zeros(x.shape, np.float32)
        data.flat[pixel] = 1
        drizzle.add(Exposure(data, weights), x, y)
        result = drizzle.finish(0.0)
        columns.append(result.data.ravel().astype(float))
    response = np.array(columns).T
    exact = response @ np.diag(sum(variances).ravel().astype(float)) @ response.T
    n_waves = shape[1] if dispaxis == 1 else shape[0]
    coupling = kernels.Coupling(np.zeros(shape), np.zeros(shape), np.zeros((n_waves, 9)), np.zeros((n_waves, 4)))
    exposure = Exposure(np.ones_like(weights), weights, variances)
    Drizzle(shape, kernel, pixfrac, with_variances=True).couple(exposure, x, y, coupling, result.weights, dispaxis == 1)
    return exact, coupling, shape


@pytest.mark.parametrize("dispaxis", [1, 2])
@pytest.mark.parametrize(("kernel", "pixfrac"), [("square", 1.0), ("square", 0.6), ("turbo", 1.0), ("gaussian", 1.0)])
def test_variances_and_sums_of_covariances_of_a_slit_are_exact(kernel, pixfrac, dispaxis):
    exact, coupling, shape = _of_slit(kernel, pixfrac, dispaxis)
    assert np.allclose(coupling.own, np.diag(exact).reshape(shape), rtol=1e-5, atol=1e-9)
    wave = np.indices(shape)[1 if dispaxis == 1 else 0].ravel()
    together = exact * (wave[:, None] == wave[None])
    assert np.allclose(coupling.shared, together.sum(axis=1).reshape(shape), rtol=1e-5, atol=1e-9)
    assert (coupling.shared > 1.2 * coupling.own).any() or pixfrac < 1


def test_what_neighbours_and_wavelengths_share_lies_beside_each_other():
    _, coupling, _ = _of_slit()
    middle = kernels.REACH
    pairs = coupling.pairs.sum(axis=0)
    assert pairs[middle] == 0 and np.allclose(pairs, pairs[::-1])
    assert pairs[middle + 1] > 10 * pairs[middle + 2]
    lags = coupling.lags.sum(axis=0)
    assert lags[0] > lags[1] > lags[2]


def _cube(rng, is_volume):
    """Pixels, and a function that gives the finished cube of values, with its sums."""
    n, shape = 40, (4, 7, 8)
    x, y = rng.uniform(0, shape[2], n), rng.uniform(0, shape[1], n)
    wave, depth = rng.uniform(1, 5, n), rng.uniform(0.6, 1.4, n)
    errors = rng.uniform(0.5, 2, n).astype(np.float32)
    errors[4] = np.nan
    low = np.arange(1.0, 5.0)
    planes = cube.Planes(low, low + 1)
    corners = [np.array([[-1, 1, 1, -1]]).T * 0.8 + x, np.array([[-1, -1.2, 1, 0.9]]).T * 0.7 + y]
    ones = np.ones(4)
    reach = cube.Reach(1.6 * ones, 1.3 * ones, ones, 0.7 * ones, 2 * ones, 0.01 * ones)

    def laid(values):
        if is_volume:
            return cube.Volumes(*corners, wave, depth, values, errors)
        return cube.Points(x, y, wave, values, errors)

    def build(values):
        sums = cube.Sums(*(np.zeros(shape, np.float32) for _ in range(4)))
        rest = () if is_volume else (reach, True)
        run_bands(cube.drizzle_cube if is_volume else cube.weigh_cube, 4, sums, planes, laid(values), *rest)
        run_bands(cube.finish_cube, 4, sums, np.empty(shape, np.uint32), np.uint32(1))
        return sums

    return build, laid, planes, reach, errors


@pytest.mark.parametrize("is_volume", [True, False])
def test_sums_of_covariances_of_a_cube_are_exact_and_do_not_depend_on_bands(is_volume):
    build, laid, planes, reach, errors = _cube(np.random.default_rng(7), is_volume)
    response = []
    for pixel in range(errors.size):
        values = np.zeros(errors.size, np.float32)
        values[pixel] = 1
        response.append(np.nan_to_num(build(values).values.astype(float)))
    response = np.array(response) * np.nan_to_num(errors, nan=0.0)[:, None, None, None]
    exact = np.einsum("jzyx,jz->zyx", response, response.sum(axis=(2, 3)))
    sums = build(np.ones(errors.size, np.float32))
    found = []
    for cuts in ((0, 4), (0, 1, 3, 4)):
        coupling = kernels.Coupling(
            sums.variances**2, np.zeros_like(sums.variances), np.zeros((4, 9, 9)), np.zeros((4, 4))
        )
        rest = () if is_volume else (reach, True)
        kernel = kernels.couple_volumes if is_volume else kernels.couple_points
        for first, last in itertools.pairwise(cuts):
            kernel(first, last, coupling, sums.weights, planes, laid(np.ones(errors.size, np.float32)), *rest)
        found.append(coupling)
    assert np.allclose(found[0].shared, exact, rtol=1e-4, atol=1e-6)
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other, equal_nan=True)
    pairs = found[0].pairs.sum(axis=0)
    assert pairs[4, 4] == 0 and np.allclose(pairs, pairs[::-1, ::-1]) and pairs[4, 5] > pairs[4, 7]
    lags = found[0].lags.sum(axis=0)
    assert lags[0] > lags[1] > lags[2]


def test_the_variance_of_a_weighted_sum_shares_out_what_neighbours_have_in_common():
    rng = np.random.default_rng(1)
    shape = (2, 5, 6)
    weights, errors = rng.normal(size=shape), rng.uniform(0.5, 1, shape).astype(np.float32)
    factor = rng.uniform(1, 2, shape).astype(np.float32)
    errors[0, 1, 2], weights[0, 1, 2] = np.nan, 0
    pairs = np.zeros((2, 9, 9), np.float32)
    pairs[:, 3:6, 3:6] = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]]) / 12
    out = np.empty(2)
    kernels.combine_planes(0, 2, weights, errors, factor, pairs, out)
    for plane in range(2):
        total = 0.0
        for y, x in np.ndindex(shape[1:]):
            if not np.isfinite(errors[plane, y, x]):
                continue
            variance = float(errors[plane, y, x]) ** 2
            near = [
                (pairs[plane, 4 + b - y, 4 + a - x], weights[plane, b, a])
                for b, a in np.ndindex(shape[1:])
                if max(abs(b - y), abs(a - x)) <= 4 and np.isfinite(errors[plane, b, a])
            ]
            share = sum(part * weight for part, weight in near) / sum(part for part, _ in near)
            total += weights[plane, y, x] * variance * (weights[plane, y, x] + (factor[plane, y, x] - 1.0) * share)
        assert out[plane] == pytest.approx(total, rel=1e-6)
