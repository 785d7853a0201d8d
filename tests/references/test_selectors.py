"""Selectors; what each chooses was asked of the original's client."""

import pytest

from hexcal.references.ordered_selectors import (
    ClosestTime,
    GeometricallyNearest,
    SelectVersion,
    UseAfter,
    VersionAfter,
)
from hexcal.references.selectors import Match, NoMatch, Refused

TWO = ("A", "B")
DATE = ("DATE", "TIME")
EXPOSURE = {"A": "X", "B": "1.0", "DATE": "2015-01-01", "TIME": "00:00:00"}


def after(**rules):
    return UseAfter([(f"{date[1:5]}-01-01 00:00:00", name) for date, name in rules.items()], DATE)


@pytest.mark.req("MATCH-05", "MATCH-07")
@pytest.mark.parametrize(
    ("rules", "chosen"),
    [
        ({("X", "1"): "r", ("N/A", "1"): "s"}, "r"),
        ({("N/A", "1"): "r", ("ANY", "1"): "s"}, "s"),
        ({("X|Y", "1"): "r", ("N/A", "1"): "s"}, "r"),
        ({("X", "N/A"): "r", ("Y", "1"): "s"}, "r"),
        ({(): "r"}, "r"),
    ],
)
def test_the_greatest_weight_wins(rules, chosen):
    parameters = TWO if () not in rules else ()
    assert Match(rules.items(), parameters).choose(EXPOSURE) == chosen


@pytest.mark.req("MATCH-07")
def test_a_tie_of_files_is_ambiguous_unless_they_are_the_same():
    with pytest.raises(NoMatch, match="ambiguous: rules of the same weight name r, s"):
        Match([(("X", "N/A"), "r"), (("N/A", "1"), "s")], TWO).choose(EXPOSURE)
    assert Match([(("X", "N/A"), "r"), (("N/A", "1"), "r")], TWO).choose(EXPOSURE) == "r"


def test_a_tie_of_dates_takes_them_together():
    one, other = after(y2010="a", y2014="b"), after(y2012="c")
    assert Match([(("X", "N/A"), one), (("N/A", "1"), other)], TWO).choose(EXPOSURE) == "b"
    assert Match([(("X", "N/A"), one), (("N/A", "1"), other)], TWO).choose({**EXPOSURE, "DATE": "2013-01-01"}) == "c"
    assert Match([(("X", "N/A"), after(y2014="b")), (("N/A", "1"), after(y2014="c"))], TWO).choose(EXPOSURE) == "c"
    assert Match([(("X", "N/A"), after(y2014="c")), (("N/A", "1"), after(y2014="b"))], TWO).choose(EXPOSURE) == "c"


def test_what_cannot_be_taken_together_is_ambiguous():
    with pytest.raises(NoMatch, match=r"ambiguous: .* UseAfter, file"):
        Match([(("X", "N/A"), "file"), (("N/A", "1"), after(y2014="c"))], TWO).choose(EXPOSURE)


def test_if_the_exposure_is_too_early_the_next_weight_is_tried():
    rules = [(("X", "1"), after(y2016="late")), (("N/A", "1"), "low")]
    assert Match(rules, TWO).choose(EXPOSURE) == "low"
    with pytest.raises(NoMatch, match="no rule is for 2015-01-01 00:00:00 or before, the first is 2016"):
        Match(rules[:1], TWO).choose(EXPOSURE)


@pytest.mark.parametrize(("date", "reason"), [("nonsense", "no date"), ("UNDEFINED", "DATE is not set")])
def test_without_a_date_no_other_rule_is_tried(date, reason):
    rules = [(("X", "1"), after(y2014="r")), (("N/A", "1"), "low")]
    with pytest.raises(Refused, match=reason):
        Match(rules, TWO).choose({**EXPOSURE, "DATE": date})


def test_a_value_that_no_rule_knows_is_refused_even_if_a_wild_card_matches():
    with pytest.raises(Refused, match=r"A is ABC, the rules know A\*, X"):
        Match([("A*", "r"), ("X", "s")], ("A",)).choose({"A": "ABC"})
    assert Match([("A*", "r"), ("N/A", "s")], ("A",)).choose({"A": "ABC"}) == "r"
    assert Match([("A*", "r")], ("A",)).choose({"A": "N/A"}) == "r"


@pytest.mark.req("MATCH-08", "MATCH-07")
def test_substitution_stands_for_a_value_of_the_mapping():
    rules = [(("GENERIC", "1"), "full"), (("SUB64", "1"), "sub")]
    match = Match(rules, TWO, {"A": {"GENERIC": "N/A"}})
    assert match.choose({"A": "SUB64", "B": "1.0"}) == "sub"
    assert match.choose({"A": "SUB320", "B": "1.0"}) == "full"
    assert match.choose({"A": "GENERIC", "B": "1.0"}) == "full"
    assert Match([("ALL", "r")], ("A",), {"A": {"ALL": "P|Q"}}).choose({"A": "Q"}) == "r"


