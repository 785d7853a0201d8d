"""assign_wcs of MIRI LRS: wavelengths, trace, slit on the sky, way back, bad input."""

import miri_spectra as miri
import numpy as np
import pytest
from astropy.io import fits
from sky_projections import camera

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.step import AssignWcsStep
from hexcal.steps.wcs import frames, miri_lrs
from hexcal.steps.wcs.evaluate import evaluate_points
from hexcal.steps.wcs.smoothing_spline import smoothed
from hexcal.steps.wcs.spectral import slit_coordinates

FACTOR = 1 / (1 + 20000.0 / 299792458.0)
POINTING = frames.Pointing(120.0, -520.0, 41.0, 53.16, -27.79)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return miri.write_lrs_references(tmp_path_factory.mktemp("lrs"))


@pytest.fixture(scope="module")
def assigned(folder):
    return AssignWcsStep.call(miri.lrs_exposure(), references=str(folder))


@pytest.mark.req("AWCS-06", "AWCS-07", "AWCS-09", "AWCS-14", "AWCS-27")
def test_pixels_of_the_slit(assigned):
    wcs = assigned.meta.wcs
    assert wcs.available_frames == ["detector", "alpha_beta", "v2v3", "v2v3vacorr", "world"]
    x0, y0 = miri.LRS_ORIGIN[0] - 1, miri.LRS_ORIGIN[1] - 1
    x, y = np.meshgrid(np.arange(21.0, 38.0), np.arange(10.0, 54.0))
    ra, dec, wavelength = wcs(x, y)
    assert wavelength == pytest.approx(FACTOR * miri.lrs_wavelength(y - y0), rel=1e-9)
    # Light of a source at one place of the slit follows the trace: the sky position is that of the reference row.
    v2, v3 = camera(scale=0.11)(x - miri.lrs_trace(y - y0), np.full_like(y, y0))
    sky = evaluate_points(frames.v2v3_to_sky(POINTING), 120.0 + 1.0001 * (v2 - 120.0), -520.0 + 1.0001 * (v3 + 520.0))
    assert np.abs(np.array([ra, dec]) - np.array(sky)).max() < 1e-11
    assert wcs(x0, y0)[2] == pytest.approx(FACTOR * 9.0, rel=1e-9)
    # The way back interpolates rows in wavelength.
    assert np.array(wcs.invert(ra, dec, wavelength)) == pytest.approx(np.array([x, y]), abs=2e-3)
    assert assigned.meta.wcsinfo.dispersion_direction == 2


def test_wavelengths_of_all_pixels_are_in_the_product(assigned):
    wavelength = slit_coordinates(assigned).wavelength
    assert np.array_equal(assigned.wavelength, wavelength.astype("f4"), equal_nan=True)
    rows, columns = np.nonzero(np.isfinite(wavelength))
    # Columns x0 - 10 to x1 + 10 and half a pixel, rows of the table.
    assert (rows.min(), rows.max()) == (9, 54) and (columns.min(), columns.max()) == (18, 40)


def test_the_outline_is_that_of_the_slit(assigned, tmp_path, caplog):
    corners = np.array(assigned.meta.wcsinfo.s_region.split()[2:], float).reshape(4, 2)
    v2, v3 = np.array([119.0, 119.0, 121.0, 121.0]), np.array([-520.2, -519.8, -519.8, -520.2])
    sky = evaluate_points(frames.v2v3_to_sky(POINTING), 120.0 + 1.0001 * (v2 - 120.0), -520.0 + 1.0001 * (v3 + 520.0))
    assert corners == pytest.approx(np.array(sky).T, abs=1e-9)
    without = AssignWcsStep.call(
        miri.lrs_exposure(), references=str(miri.write_lrs_references(tmp_path, corners=False))
    )
    assert without.meta.wcsinfo.s_region is None and "V2VERT1" in caplog.text


