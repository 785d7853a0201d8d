"""Corrections of the WCS by hand: known shifts, rolls and scales; those of one image on another."""

import subprocess
import sys

import numpy as np
import pytest
from sky_projections import tangent_plane
from star_fields import exposure, stars

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.step import TweakRegStep
from hexcal.tweakreg.utils import adjust_wcs, transfer_wcs_correction

X, Y = np.array([10.0, 250.0, 120.0]), np.array([20.0, 30.0, 260.0])


def distances(first, second):
    """Arcsec between positions."""
    east = (first[0] - second[0]) * np.cos(np.radians(second[1]))
    return 3600 * np.hypot(east, first[1] - second[1])


def separations(sky):
    """Arcsec between each two of three positions."""
    return distances([np.roll(values, 1) for values in sky], sky)


@pytest.mark.req("TWEAK-19")
def test_adjusted_wcs_is_moved_turned_and_scaled():
    model = exposure(stars())
    wcs = model.meta.wcs
    before = wcs(X, Y)
    moved = adjust_wcs(wcs, delta_ra=1e-3)(X, Y)
    np.testing.assert_allclose(moved[0] - before[0], 1e-3, atol=1e-11)
    np.testing.assert_allclose(moved[1], before[1], atol=1e-11)
    up = adjust_wcs(wcs, delta_dec=2e-3)(X, Y)
    np.testing.assert_allclose(up[1] - before[1], 2e-3, atol=1e-8)
    turned, larger = adjust_wcs(wcs, delta_roll=90.0)(X, Y), adjust_wcs(wcs, scale_factor=1.01)
    np.testing.assert_allclose(separations(turned), separations(before), rtol=1e-5)
    east = (before[0][1] - before[0][0]) * np.cos(np.radians(before[1][0])), before[1][1] - before[1][0]
    rolled = (turned[0][1] - turned[0][0]) * np.cos(np.radians(turned[1][0])), turned[1][1] - turned[1][0]
    # The position angle grows by 90 degrees: north goes to east.
    np.testing.assert_allclose(rolled, (east[1], -east[0]), atol=1e-7)
    np.testing.assert_allclose(separations(larger(X, Y)), 1.01 * separations(before), rtol=1e-6)
    assert "v2v3corr" in larger.available_frames and larger.bounding_box == wcs.bounding_box
    np.testing.assert_array_equal(wcs(X, Y), before)
    np.testing.assert_allclose(wcs.invert(*adjust_wcs(wcs)(X, Y)), (X, Y), atol=1e-5)


def test_what_cannot_be_adjusted_is_refused():
    with pytest.raises(InputError, match="resampled"):
        adjust_wcs(tangent_plane(), delta_ra=1.0)
    with pytest.raises(ParameterError, match="positive"):
        adjust_wcs(exposure(stars()).meta.wcs, scale_factor=0)


_CORRECTED = """
import sys
from hexcal import datamodels
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.wcs import sip
from hexcal.tweakreg.utils import adjust_wcs
model = datamodels.open(sys.argv[1])
model.meta.wcs = adjust_wcs(wcs_of(model), delta_ra=1e-3, scale_factor=1.01)
sip.update_fits_wcsinfo(model)
model.save(sys.argv[2])
assert not {"gwcs", "asdf", "astropy.modeling"} & set(sys.modules)
"""


def test_a_wcs_is_corrected_approximated_and_written_without_gwcs(tmp_path):
    model, paths = exposure(stars()), (tmp_path / "before_cal.fits", tmp_path / "after_cal.fits")
    model.save(paths[0])
    done = subprocess.run([sys.executable, "-c", _CORRECTED, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = datamodels.open(paths[1]).meta.wcs
    expected = adjust_wcs(model.meta.wcs, delta_ra=1e-3, scale_factor=1.01)
    assert written.available_frames == expected.available_frames
    np.testing.assert_allclose(written(X, Y), expected(X, Y), rtol=0, atol=1e-12)
    np.testing.assert_allclose(written.invert(*expected(X, Y)), (X, Y), atol=1e-5)


@pytest.mark.req("TWEAK-20")
def test_the_correction_of_one_image_is_that_of_another_with_the_same_error(tmp_path):
    # Both headers err in the same way: what tweakreg finds for one is right for the other.
    sky, error = stars(), (0.3, -0.2, 0.0)
    catalogue = tmp_path / "stars.ecsv"
    from astropy.table import Table

    Table({"RA": sky[0], "DEC": sky[1]}).write(catalogue, format="ascii.ecsv")
    first, second = exposure(sky, error=error), exposure(sky, error=error, dither=(1.0, 0.5), number=2)
    (aligned,) = list(TweakRegStep.call([first], abs_refcat=str(catalogue), abs_separation=0.2, abs_tolerance=0.3))
    assert aligned.meta.cal_step.tweakreg == "COMPLETE"
    shift = distances(aligned.meta.wcs(X, Y), first.meta.wcs(X, Y))
    np.testing.assert_allclose(shift, np.hypot(0.3, 0.2), atol=0.01)
    before = second.meta.wcs(X, Y)
    second.save(tmp_path / "second_cal.fits")
    transfer_wcs_correction(second, aligned)
    np.testing.assert_allclose(distances(second.meta.wcs(X, Y), before), np.hypot(0.3, 0.2), atol=0.01)
    transfer_wcs_correction(tmp_path / "second_cal.fits", aligned)
    written = datamodels.open(tmp_path / "second_cal.fits").meta.wcs(X, Y)
    np.testing.assert_allclose(written, second.meta.wcs(X, Y), atol=1e-12)


@pytest.mark.req("TWEAK-20")
def test_a_given_correction_takes_the_place_of_that_of_the_image():
    first, second = exposure(stars()), exposure(stars(), dither=(1.0, 0.5), number=2)
    before = second.meta.wcs(X, Y)
    with pytest.raises(InputError, match="no correction"):
        transfer_wcs_correction(second, first)
    with pytest.raises(ParameterError, match="together"):
        transfer_wcs_correction(second, first, shift=(1.0, 0.0))
    transfer_wcs_correction(second, first, matrix=1.02 * np.eye(2), shift=(0.0, 0.0))
    np.testing.assert_allclose(separations(second.meta.wcs(X, Y)), 1.02 * separations(before), rtol=1e-6)
