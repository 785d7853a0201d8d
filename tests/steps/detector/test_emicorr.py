"""Interference of known frequencies in MIRI ramps."""

import asdf
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.models.dqflags import group
from hexcal.steps.detector.emicorr import EmiCorrStep

SHAPE = (2, 10, 64, 72)
BEAT = 390.625


def pattern(shape, frequency=BEAT, phase=0.3, amplitude=5.0, n_samples=1, between=0, row=28, frame=8512):
    """A sine in the order in which the pixels of SUB64 are read."""
    integration, number, y, x = np.indices(shape)
    clocks = (integration * (shape[1] + between) + number) * frame + y * row + x // 4 * n_samples
    return amplitude * np.sin(2 * np.pi * (frequency * 1e-5 * clocks + phase))


def scene(shape=SHAPE, seed=1, noise=3.0):
    """Slopes on a bias, with read noise."""
    rng = np.random.default_rng(seed)
    slope, bias = rng.uniform(0, 100, shape[-2:]), rng.normal(10000, 50, shape[-2:])
    return bias + slope * np.arange(shape[1])[:, None, None] + rng.normal(0, noise, shape)


def make_ramp(data, readpatt="FAST", subarray="SUB64", n_samples=1):
    ramp = datamodels.RampModel(np.ascontiguousarray(data, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name, ramp.meta.instrument.detector = "JWST", "MIRI", "MIRIMAGE"
    ramp.meta.subarray.name, ramp.meta.exposure.readpatt = subarray, readpatt
    ramp.meta.exposure.nsamples, ramp.meta.exposure.frame_time = n_samples, 0.085
    return ramp


def write_reference(path, wave=None, **changes):
    wave = np.sin(2 * np.pi * (np.arange(500) + 0.5) / 500) if wave is None else wave
    case = {
        "rowclocks": 28,
        "frameclocks": 8512,
        "freqs": {"FAST": ["Hz390"], "SLOW": {"MIRIMAGE": ["Hz390"]}},
        **changes,
    }
    tree = {"meta": {"reftype": "EMICORR", "telescope": "JWST", "instrument": {"name": "MIRI"}}}
    tree["frequencies"] = {"Hz390": {"frequency": BEAT, "phase_amplitudes": np.asarray(wave, np.float32)}}
    tree["subarray_cases"] = {"SUB64": case}
    asdf.AsdfFile(tree).write_to(path)
    return str(path)


@pytest.fixture
def reference(tmp_path):
    return write_reference(tmp_path / "waves.asdf")


def left_over(result, clean, wave):
    """Share of the wave that is left."""
    return ((result.data - clean) * wave).sum() / (wave**2).sum()


@pytest.mark.req("EMI-01", "EMI-02", "EMI-03", "EMI-04", "EMI-05", "EMI-06", "EMI-07", "EMI-08", "EMI-09", "EMI-19")
@pytest.mark.parametrize("algorithm", ["sequential", "joint"])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.77])
def test_a_wave_of_any_phase_is_taken_out(reference, algorithm, phase):
    clean, wave = scene(), pattern(SHAPE, phase=phase)
    ramp = make_ramp(clean + wave)
    result = EmiCorrStep.call(ramp, skip=False, algorithm=algorithm, override_emicorr=reference)
    assert abs(left_over(result, clean, wave)) < 0.03
    assert np.std(result.data - clean) < 0.35  # of the 3.5 DN that the wave adds
    assert not result.groupdq.any() and result.meta.cal_step.emicorr == "COMPLETE"


@pytest.mark.parametrize("n_groups", [3, 4, 5])
def test_in_short_ramps_both_fits_know_what_the_straight_lines_took(reference, n_groups):
    shape = (8, n_groups, 64, 72)
    clean, wave = scene(shape, noise=1.0), pattern(shape)
    left = {
        name: abs(
            left_over(
                EmiCorrStep.call(make_ramp(clean + wave), skip=False, algorithm=name, override_emicorr=reference),
                clean,
                wave,
            )
        )
        for name in ("joint", "sequential")
    }
    assert max(left.values()) < 0.02


