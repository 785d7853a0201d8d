"""The generator for rules that are written as classes.

The order of what is tried is that of release 1.13.4 with the same rules and items.
"""

import pytest
from class_rules import Recorder, attr, registry, rule

from hexcal.associations import AssociationError, ListCategory
from hexcal.associations.classes.by_queue import finalized, generate_by_queue, match_member
from hexcal.associations.classes.constraints import SimpleConstraint

RULES, BOTH, EXISTING, NONSCIENCE = ListCategory


@pytest.fixture(autouse=True)
def empty_trace():
    Recorder.trace.clear()
    return Recorder.trace


def same_h():
    return [attr("h")]


def items(*rows):
    return [dict(zip("nhc", row, strict=False)) for row in rows]


def content(associations):
    return [(one["asn_rule"], [member["n"] + member.get("c", "") for member in one["members"]]) for one in associations]


def traced(name, parts, trace, **attributes):
    return rule(name, parts, **{**attributes, "trace": trace})


@pytest.mark.req("GEN-01", "GEN-02", "GEN-13")
def test_existing_associations_first_then_rules_that_have_none(tmp_path, empty_trace):
    rules = registry(
        tmp_path, traced("A", same_h, empty_trace), traced("B", lambda: [attr("h", value="y")], empty_trace)
    )
    found = generate_by_queue(items("1x", "2y", "3x"), rules)
    assert content(found) == [("A", ["1", "3"]), ("A", ["2"]), ("B", ["2"])]
    of_last = [(what, name, matches) for what, name, n, matches in empty_trace if n == "3"]
    assert of_last == [
        ("add", "A", True),  # the first association takes it
        ("add", "A", False),
        ("add", "B", False),
        ("add", "B", False),  # ... and of the rules only B is tried, which has not taken it: by add() of a new instance
        ("create", "B", False),
    ]


@pytest.mark.req("GEN-05", "GEN-06")
def test_lists_are_expanded_and_each_value_is_judged_separately(tmp_path):
    by_candidate = rule("A", lambda: [attr("h"), attr("c", evaluate=True)])
    rows = [
        {"n": "1", "h": "x", "c": "['p','q']"},
        {"n": "2", "h": "x", "c": "['p']"},
        {"n": "3", "h": "x", "c": "['q','r']"},
    ]
    found = generate_by_queue(rows, registry(tmp_path, by_candidate, rule("B", same_h)))
    assert content(found) == [
        (
            "B",
            ["1['p','q']", "2['p']", "3['q','r']"],
        ),  # a rule that does not ask for candidates takes the items as they are
        ("A", ["1p", "2p"]),
        ("A", ["1q", "3q"]),
        ("A", ["3r"]),
    ]


@pytest.mark.req("GEN-01")
@pytest.mark.parametrize("work_over", list(ListCategory))
def test_items_that_are_sent_back_are_not_added_again(tmp_path, work_over):
    rules = registry(tmp_path, rule("A", lambda: [attr("h", force_reprocess=work_over)]), rule("B", same_h))
    found = generate_by_queue(items("1x", "2y", "3x"), rules)
    assert content(found) == [("A", ["1", "3"]), ("B", ["1", "3"]), ("A", ["2"]), ("B", ["2"])]


@pytest.mark.req("CONS-08d", "API-13")
@pytest.mark.parametrize(
    ("work_over", "tries_rules"), [(RULES, True), (BOTH, True), (EXISTING, False), (NONSCIENCE, False)]
)
def test_what_items_are_compared_with_when_they_come_back(tmp_path, empty_trace, work_over, tries_rules):
    def parts():
        return [
            SimpleConstraint(
                value="y",
                sources=lambda item: item["h"],
                reprocess_on_fail=True,
                work_over=work_over,
                reprocess_rules=[],
            )
        ]

    rules = registry(tmp_path, traced("A", parts, empty_trace))
    assert content(generate_by_queue(items("1x", "2y"), rules)) == [("A", ["2"])]
    tried = [what for what, name, n, _ in empty_trace if n == "1"]
    assert tried.count("create") == 1 + tries_rules
    assert "add" in tried


