"""Snowballs: which regions of jumps are one, and what is flagged."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import group
from hexcal.steps.detector.jump import JumpStep

JUMP, SAT = group.JUMP_DET, group.SATURATED
SIZE, GROUP_TIME, AT = 120, 10.0, 2
Y, X = np.mgrid[:SIZE, :SIZE]


def disc(y, x, radius):
    return np.hypot(Y - y, X - x) <= radius


def inside(y, x, radius):
    return np.hypot(Y - y, X - x) < radius


def flags_with(*events, n_ints=1, n_groups=5):
    """Flags of a ramp with events.

    Of each y, x, radius of the core or None, radius of the jumps, groups until the core saturates.
    """
    flags = np.zeros((n_ints, n_groups, SIZE, SIZE), np.uint8)
    for y, x, core, halo, delay in events:
        if core is not None:
            flags[0, AT + delay :, disc(y, x, core)] |= SAT
        flags[0, AT][disc(y, x, halo) & (flags[0, AT] & SAT == 0)] |= JUMP
    return flags


def run(flags, group_time=GROUP_TIME, **parameters):
    ramp = datamodels.RampModel(np.zeros(flags.shape, np.float32))
    ramp.groupdq[:] = flags
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", "NIRCAM"
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = flags.shape[:2]
    ramp.meta.exposure.nframes, ramp.meta.exposure.group_time = 1, group_time
    gain, noise = np.ones(flags.shape[2:], np.float32), np.full(flags.shape[2:], 10, np.float32)
    settings = {"expand_large_events": True, "flag_4_neighbors": False, **parameters}
    return JumpStep.call(
        ramp,
        override_gain=datamodels.GainModel(gain),
        override_readnoise=datamodels.ReadnoiseModel(noise),
        **settings,
    ).groupdq


SNOWBALL = (60, 60, 3, 7, 0)


def jumps(result, k=AT, i=0):
    return result[i, k] & JUMP != 0


def test_nothing_is_expanded_unless_it_is_asked_for():
    flags = flags_with(SNOWBALL)
    np.testing.assert_array_equal(run(flags, expand_large_events=False), flags)


def test_the_halo_of_a_snowball_is_flagged_to_twice_its_radius_in_its_group_only():
    result = run(flags_with(SNOWBALL))
    either = result[0] & (JUMP | SAT) != 0
    np.testing.assert_array_equal(either[AT], inside(60, 60, 14))
    assert not either[AT - 1].any()
    np.testing.assert_array_equal(either[AT + 1], inside(60, 60, 5))


@pytest.mark.parametrize(
    ("event", "parameters", "expanded"),
    [
        ((60, 60, None, 7, 0), {}, False),
        ((60, 60, None, 7, 0), {"sat_required_snowball": False}, True),
        ((60, 60, 0, 7, 0), {}, True),
        ((60, 60, 0, 7, 0), {"min_sat_area": 2}, False),
        ((60, 60, 1, 7, 1), {}, True),
        ((60, 60, 1, 7, 2), {}, False),
        ((60, 60, 3, 7, 0), {"min_jump_area": 149}, True),
        ((60, 60, 3, 7, 0), {"min_jump_area": 150}, False),
        ((24, 60, None, 7, 0), {}, True),
        ((25, 60, None, 7, 0), {}, False),
        ((60, 96, None, 7, 0), {}, True),
        ((60, 96, None, 7, 0), {"edge_size": 10}, False),
    ],
)
@pytest.mark.req("JUMP-23")
def test_which_regions_of_jumps_are_snowballs(event, parameters, expanded):
    flags = flags_with(event)
    assert (jumps(run(flags, **parameters)).sum() > 300) == expanded


def test_a_core_beside_the_region_of_jumps_does_not_make_it_a_snowball():
    flags = flags_with((60, 60, None, 6, 0))
    flags[0, AT:, disc(60, 69, 1)] |= SAT
    np.testing.assert_array_equal(jumps(run(flags)), flags[0, AT] & JUMP != 0)


@pytest.mark.req("JUMP-24")
def test_large_cores_grow_from_their_group_on_and_small_ones_do_not():
    result = run(flags_with((40, 60, 3, 7, 0), (80, 60, 1, 7, 0)))
    saturated = result[0] & SAT != 0
    assert not saturated[AT - 1].any()
    for k in range(AT, 5):
        np.testing.assert_array_equal(saturated[k], inside(40, 60, 5) | disc(80, 60, 1))
    wide = run(flags_with(SNOWBALL), sat_expand=6)[0, AT] & SAT != 0
    np.testing.assert_array_equal(wide, inside(60, 60, 9))
    spared = run(flags_with(SNOWBALL), min_sat_radius_extend=6)[0, AT] & SAT != 0
    np.testing.assert_array_equal(spared, disc(60, 60, 3))


def test_cores_are_flagged_in_the_next_integration_for_the_time_that_is_asked_for():
    flags = flags_with(SNOWBALL, n_ints=3)
    for time, last in ((4000, 4), (35, 2), (9, 0)):
        result = run(flags, snowball_time_masked_next_int=time)
        for k in range(5):
            np.testing.assert_array_equal(jumps(result, k, 1), inside(60, 60, 3) & (1 <= k <= last))
        assert not result[2].any()
    assert not run(flags, mask_snowball_core_next_int=False)[1:].any()


@pytest.mark.req("JUMP-26")
def test_no_radius_is_flagged_beyond_the_largest_one():
    result = run(flags_with((60, 60, 7, 12, 0)), max_extended_radius=8)[0, AT]
    np.testing.assert_array_equal(result & SAT != 0, disc(60, 60, 7) | inside(60, 60, 8))
    beyond = (result & JUMP != 0) & ~disc(60, 60, 12)
    assert not beyond.any()


def test_the_time_between_groups_must_be_known_only_if_it_is_needed():
    flags = flags_with(SNOWBALL, n_ints=2)
    with pytest.raises(InputError, match="TGROUP"):
        run(flags, group_time=None)
    assert run(flags, group_time=None, mask_snowball_core_next_int=False)[0, AT].any()


def test_the_deprecated_choice_of_ellipses_is_answered_with_a_warning(caplog):
    run(flags_with(SNOWBALL), use_ellipses=True)
    assert "use_ellipses is deprecated" in caplog.text


def test_flags_that_snowballs_leave_are_no_events_of_the_next_integration():
    flags = flags_with((12, 60, 6, 9, 0), n_ints=2)
    assert run(flags)[1, 1:].any()
    np.testing.assert_array_equal(jumps(run(flags), 1, 1), inside(12, 60, 6))


def shower_ramp(excess, radius=12, n_groups=14, at=7, slope=20.0, jump=0.0, seed=2):
    """A MIRI-like ramp with a round shower in one group, in units of the noise of a difference.

    NaN-free, gain 1, read noise 10 e.
    """
    rng = np.random.default_rng(seed)
    steps = np.full((1, n_groups, SIZE, SIZE), slope)
    steps[0, 0] = 0
    sigma = np.sqrt(slope + 100)
    steps[0, at][disc(60, 60, radius)] += excess * sigma
    steps[0, at][disc(60, 60, 1)] += jump * sigma
    data = np.cumsum(steps, axis=1) + rng.normal(0, 10 / np.sqrt(2), steps.shape)
    ramp = datamodels.RampModel(data.astype(np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", "MIRI"
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = 1, n_groups
    ramp.meta.exposure.nframes, ramp.meta.exposure.group_time = 1, GROUP_TIME
    return ramp


def find(ramp, **parameters):
    shape = ramp.shape[2:]
    settings = {"find_showers": True, "flag_4_neighbors": False, **parameters}
    return JumpStep.call(
        ramp,
        override_gain=datamodels.GainModel(np.ones(shape, np.float32)),
        override_readnoise=datamodels.ReadnoiseModel(np.full(shape, 10, np.float32)),
        **settings,
    ).groupdq


def share(result, k, region):
    return float(jumps(result, k)[region].mean())


@pytest.mark.req("JUMP-25")
def test_a_shower_below_the_limit_of_jumps_is_flagged_with_the_time_after_it():
    inside_of_it, outside = disc(60, 60, 12), ~disc(60, 60, 18)
    found = find(shower_ramp(2.5))
    assert share(found, 7, inside_of_it) > 0.99
    assert share(found, 8, inside_of_it) > 0.99
    assert share(found, 9, inside_of_it) < 0.01
    assert share(found, 6, inside_of_it) < 0.01
    assert max(share(found, k, outside) for k in range(14)) < 0.001
    assert share(find(shower_ramp(2.5), find_showers=False), 7, inside_of_it) < 0.2


@pytest.mark.req("JUMP-25")
@pytest.mark.parametrize(
    ("ramp", "parameters", "found"),
    [
        ({"excess": 0.0}, {}, False),
        ({"excess": 0.5}, {}, False),
        ({"excess": 2.5, "radius": 3}, {}, False),
        ({"excess": 2.5, "radius": 4}, {"extend_min_area": 20}, True),
        ({"excess": 2.5}, {"extend_snr_threshold": 3.0}, False),
        ({"excess": 2.5}, {"extend_min_area": 1000}, False),
        ({"excess": 2.5}, {"max_shower_amplitude": 1.0}, False),
        ({"excess": 2.5, "jump": 40.0}, {}, True),
    ],
)
def test_which_regions_are_showers(ramp, parameters, found):
    flags = find(shower_ramp(**ramp), **parameters)
    assert (share(flags, 8, disc(60, 60, ramp.get("radius", 12))) > 0.7) == found


@pytest.mark.req("JUMP-25")
@pytest.mark.parametrize(("time", "last"), [(0, 7), (9.9, 7), (10, 8), (35, 10), (1e6, 13)])
def test_groups_within_the_time_after_a_shower_are_flagged(time, last):
    found = find(shower_ramp(2.5), time_masked_after_shower=time)
    assert [k for k in range(14) if share(found, k, disc(60, 60, 11)) > 0.9] == list(range(7, last + 1))


@pytest.mark.req("JUMP-25")
def test_the_ring_and_the_expansion_of_showers_can_be_chosen():
    narrow, wide = (find(shower_ramp(2.5), extend_ellipse_expand_ratio=ratio) for ratio in (1.0, 1.5))
    assert jumps(wide, 7).sum() == pytest.approx(2.25 * jumps(narrow, 7).sum(), rel=0.15)
    bounded = find(shower_ramp(2.5), max_extended_radius=5)
    np.testing.assert_array_equal(jumps(bounded, 8), inside(60, 60, 5))
    small_ring = find(shower_ramp(2.5, radius=4), extend_min_area=20, extend_outer_radius=1.0)
    large_ring = find(shower_ramp(2.5, radius=4), extend_min_area=20, extend_inner_radius=8, extend_outer_radius=2.0)
    assert share(small_ring, 8, disc(60, 60, 4)) > 0.9
    assert share(large_ring, 8, disc(60, 60, 4)) < 0.1


@pytest.mark.parametrize("test", ["two_point", "likelihood"])
def test_single_jumps_in_a_bright_shower_make_no_holes_in_it(test):
    ramp = shower_ramp(6.0)
    parts = [find(ramp, difference_test=test, shower_jump_limit=limit) for limit in (0.0, 2.0)]
    left_out, counted = (share(flags, 8, disc(60, 60, 12)) for flags in parts)
    assert left_out < 0.9 and counted > 0.99
    assert share(parts[1], 8, ~disc(60, 60, 18)) < 0.001


def test_a_cosmic_ray_is_no_shower():
    """However large: each pixel counts with no more than the limit."""
    ramp = shower_ramp(2000.0, radius=2)
    np.testing.assert_array_equal(find(ramp, shower_jump_limit=2.0), find(ramp, find_showers=False))


def test_showers_are_the_same_for_any_number_of_threads():
    np.testing.assert_array_equal(find(shower_ramp(2.5), maximum_cores="1"), find(shower_ramp(2.5), maximum_cores="3"))


def test_the_search_for_showers_needs_the_time_between_groups():
    ramp = shower_ramp(2.5)
    ramp.meta.exposure.group_time = None
    with pytest.raises(InputError, match="TGROUP"):
        find(ramp)
