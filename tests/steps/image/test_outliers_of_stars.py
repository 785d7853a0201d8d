"""Cosmic rays on stars, and where only one exposure sees them."""

from math import erf

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, convolve
from sky_projections import point, tangent_plane

from hexcal import datamodels
from hexcal.models.dqflags import pixel
from hexcal.steps.image import outliers_exposures
from hexcal.steps.image.outlier_detection import OutlierDetectionStep
from hexcal.steps.image.outliers_alone import flag_alone
from hexcal.steps.image.outliers_cores import scale_of_stars, smoothing_of, with_sharpened_scales
from hexcal.steps.image.outliers_images import Limits, blotted, flag_outliers

SIZE, NOISE, SCALE = 160, 0.1, 1e-5
ACROSS = np.array([[1 / 6], [2 / 3], [1 / 6]])
"""Smooths as the way to the common grid and back does: its variance is 1/3 square pixel."""
_edge = np.vectorize(lambda value: 0.5 * (1 + erf(value / np.sqrt(2))))


def stars(random, spacing=12):
    """Places and fluxes of stars."""
    places = np.array([(x, y) for x in range(10, SIZE - 10, spacing) for y in range(10, SIZE - 10, spacing)], float)
    return places + random.uniform(-0.5, 0.5, places.shape), 10 ** random.uniform(1.5, 3, len(places))


def image_of(places, fluxes, width, dx=0.0, dy=0.0):
    """Stars of Gaussian profile, integrated over pixels."""
    image = np.full((SIZE, SIZE), 2.0)
    for (x, y), flux in zip(places + np.array([dx, dy]), fluxes, strict=True):
        i, j = round(x), round(y)
        columns, rows = np.arange(max(i - 7, 0), min(i + 8, SIZE)), np.arange(max(j - 7, 0), min(j + 8, SIZE))
        along, across = (
            _edge((part - centre + 0.5) / width) - _edge((part - centre - 0.5) / width)
            for part, centre in ((rows, y), (columns, x))
        )
        image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += flux * np.outer(along, across)
    return image


def compared(seed, width=1.1, amplitude=0.0, shift=0.0):
    """An exposure with cosmic rays on stars, and what a smoothed median of four makes of it.

    Rays have `amplitude` times the light of their pixel; the median is `shift` pixels beside the exposure. Returns
    data, errors, the median, numbers, rays, and all pixels of stars.
    """
    random = np.random.default_rng(seed)
    places, fluxes = stars(random)
    light = image_of(places, fluxes, width) - 2
    errors = np.hypot(NOISE, 0.05 * np.sqrt(light)).astype("f4")
    data, rays = 2 + light + random.normal(0, 1, light.shape) * errors, np.zeros(light.shape, bool)
    rays[random.integers(0, SIZE, 400), random.integers(0, SIZE, 400)] = True
    rays &= light > 30 * NOISE
    data[rays] += amplitude * light[rays]
    expected = convolve(image_of(places, fluxes, width, shift), ACROSS @ ACROSS.T)
    expected += 0.5 * random.normal(0, 1, light.shape) * errors
    number = np.full(light.shape, 4, "f4")
    return data.astype("f4"), errors, expected.astype("f4"), number, rays, light > 10 * NOISE


def flagged(data, errors, expected, limits, number):
    dq = np.zeros(data.shape, np.uint32)
    flag_outliers(data, errors, dq, expected, limits, number=number)
    return dq != 0


