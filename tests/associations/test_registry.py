"""Registries: rules from modules and files, and what else they mark."""

import os
import sys
from types import ModuleType

import pytest
from class_rules import Recorder, attr, registry, rule

from hexcal.associations import Association, AssociationError, AssociationRegistry, RegistryMarker, libpath
from hexcal.associations.classes.constraints import Constraint
from hexcal.associations.classes.registry import CallbackRegistry

RULES = """
from hexcal.associations import Association, RegistryMarker
from hexcal.associations.lib.constraint import AttrConstraint, Constraint

COUNT = []


class Asn_Base(Association):
    def is_item_member(self, item):
        return item in self.data.get("members", [])

    def _add(self, item):
        self.data.setdefault("members", []).append(item)


@RegistryMarker.rule
class MyRule(Asn_Base):
    def __init__(self, *args, **kwargs):
        self.constraints = Constraint([AttrConstraint(name="h", sources=["h"])], name="my")
        super().__init__(*args, **kwargs)


@RegistryMarker.rule
class Asn_Second(Asn_Base):
    constraints = Constraint([AttrConstraint(name="h", sources=["h"], value="1")])


@RegistryMarker.utility
class Utility:
    @staticmethod
    def helpful(x):
        return ("helped", x)

    @staticmethod
    @RegistryMarker.callback("finalize")
    def below(associations):
        return [*associations, "below"]

    @RegistryMarker.callback("finalize")
    @staticmethod
    def above(associations):
        return [*associations, "above"]


@RegistryMarker.callback("finalize")
def plain(associations):
    return [*associations, "plain"]


schema = RegistryMarker.schema("my_schema.json")
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "myrules.py"
    path.write_text(RULES)
    return path


def made(path, **kwargs):
    return AssociationRegistry(path, include_default=False, **kwargs)


@pytest.mark.req("RULE-10", "API-09", "GEN-10")
def test_rules_of_a_file(path):
    found = made(str(path))
    assert list(found) == ["Asn_Second", "MyRule"], "where rules are marked, other classes are bases"
    assert isinstance(found, dict)
    assert list(made([path])) == list(found)
    assert found.rule_set == set(found.values())
    assert all(one.registry is found and issubclass(one, Association) for one in found.values())
    assert "myrules" in repr(found["MyRule"])


@pytest.mark.req("RULE-10")
def test_without_marks_the_name_makes_a_rule(tmp_path):
    path = tmp_path / "plain.py"
    path.write_text(
        "from hexcal.associations import Association\nclass Asn_X(Association): pass\nclass Y(Association): pass\n"
    )
    assert list(made(path)) == ["Asn_X"]


@pytest.mark.req("API-09")
def test_prefix_and_bases(path):
    named = made(path, name="discover")
    assert list(named) == ["discover_Asn_Second", "discover_MyRule"]
    associations, _ = named.match({"h": "1"})
    assert [one["asn_rule"] for one in associations] == list(named)
    assert list(made(path, include_bases=True)) == ["Asn_Base", "Asn_Second", "Association", "MyRule"]


@pytest.mark.req("API-09")
def test_global_constraints(path):
    constrained = made(path, global_constraints=Constraint([attr("q", value="5")]))
    assert constrained.match({"h": "1"}) == ([], [])
    associations, _ = constrained.match({"h": "1", "q": "5"})
    assert len(associations) == 2
    assert len(made(path).match({"h": "1"})[0]) == 2, "another registry of the same file is not concerned"


@pytest.mark.req("API-10", "API-11", "GEN-02")
def test_match(path):
    rules = made(path)
    associations, again = rules.match({"h": "1"}, version_id="v1")
    assert [one.asn_rule for one in associations] == ["Asn_Second", "MyRule"]
    assert [one["version_id"] for one in associations] == ["v1", "v1"]
    assert again == []
    assert rules.match({"z": "1"}) == ([], [])

    def names(**kwargs):
        return [one.asn_rule for one in rules.match({"h": "1"}, **kwargs)[0]]

    assert names(allow=[rules["MyRule"]]) == ["MyRule"]
    assert names(allow=[]) == []
    assert names(ignore=[rules["MyRule"]]) == ["Asn_Second"]
    assert names(ignore=associations[:1]) == ["MyRule"], "an association stands for its rule"


@pytest.mark.req("API-10", "API-15")
def test_callbacks_utilities_and_schemas(path):
    rules = made(path)
    assert rules.callback.reduce("finalize", []) == ["below", "above", "plain"]
    assert rules.callback.reduce("nothing", [1]) == [1]
    assert rules.Utility.helpful(1) == ("helped", 1)
    assert rules.schemas == ["my_schema.json"]
    calls = CallbackRegistry()
    calls.add("event", len)
    calls.add("event", len)
    assert calls.reduce("event", "abc") == 3


@pytest.mark.req("API-15")
def test_marks():
    @RegistryMarker.callback("one")
    @RegistryMarker.callback("two")
    def function():
        pass

    assert (function._asnreg_role, function._asnreg_events, function._asnreg_mark) == ("callback", ["two", "one"], True)
    assert RegistryMarker.is_marked(function) and not RegistryMarker.is_marked(len)

    class Rule:
        pass

    assert RegistryMarker.rule(Rule) is Rule and Rule._asnreg_role == "rule"
    assert RegistryMarker.mark(Rule)._asnreg_role == "rule", "a role stays"

    class Helper:
        pass

    assert RegistryMarker.utility(Helper)._asnreg_role == "utility"
    module = RegistryMarker.mark(ModuleType("m"))
    assert module._asnreg_role is None and module._asnreg_mark is True
    schema = RegistryMarker.schema("x.json")
    assert (schema.filename, schema._asnreg_role) == ("x.json", "schema")


@pytest.mark.req("API-11")
def test_populate_takes_up_marked_modules(tmp_path):
    inner, other, outer = ModuleType("inner"), ModuleType("other"), ModuleType("outer")
    inner.A = rule("A", lambda: [attr("h")])
    other.B = rule("B", lambda: [attr("h")])
    outer.inner, outer.other = RegistryMarker.mark(inner), other
    rules = registry(tmp_path)
    assert list(rules) == []
    rules.populate(outer)
    assert list(rules) == ["A"]
    rules.populate(other, global_constraints=Constraint([attr("q")]), include_bases=True)
    assert list(rules) == ["A", "B"]
    assert rules.match({"n": "1", "h": "1"})[0][0].asn_rule == "A"


@pytest.mark.req("API-11")
def test_add_rule(tmp_path):
    rules = registry(tmp_path, name="my")

    class Mine(Recorder):
        constraints = Constraint([attr("h")])

    rules.add_rule("foo", Mine)
    assert list(rules) == ["my_foo"]
    assert rules["my_foo"].registry is rules and Mine.registry is None
    for wrong in (5, str):
        with pytest.raises(AssociationError, match=r"'bar' must be a subclass of hexcal.associations.Association"):
            rules.add_rule("bar", wrong)


@pytest.mark.req("GEN-10")
def test_registries_merge(path, tmp_path):
    rules = made(path)
    rules.update(registry(tmp_path, rule("Other", lambda: [attr("h")])))
    assert [one.asn_rule for one in rules.match({"n": "1", "h": "1"})[0]] == ["Asn_Second", "MyRule", "Other"]


def test_a_file_is_run_once_and_again_when_it_has_changed(path):
    made(path)
    module = sys.modules[made(path)["MyRule"].__module__]
    assert sys.modules[made(path, name="x")["x_MyRule"].__module__] is module
    path.write_text(RULES.replace("MyRule", "Renamed"))
    os.utime(path, ns=(1, 1))
    assert list(made(path)) == ["Asn_Second", "Renamed"]


def test_files_of_one_name_do_not_mix(path, tmp_path):
    other = tmp_path / "other" / "myrules.py"
    other.parent.mkdir()
    other.write_text(RULES.replace("MyRule", "Theirs"))
    assert list(made([path, other])) == ["Asn_Second", "MyRule", "Theirs"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", r"(?s)SyntaxError: '\(' was never closed.*rules\.py, line 1"),
        ("import nothing_of_this_name", r"(?s)ModuleNotFoundError.*rules\.py, line 1"),
        ("from jwst.associations import Association", r"(?s)line 1.*import from 'hexcal.associations'"),
        ("x = 1\ny = x.z", r"(?s)AttributeError.*rules\.py, line 2"),
        ("raise SystemExit(3)", "SystemExit"),
        ("x = 1", r"(?s)the file defines no rule.*rules\.py.*@RegistryMarker\.rule"),
        (
            "from hexcal.associations import RegistryMarker\n@RegistryMarker.rule\nclass Asn_X: pass",
            r"(?s)'Asn_X' must be a subclass of hexcal.associations.Association.*rules\.py",
        ),
    ],
)
def test_bad_files(tmp_path, text, message):
    path = tmp_path / "rules.py"
    path.write_text(text)
    with pytest.raises(AssociationError, match=message) as caught:
        made(path)
    assert len(str(caught.value).splitlines()) <= 5


def test_files_that_are_none(tmp_path):
    with pytest.raises(AssociationError, match=r"(?s)cannot be read: No such file.*none\.py"):
        made(tmp_path / "none.py")
    with pytest.raises(AssociationError, match="Python file"):
        made(tmp_path)
    with pytest.raises(AssociationError, match="no rules: no rules file"):
        AssociationRegistry(include_default=False)


@pytest.mark.req("API-02")
def test_libpath():
    assert os.path.isfile(libpath("__init__.py"))
