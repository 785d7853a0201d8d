"""Sums in circles and statistics of rings, against photutils."""

import numpy as np
import pytest

from hexcal.core.bands import run_bands
from hexcal.kernels import apertures

photutils = pytest.importorskip("photutils.aperture")
SHAPE = (60, 70)


def scene():
    rng = np.random.default_rng(1)
    data = rng.normal(1.0, 0.1, SHAPE).astype("f4")
    data[rng.random(SHAPE) < 0.01] += 30
    masked = rng.random(SHAPE) < 0.05
    # In the corners, on edges of pixels, beside the image.
    x = np.concatenate([rng.uniform(-3, SHAPE[1] + 2, 40), [0.0, 10.5, 69.0, -50.0, 20.0]])
    y = np.concatenate([rng.uniform(-3, SHAPE[0] + 2, 40), [0.0, 10.0, 59.0, 10.0, 20.5]])
    return data, rng.uniform(0.1, 0.2, SHAPE).astype("f4"), masked, x, y


def circles(radius, threads=None):
    data, err, masked, x, y = scene()
    sums, errors = np.empty((2, len(x)))
    run_bands(apertures.sum_circles, len(x), data, err, masked, x, y, radius, sums, errors, threads=threads)
    return sums, errors


def rings(inner, outer, threads=None):
    data, _, masked, x, y = scene()
    data[5, 6] = np.nan
    medians, deviations, counts = *np.empty((2, len(x))), np.empty(len(x), np.int64)
    run_bands(
        *(apertures.ring_statistics, len(x), data, masked, x, y, inner, outer, 3.0, 5, medians, deviations, counts),
        threads=threads,
    )
    return medians, deviations, counts


@pytest.mark.parametrize("radius", [0.3, 1.0, 3.7, 8.0, 100.0])
def test_sums_are_those_of_photutils(radius):
    data, err, masked, x, y = scene()
    circle = photutils.CircularAperture(np.column_stack([x, y]), radius)
    table = photutils.aperture_photometry(data, circle, error=err, mask=masked)
    sums, errors = circles(radius)
    np.testing.assert_allclose(sums, table["aperture_sum"], rtol=1e-11)
    np.testing.assert_allclose(errors, table["aperture_sum_err"], rtol=1e-6)


@pytest.mark.parametrize("radii", [(1.0, 2.0), (4.2, 9.7), (3.0, 5.0)])
def test_rings_are_those_of_photutils(radii):
    from astropy.stats import SigmaClip

    data, _, masked, x, y = scene()
    data[5, 6] = np.nan
    ring = photutils.CircularAnnulus(np.column_stack([x, y]), *radii)
    with np.errstate(all="ignore"):
        clip = SigmaClip(3.0)
        stats = photutils.ApertureStats(data, ring, sigma_clip=clip, mask=masked, sum_method="center")
        expected = stats.median, stats.std, stats.sum_aper_area.value
    medians, deviations, counts = rings(*radii)
    np.testing.assert_allclose(medians, expected[0], rtol=1e-12)
    np.testing.assert_allclose(deviations, expected[1], rtol=1e-10)
    np.testing.assert_array_equal(counts, np.nan_to_num(expected[2]))


def test_the_same_bits_for_any_number_of_threads():
    for measure, radii in ((circles, (3.7,)), (rings, (4.2, 9.7))):
        for one, many in zip(measure(*radii, threads=1), measure(*radii, threads=5), strict=True):
            np.testing.assert_array_equal(one, many)
