"""Rescaling of groups averaged on board with the wrong divisor."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.steps.detector.group_scale import GroupScaleStep, frames_averaged, rescale


def make_ramp(shape=(2, 5, 4, 6), instrument="NIRCAM", value=100.0):
    ramp = datamodels.RampModel(np.full(shape, value, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = shape[:2]
    return ramp


@pytest.mark.req("GRPSC-01")
def test_known_factor():
    data = np.float32([[10, 20], [30, 50]])
    rescale(data, 8, 5)
    assert data.tolist() == [[16, 32], [48, 80]]


@pytest.mark.req("GRPSC-01", "GRPSC-04")
def test_only_sci_is_scaled():
    ramp = make_ramp()
    ramp.meta.exposure.nframes, ramp.meta.exposure.frame_divisor = 5, 8
    ramp.groupdq[0, 0, 0, 0], ramp.pixeldq[0, 0], ramp.err[:] = 4, 1, 7
    result = GroupScaleStep.call(ramp)
    assert (result.data == 160).all()
    assert (result.err == 7).all()
    assert result.groupdq.sum() == 4
    assert result.pixeldq.sum() == 1
    assert (ramp.data == 100).all(), "what the caller passed in is not changed"


@pytest.mark.req("GRPSC-02")
@pytest.mark.parametrize(
    ("n_frames", "divisor", "status"),
    [
        (4, 4, "SKIPPED"),
        (1, 1, "SKIPPED"),
        (5, 8, "COMPLETE"),
        (3, 4, "COMPLETE"),
        (None, 4, "SKIPPED"),
        (3, None, "SKIPPED"),
    ],
)
def test_status(n_frames, divisor, status):
    ramp = make_ramp()
    ramp.meta.exposure.nframes, ramp.meta.exposure.frame_divisor = n_frames, divisor
    result = GroupScaleStep.call(ramp)
    assert result.meta.cal_step.group_scale == status
    assert (result.data == 100).all() == (status == "SKIPPED")


@pytest.mark.req("GRPSC-05")
def test_miri_average_of_groups_is_right_already():
    ramp = make_ramp(instrument="MIRI")
    exposure = ramp.meta.exposure
    exposure.readpatt, exposure.nframes, exposure.frame_divisor, exposure.miri_fsw_nframes = "FASTGRPAVG", 1, 4, 1
    result = GroupScaleStep.call(ramp)
    assert result.meta.cal_step.group_scale == "SKIPPED"
    assert result.meta.exposure.nframes == 4
    assert (result.data == 100).all()


@pytest.mark.req("GRPSC-03")
@pytest.mark.parametrize("n_frames", [3, 5, 6, 7, 8])
def test_what_is_done_on_board_is_undone(n_frames):
    """The sum of frames is shifted by bits: divided by the smallest power of 2 that is not less than their number."""
    frames = np.random.default_rng(n_frames).integers(10000, 30000, (n_frames, 2, 5, 4, 6))
    shift = int(np.ceil(np.log2(n_frames)))
    ramp = make_ramp()
    ramp.data = (frames.sum(axis=0) >> shift).astype(np.float32)
    ramp.meta.exposure.nframes, ramp.meta.exposure.frame_divisor = n_frames, 2**shift
    result = GroupScaleStep.call(ramp)
    assert (ramp.data / result.data).mean() == pytest.approx(n_frames / 2**shift)
    assert np.abs(result.data - frames.mean(axis=0)).max() < 2**shift / n_frames + 0.01


def test_number_of_frames():
    assert frames_averaged("FASTGRPAVG16", 1, 16, 1) == (16, 16)
    assert frames_averaged("FASTGRPAVG", 4, 4, 1) == (4, 4), "already set by what made the raw file"
    assert frames_averaged("FASTR1", 1, 4, 1) == (1, 4)
    assert frames_averaged(None, 5, 8, None) == (5, 8)


def test_no_frames_is_refused():
    ramp = make_ramp()
    ramp.meta.exposure.nframes, ramp.meta.exposure.frame_divisor = 0, 4
    with pytest.raises(InputError, match="NFRAMES must be positive; it is 0"):
        GroupScaleStep.call(ramp)
