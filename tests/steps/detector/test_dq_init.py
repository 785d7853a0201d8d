"""The first data quality flags."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.steps.detector.dq_init import DQInitStep, add_mask


def make_ramp(shape=(2, 5, 4, 6), instrument="NIRCAM", value=100.0):
    ramp = datamodels.RampModel(np.full(shape, value, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = shape[:2]
    return ramp


def make_mask(shape, definitions=None):
    mask = datamodels.MaskModel(np.zeros(shape, np.uint32))
    if definitions:
        mask.dq_def = np.array(
            [(i, v, n, "") for i, (v, n) in enumerate(definitions)],
            [("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")],
        )
    return mask


def test_flags_are_combined():
    flags = np.uint32([[1, 0, 4]])
    add_mask(flags, np.uint32([[2, 8, 4]]))
    assert flags.tolist() == [[3, 8, 4]]


def test_pixels_not_to_use_are_flagged_in_all_groups():
    flags, groups = np.uint32([[pixel.DO_NOT_USE, 0, 0]]), np.zeros((2, 3, 1, 3), np.uint8)
    groups[1, 2] = 4
    add_mask(flags, np.uint32([[0, pixel.DO_NOT_USE | pixel.DEAD, pixel.HOT]]), groups)
    assert (groups & 1 == [[0, 1, 0]]).all()
    assert (groups[1, 2] & 4 == 4).all()


@pytest.mark.req("DQINIT-02", "DQINIT-04", "DQINIT-09")
def test_raw_exposure_gets_flags():
    raw = datamodels.Level1bModel(np.ones((2, 3, 4, 6), np.uint16))
    raw.meta.telescope, raw.meta.instrument.name = "JWST", "NIRCAM"
    mask = make_mask((4, 6))
    mask.dq[1, 2] = pixel.HOT | pixel.DO_NOT_USE
    result = DQInitStep.call(raw, override_mask=mask)
    assert isinstance(result, datamodels.RampModel)
    assert result.data.dtype == np.float32
    assert result.pixeldq.dtype == np.uint32
    assert result.pixeldq.shape == (4, 6)
    assert result.groupdq.dtype == np.uint8
    assert result.groupdq.shape == (2, 3, 4, 6)
    assert np.count_nonzero(result.groupdq) == 6
    assert (result.groupdq[:, :, 1, 2] == 1).all()
    assert result.pixeldq[1, 2] == pixel.HOT | pixel.DO_NOT_USE
    assert np.count_nonzero(result.pixeldq) == 1
    assert result.meta.cal_step.dq_init == "COMPLETE"


@pytest.mark.req("DQINIT-04", "COMMON-03")
def test_flags_of_the_file_are_translated(tmp_path):
    mask = make_mask((4, 6), [(1, "DO_NOT_USE"), (2, "REFERENCE_PIXEL"), (4, "DEAD"), (8, "NO_SUCH_FLAG")])
    mask.dq[0, :4] = 1, 2, 6, 8
    mask.save(tmp_path / "mask.fits")
    result = DQInitStep.call(make_ramp(), override_mask=str(tmp_path / "mask.fits"))
    assert result.pixeldq[0, :4].tolist() == [
        pixel.DO_NOT_USE,
        pixel.REFERENCE_PIXEL,
        pixel.REFERENCE_PIXEL | pixel.DEAD,
        0,
    ]


@pytest.mark.req("DQINIT-03")
def test_subarray_is_cut_out():
    ramp = make_ramp()
    ramp.meta.subarray.xstart, ramp.meta.subarray.ystart, ramp.meta.subarray.xsize, ramp.meta.subarray.ysize = (
        9,
        5,
        6,
        4,
    )
    mask = make_mask((32, 32))
    mask.meta.subarray.xstart, mask.meta.subarray.ystart = 1, 1
    mask.dq[4, 8], mask.dq[7, 13], mask.dq[8, 8] = 1, 2, 4
    result = DQInitStep.call(ramp, override_mask=mask)
    assert result.pixeldq[0, 0] == 1
    assert result.pixeldq[3, 5] == 2
    assert np.count_nonzero(result.pixeldq) == 2


def test_mask_that_does_not_cover_is_refused():
    ramp = make_ramp()
    ramp.meta.subarray.xstart, ramp.meta.subarray.ystart = 30, 1
    mask = make_mask((32, 32))
    with pytest.raises(ReferenceError_, match="does not cover"):
        DQInitStep.call(ramp, override_mask=mask)


@pytest.mark.req("DQINIT-05")
@pytest.mark.parametrize(
    "exposure_type", ["FGS_ID-IMAGE", "FGS_ID-STACK", "FGS_ACQ1", "FGS_ACQ2", "FGS_TRACK", "FGS_FINEGUIDE"]
)
def test_guider_flags_go_to_dq(exposure_type):
    guider = datamodels.GuiderRawModel(np.ones((2, 3, 4, 6), np.float32))
    guider.meta.telescope, guider.meta.instrument.name, guider.meta.exposure.type = "JWST", "FGS", exposure_type
    mask = make_mask((4, 6))
    mask.dq[1, 2] = 1
    result = DQInitStep.call(guider, override_mask=mask)
    assert isinstance(result, datamodels.GuiderRawModel)
    assert result.dq[1, 2] == 1
    assert result.dq.sum() == 1
    assert result.meta.cal_step.dq_init == "COMPLETE"


def test_skipped_without_mask():
    assert DQInitStep.call(make_ramp(), override_mask="N/A").meta.cal_step.dq_init == "SKIPPED"


def write_flags(path, flags, name="DQ"):
    from astropy.io import fits

    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(flags, name=name)]).writeto(path)
    return str(path)


@pytest.mark.parametrize("name", ["DQ", "PIXELDQ", "FLAGS"])
def test_flags_of_the_user_are_added_to_those_of_the_mask(name, tmp_path):
    flags = np.zeros((4, 6), np.int32)
    flags[2, 3], flags[1, 2] = pixel.HOT | pixel.DO_NOT_USE, pixel.DEAD
    mask = make_mask((4, 6))
    mask.dq[1, 2] = pixel.HOT
    given = {"user_supplied_dq": write_flags(tmp_path / "own.fits", flags, name)}
    result = DQInitStep.call(make_ramp(), override_mask=mask, **given)
    assert result.pixeldq[1, 2] == pixel.HOT | pixel.DEAD
    assert result.pixeldq[2, 3] == pixel.HOT | pixel.DO_NOT_USE
    assert np.count_nonzero(result.pixeldq) == 2
    assert (result.groupdq[:, :, 2, 3] == 1).all() and np.count_nonzero(result.groupdq) == 10


def test_flags_of_the_user_do_without_a_mask(tmp_path):
    given = {"user_supplied_dq": write_flags(tmp_path / "own.fits", np.full((4, 6), 4, np.uint8))}
    result = DQInitStep.call(make_ramp(), override_mask="N/A", **given)
    assert (result.pixeldq == 4).all()
    assert result.meta.cal_step.dq_init == "COMPLETE"


@pytest.mark.parametrize(
    ("flags", "words"),
    [(np.zeros((8, 8), np.int32), r"\(4, 6\).*\(8, 8\)"), (np.full((4, 6), 0.5, np.float32), "whole numbers")],
)
def test_flags_of_the_user_that_do_not_fit_are_refused(flags, words, tmp_path):
    given = {"user_supplied_dq": write_flags(tmp_path / "own.fits", flags)}
    with pytest.raises(InputError, match=words):
        DQInitStep.call(make_ramp(), override_mask=make_mask((4, 6)), **given)


@pytest.mark.req("DQINIT-05")
@pytest.mark.parametrize(
    "function", ["FGS_ID-IMAGE", "FGS_ID-STACK", "FGS_ACQ1", "FGS_ACQ2", "FGS_TRACK", "FGS_FINEGUIDE"]
)
def test_guider_exposures_have_one_image_of_flags(function, tmp_path):
    raw = datamodels.GuiderRawModel(np.ones((2, 2, 4, 6), np.float32))
    raw.meta.telescope, raw.meta.instrument.name, raw.meta.exposure.type = "JWST", "FGS", function
    mask = make_mask((4, 6))
    mask.dq[1, 2] = pixel.HOT
    given = {"user_supplied_dq": write_flags(tmp_path / "own.fits", np.full((4, 6), 1, np.int32))}
    result = DQInitStep.call(raw, override_mask=mask, **given)
    assert result.dq.shape == (4, 6)
    assert result.dq[1, 2] == pixel.HOT | 1 and result.dq[0, 0] == 1
    assert not hasattr(result, "pixeldq") or result.pixeldq is None
