"""Raw counts have the statistics that they are said to have."""

from dataclasses import replace

import numpy as np
import pytest

from hexcal.models.dqflags import pixel
from hexcal.simulate import cosmic_rays, scene
from hexcal.simulate.conditions import Conditions
from hexcal.simulate.detector import make_detector
from hexcal.simulate.drifts import amplifier_of_column, can_be_measured, make_drifts, make_transients
from hexcal.simulate.exposure import simulate
from hexcal.simulate.mode import exposure_mode
from hexcal.simulate.ramp import Signals, simulate_ramps
from hexcal.simulate.response import linearized

UNDISTURBED = Conditions(cosmic_ray_flux=0, bad_pixels=0)
NO_HITS = np.zeros(0, list(cosmic_rays.COLUMNS))


def plain_detector(mode, **changes):
    """Pixels without scatter, bad pixels, reset noise and non-linearity."""
    pixels = make_detector(
        mode.detector,
        mode.instrument,
        np.random.default_rng(1),
        mode.xstart,
        mode.ystart,
        mode.image_shape,
        bad_pixels=0,
    )
    coefficients = np.zeros_like(pixels.coefficients)
    coefficients[1] = 1
    plain = {
        name: np.full_like(getattr(pixels, name), value)
        for name, value in {"bias": 1000, "gain": 2, "read_noise": 5, "dark": 0, "well": 5e4}.items()
    }
    return replace(pixels, coefficients=coefficients, reset_noise=0.0, **{**plain, **changes})


@pytest.mark.parametrize(("readpatt", "n_frames", "gap"), [("RAPID", 1, 0), ("BRIGHT2", 2, 0), ("SHALLOW4", 4, 1)])
def test_noise_of_averaged_frames(readpatt, n_frames, gap):
    mode = exposure_mode(subarray_name="SUB160", detector="NRCALONG", readpatt=readpatt, n_groups=3)
    rate = 2000.0
    pixels = plain_detector(mode)
    data = simulate_ramps(mode, np.full(mode.image_shape, rate), pixels, Signals(NO_HITS), seed=5).astype(float)[0]
    per_frame = rate * mode.frame_time
    stride = n_frames + gap
    for g in range(3):
        frames = g * stride + 1 + np.arange(n_frames)
        assert (data[g] - 1000).mean() == pytest.approx(per_frame * frames.mean(), rel=2e-3)
        # Variance of the mean of a sum that grows: frames share the electrons that came before.
        shared = np.minimum(frames[:, None], frames[None, :]).sum() / n_frames**2
        expected = per_frame * shared / 2 + 25 / n_frames + 1 / 12 / n_frames + (1 / 12 if n_frames > 1 else 0)
        assert data[g].var() == pytest.approx(expected, rel=0.03)


def test_the_same_with_any_number_of_threads_and_another_with_another_seed():
    mode = exposure_mode(subarray_name="SUB160", n_groups=2)
    one, two = simulate(mode, seed=7, threads=1), simulate(mode, seed=7, threads=2)
    assert np.array_equal(one.exposure.data, two.exposure.data)
    assert np.array_equal(one.truth.rate, two.truth.rate)
    assert np.array_equal(one.truth.cosmic_rays, two.truth.cosmic_rays)
    assert not np.array_equal(one.exposure.data, simulate(mode, seed=8).exposure.data)


def test_scene_does_not_depend_on_cosmic_rays():
    mode = exposure_mode(subarray_name="SUB160", n_groups=2)
    without_rays = simulate(mode, None, Conditions(cosmic_ray_flux=0), seed=7)
    assert np.array_equal(simulate(mode, seed=7).truth.rate, without_rays.truth.rate)


def test_full_wells_and_the_converter_limit_the_counts():
    mode = exposure_mode(subarray_name="SUB160", n_groups=4)
    simulation = simulate(mode, scene.flat(mode.image_shape, 1e6), UNDISTURBED, seed=1)
    science = ~simulation.detector.is_reference
    full = simulation.exposure.data[0, -1][science].astype(float)
    well = (simulation.detector.bias + simulation.detector.well)[science]
    assert np.abs(full - np.minimum(well, 65535)).max() < 150  # reset and read noise
    assert (full > simulation.detector.saturation[science] - 150).all()


def test_charge_of_cosmic_rays_arrives_where_and_when_the_truth_says():
    mode = exposure_mode(subarray_name="SUB160", n_groups=6, n_ints=2, readpatt="BRIGHT1")
    hits = np.array([(1, 0, 5, 20, 30, 400.0), (0, 0, 0, 3, 4, 200.0)], dtype=list(cosmic_rays.COLUMNS))
    hits = cosmic_rays.arranged(hits, mode)
    assert hits["group"].tolist() == [0, 3]  # frame 5 lies in the gap before group 3
    pixels = plain_detector(mode, read_noise=np.full(mode.image_shape, 1e-6, np.float32))
    data = simulate_ramps(mode, np.zeros(mode.image_shape), pixels, Signals(hits), seed=1)
    assert data[1, :, 20, 30].tolist() == [1000] * 3 + [1400] * 3
    assert data[0, :, 3, 4].tolist() == [1200] * 6
    assert (np.delete(data.reshape(-1, 160 * 160), [3 * 160 + 4, 20 * 160 + 30], axis=1) == 1000).all()
    assert np.argwhere(cosmic_rays.mask(hits, mode.shape)).tolist() == [[0, 0, 3, 4], [1, 3, 20, 30]]


