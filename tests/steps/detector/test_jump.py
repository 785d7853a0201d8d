"""Jumps in ramps: the step and its parameters."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError, ReferenceError_
from hexcal.models.dqflags import group, pixel
from hexcal.observatories import documented
from hexcal.steps.detector.jump import JumpStep, Search, detect_jumps, whole_groups

JUMP, SAT, DNU = group.JUMP_DET, group.SATURATED, group.DO_NOT_USE
GAIN, NOISE, GROUP_TIME = 2.0, 10.0, 10.0
"""With these, a jump of s DN in an otherwise empty ramp is one of s / 10 sigma."""


def ramp_of(values, size=7, flags=None):
    """A ramp with no signal but in its central pixel; values (ngroups) or (nints, ngroups)."""
    values = np.atleast_2d(values)
    data = np.zeros((*values.shape, size, size), np.float32)
    data[..., size // 2, size // 2] = values
    ramp = datamodels.RampModel(data)
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", "NIRCAM"
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = values.shape
    ramp.meta.exposure.nframes, ramp.meta.exposure.group_time = 1, GROUP_TIME
    if flags is not None:
        ramp.groupdq[:, :, size // 2, size // 2] = flags
    return ramp


def steps(n_groups, jumps, slope=0.0):
    """Values of a ramp with jumps {group: DN}."""
    signal = np.full(n_groups, float(slope))
    signal[0] = 0
    for k, size in jumps.items():
        signal[k] += size
    return np.cumsum(signal)


def references(shape=(7, 7), gain=GAIN, noise=NOISE):
    return {
        "override_gain": datamodels.GainModel(np.broadcast_to(np.float32(gain), shape).copy()),
        "override_readnoise": datamodels.ReadnoiseModel(np.broadcast_to(np.float32(noise), shape).copy()),
    }


def call(ramp, gain=GAIN, noise=NOISE, **parameters):
    return JumpStep.call(ramp, **references(ramp.shape[-2:], gain, noise), **parameters)


def centre(ramp, **parameters):
    """Flags of the central pixel, (ngroups) of the first integration."""
    result = call(ramp, **{"flag_4_neighbors": False, **parameters})
    return result.groupdq[0, :, 3, 3].tolist()


def flagged(n_groups, *groups):
    return [JUMP if k in groups else 0 for k in range(n_groups)]


@pytest.mark.req("JUMP-03", "JUMP-05", "JUMP-13", "JUMP-18", "JUMP-31")
def test_one_hit_and_its_neighbours():
    ramp = ramp_of(steps(10, {5: 500}))
    ramp.groupdq[0, 5, 3, 3], ramp.err[:] = 16, 7
    result = call(ramp)
    expected = ramp.groupdq.copy()
    expected[0, 5, [3, 3, 3, 2, 4], [2, 3, 4, 3, 3]] |= JUMP
    np.testing.assert_array_equal(result.groupdq, expected)
    np.testing.assert_array_equal(result.data, ramp.data)
    assert (result.err == 7).all()
    assert not result.pixeldq.any()
    assert result.meta.cal_step.jump == "COMPLETE"
    assert ramp.groupdq.sum() == 16 and ramp.meta.cal_step.jump is None


@pytest.mark.req("JUMP-02")
@pytest.mark.parametrize("n_groups", [1, 2])
def test_too_few_groups(n_groups):
    ramp = ramp_of(steps(n_groups, {n_groups - 1: 5000}))
    ramp.pixeldq[0, 0] = 4
    result = call(ramp, gain=np.nan)
    assert result.meta.cal_step.jump == "SKIPPED"
    assert not result.groupdq.any() and result.pixeldq.sum() == 4


@pytest.mark.req("JUMP-04")
def test_gain_without_value():
    gain = np.full((7, 7), GAIN)
    gain[0, :4] = np.nan, 0, -1, np.inf
    result = call(ramp_of(steps(5, {})), gain=gain)
    bad = pixel.NO_GAIN_VALUE | pixel.DO_NOT_USE
    assert result.pixeldq[0].tolist() == [bad, bad, bad, 0, 0, 0, 0]
    assert not result.pixeldq[1:].any() and not result.groupdq.any()


@pytest.mark.req("JUMP-06")
def test_unusable_groups():
    values = steps(8, {5: 500})
    values[2] = 9999
    flags = [0, 0, DNU | JUMP, 0, 0, 0, 0, SAT]
    values[7] = 5000
    # The difference is only made between direct neighbours; JUMP_DET is taken from what cannot be used.
    assert centre(ramp_of(values, flags=flags)) == [0, 0, DNU, 0, 0, JUMP, 0, SAT]
    assert centre(ramp_of(values, flags=[0, 0, SAT, SAT, SAT, SAT, SAT, SAT])) == [0, 0] + [SAT] * 6
    values[4] = np.nan
    assert centre(ramp_of(values, flags=flags)) == [0, 0, DNU, 0, 0, 0, 0, SAT]


@pytest.mark.req("JUMP-07")
def test_each_integration_by_itself():
    slopes = [steps(6, {}, slope) for slope in (0, 0, 1000)]
    result = call(ramp_of(slopes), flag_4_neighbors=False)
    assert not result.groupdq.any()
    pooled = call(ramp_of(slopes), flag_4_neighbors=False, pool_integrations=True)
    assert (pooled.groupdq[2, 1:, 3, 3] == JUMP).all() and not pooled.groupdq[:2].any()


@pytest.mark.req("JUMP-08", "JUMP-09", "JUMP-15", "JUMP-16")
@pytest.mark.parametrize(("n_groups", "sigma"), [(3, 6), (4, 5), (5, 4), (10, 4), (11, 4), (30, 4)])
@pytest.mark.parametrize("slope", [0.0, 50.0])
@pytest.mark.parametrize("n_frames", [1, 4])
def test_threshold(n_groups, sigma, slope, n_frames):
    noise = np.sqrt(slope / GAIN + NOISE**2 / n_frames)  # DN
    for factor, found in ((0.999, []), (1.001, [n_groups - 1])):
        ramp = ramp_of(steps(n_groups, {n_groups - 1: sigma * noise * factor}, slope))
        ramp.meta.exposure.nframes = n_frames
        assert centre(ramp) == flagged(n_groups, *found)


@pytest.mark.req("JUMP-12", "JUMP-15", "JUMP-16")
@pytest.mark.parametrize(
    ("name", "usable"),
    [
        ("rejection_threshold", 6),
        ("four_group_rejection_threshold", 4),
        ("three_group_rejection_threshold", 3),
    ],
)
def test_threshold_is_that_of_the_usable_groups(name, usable):
    flags = np.where(np.arange(8) < usable, 0, SAT)
    ramp = ramp_of(steps(8, {1: 200}), flags=flags)
    assert centre(ramp, **{name: 19.9})[1] == JUMP
    assert centre(ramp, **{name: 20.1})[1] == 0
    with pytest.raises(ParameterError):
        JumpStep(**{name: -1})


@pytest.mark.req("JUMP-10")
def test_negative_jumps():
    assert centre(ramp_of(steps(10, {5: -500}))) == flagged(10, 5)
    assert centre(ramp_of(steps(20, {5: -500}))) == flagged(20, 5)
    # Up to ten groups the absolute difference counts: a fall that is as steep as the slope is none.
    assert centre(ramp_of(steps(10, {5: -200}, slope=100))) == flagged(10)
    assert centre(ramp_of(steps(11, {5: -200}, slope=100))) == flagged(11, 5)


@pytest.mark.req("JUMP-11")
def test_jumps_hidden_by_larger_ones():
    assert centre(ramp_of(steps(10, {2: 90000, 4: 3000, 7: 100}))) == flagged(10, 2, 4, 7)
    assert centre(ramp_of(steps(5, {1: 1000, 2: 55}))) == flagged(5, 1, 2)
    # One difference cannot be compared with anything.
    assert centre(ramp_of(steps(3, {1: 1000, 2: 100}))) == flagged(3, 1)


@pytest.mark.req("JUMP-13", "JUMP-19", "JUMP-20")
@pytest.mark.parametrize(
    ("size", "spreads", "limits"),
    [
        (99, False, {}),
        (101, True, {}),
        (9990, True, {}),
        (10010, False, {}),
        (300, False, {"min_jump_to_flag_neighbors": 31}),
        (300, False, {"max_jump_to_flag_neighbors": 29}),
    ],
)
def test_limits_for_neighbors(size, spreads, limits):
    result = call(ramp_of(steps(6, {3: size})), **limits)
    assert (result.groupdq[0, 3] != 0).sum() == (5 if spreads else 1)


@pytest.mark.req("JUMP-13")
def test_neighbors_that_cannot_be_used_and_edges():
    data = np.zeros((1, 5, 4, 4), np.float32)
    data[0, 2:, 0, 0] = data[0, 2:, 2, 2] = 500
    flags = np.zeros(data.shape, np.uint8)
    flags[0, 2, 2, 1], flags[0, 2, 1, 2] = SAT, DNU
    detect_jumps(data, flags, *planes((4, 4)), Search())
    assert flags[0, 2].tolist() == [[4, 4, 0, 0], [4, 0, 1, 0], [0, 2, 4, 4], [0, 0, 4, 0]]


def planes(shape):
    return np.zeros(shape, np.uint32), np.full(shape, GAIN, np.float32), np.full(shape, NOISE, np.float32)


@pytest.mark.req("JUMP-14", "JUMP-21")
@pytest.mark.parametrize(
    ("parameters", "later"),
    [
        ({}, 0),
        ({"after_jump_flag_dn1": 499, "after_jump_flag_time1": 9.9}, 0),
        ({"after_jump_flag_dn1": 499, "after_jump_flag_time1": 29.9}, 2),
        ({"after_jump_flag_dn1": 500, "after_jump_flag_time1": 30}, 3),
        ({"after_jump_flag_dn1": 501, "after_jump_flag_time1": 30}, 0),
        ({"after_jump_flag_dn2": 499, "after_jump_flag_time2": 20}, 2),
        (
            {
                "after_jump_flag_dn1": 100,
                "after_jump_flag_time1": 10,
                "after_jump_flag_dn2": 400,
                "after_jump_flag_time2": 1e9,
            },
            6,
        ),
    ],
)
def test_groups_after_a_jump(parameters, later):
    result = call(ramp_of(steps(10, {3: 500}, slope=30)), **parameters)
    assert result.groupdq[0, :, 3, 3].tolist() == flagged(10, *range(3, 4 + later))
    # The neighbours did not jump themselves.
    assert result.groupdq[0, :, 3, 2].tolist() == flagged(10, 3)


@pytest.mark.req("JUMP-14")
def test_groups_after_a_jump_need_the_group_time():
    assert whole_groups(0, None) == 0
    ramp = ramp_of(steps(10, {3: 500}))
    ramp.meta.exposure.group_time = None
    assert centre(ramp) == flagged(10, 3)
    with pytest.raises(InputError, match="TGROUP"):
        centre(ramp, after_jump_flag_time1=20)


@pytest.mark.req("JUMP-03")
def test_reference_is_cut_to_the_subarray():
    ramp = ramp_of(steps(5, {2: 500}))
    ramp.meta.subarray.xstart, ramp.meta.subarray.ystart = 5, 3
    ramp.meta.subarray.xsize = ramp.meta.subarray.ysize = 7
    gain = np.full((20, 20), np.nan, np.float32)
    gain[2:9, 4:11] = GAIN
    models = references((20, 20), gain)
    for model in models.values():
        model.meta.subarray.xstart = model.meta.subarray.ystart = 1
        model.meta.subarray.xsize = model.meta.subarray.ysize = 20
    result = JumpStep.call(ramp, **models)
    assert not result.pixeldq.any() and (result.groupdq[0, 2] == JUMP).sum() == 5
    with pytest.raises(ReferenceError_):
        JumpStep.call(ramp, **references((5, 5)))


@pytest.mark.req("JUMP-29")
def test_sigma_clipping_is_used_with_many_samples():
    rng = np.random.default_rng(1)
    values = np.cumsum(rng.normal(50, 3, (30, 5)), axis=1)
    values[:, 3:] += 3000  # in all integrations: only two-point differences find it
    values[0, 2:] += 300
    clipped, two_point = flagged(5, 2), flagged(5, 2, 3)
    for number, expected in ((30, clipped), (31, two_point), (100, two_point)):
        assert centre(ramp_of(values), minimum_sigclip_groups=number) == expected
    assert centre(ramp_of(values), minimum_sigclip_groups=30, minimum_groups=5) == clipped
    assert centre(ramp_of(values), minimum_sigclip_groups=30, minimum_groups=6) == two_point
    # All groups of all integrations: a quarter of the samples jump, so that these are within the scatter.
    for number, expected in ((150, flagged(5)), (151, two_point)):
        assert centre(ramp_of(values), minimum_sigclip_groups=number, only_use_ints=False) == expected
    assert centre(ramp_of(values), minimum_sigclip_groups=30, rejection_threshold=6) == flagged(5)


@pytest.mark.req("JUMP-17")
def test_any_number_of_threads_gives_the_same_flags():
    rng = np.random.default_rng(2)
    data = np.cumsum(rng.normal(50, 12, (2, 6, 40, 50)) + (rng.random((2, 6, 40, 50)) < 0.03) * 400, axis=1)
    data = data.astype(np.float32)
    results = []
    for threads in (1, 2, 5):
        flags = np.zeros(data.shape, np.uint8)
        search = Search(after_sizes=(300.0, 0.0), after_groups=(1, 0))
        detect_jumps(data, flags, *planes((40, 50)), search, threads)
        results.append(flags)
    assert results[0].any()
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    ramp = ramp_of(steps(10, {3: 500}))
    for cores in ("1", "none", "quarter", "half", "all", 2):
        assert centre(ramp, maximum_cores=cores) == flagged(10, 3)
    with pytest.raises(ParameterError):
        centre(ramp, maximum_cores="most")


@pytest.mark.req("JUMP-15", "JUMP-16", "JUMP-17", "JUMP-18", "JUMP-19", "JUMP-20", "JUMP-21", "JUMP-29")
def test_documented_defaults():
    parameters = JumpStep().get_pars()
    expected = {
        "rejection_threshold": 4.0,
        "three_group_rejection_threshold": 6.0,
        "four_group_rejection_threshold": 5.0,
        "maximum_cores": "1",
        "flag_4_neighbors": True,
        "max_jump_to_flag_neighbors": 1000.0,
        "min_jump_to_flag_neighbors": 10.0,
        "after_jump_flag_dn1": 0.0,
        "after_jump_flag_time1": 0.0,
        "after_jump_flag_dn2": 0.0,
        "after_jump_flag_time2": 0.0,
        "minimum_groups": 3,
        "minimum_sigclip_groups": 100,
        "only_use_ints": True,
    }
    assert {name: parameters[name] for name in expected} == expected


@pytest.mark.parametrize("sigma_clip", [False, True])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_sample_that_is_not_finite_hides_no_jump_and_flags_no_other_group(value, sigma_clip):
    n_ints = 40 if sigma_clip else 1
    ramp = np.arange(12, dtype=np.float32) * 100
    data = np.broadcast_to(ramp[None, :, None, None], (n_ints, 12, 1, 3)).copy()
    data += np.random.default_rng(2).normal(0, 1, data.shape).astype(np.float32)
    data[0, 8:, 0, 1:] += 5000
    data[0, 3, 0, 2] = value
    group_dq, noise = np.zeros(data.shape, np.uint8), np.ones((1, 3), np.float32)
    search = Search(sigma_clip=sigma_clip, neighbor_limits=None)
    detect_jumps(data, group_dq, np.zeros((1, 3), np.uint32), noise, 5 * noise, search)
    assert np.argwhere(group_dq[0, :, 0, :] & group.JUMP_DET).tolist() == [[8, 1], [8, 2]]


@pytest.mark.req("JUMP-30")
def test_all_parameters_of_the_documents_are_there():
    """The 31 of release 1.13.4."""
    known = [
        row.name
        for row in documented.names()
        if row.kind == "parameter" and row.owner == "jump" and "1.13.4" in row.releases
    ]
    assert len(known) == 31 and set(known) <= set(JumpStep.parameters_class.model_fields)