def sharpened_limits(data, errors, expected, number):
    good = np.ones(data.shape, bool)
    limits = Limits(sharpening=smoothing_of(data, errors, good, expected, 0.0, number))
    return with_sharpened_scales(data, errors, good, expected, 0.0, limits, number)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_smoothing_is_measured_in_spite_of_cosmic_rays(seed):
    data, errors, expected, number, _, _ = compared(seed, amplitude=0.6)
    clean, good = compared(seed)[0], np.ones(data.shape, bool)
    # The second term of the smoothing makes it a little more than the 1/6 of the first.
    assert 0.16 < smoothing_of(data, errors, good, expected, 0.0, number) < 0.24
    assert smoothing_of(data, errors, good, clean, 0.0, number) < 0.01
    assert smoothing_of(data, errors, good, expected, 0.0, np.full_like(number, 2)) == 0
    assert smoothing_of(data, errors, ~good, expected, 0.0, number) == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rays_on_stars_are_found_and_stars_are_not(seed):
    data, errors, expected, number, rays, on_stars = compared(seed, amplitude=1.0)
    plain = Limits()
    plain = plain.with_scale(scale_of_stars(data, errors, np.ones(data.shape, bool), expected, 0.0, plain))
    sharpened = sharpened_limits(data, errors, expected, number)
    assert sharpened.star_scale < 1.2 <= sharpened.top_scale
    found = [flagged(data, errors, expected, limits, number) for limits in (plain, sharpened)]
    assert found[1][rays].mean() > found[0][rays].mean() + 0.1
    assert not (found[1] & on_stars & ~rays).any()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stars_of_exposures_that_are_not_well_aligned_are_no_outliers(seed):
    data, errors, expected, number, _, _ = compared(seed, shift=0.6)
    limits = sharpened_limits(data, errors, expected, number)
    assert limits.star_scale > 0.6
    assert np.count_nonzero(flagged(data, errors, expected, limits, number)) <= 2


def test_few_peaks_lower_no_limit_and_peaks_of_one_exposure_teach_nothing():
    data, errors, expected, number, _, _ = compared(1)
    limits = Limits(sharpening=0.2)
    for rows, is_lowered in ((160, True), (20, False)):
        good = np.zeros(data.shape, bool)
        good[:rows] = True
        learned = with_sharpened_scales(data, errors, good, expected, 0.0, limits, number)
        assert (learned.star_scale < limits.scale[0]) is is_lowered
    assert with_sharpened_scales(data, errors, good, expected, 0.0, limits, np.ones_like(number)) == limits


def exposures(seed, width=1.1, n_exposures=4):
    """Dithered exposures of one field of stars with a WCS, and rays as bright as the stars on those of the first."""
    random = np.random.default_rng(seed)
    places, fluxes = stars(random)
    result = []
    for number in range(n_exposures):
        dx, dy = random.uniform(-3, 3, 2)
        light = image_of(places, fluxes, width, dx, dy) - 2
        errors = np.hypot(NOISE, 0.05 * np.sqrt(light)).astype("f4")
        data = 2 + light + random.normal(0, 1, light.shape) * errors
        rays = (light > 30 * NOISE) & (random.random(light.shape) < 0.003) & (number == 0)
        rays[:12] = rays[-12:] = rays[:, :12] = rays[:, -12:] = False
        data[rays] += light[rays]
        model = datamodels.ImageModel(data.astype("f4"))
        model.dq, model.err, model.var_rnoise = np.zeros(data.shape, "u4"), errors, np.full(data.shape, 0.01, "f4")
        model.meta.telescope, model.meta.instrument.name, model.meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
        model.meta.exposure.type, model.meta.filename = "NRC_IMAGE", f"e{number}_cal.fits"
        ra, dec = 10 + dx * SCALE / np.cos(np.radians(-20)), -20 - dy * SCALE
        model.meta.wcs = tangent_plane(ra, dec, SCALE, ((SIZE - 1) / 2, (SIZE - 1) / 2), data.shape)
        point(model, ra_ref=ra, dec_ref=dec, roll_ref=0.0, v3yangle=0.0, vparity=-1)
        result.append((model, rays))
    return result


def test_the_step_finds_rays_on_stars_where_the_median_is_sharpened():
    made, found = exposures(6), {}
    rays = made[0][1]
    for sharpen in (False, True):
        models = [model.copy() for model, _ in made]
        models = list(OutlierDetectionStep.call(models, two_values="lower", star_scale=True, sharpen=sharpen))
        found[sharpen] = models[0].dq & pixel.OUTLIER != 0
        if sharpen:
            assert all(np.count_nonzero(model.dq & pixel.OUTLIER) <= 2 for model in models[1:])
    assert found[True][rays].mean() > found[False][rays].mean() + 0.2
    assert not (found[True] & ~binary_dilation(rays, np.ones((3, 3)))).any()


