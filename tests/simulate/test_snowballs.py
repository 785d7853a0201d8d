"""Simulated snowballs, and how many of them the jump step finds."""

import numpy as np
import pytest

from hexcal.errors import ParameterError
from hexcal.simulate import snowballs
from hexcal.simulate.conditions import Conditions
from hexcal.simulate.exposure import simulate
from hexcal.simulate.mode import exposure_mode
from hexcal.simulate.truth import read_truth


@pytest.fixture(scope="module")
def exposure():
    mode = exposure_mode("NIRCAM", subarray_name="SUB320", readpatt="RAPID", n_groups=8, n_ints=1)
    rate = 12 / np.prod(mode.image_shape) / mode.integration_time
    return simulate(mode, conditions=Conditions(snowball_rate=rate), seed=4)


def test_snowballs_saturate_in_the_core_and_raise_the_halo(exposure):
    events = exposure.truth.snowballs
    assert 3 < len(events) < 30
    data = exposure.exposure.data.astype(float)
    full = data.max()
    core, halo = exposure.truth.snowball_mask("core_radius"), exposure.truth.snowball_mask()
    assert (halo | ~core).all()
    for i, k, y, x in np.argwhere(core)[:200]:
        assert exposure.truth.dq[y, x] or data[i, k, y, x] > 0.5 * full


def test_truth_of_snowballs_survives_its_file(exposure, tmp_path):
    truth = read_truth(exposure.truth.save(tmp_path / "truth.fits"))
    np.testing.assert_array_equal(truth.snowballs, exposure.truth.snowballs)


def test_without_snowballs_the_exposure_is_the_same_as_before():
    mode = exposure_mode("NIRCAM", subarray_name="SUB64P", readpatt="RAPID", n_groups=3, n_ints=1)
    assert simulate(mode, seed=1).truth.snowballs.size == 0


def test_snowballs_are_refused_for_miri():
    mode = exposure_mode("MIRI", subarray_name="SUB64", n_groups=3)
    with pytest.raises(ParameterError, match="near-infrared"):
        simulate(mode, conditions=Conditions(snowball_rate=snowballs.RATE))


def test_charge_of_a_snowball_falls_from_the_core_to_the_rim(exposure):
    event = exposure.truth.snowballs[:1]
    hits = snowballs.hits(event, exposure.mode)
    distance = np.hypot(hits["y"] - event["y"], hits["x"] - event["x"])
    assert (hits["charge"][distance <= event["core_radius"]] == np.float32(snowballs.CORE_CHARGE)).all()
    order = np.argsort(distance)
    assert (np.diff(hits["charge"][order]) <= 0).all()
    assert hits["charge"].min() >= snowballs.FAINTEST * 0.99