@pytest.fixture
def pure_wave(tmp_path):
    """Make a ramp with a wave of a phase and without noise: the ramp, the wave in it, its points, the reference."""
    from hexcal.simulate import interference
    from hexcal.simulate.exposure_keywords import describe_exposure
    from hexcal.simulate.mode import exposure_mode

    def make(phase):
        mode = exposure_mode("MIRI", subarray_name="SUB64", readpatt="FAST", n_groups=20, n_ints=2)
        at = 2 * np.pi * (np.arange(500) + 0.5) / 500
        wave = interference.Wave("Hz391", 390.625, phase, 10 * (np.sin(at) + 0.3 * np.sin(2 * at + 1)))
        added = interference.plane([wave], mode)
        ramp = datamodels.RampModel(np.float32(1000 + 5 * np.arange(20)[:, None, None]) + added)
        describe_exposure(ramp, mode)
        asdf.AsdfFile(interference.reference_tree([wave], mode)).write_to(tmp_path / "emicorr.asdf")
        return ramp, added, wave.shape, str(tmp_path / "emicorr.asdf")

    return make


@pytest.mark.parametrize("how", [{"fine_phase": True}, {"algorithm": "joint"}])
@pytest.mark.parametrize("phase", [0.123, 0.2044, 0.777])
def test_of_a_wave_without_noise_nothing_is_left(how, phase, pure_wave):
    """Samples lie at whole clocks, not at the middles of bins."""
    ramp, added, _, file = pure_wave(phase)
    assert (ramp.data - EmiCorrStep.call(ramp, skip=False, override_emicorr=file, **how).data - added).std() < 0.012