@pytest.mark.parametrize("seed", [6, 7, 12])
def test_cores_of_stars_narrower_than_pixels_are_no_outliers(seed):
    made, counts = exposures(seed, 0.5), []
    for sharpen in (False, True):
        models = [model.copy() for model, _ in made]
        models = list(OutlierDetectionStep.call(models, two_values="lower", star_scale=True, sharpen=sharpen))
        counts.append(sum(np.count_nonzero(model.dq & pixel.OUTLIER) for model in models[1:]))
    assert counts[0] > 10 and counts[1] == 0


def test_images_that_are_not_resampled_are_not_sharpened():
    models = [exposures(6)[0][0].copy() for _ in range(4)]
    results = [
        list(OutlierDetectionStep.call([model.copy() for model in models], resample_data=False, sharpen=sharpen))
        for sharpen in (False, True)
    ]
    for plain, sharpened in zip(*results, strict=True):
        assert np.array_equal(plain.dq, sharpened.dq)


def alone(seed, slope=0.0):
    """Four by four fields of stars on a sky that rises by `slope` errors from the left to the right.

    Returns data, errors, numbers of exposures (1 in the left quarter).
    """
    random = np.random.default_rng(seed)
    places, fluxes = stars(random)
    data = np.tile(image_of(places, fluxes, 0.85), (4, 4))
    data += slope * NOISE * np.linspace(-0.5, 0.5, 4 * SIZE) + random.normal(0, NOISE, data.shape)
    number = np.where(np.arange(4 * SIZE) < SIZE, 1, 4) * np.ones((4 * SIZE, 1))
    return data.astype("f4"), np.full(data.shape, NOISE, "f4"), number.astype("f4")


def found_alone(data, errors, number):
    dq = np.zeros(data.shape, np.uint32)
    flag_alone(data, errors, dq, number)
    return dq != 0


@pytest.mark.parametrize("slope", [40.0, -40.0])
def test_faint_rays_are_found_where_the_sky_is_lower_or_higher_than_elsewhere(slope):
    data, errors, number = alone(3, slope)
    clean = data.copy()
    rays = np.zeros(data.shape, bool)
    rays[16 + 12 * np.arange(11), 4 + 12 * (np.arange(11) % 5)] = True
    data[rays] += 16 * NOISE
    found = found_alone(data, errors, number)
    assert found[rays].mean() > 0.8
    assert not found_alone(clean, errors, number).any()
    assert not (found & ~rays).any()


def test_rays_at_the_edge_beside_bad_pixels_and_like_stairs_are_found():
    data, errors, number = alone(4)
    rays = np.zeros(data.shape, bool)
    rays[0, 28] = rays[100, 0] = rays[40, 29] = True
    rays[[64, 64, 65, 65, 66, 66], [28, 29, 29, 30, 30, 31]] = True
    data[40, 30] = np.nan
    data[rays] = 2 + 15 * NOISE
    found = found_alone(data, errors, number)
    assert found[rays].all()
    assert not (found & ~rays).any()


def test_where_the_median_has_no_value_rays_are_seen_by_one_exposure_only(monkeypatch):
    def with_a_hole(image, x, y, threads=None, linear=True):
        result = blotted(image, x, y, threads, linear)
        if linear:
            result[80, 80] = np.nan
        return result

    monkeypatch.setattr(outliers_exposures, "blotted", with_a_hole)
    models = [model.copy() for model, _ in exposures(7)]
    models[0].data[78:83, 70:90] = 2  # No star is beside the ray
    models[0].data[80, 80] = 2 + 60 * NOISE
    (result, *_) = OutlierDetectionStep.call(models, profile="recommended")
    assert result.dq[80, 80] & pixel.OUTLIER
