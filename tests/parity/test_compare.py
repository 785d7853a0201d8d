"""The comparison with the reference implementation is itself compared with what is known of made-up arrays."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

_PATH = Path(__file__).parents[2] / "parity" / "compare.py"
_SPEC = importlib.util.spec_from_file_location("parity_compare", _PATH)
compare = sys.modules["parity_compare"] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(compare)

SHAPE = (2, 3, 4, 5)


@pytest.fixture
def ramp():
    """A ramp without flags whose values are 1, 2, 3 ..."""
    return {
        "SCI": np.arange(1, 121, dtype="f4").reshape(SHAPE),
        "PIXELDQ": np.zeros(SHAPE[-2:], "u4"),
        "GROUPDQ": np.zeros(SHAPE, "u1"),
    }


def changed(product, plane, place, value):
    copy = {name: array.copy() for name, array in product.items()}
    copy[plane][place] = value
    return copy


def planes(own, peer, names=("SCI", "PIXELDQ", "GROUPDQ"), **more):
    return {result.name: result for result in compare.compare_planes(own, peer, names, **more)}


def test_equal_products_have_no_differences(ramp):
    results = planes(ramp, ramp)
    assert [(result.differing, result.worst, result.passed()) for result in results.values()] == [(0, 0.0, True)] * 3
    assert results["SCI"].size == 120
    assert results["PIXELDQ"].size == 20


def test_a_number_outside_the_tolerance_is_counted_and_shown(ramp):
    own = changed(ramp, "SCI", (1, 2, 3, 4), 120 * (1 + 5e-5))
    result = planes(own, ramp)["SCI"]
    assert result.differing == 1
    assert result.worst == pytest.approx(5, rel=0.01)
    assert result.examples == [((1, 2, 3, 4), own["SCI"][1, 2, 3, 4].item(), 120.0)]
    assert not result.passed()


def test_a_number_within_the_tolerance_passes_and_its_distance_is_still_told(ramp):
    result = planes(changed(ramp, "SCI", (1, 2, 3, 4), 120 * (1 + 4e-6)), ramp)["SCI"]
    assert result.differing == 0
    assert 0.3 < result.worst < 0.5
    assert result.passed()


def test_known_differences_are_allowed_up_to_their_number(ramp):
    own = changed(ramp, "SCI", (0, 0, slice(None), 0), -1)
    result = planes(own, ramp)["SCI"]
    assert result.differing == 4
    assert [result.passed(allowed) for allowed in (3, 4)] == [False, True]


@pytest.mark.parametrize(("plane", "place"), [("GROUPDQ", (1, 2, 3, 4)), ("PIXELDQ", (3, 4))])
def test_numbers_do_not_count_where_flags_differ(ramp, plane, place):
    own = changed(changed(ramp, "SCI", (1, 2, 3, 4), -7), plane, place, 4)
    results = planes(own, ramp)
    assert results["SCI"].differing == 0
    assert results[plane].differing == 1


def test_a_flag_of_another_group_or_integration_excuses_nothing(ramp):
    own = changed(changed(ramp, "SCI", (1, 2, 3, 4), -7), "GROUPDQ", (0, 2, 3, 4), 4)
    assert planes(own, ramp)["SCI"].differing == 1


def flags(size, carrying, bit=1):
    plane = np.zeros((size, size), "u4")
    plane.ravel()[:carrying] = bit
    return {"DQ": plane}


def test_flags_may_differ_in_one_of_ten_thousand_that_are_flagged():
    peer = flags(200, 20000)
    for differing, passes in ((1, True), (2, True), (3, False)):
        result = planes(flags(200, 20000 - differing), peer, ["DQ"])["DQ"]
        assert (result.differing, result.flagged, result.passed()) == (differing, 20000, passes)


def test_samples_without_flags_excuse_no_difference():
    """One flag of ten is one too many, however large the image; known differences are counted apart."""
    for own, peer in ((9, 10), (10, 9), (0, 1)):
        result = planes(flags(1000, own), flags(1000, peer), ["DQ"])["DQ"]
        assert (result.differing, result.flagged) == (1, max(own, peer))
        assert result.fraction == 1 / max(own, peer)
        assert [result.passed(allowed) for allowed in (0, 1)] == [False, True]


def test_a_common_flag_excuses_no_difference_in_a_rare_one():
    own, peer = flags(200, 40000), flags(200, 40000)
    peer["DQ"][0, :2] |= 4
    result = planes(own, peer, ["DQ"])["DQ"]
    assert result.bits == {0: (40000, 0), 2: (2, 2)}
    assert not result.passed()


def test_not_a_number_equals_only_itself(ramp):
    peer = changed(changed(ramp, "SCI", (0, 0, 0, 0), np.nan), "SCI", (0, 0, 0, 1), np.inf)
    assert planes(peer, peer)["SCI"].differing == 0
    result = planes(ramp, peer)["SCI"]
    assert result.differing == 2
    assert result.worst == np.inf
    assert planes(peer, ramp)["SCI"].differing == 2


def test_floor_as_a_number(ramp):
    peer = changed(ramp, "SCI", (0, 0, 0, 0), 0)
    own = changed(ramp, "SCI", (0, 0, 0, 0), 1e-3)
    assert planes(own, peer)["SCI"].differing == 1
    assert planes(own, peer, floors={"SCI": 2e-3})["SCI"].differing == 0


def test_floor_from_the_error_of_the_peer():
    names = ("SCI", "ERR", "DQ", "VAR_POISSON")
    peer = {
        "SCI": np.zeros((2, 3), "f4"),
        "ERR": np.array([[1, 10, np.nan]] * 2, "f4"),
        "DQ": np.zeros((2, 3), "u4"),
        "VAR_POISSON": np.zeros((2, 3), "f4"),
    }
    own = {**peer, "SCI": peer["SCI"] + np.float32(5e-5), "VAR_POISSON": peer["VAR_POISSON"] + np.float32(5e-5)}
    results = planes(own, peer, names, floors={"SCI": ("ERR", 1, 1e-5), "VAR_POISSON": ("ERR", 2, 1e-6)})
    assert results["SCI"].differing == 4  # all but the two with ERR = 10
    assert results["VAR_POISSON"].differing == 4
    assert results["SCI"].worst == np.inf  # without an error there is no floor


def test_planes_of_different_shape_and_missing_planes_fail(ramp):
    results = planes({**ramp, "SCI": ramp["SCI"][:1]}, ramp)
    assert not results["SCI"].passed(1000)
    assert "shape" in results["SCI"].problem
    without = {name: array for name, array in ramp.items() if name != "GROUPDQ"}
    assert "only the peer" in planes(without, ramp)["GROUPDQ"].problem
    assert "only Hexcal" in planes(ramp, without)["GROUPDQ"].problem
    assert planes(without, without)["GROUPDQ"].passed()


def test_status_keywords():
    own, peer = fits.Header({"S_JUMP": "COMPLETE", "S_IPC": "SKIPPED"}), fits.Header({"S_JUMP": "COMPLETE"})
    assert compare.compare_keywords(own, peer).differing == 0
    result = compare.compare_keywords(own, fits.Header({"S_JUMP": "SKIPPED", "S_DARK": "COMPLETE"}))
    assert {place for place, *_ in result.examples} == {"S_JUMP", "S_DARK"}
    assert not result.passed()


def test_tables():
    table = np.array([(1, 2.5), (2, 3.5)], [("number", "i4"), ("time", "f8")]).view(fits.FITS_rec)
    assert compare.compare_table("T", table, table).passed()
    other = table.copy()
    other["time"][1] = 4
    assert compare.compare_table("T", other, table).differing == 1
    assert not compare.compare_table("T", table[:1], table).passed()
    assert not compare.compare_table("T", None, table).passed()


def test_files(tmp_path, ramp):
    def write(name, product):
        hdus = [
            fits.PrimaryHDU(header=fits.Header({"S_DARK": "COMPLETE"})),
            *(fits.ImageHDU(array, name=plane) for plane, array in product.items()),
        ]
        fits.HDUList(hdus).writeto(tmp_path / name)
        return tmp_path / name

    own = write("own.fits", changed(ramp, "GROUPDQ", (0, 0, 0, 0), 4))
    results = compare.compare_files(own, write("peer.fits", ramp), tuple(ramp), tables=("INT_TIMES",), label="ramp")
    assert {result.name: result.differing for result in results} == {
        "ramp:SCI": 0,
        "ramp:PIXELDQ": 0,
        "ramp:GROUPDQ": 1,
        "ramp:keywords": 0,
    }
    assert next(result for result in results if result.name == "ramp:GROUPDQ").is_flags
