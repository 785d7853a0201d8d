"""The kernel of extraction against slow and obvious numpy."""

import numpy as np
import pytest

from hexcal.core.bands import run_bands
from hexcal.kernels import extraction as kernels

SHAPE = (3, 21, 17)


def scene(seed):
    rng = np.random.default_rng(seed)
    data = rng.normal(5, 1, SHAPE).astype(np.float32)
    data[rng.random(SHAPE) < 0.05] = np.nan
    variances = tuple(rng.uniform(1, 2, SHAPE).astype(np.float32) for _ in range(3))
    columns = np.arange(SHAPE[2])
    regions = (
        np.array([8.3 + 0.1 * columns]),
        np.array([12.1 + 0.1 * columns]),
        np.array([1.2 + 0 * columns, 15.5 + 0.05 * columns]),
        np.array([5.6 + 0 * columns, 19.4 + 0.05 * columns]),
    )
    return data, variances, regions


def weights(lower, upper, column):
    pixels = np.arange(SHAPE[1])[:, None]
    parts = np.clip(np.minimum(pixels + 0.5, upper[:, column]) - np.maximum(pixels - 0.5, lower[:, column]), 0, None)
    return np.minimum(parts.sum(axis=1), 1)


def twin(data, variances, regions, order):
    out = np.zeros((SHAPE[0], kernels.N_PLANES, SHAPE[2]))
    pixels = np.arange(SHAPE[1])
    for number in range(SHAPE[0]):
        for column in range(SHAPE[2]):
            w, beside = weights(*regions[:2], column), weights(*regions[2:], column)
            values = data[number, :, column].astype(float)
            good = np.isfinite(values)
            used = w * good
            spreads = [variance[number, :, column].astype(float) for variance in variances]
            row = [(used * np.nan_to_num(values)).sum(), *((used**2 * v).sum() for v in spreads)]
            background = np.zeros(4)
            if order != kernels.NO_FIT:
                at = good & (beside > (0.999 if order == kernels.MEDIAN else 0))
                design = np.vander(pixels[at], max(order, 0) + 1, increasing=True).astype(float)
                inverse = np.linalg.pinv(design)
                amounts = used @ np.vander(pixels, max(order, 0) + 1, increasing=True)
                factors = amounts @ inverse
                level = np.median(values[at]) * used.sum() if order == kernels.MEDIAN else factors @ values[at]
                background = np.array([level, *((factors**2) @ v[at] for v in spreads)])
            out[number, :, column] = [*row, *background, used.sum()]
    return out


@pytest.mark.parametrize("order", [kernels.NO_FIT, kernels.MEDIAN, 0, 1, 3])
def test_sums_and_backgrounds_are_those_of_numpy(order):
    data, variances, regions = scene(order + 5)
    out = np.empty((SHAPE[0], kernels.N_PLANES, SHAPE[2]))
    kernels.extract_rows(0, SHAPE[0], data, variances, data, regions, order, out)
    assert np.allclose(out, twin(data, variances, regions, order), rtol=1e-8)


def test_the_bits_do_not_depend_on_the_bands():
    data, variances, regions = scene(1)
    results = []
    for threads in (1, 2, 3):
        out = np.empty((SHAPE[0], kernels.N_PLANES, SHAPE[2]))
        run_bands(kernels.extract_rows, SHAPE[0], data, variances, data, regions, 2, out, threads=threads)
        results.append(out.tobytes())
    assert len(set(results)) == 1


def test_smoothing_is_the_mean_of_what_is_there():
    data, _, _ = scene(2)
    out = np.empty_like(data)
    kernels.smooth_rows(0, SHAPE[0], data, 5, out)
    assert out[1, 3, 8] == pytest.approx(np.nanmean(data[1, 3, 6:11]), rel=1e-6)
    assert out[1, 3, 0] == pytest.approx(np.nanmean(data[1, 3, :3]), rel=1e-6)


@pytest.mark.parametrize("order", [kernels.NO_FIT, 0, 1, 2])
def test_the_factors_of_the_pixels_give_what_is_extracted(order):
    data, variances, regions = scene(3)
    data = data[:1]
    out = np.empty((1, kernels.N_PLANES, SHAPE[2]))
    kernels.extract_rows(0, 1, data, tuple(each[:1] for each in variances), data, regions, order, out)
    factors = np.full((2, *SHAPE[1:]), np.nan)
    for first, last in ((0, 5), (5, SHAPE[2])):
        kernels.weigh_rows(first, last, data, data, regions, order, factors)
    net, background = (np.nansum(each * data[0].astype(float), axis=0) for each in factors)
    assert np.allclose(net, out[0, kernels.SUM] - out[0, kernels.BACKGROUND], rtol=1e-5)
    assert np.allclose(background, out[0, kernels.BACKGROUND], rtol=1e-5)
    variance = np.nansum(factors[1] ** 2 * variances[0][0].astype(float), axis=0)
    assert np.allclose(variance, out[0, kernels.BKGD_POISSON], rtol=1e-5)