@pytest.mark.parametrize(("phase", "shift"), [(0.123, 438), (0.777, 111)])
def test_by_default_the_reference_is_shifted_by_whole_points(phase, shift, pure_wave):
    """The shift is that of release 3.0.0, measured as a black box, which leaves 0.061 DN as well."""
    ramp, added, points, file = pure_wave(phase)
    taken = ramp.data - EmiCorrStep.call(ramp, skip=False, override_emicorr=file).data
    integration, group, row, column = np.ogrid[:2, :20, :64, :72]
    clocks = 8512 * (20 * integration + group) + 28 * row + column // 4
    expected = np.roll(points, shift)[clocks % 256 * 500 // 256]
    assert np.abs(taken - expected).max() < 0.01
    assert 0.05 < (taken - added).std() < 0.07


@pytest.mark.req("EMI-13")
def test_the_reference_wave_is_scaled_unless_told_otherwise(reference):
    clean, wave = scene(), pattern(SHAPE)
    result = EmiCorrStep.call(make_ramp(clean + wave), skip=False, override_emicorr=reference, scale_reference=False)
    assert left_over(result, clean, wave) == pytest.approx(1 - 1 / 5, abs=0.02)


@pytest.mark.parametrize("separately", [True, False])
def test_a_phase_that_jumps_between_integrations_needs_separate_fits(reference, separately):
    wave = np.concatenate([pattern((1, *SHAPE[1:]), phase=0.1), pattern((1, *SHAPE[1:]), phase=0.35)])
    clean = scene()
    result = EmiCorrStep.call(
        make_ramp(clean + wave),
        skip=False,
        algorithm="joint",
        override_emicorr=reference,
        fit_ints_separately=separately,
    )
    assert bool(np.std(result.data - clean) < 0.5) is separately


@pytest.mark.req("EMI-10", "EMI-11", "EMI-12")
@pytest.mark.parametrize("parameters", [{"onthefly_corr_freq": [BEAT]}, {"override_emicorr": "N/A"}])
@pytest.mark.parametrize("more", [{}, {"nints_to_phase": 1, "nbins": 64}, {"use_n_cycles": None}])
def test_without_a_reference_the_wave_is_measured(parameters, more):
    clean, wave = scene(), pattern(SHAPE)
    result = EmiCorrStep.call(make_ramp(clean + wave), skip=False, **parameters, **more)
    # The noise of the waves, which eight of ten groups of one integration measure at the least.
    assert np.std(result.data - clean) < 0.55


@pytest.mark.req("EMI-15", "EMI-17", "EMI-18")
def test_measured_waves_are_saved_as_a_reference_that_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clean, wave = scene(), pattern(SHAPE)
    make_ramp(clean + wave).save("x_dq_init.fits")
    EmiCorrStep.call("x_dq_init.fits", skip=False, onthefly_corr_freq=[BEAT], save_intermediate_results=True)
    assert sorted(path.name for path in tmp_path.glob("x_emi*")) == ["x_emi_ref_waves.asdf", "x_emicorr.fits"]
    result = EmiCorrStep.call("x_dq_init.fits", skip=False, override_emicorr="x_emi_ref_waves.asdf")
    assert np.std(result.data - clean) < 0.5


@pytest.mark.req("EMI-14")
def test_a_reference_of_the_user(reference):
    clean, wave = scene(), pattern(SHAPE)
    result = EmiCorrStep.call(make_ramp(clean + wave), skip=False, user_supplied_reffile=reference)
    assert abs(left_over(result, clean, wave)) < 0.03


def test_slow_reads_take_longer_per_pixel(reference):
    clean, wave = scene(), pattern(SHAPE, n_samples=9)
    result = EmiCorrStep.call(make_ramp(clean + wave, "SLOW", n_samples=9), skip=False, override_emicorr=reference)
    assert abs(left_over(result, clean, wave)) < 0.03


def test_reset_frames_between_integrations_count(reference):
    clean, wave = scene(), pattern(SHAPE, between=2)
    result = EmiCorrStep.call(
        make_ramp(clean + wave, "FASTR1"), skip=False, algorithm="joint", override_emicorr=reference
    )
    assert abs(left_over(result, clean, wave)) < 0.03


def test_cosmic_rays_and_saturation_do_not_spoil_the_wave(reference):
    clean, wave = scene(), pattern(SHAPE)
    rng = np.random.default_rng(8)
    hit = rng.random(SHAPE[-2:]) < 0.1
    clean[:, 5:, hit] += 5000
    ramp = make_ramp(clean + wave)
    ramp.groupdq[:, :, :5] = group.SATURATED
    ramp.data[0, 3, 20, 20] = np.nan
    result = EmiCorrStep.call(ramp, skip=False, algorithm="joint", override_emicorr=reference)
    assert abs(np.nansum((result.data - clean) * wave) / (wave**2).sum()) < 0.03


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"readpatt": "FASTGRPAVG"}, "read-out pattern"),
        ({"subarray": "SUB256"}, "SUB256"),
    ],
)
def test_what_the_reference_does_not_know_is_left_alone(reference, changes, reason, caplog):
    ramp = make_ramp(scene(), **changes)
    result = EmiCorrStep.call(ramp, skip=False, override_emicorr=reference)
    assert result.meta.cal_step.emicorr == "SKIPPED" and np.array_equal(result.data, ramp.data)


def test_other_instruments_and_two_groups_are_left_alone(reference):
    ramp = make_ramp(scene((1, 2, 8, 8)))
    assert EmiCorrStep.call(ramp, skip=False, override_emicorr=reference).meta.cal_step.emicorr == "SKIPPED"
    ramp = make_ramp(scene((1, 5, 8, 8)))
    ramp.meta.instrument.name = "NIRCAM"
    assert EmiCorrStep.call(ramp, skip=False).meta.cal_step.emicorr == "SKIPPED"


def test_a_frequency_that_is_listed_but_not_there(tmp_path):
    path = write_reference(tmp_path / "bad.asdf", freqs={"FAST": ["Hz10"]})
    with pytest.raises(ReferenceError_, match="Hz10"):
        EmiCorrStep.call(make_ramp(scene()), skip=False, override_emicorr=path)


@pytest.mark.req("EMI-16")
def test_defaults():
    assert EmiCorrStep().skip is True and EmiCorrStep().scale_reference is True
    assert EmiCorrStep().nbins is None and EmiCorrStep().nints_to_phase is None
