"""Interference, persistence and charge migration: their truth, and the steps that undo them."""

from dataclasses import replace

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ParameterError
from hexcal.models.asdf_tree import to_file
from hexcal.models.dqflags import group
from hexcal.simulate import charge_migration, interference, persistence
from hexcal.simulate.conditions import Conditions
from hexcal.simulate.exposure import simulate
from hexcal.simulate.mode import exposure_mode
from hexcal.simulate.scene import flat
from hexcal.simulate.truth import read_truth
from hexcal.steps.detector.charge_migration import ChargeMigrationStep
from hexcal.steps.detector.emicorr import EmiCorrStep
from hexcal.steps.detector.persistence import PersistenceStep
from hexcal.steps.detector.ramp_fit import RampFitStep


def sub64(**changes):
    return exposure_mode("MIRI", subarray_name="SUB64", **{"readpatt": "FAST", "n_groups": 20, "n_ints": 2, **changes})


@pytest.fixture(scope="module")
def disturbed():
    """Two exposures that differ by interference only."""
    mode = sub64()
    waves = interference.draw(mode, 8.0, np.random.default_rng(3))
    plane = interference.plane(waves, mode)
    quiet, light = Conditions(cosmic_ray_flux=0.0, drift=0.0), flat(mode.image_shape, 5.0)
    with_waves = simulate(mode, light, replace(quiet, added={"interference": plane}), seed=4)
    return waves, with_waves, simulate(mode, light, quiet, seed=4)


def test_the_truth_of_added_signals_is_what_the_exposure_has_more(disturbed, tmp_path):
    _, with_waves, without = disturbed
    more = with_waves.exposure.data.astype(float) - without.exposure.data
    plane = with_waves.truth.added["interference"]
    assert np.abs(more - plane).max() <= 1.0
    assert plane.std() == pytest.approx(8 / np.sqrt(2) * np.sqrt(1.09) * np.sqrt(1.25), rel=0.1)
    read = read_truth(with_waves.truth.save(tmp_path / "truth.fits"))
    np.testing.assert_array_equal(read.added["interference"], plane)
    assert read_truth(without.truth.save(tmp_path / "none.fits")).added == {}


@pytest.mark.parametrize("algorithm", ["sequential", "joint"])
def test_emicorr_takes_simulated_interference_out(disturbed, algorithm, tmp_path):
    """The transients of the resets are no waves: the first and last groups do not measure them."""
    waves, with_waves, without = disturbed
    to_file(tmp_path / "emicorr.asdf", interference.reference_tree(waves, with_waves.mode))
    how = {
        "skip": False,
        "algorithm": algorithm,
        "leave_out_ends": True,
        "override_emicorr": str(tmp_path / "emicorr.asdf"),
    }
    result = EmiCorrStep.call(datamodels.RampModel(with_waves.exposure), **how)
    assert result.meta.cal_step.emicorr == "COMPLETE"
    left = result.data - without.exposure.data.astype(float)
    left -= left.mean(axis=1, keepdims=True)
    plane = with_waves.truth.added["interference"]
    assert left.std() < 0.15 * (plane - plane.mean(axis=1, keepdims=True)).std()


@pytest.mark.parametrize(("instrument", "readpatt"), [("NIRCAM", None), ("MIRI", "FASTGRPAVG")])
def test_interference_is_for_single_frames_of_miri(instrument, readpatt):
    mode = exposure_mode(instrument, readpatt=readpatt)
    with pytest.raises(ParameterError, match="interference"):
        interference.draw(mode, 5.0, np.random.default_rng(1))


def test_planes_of_another_shape_are_refused():
    with pytest.raises(ParameterError, match="interference must have the shape of the exposure"):
        simulate(sub64(), conditions=Conditions(added={"interference": np.zeros((1, 2, 3, 4))}))


