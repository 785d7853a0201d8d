"""Subtraction of the MIRI reset anomaly."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.steps.detector.reset import ResetStep


def make_ramp(shape=(2, 5, 4, 6), instrument="MIRI", value=100.0):
    ramp = datamodels.RampModel(np.full(shape, value, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = shape[:2]
    return ramp


def make_reset(n_integrations=2, n_groups=3, shape=(4, 6)):
    """Correction of group g in integration i: 1 + g + 10 i."""
    values = (
        np.arange(1, n_groups + 1)[None, :, None, None]
        + 10 * np.arange(n_integrations)[:, None, None, None]
        + np.zeros(shape)
    )
    reset = datamodels.ResetModel(values.astype(np.float32))
    reset.dq = np.zeros(shape, np.uint32)
    return reset


@pytest.mark.req("RESET-02", "RESET-03", "RESET-07")
def test_known_values():
    result = ResetStep.call(make_ramp((3, 5, 4, 6)), override_reset=make_reset())
    assert (100 - result.data[:, :, 1, 1]).tolist() == [[1, 2, 3, 0, 0], [11, 12, 13, 0, 0], [11, 12, 13, 0, 0]]
    assert result.meta.cal_step.reset == "COMPLETE"


def test_more_groups_in_the_reference():
    result = ResetStep.call(make_ramp((1, 2, 4, 6)), override_reset=make_reset())
    assert (100 - result.data[:, :, 1, 1]).tolist() == [[1, 2]]


def test_later_segment_of_an_exposure():
    ramp = make_ramp((2, 3, 4, 6))
    ramp.meta.exposure.integration_start, ramp.meta.exposure.integration_end = 2, 3
    result = ResetStep.call(ramp, override_reset=make_reset(4))
    assert (100 - result.data[:, 0, 1, 1]).tolist() == [11, 21]


@pytest.mark.req("RESET-04")
def test_flags_are_added_errors_stay_and_nan_is_zero():
    ramp, reset = make_ramp(), make_reset()
    ramp.err[:], ramp.pixeldq[0, 0] = 7, 4
    reset.dq[0, 0], reset.data[0, 0, 2, 2] = 1, np.nan
    result = ResetStep.call(ramp, override_reset=reset)
    assert result.pixeldq[0, 0] == 5
    assert (result.err == 7).all()
    assert (100 - result.data[0, :3, 2, 2]).tolist() == [0, 2, 3]


@pytest.mark.req("RESET-05")
def test_no_subarray_is_cut_out():
    with pytest.raises(ReferenceError_, match=r"\(4, 6\).*\(32, 32\)"):
        ResetStep.call(make_ramp(), override_reset=make_reset(shape=(32, 32)))


@pytest.mark.req("RESET-01")
def test_only_miri():
    result = ResetStep.call(make_ramp(instrument="NIRCAM"), override_reset=make_reset())
    assert result.meta.cal_step.reset == "SKIPPED"
    assert (result.data == 100).all()
