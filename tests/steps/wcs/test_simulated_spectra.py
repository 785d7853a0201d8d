"""assign_wcs of every spectroscopic mode against optics that it does not share: wavelengths and places of pixels."""

import numpy as np
import pytest
from spectra import made

from hexcal.models.stored_wcs import opened
from hexcal.simulate.spectra import nirspec_ifu, nirspec_optics
from hexcal.simulate.spectra.light import doppler
from hexcal.steps.wcs.assign_wcs import AssignWcsStep
from hexcal.steps.wcs.nirspec_slits import slit_wcs
from hexcal.steps.wcs.spectral import ifu_slices, slit_coordinates

SKY = 1e-6
"""Arcsec within which positions agree."""
WAVE = 3e-5
"""µm: the step looks the wavelengths of a prism up in a table."""


def assigned(folder, mode, **options):
    """The series of a mode and its first exposure, with a WCS."""
    simulated = made(folder, mode, noise=0.0, **options)
    return simulated.series, AssignWcsStep.call(simulated.exposures[0], references=str(simulated.references))


def apart(found, ra, dec, where):
    """The largest distance of positions, arcsec."""
    east = (found[0] - ra) * np.cos(np.radians(dec))
    return 3600 * np.hypot(east, found[1] - dec)[where].max()


@pytest.mark.parametrize("mode", ["miri-lrs", "miri-lrs-slitless"])
def test_the_low_resolution_spectrometer(tmp_path, mode):
    series, model = assigned(tmp_path, mode)
    wavelength, along = series.optics.planes()
    found = slit_coordinates(model)
    seen = np.isfinite(found.wavelength) & series.lit()
    assert np.count_nonzero(seen) > 0.9 * np.count_nonzero(series.lit() & (np.abs(along) < 18))
    expected = wavelength * doppler(series.setup.velocity)
    # As the original the step smooths the table of wavelengths, though this one has no scatter to be taken out.
    difference = np.abs(found.wavelength - expected)[seen]
    assert difference.max() < 0.01 and np.median(difference) < 0.003
    offset = -8.6 if series.has_slit else 0.0
    ra, dec = series.pointing(offset).to_sky(
        *series.optics.camera.to_telescope(series.optics.x + along, series.optics.y)
    )
    assert apart((found.ra, found.dec), ra, dec, seen) < SKY
    dither, target = model.meta.dither, model.meta.target
    if series.has_slit:
        # The offsets of the nod lead to the star, but for the curvature of the sky.
        place = np.array([dither.dithered_ra]), np.array([dither.dithered_dec])
        assert apart(place, target.ra, target.dec, [True]) < 1e-5
    else:
        assert dither.dithered_ra is None


def test_the_medium_resolution_spectrometer(tmp_path):
    series, model = assigned(tmp_path, "miri-mrs")
    planes = series.planes
    from hexcal.simulate.spectra.mrs_optics import to_telescope

    attitude = series.attitude((0.45, 0.35))
    slices = ifu_slices(model)
    assert len(slices) == 38
    for part in slices:
        ny, nx = part.wavelength.shape
        here = np.s_[part.row0 : part.row0 + ny, part.col0 : part.col0 + nx]
        seen = np.isfinite(part.wavelength)
        assert np.count_nonzero(seen) > 0.95 * np.count_nonzero(planes.label == 100 * part.channel + part.number % 100)
        np.testing.assert_allclose(part.along[seen], planes.alpha[here][seen], atol=1e-7)
        np.testing.assert_allclose(part.across[seen], planes.beta[here][seen], atol=1e-7)
        wave = planes.wavelength[here] * doppler(series.setup.velocity)
        np.testing.assert_allclose(part.wavelength[seen], wave[seen], rtol=1e-9)
        ra, dec = attitude.to_sky(*to_telescope(planes.alpha[here], planes.beta[here]))
        assert apart((part.ra, part.dec), ra, dec, seen) < SKY


def _check_slit(series, model, number, opening, attitude):
    """A slit of an exposure of NIRSpec: wavelengths, places and the sky, over its bounding box."""
    wcs = opened(slit_wcs(model.meta.wcs, number))
    (x0, x1), (y0, y1) = wcs.bounding_box
    rows, columns = np.mgrid[np.ceil(y0) : np.floor(y1) + 1, np.ceil(x0) : np.floor(x1) + 1]
    ra, dec, wavelength = wcs(columns, rows)
    across, along, _ = wcs.get_transform("detector", "slit_frame")(columns, rows)
    _, left, bottom, *_ = series.setup.subarray
    expected, place = opening.planes(columns + left - 1, rows + bottom - 1)
    expected = expected * doppler(series.setup.velocity)
    seen = np.isfinite(wavelength) & (expected > 0.6) & (expected < 5.3) & (np.abs(place) < 2)
    assert np.count_nonzero(seen) > 0.5 * rows.size
    assert np.abs(wavelength - expected)[seen].max() < WAVE
    assert np.abs(along - place)[seen].max() < 1e-8 and np.abs(across[seen]).max() < 1e-8
    true = attitude.to_sky(*nirspec_optics.shutters_to_telescope(*opening.to_shutters(0 * place, place)))
    assert apart((ra, dec), *true, seen) < SKY


@pytest.mark.parametrize("mode", ["nirspec-fs", "nirspec-bots"])
def test_fixed_slits(tmp_path, mode):
    series, model = assigned(tmp_path, mode)
    from hexcal.steps.wcs.nirspec_slits import slit_numbers

    numbers = slit_numbers(model.meta.wcs)
    assert len(numbers) == len(series.seen)
    for number, name in zip(numbers, series.seen, strict=True):
        _check_slit(series, model, number, nirspec_optics.SLITS[name], series.attitude(0.0))


def test_slitlets(tmp_path):
    series, model = assigned(tmp_path, "nirspec-mos", n_slitlets=3)
    from hexcal.steps.wcs.nirspec_slits import slit_numbers

    assert sorted(slit_numbers(model.meta.wcs)) == [1, 2, 3]
    for slitlet in series.slitlets():
        _check_slit(series, model, slitlet.number, slitlet.opening(0), series.attitude(0))


def test_slices_of_the_integral_field_unit(tmp_path):
    series, model = assigned(tmp_path, "nirspec-ifu")
    attitude = series.attitude((0.12, 0.10))
    slices = ifu_slices(model)
    assert len(slices) == 30
    _, left, bottom, *_ = series.setup.subarray
    for part in slices:
        each = nirspec_ifu.Slice(part.number)
        rows, columns = np.indices(part.wavelength.shape, float)
        expected, place = each.slit.planes(columns + part.col0 + left - 1, rows + part.row0 + bottom - 1)
        expected = expected * doppler(series.setup.velocity)
        seen = np.isfinite(part.wavelength) & (expected > 0.6) & (expected < 5.3)
        assert np.count_nonzero(seen) > 3000
        assert np.abs(part.wavelength - expected)[seen].max() < WAVE
        assert apart((part.ra, part.dec), *attitude.to_sky(*each.to_telescope(0.0, place)), seen) < SKY
