import numpy as np
import pytest

from hexcal.kernels.sorting import sort_finite


@pytest.mark.parametrize("size", [1, 2, 3, 1000, 70001])
def test_values_are_sorted_as_by_numpy(size):
    random = np.random.default_rng(size)
    values = (random.normal(size=size) * 10.0 ** random.integers(-30, 30, size)).astype(np.float32)
    values[:: max(1, size // 7)] = [0.0]
    result = np.empty(size, np.uint32)
    sort_finite(values.copy().view(np.uint32), result)
    np.testing.assert_array_equal(result.view(np.float32), np.sort(values))


def test_ends_of_the_range_and_both_zeros():
    most = np.finfo(np.float32).max
    values = np.array([0.0, most, -0.0, -most, 1e-45, -1e-45, 1.0, -1.0], np.float32)
    result = np.empty(values.size, np.uint32)
    sort_finite(values.copy().view(np.uint32), result)
    np.testing.assert_array_equal(result.view(np.float32), np.sort(values))
