"""Differences of neighbours and their local median: kernels against slow twins, for any number of bands."""

import warnings

import numpy as np
import pytest

from hexcal.core.bands import run_bands
from hexcal.kernels import ifu_outliers

SHAPE = (17, 23)


def _image(seed):
    rng = np.random.default_rng(seed)
    data = rng.normal(0, 1, SHAPE).astype("f4")
    data[rng.random(SHAPE) < 0.2] = np.nan
    return data, np.where(rng.random(SHAPE) < 0.1, 1, 4).astype("u4")


@pytest.mark.req("OUTL-29")
@pytest.mark.parametrize("along_x", [True, False])
def test_the_smaller_difference_from_two_neighbours(along_x):
    data, dq = _image(1)
    found = np.empty(SHAPE, "f4")
    ifu_outliers.least_difference(0, SHAPE[0], data, dq, np.uint32(1), along_x, found)
    used = np.where(dq & 1, np.nan, data)
    used = used if along_x else used.T
    sides = np.full((2, *used.shape), np.nan, "f4")
    sides[0, :, 1:] = sides[1, :, :-1] = np.abs(np.diff(used, axis=1))
    expected = np.fmin(*sides)
    assert np.array_equal(found if along_x else found.T, expected, equal_nan=True)


@pytest.mark.req("OUTL-30")
@pytest.mark.parametrize("window", [(7, 7), (3, 5), (1, 1)])
def test_the_median_of_a_window(window):
    values, _ = _image(2)
    found = np.empty(SHAPE, "f4")
    ifu_outliers.window_median(0, SHAPE[0], values, *window, False, found)
    padded = np.pad(values, [(size // 2, size // 2) for size in window])
    views = np.lib.stride_tricks.sliding_window_view(padded, window)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.nanmedian(views.astype(float), axis=(2, 3))
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-7, equal_nan=True)
    some = np.empty(SHAPE, "f4")
    ifu_outliers.window_median(0, SHAPE[0], values, *window, True, some)
    assert np.array_equal(some, np.where(np.isnan(values), np.nan, found), equal_nan=True)


def test_the_least_of_several_and_the_same_bits_for_any_number_of_bands():
    (one, dq), (two, _) = _image(3), _image(4)
    results = []
    for threads in (1, 2, 3):
        least, medians, differences = one.copy(), np.empty(SHAPE, "f4"), np.empty(SHAPE, "f4")
        run_bands(ifu_outliers.keep_least, SHAPE[0], least, two, threads=threads)
        run_bands(ifu_outliers.window_median, SHAPE[0], least, 3, 3, False, medians, threads=threads)
        run_bands(ifu_outliers.least_difference, SHAPE[0], one, dq, np.uint32(1), True, differences, threads=threads)
        assert np.array_equal(least, np.fmin(one, two), equal_nan=True)
        results.append(least.tobytes() + medians.tobytes() + differences.tobytes())
    assert results[0] == results[1] == results[2]
