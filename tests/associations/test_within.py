"""Companions that are near in time, wherever in the pool they belong.

Compared with trying every exposure against every other.
"""

from types import SimpleNamespace

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from hexcal.associations.tables.companions import Companions
from hexcal.associations.tables.facts import Exposure
from hexcal.associations.tables.keys import agree
from hexcal.associations.tables.preference import nearest
from hexcal.associations.tables.search import search
from hexcal.associations.tables.table import Rule, RuleSet, when
from hexcal.associations.tables.within import within
from hexcal.errors import InputError, ParameterError


def exposure(name, time, **more):
    values = {"filename": name, **more}
    return Exposure({**values, "time": time} if time is not None else values)


def at(science, other, **limit):
    return within("time", **limit).holds(exposure("s", science), exposure("o", other))


def test_before_and_after_and_at_the_limit():
    assert at("100.0", "100.5", hours=12) and at("100.5", "100.0", hours=12)
    assert not at("100.0", "100.51", hours=12) and not at("100.51", "100.0", hours=12)
    assert at("60000.0", "60001.0", days=1)
    assert at("1", "1", minutes=1) and not at("1", "1.001", minutes=1)
    assert at("0", "1.5", days=1, hours=12)


def test_without_a_time_nothing_is_near():
    assert not at(None, "1", days=1) and not at("1", None, days=1)


def test_what_it_says():
    assert within("mjd", hours=12, nearest=3, reason="why").text == "mjd within 12 h, the nearest 3 (why)"
    assert within("mjd", minutes=30).text == "mjd within 30 min"
    assert within("mjd", days=2.5).text == "mjd within 2.5 d"


@pytest.mark.parametrize("limit", [{}, {"hours": -1}, {"days": float("nan")}, {"days": 1, "nearest": 0}])
def test_a_limit_that_is_none(limit):
    with pytest.raises(ParameterError):
        within("mjd", **limit)


@pytest.mark.parametrize("text", ["yesterday", "nan", "inf"])
def test_a_time_that_is_no_number_names_the_file(text):
    with pytest.raises(InputError, match=r"s\.fits, TIME"):
        within("time", hours=1).holds(exposure("s.fits", text), exposure("o.fits", "1"))


def rule(**more):
    settings = {
        "same": ("detector", "filter?"),
        "members": {"science": when(kind="sci"), "dark": when(kind="dark"), "sky": when(kind="sky")},
        "free": {"dark": ("filter?",)},
        "alone": True,
        "related": {"dark": (within("time", days=2, nearest=2),), "sky": (within("time", hours=12),)},
        "anywhere": ("dark", "sky"),
    }
    return Rule("Asn_Test", "test", "A test.", **{**settings, **more})


def test_the_nearest_are_taken_and_ties_go_by_name():
    science = exposure("s", "10")
    darks = [(exposure(name, time), "dark") for name, time in [("c", "11"), ("b", "9"), ("a", "11"), ("z", "10.5")]]
    sky = (exposure("k", "10.4"), "sky")
    kept = nearest(rule(), science, [*darks, sky])
    assert [one.name for one, _ in kept] == ["a", "z", "k"]


def test_sorts_of_a_role_are_counted_together():
    limit = within("time", days=9, nearest=1)
    table = rule(
        members={"science": when(kind="sci"), "flat:one": when(kind="f1"), "flat:two": when(kind="f2")},
        related={"flat:one": (limit,), "flat:two": (limit,)},
        anywhere=("flat:one", "flat:two"),
        free={},
    )
    flats = [(exposure("one", "12"), "flat:one"), (exposure("two", "11"), "flat:two")]
    assert [one.name for one, _ in nearest(table, exposure("s", "10"), flats)] == ["two"]


def test_a_table_that_contradicts_itself():
    with pytest.raises(ParameterError, match="alone=True"):
        rule(alone=False)
    with pytest.raises(ParameterError, match="did you mean 'dark'"):
        rule(anywhere=("darks",))


# ---- against the obvious way

EXPOSURES = st.lists(
    st.builds(
        dict,
        kind=st.sampled_from(["sci", "sci", "dark", "sky", "other"]),
        detector=st.sampled_from(["a", "b"]),
        filter=st.sampled_from(["j", "k", "null"]),
        time=st.one_of(st.just("null"), st.integers(0, 40).map(lambda quarter: repr(100 + quarter / 4))),
        asn_candidate=st.sampled_from(["null", "[('o001', 'observation')]", "[('o002', 'observation')]"]),
    ),
    max_size=30,
)


def plain(table, exposures, science):
    """The members of one science exposure: every exposure is tried."""
    key, found = table.key(science), []
    for role in ("dark", "sky"):
        limit = table.related[role][0]
        fitting = [
            one
            for one in exposures
            if table.members[role].holds(one)
            and (other := table.key(one, role)) is not None
            and agree(key, other)
            and limit.holds(science, one)
        ]
        fitting.sort(key=lambda one: (abs(float(one.values["time"]) - float(science.values["time"])), one.name))
        found += [(one.name, role) for one in fitting[: limit.nearest]]
    return {(science.name, "science"), *found}


def rule_set(table):
    def describe(rule, members, candidate):
        names = [{"expname": one.name, "exptype": role} for one, role in members]
        return {"target": "t", "products": [{"name": members[0][0].name, "members": names}]}

    return RuleSet(
        "test",
        (table,),
        facts=lambda values: {},
        accepts=lambda candidate, members: True,
        describe=describe,
        identifier=str,
        whole=frozenset({table.name}),
    )


@given(EXPOSURES, st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_every_science_exposure_has_what_trying_all_gives_in_any_order(items, random):
    table = rule()
    exposures = [Exposure({"filename": f"f{number:02d}", **item}) for number, item in enumerate(items)]
    expected = {
        one.name: plain(table, exposures, one) for one in exposures if one.values["kind"] == "sci" and table.key(one)
    }
    shuffled = random.sample(exposures, len(exposures))
    found = search(shuffled, [rule_set(table)])
    for one in found:
        assert one.files == expected[one.members[0][0].name]
    assert {one.members[0][0].name for one in found} == set(expected)


def test_a_companion_without_a_value_goes_with_any_and_roles_that_need_it_not_are_free():
    table = rule()
    others = [
        exposure("any", "1", kind="sky", detector="a"),
        exposure("same", "1", kind="sky", detector="a", filter="k"),
        exposure("other", "1", kind="sky", detector="a", filter="j"),
        exposure("dark", "1", kind="dark", detector="a", filter="j"),
    ]
    around = Companions(table, [(one, table.roles(one)) for one in others])
    science = SimpleNamespace(values={"time": "1"}, name="s")
    assert {one.name for one, _, _ in around.of(science, ("a", "k"))} == {"any", "same", "dark"}
    assert {one.name for one, _, _ in around.of(science, ("a", None))} == {"any", "same", "other", "dark"}
    assert around.of(science, ("b", "k")) == []
