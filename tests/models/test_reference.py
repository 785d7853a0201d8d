"""Reference models: flags in the master bits, cut-outs."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.models import dqflags


@pytest.mark.req("COMMON-04")
def test_the_master_bits():
    names = """DO_NOT_USE SATURATED JUMP_DET DROPOUT OUTLIER PERSISTENCE AD_FLOOR CHARGELOSS UNRELIABLE_ERROR
        NON_SCIENCE DEAD HOT WARM LOW_QE RC TELEGRAPH NONLINEAR BAD_REF_PIXEL NO_FLAT_FIELD NO_GAIN_VALUE NO_LIN_CORR
        NO_SAT_CHECK UNRELIABLE_BIAS UNRELIABLE_DARK UNRELIABLE_SLOPE UNRELIABLE_FLAT OPEN ADJ_OPEN FLUX_ESTIMATED
        MSA_FAILED_OPEN OTHER_BAD_PIXEL REFERENCE_PIXEL""".split()
    assert {name: dqflags.pixel[name] for name in names} == {name: 1 << bit for bit, name in enumerate(names)}
    assert dqflags.pixel.DO_NOT_USE == 1
    assert len(dqflags.pixel) == 33 and max(dqflags.group.values()) == 128
    assert dqflags.names_of(5) == ["DO_NOT_USE", "JUMP_DET"]


@pytest.mark.req("COMMON-03", "DQ-02", "S2C-04")
def test_the_file_s_own_bits_are_translated():
    table = np.array(
        [(0, 1, b"HOT", b""), (1, 2, b"DO_NOT_USE", b""), (2, 4, b"MADE_UP", b"")],
        dtype=[("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")],
    )
    translated = dqflags.translate(np.array([0, 1, 2, 3, 4, 8], "u1"), table)
    assert translated.tolist() == [0, 2048, 1, 2049, 0, 0]
    assert dqflags.translate(np.array([3], "u1"), None).tolist() == [3]


def reference(tmp_path, nx=40, ny=30, x=1, y=1, name="FULL"):
    header = fits.Header(
        {"TELESCOP": "JWST", "REFTYPE": "SUPERBIAS", "INSTRUME": "NIRCAM", "DETECTOR": "NRCA1", "SUBARRAY": name}
    )
    header.update(SUBSTRT1=x, SUBSTRT2=y, SUBSIZE1=nx, SUBSIZE2=ny)
    path = tmp_path / "superbias.fits"
    data = np.arange(ny * nx, dtype="f4").reshape(ny, nx)
    fits.HDUList(
        [fits.PrimaryHDU(header=header), fits.ImageHDU(data, name="SCI"), fits.ImageHDU(data.astype("i4"), name="DQ")]
    ).writeto(path)
    return datamodels.open(path), data


def exposure(nx, ny, x, y):
    model = datamodels.RampModel((1, 2, ny, nx))
    model.meta.instrument.name, model.meta.instrument.detector = "NIRCAM", "NRCA1"
    model.meta.subarray.xstart, model.meta.subarray.ystart, model.meta.subarray.xsize, model.meta.subarray.ysize = (
        x,
        y,
        nx,
        ny,
    )
    return model


@pytest.mark.req("DQINIT-03", "SBIAS-06", "LIN-07", "SAT-07")
def test_cut_out_reads_only_the_subarray(tmp_path):
    full, data = reference(tmp_path)
    part = full.cutout(exposure(10, 8, 5, 3))
    assert np.array_equal(part.data, data[2:10, 4:14]) and np.array_equal(part.dq, data[2:10, 4:14].astype("u4"))
    assert not full.contents.arrays, "the whole was read"
    assert np.array_equal(full.cutout(exposure(10, 8, 5, 3)).read("data", np.s_[1:3]), data[3:5, 4:14])
    assert part.shape == (8, 10)


def test_a_reference_of_the_same_subarray_is_used_as_it_is(tmp_path):
    own, _ = reference(tmp_path, nx=10, ny=8, x=5, y=3, name="SUB")
    assert own.cutout(exposure(10, 8, 5, 3)) is own


def test_a_reference_that_does_not_cover_the_subarray_is_refused_with_both_windows(tmp_path):
    small, _ = reference(tmp_path, nx=10, ny=8, x=5, y=3, name="SUB")
    with pytest.raises(
        ReferenceError_, match=r"needed \(8, 10\) \(ny, nx\) from x=1, y=1; it holds \(8, 10\) from x=5, y=3"
    ):
        small.cutout(exposure(10, 8, 1, 1))


def test_a_reference_whose_flags_are_of_other_pixels_is_refused():
    """Numba reads beyond the end of an array that is too small."""
    odd = datamodels.SuperBiasModel(np.zeros((8, 10), "f4"))
    odd.dq = np.zeros((4, 4), "u4")
    with pytest.raises(ReferenceError_, match=r"DQ .* the pixels of SCI, \(8, 10\) \(ny, nx\); it has \(4, 4\)"):
        odd.cutout(exposure(10, 8, 1, 1))


def test_a_reference_of_another_detector_is_refused(tmp_path):
    full, _ = reference(tmp_path)
    other = exposure(10, 8, 1, 1)
    other.meta.instrument.detector = "NRCB2"
    with pytest.raises(ReferenceError_, match="DETECTOR = NRCA1, the exposure has NRCB2"):
        full.check_for(other, "superbias")


def test_translated_flags_are_saved_with_a_table_that_fits(tmp_path):
    table = np.array(
        [(0, 1, b"HOT", b"")], dtype=[("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")]
    )
    header = fits.Header({"TELESCOP": "JWST", "REFTYPE": "MASK"})
    dq = np.array([[0, 1], [1, 0]], "u1")
    hdus = [fits.PrimaryHDU(header=header), fits.ImageHDU(dq, name="DQ"), fits.BinTableHDU(table, name="DQ_DEF")]
    fits.HDUList(hdus).writeto(tmp_path / "mask.fits")
    mask = datamodels.open(tmp_path / "mask.fits")
    assert mask.dq[0, 1] == 2048
    mask.save(tmp_path / "again.fits")
    assert np.array_equal(datamodels.open(tmp_path / "again.fits").dq, mask.dq)


def test_a_keyword_that_is_known_only_for_other_models_survives_and_can_be_changed(tmp_path):
    header = fits.Header({"TELESCOP": "JWST", "REFTYPE": "PHOTOM", "PIXAR_SR": 1e-13})
    fits.HDUList([fits.PrimaryHDU(header=header), fits.ImageHDU(np.ones((2, 2), "f4"), name="SCI")]).writeto(
        tmp_path / "photom.fits"
    )
    model = datamodels.open(tmp_path / "photom.fits")
    model.save(tmp_path / "a.fits")
    assert fits.getheader(tmp_path / "a.fits")["PIXAR_SR"] == 1e-13
    model.meta.photometry.pixelarea_steradians = 2e-13
    model.save(tmp_path / "b.fits")
    assert fits.getheader(tmp_path / "b.fits")["PIXAR_SR"] == 2e-13