def test_where_the_target_is_by_the_dither(folder, caplog):
    exposure = miri.lrs_exposure()
    exposure.meta.wcsinfo.v3yangle, exposure.meta.wcsinfo.vparity = 30.0, -1
    exposure.meta.dither.x_offset, exposure.meta.dither.y_offset = 2.0, 1.0
    result = AssignWcsStep.call(exposure, references=str(folder))
    v2 = 120.0 - 2.0 * np.cos(np.radians(30)) + np.sin(np.radians(30))
    v3 = -520.0 + 2.0 * np.sin(np.radians(30)) + np.cos(np.radians(30))
    sky = evaluate_points(frames.v2v3_to_sky(POINTING), 120.0 + 1.0001 * (v2 - 120.0), -520.0 + 1.0001 * (v3 + 520.0))
    dithered = result.meta.dither.dithered_ra, result.meta.dither.dithered_dec
    assert dithered == pytest.approx([float(value) for value in sky], abs=1e-11)
    assert result.meta.wcsinfo.specsys == "BARYCENT"
    without = AssignWcsStep.call(miri.lrs_exposure(), references=str(folder))
    assert without.meta.dither.dithered_ra is None and "XOFFSET" in caplog.text


def test_without_slit(folder):
    exposure = miri.lrs_exposure("MIR_LRS-SLITLESS", nints=2)
    exposure.meta.subarray.xstart, exposure.meta.subarray.ystart = 1, 6
    result = AssignWcsStep.call(exposure, references=str(folder))
    box = result.meta.wcs.bounding_box
    # IMYSLTL 41 is row 35 of the subarray; the table ends 15 rows above, pixels half a row further.
    assert [float(box[name].upper) for name in ("x0", "x1")] == [71.5, 51.5]
    assert result.meta.wcs(25.0, 35.0)[2] == pytest.approx(FACTOR * 9.0, rel=1e-9)
    assert result.wavelength.shape == miri.LRS_SHAPE
    assert result.meta.wcsinfo.s_region is None


def test_a_delivered_file_that_calls_itself_specwcs(tmp_path):
    path = miri.write_lrs_references(tmp_path) / "specwcs.fits"
    fits.setval(path, "DATAMODL", value="SpecwcsModel")
    result = AssignWcsStep.call(miri.lrs_exposure(), references=str(tmp_path))
    assert np.isfinite(result.wavelength).any() and result.meta.wcsinfo.s_region


def test_smoothing_takes_scatter_and_leaves_the_rest():
    row = np.arange(-290.0, 95.0)
    smooth = miri.lrs_wavelength(row / 10)
    assert np.abs(smoothed(row, smooth, miri_lrs._SMOOTHING) - smooth).max() < 1e-3
    scattered = smooth + np.where(np.arange(row.size) % 2, 0.002, -0.002)
    assert np.std(smoothed(row, scattered, miri_lrs._SMOOTHING) - smooth) < 2e-4


def test_the_table_itself_gives_the_wavelengths_where_asked_for(tmp_path):
    path = miri.write_lrs_references(tmp_path) / "specwcs.fits"
    with fits.open(path, mode="update") as hdus:
        rows = hdus["WAVETABLE"].data
        # Scatter that a smooth curve takes for noise.
        rows["wavelength"] += np.where(np.arange(len(rows)) % 2, 0.003, -0.003)
        expected = dict(zip(rows["y_center"] + miri.LRS_ORIGIN[1] - 1, FACTOR * rows["wavelength"], strict=True))
    of_table, smooth = (
        AssignWcsStep.call(miri.lrs_exposure(), references=str(tmp_path), lrs_wavelengths=how).meta.wcs
        for how in ("table", "smoothed")
    )
    y = np.array(sorted(expected))[1:-1]
    x = np.full_like(y, miri.LRS_ORIGIN[0] - 1)
    wanted = np.array([expected[row] for row in y])
    ra, dec, wavelength = of_table(x, y)
    assert wavelength == pytest.approx(wanted, rel=1e-12)
    assert np.std(smooth(x, y)[2] - wanted) > 0.002
    assert np.array(of_table.invert(ra, dec, wavelength)) == pytest.approx(np.array([x, y]), abs=2e-3)


def test_files_that_do_not_fit(folder, tmp_path):
    with pytest.raises(ReferenceError_, match="IMX, IMY"):
        AssignWcsStep.call(
            miri.lrs_exposure(), references=str(miri.write_lrs_references(tmp_path, x_ref=None, y_ref=None))
        )
    flat = datamodels.FlatModel(np.ones((4, 4), "f4"))
    flat.meta.reftype = "SPECWCS"
    flat.save(tmp_path / "specwcs.fits")
    with pytest.raises(ReferenceError_, match="WAVETABLE"):
        AssignWcsStep.call(miri.lrs_exposure(), references=str(tmp_path))
