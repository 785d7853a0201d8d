"""algorithm="LIKELY" as a step and in the pipeline: products, too few groups, blocks.

The fit itself: tests/kernels/test_likelihood.py.
"""

import logging

import numpy as np
import pytest
from exposures import MIRI, NAME, NIRCAM, write_references, write_uncal

from hexcal import datamodels
from hexcal.core import blocks
from hexcal.errors import ParameterError
from hexcal.pipeline import Detector1Pipeline
from hexcal.steps.detector.ramp_fit import RampFitStep

SHAPE = (5, 6, 12, 20)
STEM = NAME.removesuffix("_uncal.fits")


@pytest.fixture
def exposure(tmp_path, monkeypatch):
    """An exposure with cosmic rays, and references, in the working folder."""
    monkeypatch.chdir(tmp_path)

    def make(mode=NIRCAM, shape=SHAPE):
        rng = np.random.default_rng(3)
        hits = (rng.random(shape) < 0.01) * 800
        ramp = 1000 + np.cumsum(rng.poisson(60, shape) / 2 + hits, axis=1) + rng.normal(0, 3, shape)
        write_uncal(tmp_path, mode=mode, data=ramp.round().astype(np.uint16))
        write_references(tmp_path / "refs", shape, mode)

    return make


def run(folder="out", **ramp_fit):
    steps = {"ramp_fit": {"algorithm": "LIKELY", **ramp_fit}, "rscd": {"skip": True}}
    return Detector1Pipeline.call(NAME, references="refs", output_dir=folder, steps=steps)


def test_rates_and_chi_squared_of_the_pipeline(exposure):
    exposure()
    rate = run(save_opt=True, int_name="each")
    assert rate.meta.cal_step.ramp_fit == "COMPLETE" and rate.meta.bunit_data == "DN/s"
    assert abs(np.nanmean(rate.data) - 15) < 0.3  # 30 DN in a group of 2 s
    np.testing.assert_allclose(rate.err, np.sqrt(rate.var_poisson + rate.var_rnoise))
    assert 0.1 < ((rate.dq & 4) > 0).mean() < 0.95  # 30 groups, 1 % of them hit; the jump step finds more
    with datamodels.open(f"out/{STEM}_likely_chisq.fits") as chi_squared:
        assert type(chi_squared) is datamodels.ImageModel and chi_squared.shape == SHAPE[2:]
        assert 10 < np.median(chi_squared.data) < 30
    with datamodels.open("out/each_rateints.fits") as rateints:
        assert rateints.shape == (SHAPE[0], *SHAPE[2:])


@pytest.mark.parametrize("mode", [NIRCAM, MIRI], ids=["nircam", "miri"])
@pytest.mark.parametrize("n_groups", [6, 3])
def test_in_blocks_the_bits_are_the_same(exposure, monkeypatch, mode, n_groups):
    shape = (SHAPE[0], n_groups, *SHAPE[2:])
    exposure(mode, shape)
    whole = run("whole")
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2 * 4 * shape[1] * shape[2] * shape[3])
    parts = run("parts")
    for name in ("data", "err", "dq", "var_poisson", "var_rnoise"):
        assert getattr(whole, name).tobytes() == getattr(parts, name).tobytes(), name
        with (
            datamodels.open(f"whole/{STEM}_rateints.fits") as one,
            datamodels.open(f"parts/{STEM}_rateints.fits") as other,
        ):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


def test_with_fewer_than_4_groups_the_fit_is_that_by_least_squares(exposure, caplog):
    exposure(shape=(1, 3, 12, 20))
    caplog.set_level(logging.WARNING, "hexcal")
    likely = run()
    assert 'algorithm="LIKELY" needs 4 groups, there are 3: "OLS_C" is used' in caplog.text
    np.testing.assert_array_equal(likely.data, run("ols", algorithm="OLS_C").data)


def test_start_from_differences_without_flags():
    """Of a ramp that is saturated after five of twelve groups, the flat part must not decide how noisy the rest is.

    That gives false jumps.
    """
    rng = np.random.default_rng(2)
    ramp = np.minimum(np.cumsum(rng.poisson(2000, (1, 12, 80, 80)) / 2, axis=1), 5500).astype(np.float32)
    model = datamodels.RampModel(ramp + rng.normal(0, 3, ramp.shape).astype(np.float32))
    model.groupdq = (np.arange(12)[:, None, None] >= 5) * np.full((1, 12, 80, 80), 2, np.uint8)
    model.meta.telescope, model.meta.instrument.name, model.meta.exposure.type = "JWST", "NIRCAM", "NRC_IMAGE"
    exposure = model.meta.exposure
    exposure.nints, exposure.ngroups, exposure.nframes, exposure.groupgap = 1, 12, 1, 0
    exposure.group_time = exposure.frame_time = 10.0
    image = np.ones((80, 80), np.float32)
    references = {
        "override_gain": datamodels.GainModel(2 * image),
        "override_readnoise": datamodels.ReadnoiseModel(4 * image),
    }
    false = {}
    for start in ("all", "used"):
        rate, _ = RampFitStep.call(model, algorithm="LIKELY", likely_start=start, **references)
        false[start] = ((rate.dq & 4) > 0).mean()
    assert false["all"] > 0.5 and false["used"] < 0.001
    with pytest.raises(ParameterError):
        RampFitStep(likely_start="some")
