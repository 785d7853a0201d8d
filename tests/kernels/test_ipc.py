"""Convolution with a small kernel."""

import itertools

import numpy as np
import pytest
from scipy.signal import convolve2d

from hexcal.kernels.ipc import convolve, copy_science

WINDOW = (4, 19, 3, 16)  # first and last column, first and last row of the science pixels


def run(image, weights, bands):
    ny, nx = image.shape
    margin_y, margin_x = weights.shape[0] // 2, weights.shape[1] // 2
    padded = np.zeros((ny + 2 * margin_y, nx + 2 * margin_x), np.float32)
    edges = np.linspace(0, ny, bands + 1).astype(int)
    for low, high in itertools.pairwise(edges):
        copy_science(low, high, image, *WINDOW, margin_y, margin_x, padded)
    for low, high in itertools.pairwise(edges):
        convolve(low, high, padded, weights, *WINDOW, image)


@pytest.fixture
def image():
    return np.random.default_rng(1).normal(1000, 100, (18, 21)).astype(np.float32)


def science(image):
    inside = np.zeros(image.shape, bool)
    inside[WINDOW[2] : WINDOW[3], WINDOW[0] : WINDOW[1]] = True
    return inside


@pytest.mark.req("IPC-01", "IPC-02")
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 5), (3, 5)])
@pytest.mark.parametrize("bands", [1, 4])
def test_same_kernel_everywhere(image, size, bands):
    kernel = np.random.default_rng(2).normal(0, 0.1, size).astype(np.float32)
    inside = science(image)
    expected = np.where(inside, convolve2d(np.where(inside, image, 0).astype(float), kernel, mode="same"), image)
    run(image, kernel[:, :, None, None], bands)
    np.testing.assert_allclose(image, expected, rtol=1e-6, atol=1e-4)
    assert (image[~inside] == expected[~inside]).all()


@pytest.mark.req("IPC-06")
def test_a_kernel_for_each_pixel(image):
    weights = np.random.default_rng(3).normal(0, 0.1, (3, 3, 18, 21)).astype(np.float32)
    inside = science(image)
    source = np.pad(np.where(inside, image, 0).astype(float), 1)
    expected = np.zeros(image.shape)
    for j in range(3):
        for i in range(3):
            expected += weights[j, i] * source[2 - j : 20 - j, 2 - i : 23 - i]
    expected = np.where(inside, expected, image)
    run(image, weights, 3)
    np.testing.assert_allclose(image, expected, rtol=1e-6, atol=1e-4)
