"""Kernels of star finding against plain twins, and for any cut into bands."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import convolve

from hexcal.kernels import stars


@pytest.fixture
def image():
    rng = np.random.default_rng(3)
    image = rng.normal(0, 1, (31, 37)).astype("f4")
    image[7, 9] = np.nan
    return image


WEIGHTS = np.array([[0, 1, 2, 1, 0], [1, 3, 5, 3, 1], [2, 5, 9, 5, 2], [1, 3, 5, 3, 1], [0, 1, 2, 1, 0]], float) - 1.5


@pytest.mark.parametrize("cuts", [(0, 31), (0, 1, 30, 31), (0, 10, 20, 31)])
def test_convolution(image, cuts):
    result = np.zeros_like(image)
    for first, last in itertools.pairwise(cuts):
        stars.convolve_rows(first, last, image, WEIGHTS, result)
    assert np.allclose(result, convolve(image, WEIGHTS, mode="constant"), atol=1e-4, equal_nan=True)


@pytest.mark.parametrize("cuts", [(0, 31), (0, 2, 31)])
def test_peaks(image, cuts):
    masked = np.zeros(image.shape, bool)
    masked[20, :] = True
    peaks = np.zeros(image.shape, bool)
    for first, last in itertools.pairwise(cuts):
        stars.mark_peaks(first, last, image, masked, 0.5, 3, peaks)
    rows, columns = np.indices(image.shape)
    for y, x in zip(rows.ravel(), columns.ravel(), strict=True):
        around = np.hypot(rows - y, columns - x) <= 3
        expected = image[y, x] > 0.5 and not masked[y, x] and image[y, x] >= np.nanmax(image[around])
        assert peaks[y, x] == expected


def test_centroids_that_fail_are_nan():
    flat = np.zeros((40, 40), "f4")
    x, y, error = np.array([20.0, 1.0]), np.array([20.0, 1.0]), np.zeros(2)
    stars.windowed_centroids(flat, np.ones_like(flat), x, y, 1.0, 10, error)
    assert np.isnan(x).all() and np.isnan(y).all()
