"""Flags of saturated samples."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.errors import ParameterError, ReferenceError_
from hexcal.models.dqflags import group, pixel
from hexcal.steps.detector.saturation import SaturationStep, flag_partly_saturated, flag_saturation

SAT, FLOOR = group.SATURATED, group.AD_FLOOR | group.DO_NOT_USE


def make_ramp(data, n_frames=1, pattern="RAPID", instrument="NIRCAM"):
    ramp = datamodels.RampModel(np.ascontiguousarray(data, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = ramp.shape[:2]
    ramp.meta.exposure.nframes, ramp.meta.exposure.readpatt = n_frames, pattern
    return ramp


def make_reference(shape, threshold=60000.0):
    reference = datamodels.SaturationModel(np.full(shape, threshold, np.float32))
    reference.dq = np.zeros(shape, np.uint32)
    return reference


def one_pixel(values, value_around=100.0, size=7):
    """A ramp whose central pixel has these values, and 100 around it."""
    data = np.full((1, len(values), size, size), value_around)
    data[0, :, size // 2, size // 2] = values
    return data


@pytest.mark.req("SAT-01", "SAT-04", "SAT-05", "SAT-09")
@pytest.mark.parametrize("distance", [0, 1, 2])
def test_saturated_until_the_end_with_neighbours(distance):
    data = one_pixel([1000, 59999, 60000, 20])
    ramp = make_ramp(data)
    ramp.err[:] = 7
    result = SaturationStep.call(ramp, override_saturation=make_reference((7, 7)), n_pix_grow_sat=distance)
    expected = np.zeros((1, 4, 7, 7), np.uint8)
    expected[:, 2:, 3 - distance : 4 + distance, 3 - distance : 4 + distance] = SAT
    np.testing.assert_array_equal(result.groupdq, expected)
    np.testing.assert_array_equal(result.data, data)
    assert (result.err == 7).all()
    assert not result.pixeldq.any()
    assert result.meta.cal_step.saturation == "COMPLETE"
    assert not ramp.groupdq.any()


@pytest.mark.req("SAT-05")
def test_parameters():
    assert SaturationStep().n_pix_grow_sat == 1
    assert SaturationStep().use_readpatt is False
    assert SaturationStep().references_needed(make_ramp(one_pixel([1]))) == ("saturation",)
    with pytest.raises(ParameterError):
        SaturationStep(n_pix_grow_sat=-1)


@pytest.mark.req("SAT-02")
def test_floor_is_for_one_sample():
    result = SaturationStep.call(
        make_ramp(one_pixel([10, 0, -3, 65000, 0])), override_saturation=make_reference((7, 7)), n_pix_grow_sat=0
    )
    assert result.groupdq[0, :, 3, 3].tolist() == [0, FLOOR, FLOOR, SAT, SAT | FLOOR]
    assert np.count_nonzero(result.groupdq) == 4


def test_nan_is_neither():
    result = SaturationStep.call(
        make_ramp(one_pixel([np.nan, 10, np.inf])), override_saturation=make_reference((7, 7)), n_pix_grow_sat=0
    )
    assert result.groupdq[0, :, 3, 3].tolist() == [0, 0, SAT]


@pytest.mark.req("SAT-03", "SAT-13")
@pytest.mark.parametrize("how", ["NaN", "flag"])
def test_pixel_without_check(how):
    reference = make_reference((7, 7))
    reference.dq[0, 0] = pixel.DEAD
    if how == "NaN":
        reference.data[3, 3] = np.nan
    else:
        reference.dq[3, 3] = pixel.NO_SAT_CHECK
        reference.data[3, 3] = 5
    result = SaturationStep.call(make_ramp(one_pixel([1000, 65535, 65535])), override_saturation=reference)
    assert not result.groupdq.any()
    assert result.pixeldq[3, 3] == pixel.NO_SAT_CHECK
    assert result.pixeldq[0, 0] == pixel.DEAD
    assert np.count_nonzero(result.pixeldq) == 2


@pytest.mark.req("SAT-13")
def test_growth_reaches_pixels_without_check_and_reference_pixels():
    reference = make_reference((7, 7))
    reference.dq[3, 4] = pixel.NO_SAT_CHECK
    ramp = make_ramp(one_pixel([1000, 61000]))
    ramp.pixeldq[3, 2] = pixel.REFERENCE_PIXEL
    result = SaturationStep.call(ramp, override_saturation=reference)
    assert result.groupdq[0, 1, 3, 2:5].tolist() == [SAT, SAT, SAT]
    assert result.pixeldq[3, 2] == pixel.REFERENCE_PIXEL


@pytest.mark.req("SAT-07", "SAT-10", "SAT-13", "COMMON-03", "COMMON-07")
def test_reference_file_is_cut_and_its_flags_are_translated(tmp_path):
    reference = make_reference((32, 32), 50000)
    reference.data[10:17, 5:12] = 2000
    reference.dq[12, 8] = pixel.NO_SAT_CHECK
    reference.dq_def = np.array(
        [(0, 4, "NO_SAT_CHECK", "")], [("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")]
    )
    reference.dq[reference.dq != 0] = 4
    own = reference.meta.subarray
    own.name, own.xstart, own.ystart, own.xsize, own.ysize = "FULL", 1, 1, 32, 32
    own.fastaxis, own.slowaxis = 2, -1  # what a reference says of its orientation is neither checked nor acted upon
    reference.save(tmp_path / "saturation.fits")
    with fits.open(tmp_path / "saturation.fits") as hdus:
        assert (hdus["SCI"].data.shape, hdus["DQ"].data.shape) == ((32, 32), (32, 32))
        assert (hdus["SCI"].data.dtype.kind, hdus["DQ"].data.dtype.kind) == ("f", "u")
        assert hdus["DQ_DEF"].columns.names == ["BIT", "VALUE", "NAME", "DESCRIPTION"]
    ramp = make_ramp(one_pixel([1000, 1500], 3000))
    own = ramp.meta.subarray
    own.name, own.xstart, own.ystart, own.xsize, own.ysize = "SUB64P", 6, 11, 7, 7
    own.fastaxis, own.slowaxis = -1, 2
    result = SaturationStep.call(ramp, override_saturation=str(tmp_path / "saturation.fits"), n_pix_grow_sat=0)
    expected = np.full((7, 7), SAT)
    expected[3, 3] = expected[2, 3] = 0
    np.testing.assert_array_equal(result.groupdq[0, 1], expected)
    assert np.argwhere(result.pixeldq).tolist() == [[2, 3]]
    assert result.pixeldq[2, 3] == pixel.NO_SAT_CHECK
    own.xstart = 30
    with pytest.raises(ReferenceError_, match="does not cover"):
        SaturationStep.call(ramp, override_saturation=str(tmp_path / "saturation.fits"))


def test_no_reference_skips():
    result = SaturationStep.call(make_ramp(one_pixel([1000, 65535])), override_saturation="N/A")
    assert result.meta.cal_step.saturation == "SKIPPED"
    assert not result.groupdq.any()


def test_running_twice_changes_nothing():
    reference = make_reference((7, 7))
    once = SaturationStep.call(make_ramp(one_pixel([1000, 61000, 0])), override_saturation=reference)
    twice = SaturationStep.call(once, override_saturation=reference)
    np.testing.assert_array_equal(once.groupdq, twice.groupdq)


def test_any_number_of_threads():
    rng = np.random.default_rng(5)
    data = rng.exponential(20000, (2, 5, 40, 30)).astype(np.float32)
    results = []
    for threads in (1, 2, 7):
        pixel_dq, flags = np.zeros((40, 30), np.uint32), np.zeros(data.shape, np.uint8)
        threshold, first = flag_saturation(data, pixel_dq, flags, np.full((40, 30), 9e4, np.float32), None, 1, threads)
        flag_partly_saturated(data, flags, threshold, None, 4, first, 1, threads)
        results.append(flags)
    assert (results[0] == results[1]).all()
    assert (results[0] == results[2]).all()


# Threshold 10000, five frames per group: a steady ramp dilutes by 3/5, 8/10, 13/15 in the groups 0, 1, 2.
@pytest.mark.parametrize(
    ("values", "bias", "expected"),
    [
        ([5999, 20000, 20000, 20000], None, [0, SAT, SAT, SAT]),
        ([6000, 20000, 20000, 20000], None, [1, SAT, SAT, SAT]),
        ([500, 2400, 30000, 30000], None, [0, 0, SAT, SAT]),
        ([500, 2401, 30000, 30000], None, [0, 1, SAT, SAT]),
        ([2000, 5000, 30000, 30000], None, [0, 0, SAT, SAT]),
        ([1999, 5000, 30000, 30000], None, [0, 1, SAT, SAT]),
        ([2559, 5000, 30000, 30000], 700, [0, 1, SAT, SAT]),
        ([2561, 5000, 30000, 30000], 700, [0, 0, SAT, SAT]),
        ([500, 1000, 8666, 30000], None, [0, 0, 0, SAT]),
        ([500, 1000, 8667, 30000], None, [0, 0, 1, SAT]),
        ([500, 1000, 9000, 9500], None, [0, 0, 0, 0]),
        ([np.nan, 5000, 30000, 30000], None, [0, 0, SAT, SAT]),
        ([20000, 20000, 20000, 20000], None, [SAT, SAT, SAT, SAT]),
    ],
)
def test_groups_that_hide_saturated_frames(values, bias, expected):
    keywords = {
        "override_saturation": make_reference((7, 7), 10000),
        "n_pix_grow_sat": 0,
        "use_readpatt": True,
        "override_superbias": "N/A",
    }
    if bias is not None:
        keywords["override_superbias"] = datamodels.SuperBiasModel(np.full((7, 7), bias, np.float32))
    result = SaturationStep.call(make_ramp(one_pixel(values), n_frames=5), **keywords)
    assert result.groupdq[0, :, 3, 3].tolist() == expected
    for changed in ({"use_readpatt": False}, {"n_frames": 1}):
        ramp = make_ramp(one_pixel(values), n_frames=changed.get("n_frames", 5))
        result = SaturationStep.call(ramp, **{**keywords, "use_readpatt": changed.get("use_readpatt", True)})
        assert result.groupdq[0, :, 3, 3].tolist() == [SAT * (flag == SAT) for flag in expected]


def test_growth_of_hidden_saturation():
    keywords = {"override_saturation": make_reference((7, 7), 10000), "use_readpatt": True, "override_superbias": "N/A"}
    steady = SaturationStep.call(make_ramp(one_pixel([6000, 20000, 20000]), n_frames=5), **keywords)
    assert (steady.groupdq[0, :, 2:5, 2:5] == np.array([1, SAT, SAT])[:, None, None]).all()
    assert np.count_nonzero(steady.groupdq) == 27
    jump = SaturationStep.call(make_ramp(one_pixel([500, 5000, 20000]), n_frames=5), **keywords)
    assert np.count_nonzero(jump.groupdq[0, 1]) == 1
    unchecked = make_reference((7, 7), 10000)
    unchecked.dq[3, 3] = pixel.NO_SAT_CHECK
    data = one_pixel([65535, 65535, 65535])
    data[0, 1:, 3, 4] = 65535
    result = SaturationStep.call(make_ramp(data, n_frames=5), **{**keywords, "override_saturation": unchecked})
    assert not result.groupdq[0, 0].any()
