"""Images and curves at the wavelength of each pixel."""

import itertools

import numpy as np
import pytest

from hexcal.kernels.spectral_flat import multiply_curve, multiply_image

SHAPE = (7, 30)
RNG = np.random.default_rng(3)
WAVELENGTH = np.sort(RNG.uniform(0.9, 5.1, SHAPE), axis=1)
WAVELENGTH[0, :4] = np.nan


def start():
    return np.ones(SHAPE), np.zeros(SHAPE), np.zeros(SHAPE, bool)


def in_bands(kernel, bands, *arguments):
    edges = np.linspace(0, SHAPE[0], bands + 1).astype(int)
    for low, high in itertools.pairwise(edges):
        kernel(low, high, *arguments)


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("by_pixel", [True, False])
def test_images_are_linear_between_their_planes(bands, by_pixel):
    grid, size = np.array([1.0, 2.0, 4.0, 5.0]), SHAPE if by_pixel else (1, 1)
    image = RNG.uniform(0.5, 1.5, (4, *size)).astype("f4")
    error = RNG.uniform(0, 0.1, (4, *size)).astype("f4")
    no_value = np.zeros(size, bool)
    no_value[0, -1] = by_pixel
    flat, variance, bad = start()
    in_bands(multiply_image, bands, WAVELENGTH, grid, image, error, no_value, by_pixel, False, flat, variance, bad)
    for y, x in np.ndindex(SHAPE):
        at, pixel = WAVELENGTH[y, x], (y, x) if by_pixel else (0, 0)
        if not 1 <= at <= 5 or no_value[pixel]:
            assert bad[y, x] and flat[y, x] == 1
            continue
        value, spread = (np.interp(at, grid, cube[(slice(None), *pixel)]) for cube in (image, error))
        assert flat[y, x] == pytest.approx(value) and variance[y, x] == pytest.approx((spread / value) ** 2)


@pytest.mark.parametrize("bands", [1, 3])
def test_curves_are_averaged_over_the_pixel(bands):
    grid = np.linspace(1, 5, 400)
    curve, error = 1 + 0.3 * np.sin(5 * grid), 0.01 * grid
    width = np.full(SHAPE, 0.05)
    flat, variance, bad = start()
    in_bands(multiply_curve, bands, WAVELENGTH, width, grid, curve, error, False, flat, variance, bad)
    points, weights = np.polynomial.legendre.leggauss(3)
    for y, x in np.ndindex(SHAPE):
        at = WAVELENGTH[y, x] + points * width[y, x] / 2
        if not ((at >= 1) & (at <= 5)).all():
            assert bad[y, x] and flat[y, x] == 1
            continue
        average = (weights * np.interp(at, grid, curve)).sum() / 2
        assert flat[y, x] == pytest.approx(average)
        assert variance[y, x] == pytest.approx((np.interp(WAVELENGTH[y, x], grid, error) / average) ** 2)
    # The integral of the curve over the pixel, to the fifth order.
    inside = ~bad
    low, high = WAVELENGTH - width / 2, WAVELENGTH + width / 2
    integral = 1 + 0.3 * (np.cos(5 * low) - np.cos(5 * high)) / 5 / width
    np.testing.assert_allclose(flat[inside], integral[inside], rtol=2e-4)
