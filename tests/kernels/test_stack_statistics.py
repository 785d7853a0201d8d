"""Clipped statistics of a stack, against a few lines of NumPy."""

import numpy as np
import pytest

from hexcal.kernels.stack_statistics import clipped_statistics


def clipped_one(values, sigma, max_iterations):
    """Mean, standard deviation and number of what clipping leaves of the values of one pixel."""
    for _ in range(max_iterations):
        if len(values) < 3:
            break
        inside = np.abs(values - np.median(values)) <= sigma * values.std(ddof=1)
        if inside.all():
            break
        values = values[inside]
    return values.mean() if len(values) else np.nan, values.std(ddof=1) if len(values) > 1 else np.nan, len(values)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 20, 41])
@pytest.mark.parametrize(("sigma", "max_iterations"), [(3.0, 5), (1.5, 1), (1.2, 9), (np.inf, 0)])
def test_each_pixel_is_clipped_as_by_itself(n, sigma, max_iterations):
    rng = np.random.default_rng(n)
    ny, nx = 5, 67
    values = rng.normal(1000, 5, (n, ny, nx)).astype("f4")
    values[rng.random(values.shape) < 0.1] += 200
    values[rng.random(values.shape) < 0.05] = np.nan
    values[:, 2, 30] = 7
    used = rng.random(values.shape) < 0.9
    before = values.copy(), used.copy()
    mean, scatter, count = np.zeros((ny, nx)), np.zeros((ny, nx)), np.zeros((ny, nx), int)
    clipped_statistics(0, ny, values, used, sigma, max_iterations, mean, scatter, count)
    assert np.array_equal(values, before[0], equal_nan=True) and np.array_equal(used, before[1])
    good = used & np.isfinite(values)
    for y, x in np.ndindex(ny, nx):
        expected = clipped_one(values[good[:, y, x], y, x].astype(float), sigma, max_iterations)
        assert (mean[y, x], scatter[y, x], count[y, x]) == pytest.approx(expected, rel=1e-9, nan_ok=True)
