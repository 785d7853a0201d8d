"""Apertures with light that is interpolated within pixels: fluxes, errors, undersampled images."""

import logging

import numpy as np
import pytest
from mosaics import JANSKY, mosaic, write_references

from hexcal.simulate.sky import Optics
from hexcal.step import SourceCatalogStep
from hexcal.steps.image.phase_scatter import intrinsic_scatter
from hexcal.steps.image.sersic_totals import point_source_gaussians
from hexcal.steps.image.smooth_photometry import is_well_sampled, smooth_sum

NARROW = 0.95
"""Standard deviation of stars, in pixels, as in short-wave mosaics of NIRCam."""


def narrow_apertures(sigma):
    """Rows of APCORR for Gaussians that circles see a pixel wider."""
    wide = np.hypot(sigma, np.sqrt(1 / 12))
    energies = (0.3, 0.5, 0.7, 0.8)
    return [("F200W", "CLEAR", e, wide * np.sqrt(-2 * np.log(1 - e)), 1 / e, 14, 20) for e in energies]


def measured(references, image, **parameters):
    return SourceCatalogStep.call(
        image, references=str(references), centroids="windowed", phase_errors=True, aperture_ee3=80, **parameters
    )


def stars(sigma):
    """A mosaic of 30 stars anywhere in pixels, their places, their fluxes."""
    rng = np.random.default_rng(8)
    places = [(x, y) for x in range(40, 230, 36) for y in range(40, 210, 36)] + rng.uniform(-0.5, 0.5, (30, 2))
    fluxes = rng.uniform(400, 900, 30)
    return mosaic(noise=0.005, sigma=sigma, places=[tuple(place) for place in places], fluxes=fluxes), places, fluxes


def test_fluxes_hardly_depend_on_the_place_in_a_pixel(tmp_path):
    references = write_references(tmp_path / "references", rows=narrow_apertures(NARROW))
    # Stars are integrated over pixels: a box less.
    image, places, fluxes = stars(np.sqrt(NARROW**2 - 1 / 12))
    spread = {}
    for how in ("even", "smooth"):
        table = measured(references, image.copy(), within_pixels=how)
        found = np.column_stack([table["xcentroid"], table["ycentroid"]])
        true = fluxes[np.hypot(*(found[:, None] - places).transpose(2, 0, 1)).argmin(axis=1)] * JANSKY
        errors = table["aper_total_flux"].value - true
        spread[how] = (errors / true).std()
        assert len(table) == 30 and np.abs((errors / true).mean()) < 0.004
        # The errors of the catalogue hold what is left.
        assert 0.6 < (errors / table["aper_total_flux_err"].value).std() < 1.6
    assert spread["even"] > 0.006 and spread["smooth"] < 0.3 * spread["even"]


def test_an_undersampled_image_is_not_interpolated(tmp_path, caplog):
    references = write_references(tmp_path / "references", rows=narrow_apertures(0.55))
    image, _, _ = stars(0.47)
    with caplog.at_level(logging.INFO):
        smooth = measured(references, image.copy(), within_pixels="smooth")
    assert "too wide for a point source" in caplog.text
    np.testing.assert_array_equal(smooth["aper_total_flux"], measured(references, image.copy())["aper_total_flux"])


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        (((0.72, 0.85), (0.20, 2.2), (0.08, 6.0)), True),
        (((0.68, 1.02), (0.22, 2.6), (0.10, 7.0)), True),
        (((0.75, 0.50), (0.18, 1.3), (0.07, 4.0)), False),
    ],
)
def test_the_point_sources_of_the_cameras(components, expected):
    radii = np.linspace(0.1, 12, 2000)
    encircled = Optics(components).encircled(radii, 4)
    energies = np.arange(0.2, 0.85, 0.1)
    apertures = np.interp(energies, encircled, radii)
    assert is_well_sampled(point_source_gaussians(apertures, energies), apertures[-1]) is expected


def test_a_circle_so_large_that_it_does_not_matter_takes_no_memory():
    sums = smooth_sum(np.ones((9, 9), "f4"), np.zeros((9, 9), bool), np.array([4.0]), np.array([4.0]), 1e5)
    assert np.isnan(sums).all() and is_well_sampled(point_source_gaussians([1.0, 1e5], [0.3, 0.8]), 1e5)


def test_scatter_beyond_the_noise_is_told_by_those_that_have_little_noise():
    """Half of the stars have more noise than they scatter; those do not make the result uncertain."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(300):
        errors = 0.006 * 10 ** rng.uniform(-1.4, 0, 34)
        found.append(intrinsic_scatter(1 + rng.normal(size=34) * np.hypot(errors, 0.0035), errors))
    assert np.mean(found) == pytest.approx(0.0035, rel=0.05)
    # That of the median absolute deviation in units of the errors is 0.00096.
    assert np.std(found) < 0.0007
    values = 1 + 0.0035 * rng.normal(size=34)
    clean, values[3] = intrinsic_scatter(values, np.full(34, 1e-4)), 1.3
    assert intrinsic_scatter(values, np.full(34, 1e-4)) < 1.5 * clean
