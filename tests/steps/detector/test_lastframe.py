"""Flagging of the last group of MIRI integrations."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.steps.detector.lastframe import LastFrameStep


def make_ramp(shape=(2, 5, 4, 6), instrument="MIRI", value=100.0):
    ramp = datamodels.RampModel(np.full(shape, value, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = shape[:2]
    return ramp


@pytest.mark.req("LASTF-01", "LASTF-02", "LASTF-04")
@pytest.mark.parametrize(("n_groups", "flagged"), [(1, False), (2, False), (3, True), (6, True)])
def test_number_of_groups(n_groups, flagged):
    ramp = make_ramp((2, n_groups, 4, 6))
    ramp.groupdq[0, -1, 0, 0] = 2
    result = LastFrameStep.call(ramp)
    expected = ramp.groupdq.copy()
    expected[:, -1] |= int(flagged)
    np.testing.assert_array_equal(result.groupdq, expected)
    assert result.meta.cal_step.lastframe == ("COMPLETE" if flagged else "SKIPPED")


@pytest.mark.req("LASTF-03")
def test_nothing_else_changes():
    ramp = make_ramp()
    ramp.err[:], ramp.pixeldq[0, 0] = 7, 4
    result = LastFrameStep.call(ramp)
    assert (result.data == 100).all()
    assert (result.err == 7).all()
    assert result.pixeldq.sum() == 4


@pytest.mark.req("LASTF-01")
def test_only_miri():
    result = LastFrameStep.call(make_ramp(instrument="NIRCAM"))
    assert result.meta.cal_step.lastframe == "SKIPPED"
    assert not result.groupdq.any()