@pytest.mark.req("CONS-08d")
def test_reprocess_rules(tmp_path):
    """None: the rule itself; empty: all; a list: these."""
    seen = []

    def second_look(item):
        seen.append(item["n"])
        return item["n"] == "2" or seen.count(item["n"]) > 1

    late = rule("Z", lambda: [SimpleConstraint(value=True, sources=second_look)])
    for reprocess_rules, expected in ((None, ["2"]), ([], ["2", "1"])):
        seen.clear()
        parts = [
            SimpleConstraint(
                value="x", sources=lambda item: item["h"], reprocess_on_match=True, reprocess_rules=reprocess_rules
            )
        ]
        rules = registry(tmp_path, rule("A", lambda parts=parts: [part.copy() for part in parts]), late)
        assert dict(content(generate_by_queue(items("1x", "2y"), rules)))["Z"] == expected


@pytest.mark.parametrize("work_over", [RULES, BOTH])
def test_a_rule_that_fails_and_sends_back_always_ends(tmp_path, work_over):
    """1.13.4 does not end here."""

    def parts():
        return [SimpleConstraint(sources=lambda item: item["h"], reprocess_on_fail=True, work_over=work_over)]

    found = generate_by_queue(items("1x", "2y"), registry(tmp_path, rule("A", parts)))
    assert content(found) == [("A", ["1"]), ("A", ["2"])]


def test_a_rule_that_makes_ever_new_associations_is_an_error(tmp_path):
    calls = []

    def never_twice(item):
        calls.append(item)
        return len(calls) % 2

    def parts():
        return [SimpleConstraint(value=1, force_unique=False, sources=never_twice, reprocess_on_match=True)]

    endless = rule("Endless", parts, is_item_member=lambda self, item: False)
    with pytest.raises(AssociationError, match=r"(?s)Endless sent an item back 100 times.*is_item_member"):
        generate_by_queue(items("1x"), registry(tmp_path, endless))


def test_versions(tmp_path):
    rules = registry(tmp_path, rule("A", same_h))
    assert generate_by_queue(items("1x"), rules)[0]["version_id"] is None
    assert generate_by_queue(items("1x"), rules, version_id="v1")[0]["version_id"] == "v1"
    stamps = {one["version_id"] for one in generate_by_queue(items("1x", "2y"), rules, version_id=True)}
    assert len(stamps) == 1, "one time for all"
    assert stamps.pop()[8] == "t"


def test_no_items(tmp_path):
    assert generate_by_queue([], registry(tmp_path, rule("A", same_h))) == []


@pytest.mark.req("GEN-02")
def test_match_member(tmp_path):
    rules = registry(tmp_path, rule("A", same_h))
    associations, _ = rules.match({"n": "1", "h": "x"})
    associations += rules.match({"n": "2", "h": "y"})[0]
    found, again = match_member({"n": "3", "h": "x"}, associations)
    assert (found, again) == (associations[:1], [])
    assert content(associations) == [("A", ["1", "3"]), ("A", ["2"])]


@pytest.mark.req("GEN-03")
def test_incomplete_associations_are_invalid_and_dropped(tmp_path):
    """A coronagraphic exposure whose PSF exposure failed."""

    def has_psf(self):
        return any(member.get("c") == "psf" for member in self["members"])

    rules = registry(tmp_path, rule("A", same_h, is_valid=property(has_psf)))
    found = generate_by_queue([{"n": "1", "h": "x"}, {"n": "2", "h": "y"}, {"n": "3", "h": "x", "c": "psf"}], rules)
    assert [one.is_valid for one in found] == [True, False]
    assert content(finalized(found, rules)) == [("A", ["1", "3psf"])]


@pytest.mark.req("API-06")
def test_finalize(tmp_path):
    def finalize(self):
        return None if self["members"][0]["h"] == "x" else [self, self]

    rules = registry(tmp_path, rule("A", same_h, finalize=finalize))
    found = generate_by_queue(items("1x", "2y"), rules)
    assert content(finalized(found, rules)) == [("A", ["2"]), ("A", ["2"])]
    rules.callback.add("finalize", lambda associations: associations[:1])
    assert content(finalized(found, rules)) == [("A", ["1"])]
