"""Sums in circles of an interpolated image, against scipy's splines, and places of stars in pixels."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from hexcal.core.bands import run_bands
from hexcal.kernels.apertures import covered, sum_circles
from hexcal.kernels.smooth_apertures import sum_smooth_circles

SHAPE = (70, 80)


def scene():
    rng = np.random.default_rng(4)
    data = gaussian_filter(rng.normal(0, 1, SHAPE), 1.2).astype("f4")
    return data, np.zeros(SHAPE, bool), rng.uniform(15, 60, 30), rng.uniform(15, 50, 30)


def smooth(data, masked, x, y, radius, threads=None):
    sums = np.empty(len(x))
    run_bands(sum_smooth_circles, len(x), data, masked, x, y, radius, sums, threads=threads)
    return sums


def by_scipy(data, x, y, radius):
    """The spline at the middles of sixteenths of pixels, each with the part that the circle covers about it."""
    reach = int(radius) + 3
    steps = (np.arange((2 * reach + 1) * 4) + 0.5) / 4 - 0.5 - reach
    columns, rows = np.meshgrid(np.rint(x) + steps, np.rint(y) + steps)
    parts = np.vectorize(covered)(columns - x, rows - y, radius)
    return (map_coordinates(data.astype(float), [rows, columns], order=5) * parts).sum() / 16


@pytest.mark.parametrize("radius", [0.8, 2.65, 6.6])
def test_sums_are_those_of_the_spline_of_scipy(radius):
    data, masked, x, y = scene()
    expected = [by_scipy(data, *place, radius) for place in zip(x, y, strict=True)]
    np.testing.assert_allclose(smooth(data, masked, x, y, radius), expected, rtol=0, atol=5e-5)


def test_a_star_keeps_its_flux_wherever_it_lies_in_a_pixel():
    """Of a star of 0.97 pixels an aperture of even pixels holds more or less by its place; an interpolated one not."""
    rng = np.random.default_rng(1)
    rows, columns = np.indices((41, 41))
    fluxes = []
    for x, y in 20 + rng.uniform(-0.5, 0.5, (60, 2)):
        data = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 0.97**2)).astype("f4")
        masked, sums, unused, place = (
            np.zeros(data.shape, bool),
            np.empty(1),
            np.empty(1),
            (np.array([x]), np.array([y])),
        )
        run_bands(sum_circles, 1, data, data, masked, *place, 2.2, sums, unused)
        fluxes.append((sums[0], smooth(data, masked, *place, 2.2)[0]))
    even, interpolated = (np.std(each) / np.mean(each) for each in zip(*fluxes, strict=True))
    assert even > 0.002 and interpolated < 0.0005
    assert np.mean(fluxes, axis=0)[1] == pytest.approx(np.mean(fluxes, axis=0)[0], rel=0.001)


def test_nothing_is_made_up_beside_pixels_that_do_not_count():
    data, masked, x, y = scene()
    masked[33, 40] = True
    data[20, 30] = np.nan
    x, y = np.append(x, [42.0, 40.0, 30.0, 3.0, 60.0]), np.append(y, [33.0, 50.0, 22.0, 30.0, 35.0])
    sums = smooth(data, masked, x, y, 2.0)
    assert np.isfinite(sums[-5:]).tolist() == [False, True, False, False, True]


def test_the_same_bits_for_any_number_of_threads():
    scene_ = scene()
    np.testing.assert_array_equal(smooth(*scene_, 2.65, threads=1), smooth(*scene_, 2.65, threads=5))