def test_a_rule_of_the_wrong_length():
    with pytest.raises(ValueError, match="has 1 values for the 2 parameters"):
        Match([("X", "r")], TWO)


@pytest.mark.req("MATCH-06")
def test_use_after():
    rules = UseAfter([("1900-01-01 00:00:00", "0002"), ("2000-01-01 00:00:00", "0007")], DATE)
    assert rules.choose({"DATE": "1999-01-01", "TIME": "00:00:00"}) == "0002"
    assert rules.choose({"DATE": "2001-01-01", "TIME": "00:00:00"}) == "0007"
    assert rules.choose({"DATE": "2000-01-01", "TIME": "00:00:00"}) == "0007"
    assert rules.choose({"DATE": "1999-12-31", "TIME": "23:59:59.999999"}) == "0002"
    with pytest.raises(NoMatch, match="1864-01-01"):
        rules.choose({"DATE": "1864-01-01", "TIME": "00:00:00"})


def test_use_after_compares_dates_as_text():
    rules = UseAfter([("2014-01-01 00:00:00.000", "fraction"), ("2014-01-01T00:00:00", "T")], DATE)
    with pytest.raises(NoMatch):
        rules.choose({"DATE": "2014-01-01", "TIME": "00:00:00"})
    assert rules.choose({"DATE": "2014-01-01", "TIME": "00:00:00.5"}) == "fraction"
    assert rules.choose({"DATE": "2014-01-02", "TIME": "00:00:00"}) == "T"


def test_a_selector_below_a_date():
    below = Match([("X", "r")], ("A",))
    assert UseAfter([("2014-01-01 00:00:00", below)], DATE).choose(EXPOSURE) == "r"


@pytest.mark.parametrize(
    ("date", "chosen"),
    [("2014-01-01", "a"), ("2015-01-02", "a"), ("2015-01-03", "b"), ("2015-01-06 12:00:00", "b"), ("2020-01-01", "c")],
)
def test_closest_time(date, chosen):
    rules = ClosestTime(
        [("2015-01-10T00:00:00", "c"), ("2015-01-03 00:00:00", "b"), ("2015-01-01 00:00:00", "a")], ("DATE",)
    )
    assert rules.choose({"DATE": date}) == chosen


@pytest.mark.parametrize(("number", "chosen"), [("0", "a"), ("1.5", "a"), ("1.6", "b"), ("3", "b"), ("100", "c")])
def test_geometrically_nearest(number, chosen):
    assert GeometricallyNearest([("1.0", "a"), (2, "b"), ("4", "c")], ("A",)).choose({"A": number}) == chosen


@pytest.mark.parametrize(
    ("version", "chosen"), [("1.5", "a"), ("2.9", "b"), ("2.11", "d"), ("2.10.1", "d"), ("1.5RC9", "a"), ("10.0", "d")]
)
def test_version_after(version, chosen):
    assert VersionAfter([("1.5", "a"), ("2.0", "b"), ("2.10", "d")], ("A",)).choose({"A": version}) == chosen


@pytest.mark.parametrize(("number", "chosen"), [("0", "a"), ("1.5", "b"), ("2.0", "b"), ("2.5", "c")])
def test_select_version(number, chosen):
    rules = SelectVersion([("default", "c"), ("<1.5", "a"), ("= 2.0", "b")], ("A",))
    assert rules.choose({"A": number}) == chosen


@pytest.mark.parametrize(
    ("selector", "key", "value"),
    [
        (VersionAfter, "1.5", "0.1"),
        (VersionAfter, "1.5", "ABC"),
        (SelectVersion, "<1.5", "2"),
        (SelectVersion, "<1.5", "X"),
        (GeometricallyNearest, "1", "N/A"),
        (GeometricallyNearest, "1", "UNDEFINED"),
        (ClosestTime, "2015-01-01", "nonsense"),
    ],
)
def test_no_rule(selector, key, value):
    with pytest.raises(NoMatch):
        selector([(key, "a")], ("A",)).choose({"A": value})


@pytest.mark.parametrize("selector", [UseAfter, ClosestTime])
def test_no_rules_at_all(selector):
    with pytest.raises(NoMatch):
        selector([], DATE).choose(EXPOSURE)


@pytest.mark.parametrize(
    ("selector", "key"),
    [(VersionAfter, "<1.5"), (SelectVersion, "1.5"), (GeometricallyNearest, "x"), (ClosestTime, "x")],
)
def test_a_key_that_has_no_place(selector, key):
    with pytest.raises(ValueError):  # noqa: PT011
        selector([(key, "a")], ("A",))
