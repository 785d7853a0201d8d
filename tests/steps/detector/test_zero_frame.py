"""The zero frame of NIRCam: corrected as the first group is, and the rate of ramps that are saturated throughout."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.models.dqflags import pixel
from hexcal.steps.detector.linearity import LinearityStep
from hexcal.steps.detector.ramp_fit import RampFitStep
from hexcal.steps.detector.refpix import RefPixStep
from hexcal.steps.detector.saturation import SaturationStep
from hexcal.steps.detector.superbias import SuperBiasStep

SIZE = 24
FRAME_TIME, GAIN, NOISE = 0.5, 2.0, 6.0
DNU, SAT = 1, 2


def make_ramp(seed=1):
    """A subarray read through one output, of single frames, whose zero frame is its first group.

    Some pixels are saturated.
    """
    rng = np.random.default_rng(seed)
    data = (np.cumsum(rng.uniform(200, 400, (2, 4, SIZE, SIZE)), axis=1) + 500).astype(np.float32)
    data[:, :, 9, 9] = 60000
    data[1, 2:, 15, 5] = 60000
    data[0, 0, 18, 18] = 0
    ramp = datamodels.RampModel(data)
    ramp.zeroframe = data[:, 0].copy()
    ramp.pixeldq[:4] = ramp.pixeldq[:, :4] = pixel.REFERENCE_PIXEL
    meta = ramp.meta
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
    meta.exposure.nints, meta.exposure.ngroups, meta.exposure.noutputs = 2, 4, 1
    meta.exposure.group_time = meta.exposure.frame_time = FRAME_TIME
    meta.exposure.nframes, meta.exposure.groupgap, meta.exposure.readpatt = 1, 0, "RAPID"
    where = meta.subarray
    where.name, where.xstart, where.ystart, where.xsize, where.ysize = "SUB160", 1, 1, SIZE, SIZE
    where.fastaxis, where.slowaxis = -1, 2
    return ramp


def image(cls, value):
    model = cls(np.full((SIZE, SIZE), value, np.float32))
    if cls is not datamodels.GainModel and cls is not datamodels.ReadnoiseModel:
        model.dq = np.zeros((SIZE, SIZE), np.uint32)
    return model


def linearity_reference():
    coefficients = np.zeros((3, SIZE, SIZE), np.float32)
    coefficients[1], coefficients[2] = 1, 1e-5
    model = datamodels.LinearityModel(coeffs=coefficients)
    model.dq = np.zeros((SIZE, SIZE), np.uint32)
    return model


def corrected(ramp):
    """Return the ramp after each of the four steps."""
    ramp = SaturationStep.call(ramp, override_saturation=image(datamodels.SaturationModel, 50000))
    yield "saturation", ramp
    ramp = SuperBiasStep.call(ramp, override_superbias=image(datamodels.SuperBiasModel, 300))
    yield "superbias", ramp
    ramp = RefPixStep.call(ramp)
    yield "refpix", ramp
    yield "linearity", LinearityStep.call(ramp, override_linearity=linearity_reference())


@pytest.mark.req("DET1-12", "SAT-08", "SBIAS-05", "REFPIX-13", "LIN-06")
def test_zero_frame_that_equals_the_first_group_stays_equal_to_it():
    before = None
    for name, ramp in corrected(make_ramp()):
        assert getattr(ramp.meta.cal_step, name) == "COMPLETE"
        first, zero = ramp.data[:, 0], ramp.zeroframe
        usable = ramp.groupdq[:, 0] & (SAT | DNU) == 0
        np.testing.assert_array_equal(zero[usable], first[usable], err_msg=name)
        assert not zero[~usable].any(), f"{name}: saturated values and those at the A/D floor are 0"
        assert (~usable).sum() == 19, "two saturated pixels with their neighbours, one at the floor"
        if before is not None:
            assert (zero[usable] != before[usable]).all(), f"{name} corrects the zero frame"
        before = zero.copy()


def fit(ramp, **parameters):
    gain, noise = image(datamodels.GainModel, GAIN), image(datamodels.ReadnoiseModel, NOISE)
    return RampFitStep.call(ramp, override_gain=gain, override_readnoise=noise, **parameters)


def saturated_ramp(n_frames=1):
    """Pixel (0, 0) is saturated in all groups, (0, 1) from the second on, (0, 2) in all and in the zero frame."""
    ramp = make_ramp()
    ramp.pixeldq[:] = 0
    ramp.meta.exposure.nframes = n_frames
    ramp.zeroframe[:] = 200
    ramp.zeroframe[:, 0, 2] = 0
    ramp.groupdq[:, :, 0, 0] = ramp.groupdq[:, 1:, 0, 1] = ramp.groupdq[:, :, 0, 2] = SAT
    return ramp


@pytest.mark.req("RAMP-14")
@pytest.mark.parametrize("n_frames", [1, 4])
def test_a_ramp_that_is_saturated_throughout_has_the_rate_of_the_zero_frame(n_frames):
    ramp = saturated_ramp(n_frames)
    first_group = ramp.data[:, 0, 0, 1] / (FRAME_TIME * (n_frames + 1) / 2)
    rate, rateints = fit(ramp, suppress_one_group=False)
    np.testing.assert_allclose(rateints.data[:, 0, 0], 200 / FRAME_TIME)
    np.testing.assert_allclose(rateints.data[:, 0, 1], first_group, rtol=1e-6)
    assert np.isnan(rateints.data[:, 0, 2]).all()
    assert rateints.dq[:, 0, :3].tolist() == [[SAT, SAT, SAT | DNU]] * 2
    poisson, read = 400 / (FRAME_TIME * GAIN), 12 * NOISE**2 / 2 / (6 * FRAME_TIME**2)
    np.testing.assert_allclose(rateints.var_poisson[:, 0, 0], poisson)
    np.testing.assert_allclose(rateints.var_rnoise[:, 0, 0], read)
    np.testing.assert_allclose(rateints.err[:, 0, 0], np.sqrt(poisson + read))
    assert rate.data[0, 0] == pytest.approx(400)
    assert rate.err[0, 0] == pytest.approx(np.sqrt((poisson + read) / 2))


@pytest.mark.req("RAMP-12")
def test_no_rate_from_the_zero_frame_by_default():
    rate, _ = fit(saturated_ramp())
    assert np.isnan(rate.data[0, :3]).all()
    assert (rate.dq[0, :3] == SAT | DNU).all()


def test_an_exposure_that_is_saturated_throughout_has_rates_if_its_zero_frame_is_not():
    ramp = saturated_ramp()
    ramp.groupdq[:] = SAT
    rate, _ = fit(ramp, suppress_one_group=False)
    assert np.isfinite(rate.data).sum() == SIZE * SIZE - 1
