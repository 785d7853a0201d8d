"""Constraints of rules that are written as classes.

The expected answers are those of release 1.13.4 with the same input, or of the documents.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hexcal.associations.classes.constraints import AttrConstraint, Constraint, ConstraintTrue, SimpleConstraint
from hexcal.associations.classes.queue import ListCategory
from hexcal.associations.exceptions import AssociationError, AssociationNotAConstraint
from hexcal.associations.lib import constraint as documented


def answers(constraint, *items):
    return [constraint.check_and_set(item)[0] for item in items]


def again(constraint, item):
    return [(one.items, one.rules, one.work_over, one.only_on_match) for one in constraint.check_and_set(item)[1]]


def of(name, *args, **kwargs):
    return AttrConstraint(*args, name=name, sources=[name], **kwargs)


# ---- SimpleConstraint


@pytest.mark.req("CONS-01", "CONS-02", "CONS-03")
def test_the_examples_of_the_documents():
    constraint = SimpleConstraint(value="my_value")
    assert str(constraint) == "SimpleConstraint({'name': None, 'value': 'my_value'})"
    assert constraint.check_and_set("my_value") == (True, [])
    assert constraint.check_and_set("not_my_value") == (False, [])
    assert str(SimpleConstraint({"value": "my_value"})) == str(constraint)
    wild = SimpleConstraint(value=None)
    assert wild.check_and_set("my_value") == (True, [])
    assert str(wild) == str(constraint)
    free = SimpleConstraint(value=None, force_unique=False)
    assert free.check_and_set("my_value") == (True, [])
    assert free.value is None


@pytest.mark.req("CONS-01", "CONS-02")
def test_a_wildcard_is_fixed_by_the_first_match():
    assert answers(SimpleConstraint(), "x", "y", "x") == [True, False, True]
    assert answers(SimpleConstraint(force_unique=False), "x", "y", "x") == [True, True, True]


@pytest.mark.req("CONS-01", "CONS-02")
def test_sources_and_test():
    by_source = SimpleConstraint(sources=lambda item: item["a"])
    assert answers(by_source, {"a": "x"}, {"a": "y"}, {"a": "x"}) == [True, False, True]
    begins = SimpleConstraint(
        value="x", sources=lambda item: item["a"], test=lambda value, of_item: of_item.startswith(value)
    )
    assert answers(begins, {"a": "xy"}, {"a": "xyz"}, {"a": "xy"}) == [True, True, False]
    assert begins.value == "xyz"
    assert SimpleConstraint().eq(1, 1) and not SimpleConstraint().eq(1, 2)


def test_a_test_that_a_subclass_defines_sees_the_copy():
    class Half(SimpleConstraint):
        def eq(self, value1, value2):
            return self.limit <= value2

    original = Half(value=0, force_unique=False, limit=5)
    other = original.copy()
    other.limit = 1
    assert answers(other, 3) == [True]
    assert answers(original, 3) == [False]


@pytest.mark.req("CONS-01", "CONS-08d")
def test_items_are_sent_back():
    matching = SimpleConstraint(value="x", reprocess_on_match=True)
    assert again(matching, "x") == [(["x"], None, ListCategory.BOTH, False)]
    assert again(matching, "y") == []
    failing = SimpleConstraint(value="x", reprocess_on_fail=True, work_over=ListCategory.EXISTING, reprocess_rules=[])
    assert again(failing, "x") == []
    assert again(failing, "y") == [(["y"], [], ListCategory.EXISTING, False)]
    (sent,) = failing.check_and_set("y")[1]
    assert sent.trigger_constraints == {failing}


def test_a_source_that_asks_for_what_an_item_lacks():
    with pytest.raises(AssociationError, match=r"(?s)constraint 'q' asks for 'a'.*item\.get"):
        SimpleConstraint(name="q", sources=lambda item: item["a"]).check_and_set({})


def test_init_must_be_a_dict():
    with pytest.raises(AssociationError, match="must be a dict of parameters, not 'x'"):
        SimpleConstraint("x")


@pytest.mark.req("CONS-09")
def test_constraint_true():
    assert answers(ConstraintTrue(name="t"), {"a": "1"}, "x", None) == [True, True, True]
    assert documented.ConstraintTrue is ConstraintTrue


# ---- AttrConstraint


@pytest.mark.req("CONS-04", "CONS-05")
@pytest.mark.parametrize(
    ("constraint", "items", "expected", "value"),
    [
        (of("a"), ["x", "y", "x"], [True, False, True], "x"),
        (of("a", force_unique=False), ["x", "y"], [True, True], None),
        (of("a", value="abc"), ["abc", "ABC", "abcd", "xabc"], [True, True, False, False], "abc"),
        (of("a", value="a.c"), ["abc", "a.c", "axc"], [True, False, False], "abc"),
        (of("a", value="a.c", force_unique=False), ["abc", "a.c", "axcd"], [True, True, False], "a.c"),
        (of("a", value="(?!null).+"), ["null", "x", "y"], [False, True, False], "x"),
        (of("a", value="x|y"), ["y", "x"], [True, False], "y"),
        (of("a", value=["x", "y"]), ["z", "y", "x"], [False, True, False], "y"),
        (of("a", value=["x", "y"], force_unique=False), ["z", "y", "x"], [False, True, True], ["x", "y"]),
        (of("a", value=lambda: "q"), ["z", "q", "z"], [False, True, False], "q"),
    ],
)
def test_values(constraint, items, expected, value):
    assert answers(constraint, *({"a": item} for item in items)) == expected
    assert constraint.value == value


def test_all_alternatives_are_compared_whole():
    # 1.13.4 takes 'xz' for 'x|y': only the outer alternatives have an end each.
    assert answers(of("a", value="x|y", force_unique=False), {"a": "xz"}, {"a": "zy"}) == [False, False]


@pytest.mark.req("CONS-04", "CONS-05")
def test_the_first_source_that_is_there_counts():
    constraint = AttrConstraint(name="opt_elem2", sources=["pupil", "grating"], invalid_values=["null"])
    assert answers(constraint, {"grating": "g140h"}) == [True]
    assert (constraint.value, constraint.sources) == ("g140h", ["grating"]), "from now on only this attribute counts"
    later = [{"pupil": "clear", "grating": "g140h"}, {"pupil": "g140h"}]
    assert answers(constraint, *later) == [True, False]
    constraint = AttrConstraint(name="opt_elem2", sources=["pupil", "grating"], invalid_values=["null"])
    assert answers(constraint, {"pupil": "null", "grating": "g140h"}, {"pupil": "clear"}) == [True, False]


@pytest.mark.req("CONS-06")
def test_invalid_missing_and_not_required():
    required = of("a", invalid_values=["x", "null"])
    assert answers(required, {"a": "x"}, {"a": "null"}, {}, {"a": None}, {"a": "z"}) == [
        False,
        False,
        False,
        False,
        True,
    ]
    optional = of("a", invalid_values=["null"], required=False)
    assert answers(optional, {"a": "null"}, {}) == [True, True]
    assert optional.value is None, "an absent value fixes nothing"
    assert answers(optional, {"a": "x"}, {}, {"a": "y"}) == [True, True, False]
    undefined = of("a", force_undefined=True, invalid_values=["null"])
    assert answers(undefined, {}, {"a": "null"}, {"a": "y"}) == [True, True, False]


@pytest.mark.req("CONS-06")
def test_onlyif_found_values_and_matched():
    constraint = of("a", value="q|r", force_unique=False, onlyif=lambda item: item["b"] == "1")
    assert answers(constraint, {"a": "z", "b": "0"}) == [True]
    assert constraint.found_values == set()
    assert answers(constraint, {"a": "z", "b": "1"}) == [False]
    assert constraint.matched is False
    assert answers(constraint, {"a": "q", "b": "1"}, {"a": "r", "b": "1"}) == [True, True]
    assert constraint.matched is True
    assert constraint.found_values == {"q", "r"}


def test_a_value_that_is_found_is_taken_literally():
    constraint = of("a")
    assert answers(constraint, {"a": "('o037', 'observation')"}, {"a": "('o037', 'observation')"}) == [True, True]
    assert constraint.value == r"\('o037',\ 'observation'\)"


BOTH = ListCategory.BOTH


@pytest.mark.req("CONS-06", "GEN-05")
@pytest.mark.parametrize(
    ("constraint", "text", "matches", "left"),
    [
        (of("a", evaluate=True), "['x','y']", False, ["x", "y"]),
        (of("a", evaluate=True), "['x']", False, ["x"]),
        (of("a", evaluate=True), "[]", False, None),
        (of("a", evaluate=True), "[('o001', 'observation')]", False, ["('o001', 'observation')"]),
        (of("a", evaluate=True), "('o001', 'observation')", True, None),
        (of("a", evaluate=True), "12", True, None),
        (of("a", evaluate=True), "[x, y]", True, None),
        (of("a", evaluate=True, value="x"), "['x','y']", True, ["y"]),
        (of("a", evaluate=True, value="x|y"), "['x','y','z']", True, ["y", "z"]),
        (of("a", evaluate=True, value="q"), "['x','y']", False, None),
        (of("a", evaluate=False), "['x','y']", True, None),
    ],
)
def test_a_text_that_is_a_list_stands_for_several_items(constraint, text, matches, left):
    expected = [] if left is None else [([{"a": one, "b": "1"} for one in left], None, BOTH, False)]
    item = {"a": text, "b": "1"}
    assert again(constraint.copy(), item) == expected
    assert answers(constraint, item) == [matches]
    assert item == {"a": text, "b": "1"}, "the item itself stays as it is"


@pytest.mark.req("CONS-06")
def test_force_reprocess():
    constraint = of("a", force_reprocess=ListCategory.EXISTING, only_on_match=True)
    assert again(constraint, {"a": "x"}) == [([{"a": "x"}], None, ListCategory.EXISTING, True)]
    assert again(constraint, {"a": "y"}) == []


def test_bad_attribute_constraints():
    with pytest.raises(AssociationError, match=r"'\(\(' of constraint 'a' is not a regular expression"):
        of("a", value="((").check_and_set({"a": "x"})
    with pytest.raises(AssociationError, match="constraint 'a' names no attribute"):
        AttrConstraint(name="a").check_and_set({"a": "x"})
    assert AttrConstraint(sources="ab", value="x").sources == ["ab"], "one name needs no list"


@given(st.lists(st.text("ab[]()'|.*\\ ", min_size=1), min_size=1, max_size=4))
def test_whatever_the_first_value_is_only_it_matches_later(values):
    constraint = of("a")
    first = values[0]
    assert constraint.check_and_set({"a": first})[0]
    for value in values:
        assert constraint.check_and_set({"a": value})[0] == (value.lower() == first.lower())


# ---- Constraint


def two(**kwargs):
    return Constraint([of("a"), of("b", value="1")], **kwargs)


@pytest.mark.req("CONS-07", "CONS-08", "CONS-08b")
@pytest.mark.parametrize(
    ("reduce", "expected"),
    [
        (None, [False, True, False, False]),
        (Constraint.all, [False, True, False, False]),
        (Constraint.any, [True, True, True, False]),
        (Constraint.notall, [True, False, True, True]),
        (Constraint.notany, [False, False, False, True]),
    ],
)
def test_reduce(reduce, expected):
    constraint = two(reduce=reduce)
    items = [{"a": "x", "b": "2"}, {"a": "x", "b": "1"}, {"a": "y", "b": "1"}, {"c": "y", "b": "2"}]
    assert answers(constraint, *items) == expected
    assert constraint.matched is expected[-1]


@pytest.mark.req("CONS-08b")
def test_any_stops_at_the_first_that_matches():
    constraint = Constraint([of("a"), of("b")], reduce=Constraint.any)
    assert answers(constraint, {"a": "1", "b": "2"}) == [True]
    assert [part.value for part in constraint] == ["1", None]


@pytest.mark.req("CONS-08b")
def test_nothing_matches_without_parts():
    assert answers(Constraint(), {}) == [False]
    assert answers(Constraint(reduce=Constraint.any), {}) == [False]
    assert answers(Constraint(reduce=Constraint.notany), {}) == [True]
    assert answers(Constraint(reduce=Constraint.notall), {}) == [True]


@pytest.mark.req("CONS-08b", "CONS-08d")
def test_what_is_sent_back_by_parts():
    listed, forced = of("e", evaluate=True), of("f", force_reprocess=ListCategory.EXISTING)
    both = Constraint([forced, listed])
    assert again(both.copy(), {"f": "1", "e": "['p','q']"}) == [
        ([{"f": "1", "e": "p"}, {"f": "1", "e": "q"}], None, BOTH, False)
    ], "of a set that is not met, only what failed comes back"
    assert again(both.copy(), {"f": "1", "e": "p"}) == [([{"f": "1", "e": "p"}], None, ListCategory.EXISTING, False)]
    assert again(Constraint([listed.copy(), of("b", value="1")]), {"e": "['p']", "b": "2"}) == [], "it can never be met"
    assert (
        len(
            again(
                Constraint([listed.copy(), of("z", evaluate=True)], reduce=Constraint.any), {"e": "['p']", "z": "['u']"}
            )
        )
        == 2
    )


@pytest.mark.req("CONS-08d")
def test_work_over_and_reprocess_rules():
    constraint = Constraint(
        [SimpleConstraint(value="x")], reprocess_on_match=True, work_over=ListCategory.RULES, reprocess_rules=["rule"]
    )
    for work_over, matches in ((BOTH, True), (ListCategory.RULES, True), (ListCategory.EXISTING, False)):
        found, sent = constraint.check_and_set("x", work_over)
        assert found is matches
        assert [(one.items, one.rules, one.work_over) for one in sent] == [
            (["x"], ["rule"], ListCategory.RULES)
        ] * matches
    on_fail = Constraint([SimpleConstraint(value="x")], reprocess_on_fail=True)
    assert again(on_fail, "x") == []
    assert again(on_fail, "y") == [(["y"], None, BOTH, False)]


@pytest.mark.req("CONS-07", "CONS-08")
def test_building_and_finding():
    constraint = Constraint(SimpleConstraint(name="simple", value="a_value"))
    assert constraint["simple"].value == "a_value"
    assert constraint.reduce is Constraint.all
    nested = Constraint([Constraint([of("b")], name="inner"), of("a")], name="outer")
    assert nested["inner"]["b"] is nested["b"]
    named = Constraint(Constraint([of("a")], name="old", reduce=Constraint.any))
    assert (named.name, named.reduce) == ("old", Constraint.any)
    with pytest.raises(AssociationNotAConstraint, match=r"(?s)no constraint 'innr'.*outer.*did you mean 'inner'"):
        nested["innr"]
    with pytest.raises(KeyError):
        nested["x"]
    for wrong in ("x", 5, SimpleConstraint, [1]):
        with pytest.raises(AssociationError, match="must be a SimpleConstraint, AttrConstraint or Constraint"):
            Constraint(wrong)


@pytest.mark.req("CONS-08c")
def test_methods():
    tree = Constraint(
        [
            Constraint([of("a", value="1"), of("b", value="2")], name="in"),
            AttrConstraint(name="a", sources=["c"], value="3"),
        ],
        name="out",
    )
    assert tree.id == "Constraint:out"
    assert tree["b"].id == "AttrConstraint:b"
    assert {name: [one.sources for one in same] for name, same in tree.dup_names.items()} == {"a": [["a"], ["c"]]}
    assert [value for _, value in tree.get_all_attr("name")] == ["out", "in", "a", "b", "a"]
    assert [(one.name, value) for one, value in tree.get_all_attr("value")] == [("a", "1"), ("b", "2"), ("a", "3")]
    assert of("k").get_all_attr("value") == []
    with pytest.raises(AttributeError, match="zork"):
        tree.get_all_attr("zork")
    with pytest.raises(AttributeError):
        of("k").get_all_attr("zork")
    tree.append(of("new"))
    assert tree["new"].name == "new"
    found, sent = tree.check_and_set({"a": "1", "b": "2", "c": "3", "new": "4"}, BOTH)
    assert (found, sent) == (True, [])


@pytest.mark.req("CONS-08c", "CONS-08e")
def test_a_copy_changes_independently():
    tree = Constraint([Constraint([of("a")]), SimpleConstraint(name="s", sources=lambda item: item["s"])])
    copy = tree.copy()
    assert answers(copy, {"a": "1", "s": "2"}) == [True]
    assert (copy["a"].value, copy["s"].value) == ("1", "2")
    assert (tree["a"].value, tree["s"].value, tree["a"].found_values) == (None, None, set())


def test_as_text():
    tree = Constraint(
        [
            AttrConstraint(name="opt_elem2", sources=["pupil", "grating"]),
            Constraint([AttrConstraint(sources=["hidden"]), SimpleConstraint(name="single_science", value=False)]),
        ]
    )
    assert str(tree) == (
        "AttrConstraint({'name': 'opt_elem2', 'sources': ['pupil', 'grating'], 'value': None})\n"
        "SimpleConstraint({'name': 'single_science', 'value': False})"
    )
    assert "AttrConstraint" in repr(tree)
