"""Clipped means, against slow and obvious twins."""

import numpy as np
import pytest

from hexcal.core import run_bands
from hexcal.kernels.clipped_mean import clip_by_noise, clip_by_scatter


def stack(n, seed=1):
    rng = np.random.default_rng(seed)
    values = rng.normal(10, 1, (n, 9, 11)).astype("f4")
    values[rng.random(values.shape) < 0.1] += 50
    values[rng.random(values.shape) < 0.05] = np.nan
    values[0, 0, 0], values[:, 1, 1] = np.inf, np.nan
    return values, rng.uniform(0.5, 1.5, values.shape).astype("f4")


def run(kernel, values, errors, *arguments, threads=1, kept=None):
    kept = np.ones(values.shape, bool) if kept is None else kept.copy()
    mean, error = np.empty(values.shape[1:], "f4"), np.empty(values.shape[1:], "f4")
    run_bands(kernel, values.shape[1], values, errors, kept, *arguments, mean, error, threads=threads)
    return kept, mean, error


def averaged(values, errors, kept):
    count = kept.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(kept, values, 0).sum(axis=0, dtype=float) / count
        error = np.sqrt(np.where(kept, errors.astype(float) ** 2, 0).sum(axis=0)) / count
    return np.where(count, mean, 0), np.where(count, error, 0)


@pytest.mark.req("BKG-02")
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 20])
@pytest.mark.parametrize("sigma", [1.0, 1.7, 3.0])
@pytest.mark.parametrize("iterations", [None, 1, 2])
def test_scatter_is_clipped_as_astropy_does(n, sigma, iterations):
    from astropy.stats import sigma_clip

    values, errors = stack(n)
    valid = np.ma.masked_invalid(values.astype(float))
    masked = sigma_clip(valid, sigma=sigma, maxiters=iterations, axis=0, masked=True, copy=True)
    kept, mean, error = run(clip_by_scatter, values, errors, sigma, -1 if iterations is None else iterations)
    assert np.array_equal(kept, ~np.ma.getmaskarray(masked))
    expected = averaged(values, errors, kept)
    assert np.allclose(mean, expected[0], rtol=1e-6)
    assert np.allclose(error, expected[1], rtol=1e-6)


def clipped_by_noise(values, errors, sigma):
    """One pixel, as the docstring of the kernel says."""
    left = [index for index in range(len(values)) if np.isfinite(values[index])]
    good = sorted(errors[index] for index in left if errors[index] > 0)
    noise = good[(len(good) - 1) // 2] if good else 0
    while len(left) > 1 and noise > 0:
        center = sorted(values[index] for index in left)[(len(left) - 1) // 2]
        worst = max(left, key=lambda index: abs(values[index] - center))
        others = [values[index] for index in left if index != worst]
        if abs(values[worst] - np.mean(others)) <= sigma * noise * np.sqrt(1 + 1 / len(others)):
            break
        left.remove(worst)
    return left


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_noise_is_clipped_as_its_twin_does(n):
    values, errors = stack(n, seed=3)
    errors[:, 2, 2] = 0
    kept, mean, error = run(clip_by_noise, values.astype("f8").astype("f4"), errors, 3.0)
    for row, column in np.ndindex(values.shape[1:]):
        pixel = slice(None), row, column
        left = clipped_by_noise(values[pixel].astype(float), errors[pixel].astype(float), 3.0)
        assert np.flatnonzero(kept[pixel]).tolist() == left, (row, column)
    expected = averaged(values, errors, kept)
    assert np.allclose(mean, expected[0], rtol=1e-6)
    assert np.allclose(error, expected[1], rtol=1e-6)


def test_of_two_values_that_disagree_the_higher_one_is_clipped():
    values = np.float32([[[10, 10, 10]], [[10.5, 500, -500]]])
    kept, mean, _ = run(clip_by_noise, values, np.ones_like(values), 3.0)
    assert kept[:, 0].T.tolist() == [[True, True], [True, False], [False, True]]
    assert mean.tolist() == [[10.25, 10, -500]]


@pytest.mark.parametrize(("kernel", "arguments"), [(clip_by_scatter, (2.0, -1)), (clip_by_noise, (3.0,))])
def test_bands_do_not_show(kernel, arguments):
    values, errors = stack(6, seed=5)
    alone, together = (run(kernel, values, errors, *arguments, threads=threads) for threads in (1, 4))
    for first, second in zip(alone, together, strict=True):
        assert np.array_equal(first, second)
