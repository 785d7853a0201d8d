"""Rescaling of rates taken with a non-standard gain."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.steps.detector.gain_scale import GainScaleStep, scale_gain


def make(cls, shape, factor=None):
    rate = cls(np.full(shape, 3, np.float32))
    rate.err, rate.dq = np.full(shape, 1, np.float32), np.full(shape, 4, np.uint32)
    rate.var_poisson, rate.var_rnoise = np.full(shape, 0.5, np.float32), np.full(shape, 0.25, np.float32)
    rate.meta.instrument.name, rate.meta.exposure.gain_factor = "NIRSPEC", factor
    return rate


def gain(factor=None):
    model = datamodels.GainModel(np.ones((2, 3), np.float32))
    model.meta.reftype, model.meta.exposure.gain_factor = "GAIN", factor
    return model


def values(rate):
    return [array.flat[0].item() for array in (rate.data, rate.err, rate.var_poisson, rate.var_rnoise)]


@pytest.mark.req("GAINSC-01", "GAINSC-02", "GAINSC-05", "ERRPROP-03", "ERR-04")
@pytest.mark.parametrize(
    ("cls", "shape"),
    [(datamodels.ImageModel, (2, 3)), (datamodels.CubeModel, (4, 2, 3)), (datamodels.IFUImageModel, (2, 3))],
)
@pytest.mark.parametrize(("header", "in_reference", "expected"), [(2.0, None, 2), (None, 2.0, 2), (3.0, 2.0, 3)])
def test_factor(cls, shape, header, in_reference, expected):
    rate = make(cls, shape, header)
    result = GainScaleStep.call(rate, override_gain=gain(in_reference))
    assert values(result) == [3 * expected, expected, 0.5 * expected**2, 0.25 * expected**2]
    assert (result.data == 3 * expected).all()
    assert (result.dq == 4).all()
    assert result.meta.cal_step.gain_scale == "COMPLETE"
    assert result.meta.exposure.gain_factor == expected
    assert values(rate) == [3, 1, 0.5, 0.25], "the caller's model is not changed"


@pytest.mark.req("GAINSC-04")
def test_subarrays_of_nirspec_are_scaled_and_full_frames_are_not(tmp_path):
    """The gain references of the subarrays name the factor; what ramp_fit finds there gain_scale uses."""
    from hexcal.step import RampFitStep

    results = {}
    for subarray, factor in (("SUB2048", 2.0), ("FULL", None)):
        reference, noise = gain(factor), datamodels.ReadnoiseModel(np.ones((2, 3), np.float32))
        ramp = datamodels.RampModel(np.broadcast_to(np.arange(1, 6)[:, None, None] * 100.0, (1, 5, 2, 3)).astype("f4"))
        ramp.meta.instrument.name, ramp.meta.instrument.detector = "NIRSPEC", "NRS1"
        ramp.meta.exposure.type, ramp.meta.subarray.name = "NRS_BRIGHTOBJ", subarray
        ramp.meta.exposure.group_time = ramp.meta.exposure.frame_time = 10.0
        rate, _ = RampFitStep.call(ramp, override_gain=reference, override_readnoise=noise)
        results[subarray] = GainScaleStep.call(rate, override_gain=reference)
    np.testing.assert_allclose(results["SUB2048"].data, 20)
    np.testing.assert_allclose(results["FULL"].data, 10)
    statuses = {subarray: rate.meta.cal_step.gain_scale for subarray, rate in results.items()}
    assert statuses == {"SUB2048": "COMPLETE", "FULL": "SKIPPED"}


@pytest.mark.req("GAINSC-02", "GAINSC-03")
def test_skipped_without_factor():
    for reference in (gain(), "N/A"):
        result = GainScaleStep.call(make(datamodels.ImageModel, (2, 3)), override_gain=reference)
        assert result.meta.cal_step.gain_scale == "SKIPPED"
        assert values(result) == [3, 1, 0.5, 0.25]


@pytest.mark.req("GAINSC-02")
def test_factor_in_the_header_needs_no_reference():
    assert values(GainScaleStep.call(make(datamodels.ImageModel, (2, 3), 2.0))) == [6, 2, 2, 1]


@pytest.mark.req("GAINSC-03")
def test_standard_gain_is_benign():
    result = GainScaleStep.call(make(datamodels.ImageModel, (2, 3), 1.0))
    assert values(result) == [3, 1, 0.5, 0.25]
    assert result.meta.cal_step.gain_scale == "COMPLETE"


@pytest.mark.parametrize("factor", [0.0, -2.0, float("inf")])
def test_impossible_factor(factor):
    with pytest.raises(InputError, match="gain factor"):
        GainScaleStep.call(make(datamodels.ImageModel, (2, 3), factor))


def test_missing_arrays_are_left_out():
    rate = np.ones(3, np.float32)
    scale_gain(2, (rate, None), (None,))
    assert rate.tolist() == [2, 2, 2]