def test_number_of_cosmic_rays_follows_flux_area_and_time():
    mode = exposure_mode(n_groups=10)
    hits = cosmic_rays.draw(mode, np.random.default_rng(3), flux=1.0)
    particles = 2048**2 * 18e-4**2 * 107.4
    assert particles < len(hits) < 5 * particles
    assert (hits["charge"] <= 20000).all()
    assert (hits["charge"] >= 10).all()
    assert not mode.reference_pixels()[hits["y"], hits["x"]].any()
    assert np.array_equal(np.sort(hits["integration"], kind="stable"), hits["integration"])


def test_drifts_are_common_to_an_amplifier_and_seen_by_reference_pixels():
    mode = exposure_mode(n_groups=3)
    drifts = make_drifts(mode, 6.0, np.random.default_rng(1))
    frame = drifts.columns[0, 1, 0]
    assert amplifier_of_column(mode).tolist() == [0] * 512 + [1] * 512 + [2] * 512 + [3] * 512
    assert len(np.unique(frame)) == 8
    assert np.array_equal(frame[0], frame[1])
    assert 0.5 < drifts.rows.std() < 1.5
    assert np.abs(np.diff(drifts.rows, axis=-1)).max() < 0.05  # smooth over the 11 rows of the running median


def test_drifts_of_miri_differ_by_row_and_every_fourth_column():
    mode = exposure_mode("MIRI", n_groups=3)
    frame = make_drifts(mode, 6.0, np.random.default_rng(1)).columns[0, 1, 0]
    assert len(np.unique(frame)) == 8
    assert np.array_equal(frame[:, :-4], frame[:, 4:])
    assert not np.array_equal(frame[0], frame[1])


def test_no_drifts_where_nothing_could_measure_them():
    assert can_be_measured(exposure_mode(subarray_name="SUB160"))
    assert not can_be_measured(exposure_mode(subarray_name="SUB160", detector="NRCALONG"))
    assert not can_be_measured(exposure_mode("MIRI", subarray_name="SUB64"))


def test_drifts_are_in_the_raw_reference_pixels():
    mode = exposure_mode(subarray_name="SUB160", n_groups=10)
    simulation = simulate(mode, None, Conditions(drift=50.0), seed=2)
    is_reference = ((simulation.truth.dq & pixel.REFERENCE_PIXEL) != 0) & (
        (simulation.truth.dq & pixel.DO_NOT_USE) == 0
    )
    raw = simulation.exposure.data[0].astype(float) - simulation.detector.bias
    drifts = make_drifts_of(simulation)
    for parity in (0, 1):
        columns = is_reference & (np.arange(160) % 2 == parity)
        expected = drifts.columns[0, :, 0, 0, parity]
        assert np.abs(raw[:, columns].mean(axis=1) - expected).max() < 1.5


def make_drifts_of(simulation):
    from hexcal.simulate import exposure

    return make_drifts(simulation.mode, 50.0, exposure.stream(2, exposure._DRIFTS))


def test_miri_has_transients_and_a_reference_output():
    mode = exposure_mode("MIRI", subarray_name="SUB64", n_groups=20, n_ints=2)
    simulation = simulate(mode, scene.flat(mode.image_shape, 0.0), UNDISTURBED, seed=1)
    assert simulation.exposure.refout.shape == (2, 20, 64, 18)
    science = ~simulation.detector.is_reference
    level = np.median(simulation.exposure.data[:, :, science].astype(float) - simulation.detector.bias[science], axis=2)
    assert level[0, 0] < level[0, 15] - 40
    assert level[0, -1] > level[0, 15] + 8
    assert level[1, 1] > level[0, 1] + 20
    assert (
        np.ptp(
            np.median(
                simulation.exposure.data[:, :, ~science].astype(float) - simulation.detector.bias[~science], axis=2
            )
        )
        < 3
    )
    assert make_transients(exposure_mode()) is None


def test_the_bias_of_miri_is_part_of_the_non_linear_response():
    mode = exposure_mode("MIRI", subarray_name="SUB64", n_groups=40)
    simulation = simulate(mode, scene.flat(mode.image_shape, 8000.0), UNDISTURBED, seed=1)
    science = ~simulation.detector.is_reference
    linear = linearized(simulation.exposure.data[0].astype(np.float32), simulation.detector.coefficients)[:, science]
    difference = (linear[35] - linear[16]).mean() / 19 / mode.group_time
    assert difference == pytest.approx(8000 + simulation.detector.dark[science].mean(), rel=1e-3)
