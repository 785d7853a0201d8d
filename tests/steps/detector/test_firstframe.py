"""Flagging of the first group of MIRI integrations."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.models.dqflags import pixel
from hexcal.steps.detector.firstframe import FirstFrameStep


def make_ramp(shape=(2, 5, 4, 6), instrument="MIRI", value=100.0):
    ramp = datamodels.RampModel(np.full(shape, value, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = shape[:2]
    return ramp


@pytest.mark.req("FF-01", "FF-02")
@pytest.mark.parametrize(("n_groups", "flagged"), [(2, False), (3, False), (4, True), (6, True)])
def test_number_of_groups(n_groups, flagged):
    ramp = make_ramp((2, n_groups, 4, 6))
    ramp.groupdq[0, 0, 0, 0] = 2
    result = FirstFrameStep.call(ramp)
    expected = ramp.groupdq.copy()
    expected[:, 0] |= int(flagged)
    np.testing.assert_array_equal(result.groupdq, expected)
    assert result.meta.cal_step.firstframe == ("COMPLETE" if flagged else "SKIPPED")


@pytest.mark.req("FF-03")
def test_nothing_else_changes():
    ramp = make_ramp()
    ramp.err[:], ramp.pixeldq[0, 0] = 7, 4
    result = FirstFrameStep.call(ramp)
    assert (result.data == 100).all()
    assert (result.err == 7).all()
    assert result.pixeldq.sum() == 4


@pytest.mark.req("FF-01")
def test_only_miri():
    result = FirstFrameStep.call(make_ramp(instrument="NIRCAM"))
    assert result.meta.cal_step.firstframe == "SKIPPED"
    assert not result.groupdq.any()


def test_bright_pixels_may_keep_it():
    ramp = make_ramp()
    ramp.groupdq[0, 2:, 1, 1] = 2  # saturates in the third group
    ramp.groupdq[0, 3:, 1, 2] = 2  # one group later
    ramp.groupdq[0, :, 1, 3] = 2  # saturated throughout
    result = FirstFrameStep.call(ramp, bright_use_group1=True)
    assert result.groupdq[0, 0, 1, 1:4].tolist() == [0, 1, 2]
    assert (result.groupdq[1, 0] == 1).all()
    assert result.pixeldq[1, 1:4].tolist() == [pixel.FLUX_ESTIMATED, 0, pixel.FLUX_ESTIMATED]