def test_persistence_takes_simulated_charge_of_traps_out(tmp_path):
    """Traps that a bright exposure has filled release their charge into a dark one; the step knows how much."""
    mode = exposure_mode("NIRCAM", subarray_name="SUB64P", n_groups=8, n_ints=2)
    light = np.zeros(mode.image_shape)
    light[20:40, 20:40] = 15000
    filled = persistence.filled_traps(light)
    plane = persistence.released(filled, mode)
    ramp = datamodels.RampModel(plane.copy())
    meta = ramp.meta
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", "NIRCAM", mode.detector
    meta.exposure.type, meta.exposure.group_time, meta.exposure.frame_time = (
        "NRC_IMAGE",
        mode.group_time,
        mode.frame_time,
    )
    meta.exposure.nresets_at_start = meta.exposure.nresets_between_ints = 1
    meta.exposure.start_time, meta.exposure.end_time = 60000.0, 60000.01
    where = meta.subarray
    where.xstart, where.ystart, where.xsize, where.ysize = 1, 1, *mode.image_shape[::-1]
    tables = persistence.reference_tables(mode.image_shape)
    traps = datamodels.TrapsFilledModel(filled)
    references = {
        "trapdensity": datamodels.TrapDensityModel(tables["trapdensity"]),
        "persat": datamodels.PersistenceSatModel(tables["persat"]),
        "trappars": datamodels.TrapParsModel(trappars_table=tables["trappars"]),
    }
    traps.update(ramp)
    traps.meta.exposure.end_time = 60000.0
    traps.save(tmp_path / "x_trapsfilled.fits")
    how = {f"override_{kind}": reference for kind, reference in references.items()}
    how |= {"input_trapsfilled": str(tmp_path / "x_trapsfilled.fits"), "save_trapsfilled": False, "skip": False}
    result = PersistenceStep.call(ramp, **how)
    assert plane.max() > 2
    assert np.abs(result.data).max() < 0.02 * plane.max()


def test_charge_migration_keeps_the_rate_of_a_bright_star(tmp_path):
    """What a full pixel loses would make its rate too small; flagged groups are left out of the fit."""
    rate, group_time = np.full((9, 9), 10.0), 10.0
    rate[4, 4] = 500.0
    times = group_time * np.arange(1, 13)
    linear = np.broadcast_to(rate, (1, 12, 9, 9)) * times[:, None, None]
    read, moved = charge_migration.migrate(linear, threshold=25000.0, share=0.3)
    assert moved.sum() == pytest.approx(0, abs=0.1) and moved[0, -1, 4, 4] == pytest.approx(-0.3 * (60000 - 25000))
    np.testing.assert_allclose(read - linear, moved, atol=0.01)
    ramp = datamodels.RampModel(read)
    meta = ramp.meta
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", "NIRISS", "NIS"
    meta.exposure.type, meta.exposure.group_time, meta.exposure.frame_time = "NIS_IMAGE", group_time, group_time
    meta.exposure.nframes, meta.exposure.groupgap = 1, 0
    flagged = ChargeMigrationStep.call(ramp, skip=False, signal_threshold=25000.0)
    lost = moved < 0
    assert (flagged.groupdq[lost] & group.CHARGELOSS != 0).all()
    image = np.ones((9, 9), np.float32)
    how = {"override_gain": datamodels.GainModel(image), "override_readnoise": datamodels.ReadnoiseModel(image)}
    with_step, _ = RampFitStep.call(flagged, **how)
    without, _ = RampFitStep.call(ramp, **how)
    assert with_step.data[4, 4] == pytest.approx(500, rel=1e-3)
    assert without.data[4, 4] < 480
    np.testing.assert_allclose(with_step.data[0], 10, rtol=1e-3)


def test_a_share_out_of_bounds_is_refused():
    with pytest.raises(ParameterError, match="between 0 and 1"):
        charge_migration.migrate(np.zeros((1, 2, 3, 4)), share=1.5)
