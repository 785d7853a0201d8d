"""Which exposures go into one reference file."""

import random

import pytest
from calibrations import write_header

from hexcal.reffiles.grouping import Rules, grouped
from hexcal.reffiles.inputs import read_inputs
from hexcal.reffiles.patterns import parsed


def names(groups):
    return [[item.path.name.removesuffix("_uncal.fits") for item in group.members] for group in groups]


def groups_of(folder, pattern, **rules):
    return grouped(read_inputs([folder])[0], Rules(parsed(pattern), **rules))


@pytest.fixture
def darks(tmp_path):
    """Darks at days 0, 1, 3, 4 and 10."""
    for name, day in zip("abcde", (0, 1, 3, 4, 10), strict=True):
        write_header(tmp_path, name, day)
    return tmp_path


@pytest.mark.req("RFF-29", "RFF-33")
def test_pairs_are_neighbours_in_time_and_disjoint(darks):
    groups, left = groups_of(darks, "DD", max_days=2)
    assert names(groups) == [["a", "b"], ["c", "d"]]
    assert [(item.path.name[0], reason) for item, reason in left] == [("e", "no partner is left within 2 days")]
    moving, _ = groups_of(darks, "DD", max_days=2, overlapping=True)
    assert names(moving) == [["a", "b"], ["b", "c"], ["c", "d"]]


@pytest.mark.req("RFF-29", "RFF-32")
def test_the_limit_in_time_holds_for_all_that_go_together_too(darks):
    assert names(groups_of(darks, "D+")[0]) == [["a", "b", "c", "d", "e"]]
    assert names(groups_of(darks, "D+", max_days=2)[0]) == [["a", "b"], ["c", "d"], ["e"]]
    assert names(groups_of(darks, "D3+", max_days=4)[0]) == [["a", "b", "c", "d"]]
    assert names(groups_of(darks, "D", max_days=2)[0]) == [["a"], ["b"], ["c"], ["d"], ["e"]]


@pytest.mark.req("RFF-30")
def test_subarrays_and_filters_never_meet(tmp_path):
    write_header(tmp_path, "a", 0, SUBARRAY="SUB160")
    write_header(tmp_path, "b", 0.1, SUBARRAY="SUB320")
    write_header(tmp_path, "c", 0.2, SUBARRAY="SUB160")
    write_header(tmp_path, "f", 0, kind="NRC_FLAT", FILTER="F115W", SUBARRAY="SUB160")
    write_header(tmp_path, "g", 0.1, kind="NRC_FLAT", FILTER="F200W", SUBARRAY="SUB160")
    write_header(tmp_path, "h", 0.3, kind="NRC_FLAT", FILTER="F115W", SUBARRAY="SUB160")
    assert names(groups_of(tmp_path, "DD")[0]) == [["a", "c"]]
    assert names(groups_of(tmp_path, "FF")[0]) == [["f", "h"]]
    assert [sorted(group) for group in names(groups_of(tmp_path, "DDFF")[0])] == [["a", "c", "f", "h"]]
    # One of the rules may be switched off.
    assert len(groups_of(tmp_path, "FF", loose=("FILTER",))[0]) == 1


@pytest.mark.req("RFF-32")
def test_darks_and_flats_are_near_in_time(tmp_path):
    for name, day in (("a", 0), ("b", 0.5), ("c", 9), ("d", 9.5)):
        write_header(tmp_path, name, day)
    write_header(tmp_path, "f", 10, kind="NRC_FLAT")
    write_header(tmp_path, "g", 10.2, kind="NRC_FLAT")
    assert [sorted(group) for group in names(groups_of(tmp_path, "DDFF", max_days=2)[0])] == [["c", "d", "f", "g"]]
    groups, left = groups_of(tmp_path, "DDFF", max_days=0.3)
    assert not groups and len(left) == 6


@pytest.mark.req("RFF-31")
def test_ramps_of_different_lengths(tmp_path):
    write_header(tmp_path, "a", 0, shape=(1, 10, 16, 24))
    write_header(tmp_path, "b", 0.1, shape=(1, 8, 16, 24))
    ((group,), _) = groups_of(tmp_path, "DD")
    assert group.notes == ("NGROUPS is 8 to 10: the first 8 groups are used",)
    assert groups_of(tmp_path, "DD", same_ngroups=True)[0] == []


@pytest.mark.req("RFF-34")
def test_more_rules_by_keyword(tmp_path):
    for name, tilt in (("a", 1.0), ("b", 1.5), ("c", 1.1)):
        write_header(tmp_path, name, ord(name), GWA_TILT=tilt, LAMP="OFF" if name != "b" else "ON")
    assert names(groups_of(tmp_path, "D+", within={"GWA_TILT": 0.2})[0]) == [["a", "c"], ["b"]]
    assert names(groups_of(tmp_path, "D+", same=("LAMP",))[0]) == [["a", "c"], ["b"]]
    groups, left = groups_of(tmp_path, "D+", without={"LAMP": "on"})
    assert names(groups) == [["a", "c"]] and left[0][1] == "LAMP is on"
    assert names(groups_of(tmp_path, "D+", max_members=2)[0]) == [["a", "b"], ["c"]]


@pytest.mark.req("RFF-35")
def test_the_order_of_files_does_not_matter(darks):
    inputs, _ = read_inputs([darks])
    expected = names(grouped(inputs, Rules(parsed("DD"), max_days=2))[0])
    for seed in range(5):
        shuffled = random.Random(seed).sample(inputs, len(inputs))
        assert names(grouped(shuffled, Rules(parsed("DD"), max_days=2))[0]) == expected
