"""wavecorr: point sources beside the centre of their slit, which slits, the WCS, bad input."""

import asdf
import nirspec_spectra as nirspec
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.step import AssignWcsStep, Extract2dStep, WavecorrStep
from hexcal.steps.wcs.spectral import slit_coordinates, slit_plane


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return nirspec.write_references(tmp_path_factory.mktemp("nirspec"))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return nirspec.write_wavecorr(tmp_path_factory.mktemp("table") / "wavecorr.asdf", "S200A1", "S200A2")


@pytest.fixture(scope="module")
def cut(folder):
    def of(model):
        product = Extract2dStep.call(AssignWcsStep.call(model, **nirspec.overrides(folder)))
        for slit in product.slits if hasattr(product, "slits") else [product]:
            slit.source_type, slit.source_xpos = "POINT", 0.25
        return product

    return of


@pytest.fixture(scope="module")
def slits(cut):
    return cut(nirspec.exposure())


@pytest.mark.req("WAVC-01", "WAVC-03", "WAVC-05")
def test_wavelengths_move_by_the_offset(slits, table):
    result = WavecorrStep.call(slits, override_wavecorr=table)
    assert result.meta.cal_step.wavecorr == "COMPLETE"
    before, after = slits.slits[0], result.slits[0]
    moved = after.wavelength.astype(float) - before.wavelength
    dispersion = np.gradient(slit_coordinates(before).wavelength, axis=1)
    sees = np.isfinite(moved) & np.isfinite(dispersion)
    # A quarter of the width, at two pixels per width.
    assert np.abs(moved / dispersion - 0.5)[sees].max() < 5e-3
    assert np.array_equal(np.isnan(before.wavelength), np.isnan(after.wavelength))
    assert after.wavelength_corrected is True


def test_the_wcs_has_the_correction_and_the_way_back(slits, table, tmp_path):
    WavecorrStep.call(slits, override_wavecorr=table).save(tmp_path / "corrected.fits")
    slit = datamodels.open(tmp_path / "corrected.fits").slits[0]
    names = list(slit.meta.wcs.available_frames)
    assert names.index("wavecorr_frame") == names.index("slit_frame") + 1
    found = slit_coordinates(slit)
    assert np.nanmax(np.abs(found.wavelength - slit.wavelength)) < 3e-7
    still = slit_coordinates(slits.slits[0])
    assert np.nanmax(np.abs(found.ra - still.ra)) < 1e-12
    slit_x, slit_y, wavelength = slit_plane(slit)
    sees = np.isfinite(slit_y)
    y, x = np.nonzero(sees)
    to_detector = slit.meta.wcs.get_transform("slit_frame", "detector")
    back = to_detector(slit_x[sees], slit_y[sees], wavelength[sees] * 1e-6)
    assert np.abs(back[0] - x).max() < 1e-3 and np.abs(back[1] - y).max() < 1e-3


@pytest.mark.req("WAVC-04")
def test_of_fixed_slits_only_that_with_the_target(slits, table):
    result = WavecorrStep.call(slits, override_wavecorr=table)
    assert [slit.wavelength_corrected for slit in result.slits] == [True, False, False, False]
    assert np.array_equal(result.slits[1].wavelength, slits.slits[1].wavelength, equal_nan=True)


@pytest.mark.req("WAVC-01", "WAVC-02")
def test_of_slitlets_those_with_point_sources(cut, tmp_path):
    rows = [nirspec.shutter(number, 4, row=100 + 20 * number, source=number, primary=True, point=(0.75, 0.5))
            for number in (1, 2)]  # fmt: skip
    path = nirspec.write_msa_file(tmp_path / "x_msa.fits", rows, [nirspec.source(1), nirspec.source(2)])
    product = cut(nirspec.mos_exposure(path))
    product.slits[1].source_type = "EXTENDED"
    result = WavecorrStep.call(product, override_wavecorr=nirspec.write_wavecorr(tmp_path / "mos.asdf", "MOS"))
    assert [slit.wavelength_corrected for slit in result.slits] == [True, False]
    assert np.nanmin(np.abs(result.slits[0].wavelength - product.slits[0].wavelength)) > 0


def test_nothing_to_correct(slits, table):
    extended = slits.copy()
    for slit in extended.slits:
        slit.source_type = "EXTENDED"
    result = WavecorrStep.call(extended, override_wavecorr=table)
    assert result.meta.cal_step.wavecorr == "SKIPPED"
    assert WavecorrStep.call(slits, override_wavecorr="N/A").meta.cal_step.wavecorr == "SKIPPED"


@pytest.mark.req("WAVC-01")
def test_a_slit_that_cannot_be_corrected_is_left_out(cut, table, tmp_path, caplog):
    bright = cut(nirspec.exposure("NRS_BRIGHTOBJ", shape=(2, *nirspec.SHAPE), kind=datamodels.CubeModel))
    assert WavecorrStep.call(bright, override_wavecorr=table).meta.cal_step.wavecorr == "SKIPPED"
    assert "the WAVECORR file has S200A1, S200A2, not this slit" in caplog.text
    own = nirspec.write_wavecorr(tmp_path / "own.asdf", "S1600A1")
    result = WavecorrStep.call(bright, override_wavecorr=own)
    assert result.meta.cal_step.wavecorr == "COMPLETE"
    assert np.nanmin(np.abs(result.wavelength - bright.wavelength)) > 0


def test_a_source_far_outside_of_its_slit_is_left_out(slits, tmp_path, caplog):
    """A position that is wrong: the shift would put wavelengths out of their order, and nothing could be rectified."""
    table = nirspec.write_wavecorr(tmp_path / "wavecorr.asdf", "S200A1", tilt=2.0)
    for place in (-1e5, 1e5):
        far = slits.copy()
        far.slits[0].source_xpos = place
        result = WavecorrStep.call(far, override_wavecorr=table)
        if not result.slits[0].wavelength_corrected:
            break
    assert "slit widths from the middle" in caplog.text
    assert np.array_equal(result.slits[0].wavelength, slits.slits[0].wavelength, equal_nan=True)


def test_a_file_without_tables(slits, tmp_path):
    asdf.AsdfFile({"meta": {"reftype": "wavecorr", "model_type": "WaveCorrModel"}}).write_to(tmp_path / "empty.asdf")
    with pytest.raises(ReferenceError_, match="'apertures' is required"):
        WavecorrStep.call(slits, override_wavecorr=str(tmp_path / "empty.asdf"))
