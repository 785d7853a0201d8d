"""Simulated showers, and that the jump step finds them."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import ParameterError
from hexcal.models.dqflags import group
from hexcal.pipeline import Detector1Pipeline
from hexcal.simulate import showers
from hexcal.simulate.conditions import Conditions
from hexcal.simulate.exposure import simulate
from hexcal.simulate.mode import exposure_mode
from hexcal.simulate.scene import field
from hexcal.simulate.truth import read_truth


@pytest.fixture(scope="module")
def simulation():
    mode = exposure_mode("MIRI", subarray_name="SUB256", n_groups=20)
    scene = field(mode.image_shape, n_stars=0, n_galaxies=0, rng=np.random.default_rng(1))
    rate = 6 / np.prod(mode.image_shape) / mode.integration_time
    return simulate(mode, scene, Conditions(shower_rate=rate, cosmic_ray_flux=0.0), seed=8)


def test_charge_is_where_the_truth_says(simulation):
    events = simulation.truth.showers
    assert 2 < len(events) < 20
    assert (simulation.truth.shower_mask() | ~simulation.truth.cosmic_ray_mask()).all()
    charge = showers.hits(events[:1], simulation.mode, np.random.default_rng(0))["charge"]
    assert abs(charge.mean() - events["charge"][0]) < 5 * 0.3 * events["charge"][0] / np.sqrt(charge.size)


def test_truth_of_showers_survives_its_file(simulation, tmp_path):
    truth = read_truth(simulation.truth.save(tmp_path / "truth.fits"))
    np.testing.assert_array_equal(truth.showers, simulation.truth.showers)


def test_the_jump_step_finds_them(simulation, tmp_path):
    written = simulation.save(tmp_path)
    options = {"references": written["references"], "save_calibrated_ramp": True}
    flagged = {}
    for find in (False, True):
        steps = {"jump": {"find_showers": find}}
        Detector1Pipeline.call(written["exposure"], steps=steps, output_dir=str(tmp_path / str(find)), **options)
        with datamodels.open(next((tmp_path / str(find)).glob("*_ramp.fits"))) as ramp:
            flagged[find] = (ramp.groupdq & group.JUMP_DET) > 0
    true = simulation.truth.shower_mask()
    true[:, :2] = true[:, -1:] = False  # firstframe, lastframe
    assert flagged[False][true].mean() < 0.5 and flagged[True][true].mean() > 0.95
    around = simulation.truth.showers.copy()
    around["semi_major"] = around["semi_minor"] = 1.3 * around["semi_major"] + 4
    outside = ~showers.mask(around, true.shape).any(axis=1)
    new = (flagged[True] & ~flagged[False]).any(axis=1)
    assert outside.mean() > 0.5 and new[outside].mean() < 0.01


def test_showers_of_the_command(tmp_path):
    words = "simulate exposure --instrument MIRI --subarray SUB64 --groups 30 --showers 200 --stars 0 --no-references"
    assert main([*words.split(), "--output", str(tmp_path)]) == 0
    assert read_truth(next(tmp_path.glob("*_truth.fits"))).showers.size > 0


def test_showers_are_refused_for_the_near_infrared():
    with pytest.raises(ParameterError, match="MIRI, not of NIRCAM"):
        simulate(exposure_mode("NIRCAM", subarray_name="SUB64P", n_groups=3), conditions=Conditions(shower_rate=1e-6))
