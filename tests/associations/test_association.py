"""The base class of all rules."""

import json
import logging
from collections.abc import MutableMapping

import pytest
from class_rules import Recorder, attr, rule

from hexcal import __version__
from hexcal.associations import Association, AssociationError, AssociationNotValidError
from hexcal.associations.classes.constraints import AttrConstraint, Constraint, SimpleConstraint
from hexcal.errors import HexcalError


class Optics(Association):
    """Same filter; mode where given; always of kind 1."""

    constraints = Constraint(
        [
            AttrConstraint(name="filter", sources=["filter"]),
            AttrConstraint(name="mode", sources=["mode"], required=False),
            AttrConstraint(name="kind", sources=["kind"], value="1"),
        ]
    )

    def _init_hook(self, item):
        self["begun_with"] = item["n"]

    def _add(self, item):
        self.data.setdefault("members", []).append(item["n"])


def item(n, **values):
    return {"n": n, "filter": "f090w", "kind": "1", **values}


@pytest.mark.req("RULE-01", "API-05")
def test_a_new_instance():
    association = Optics()
    assert dict(association) == {
        "asn_type": "None",
        "asn_rule": "Optics",
        "version_id": None,
        "code_version": __version__,
    }
    assert association.asn_rule == "Optics"
    assert (association.meta, association.asn_name, association.schema_file) == ({}, "unnamed_association", None)
    assert association.is_valid
    assert Association.registry is None and set(association.ioregistry) == {"json", "yaml"}
    assert Association.DEFAULT_EVALUATE is False and Association.DEFAULT_FORCE_UNIQUE is False
    assert Association.DEFAULT_REQUIRE_CONSTRAINT is True
    assert Association.GLOBAL_CONSTRAINT is None and Association.INVALID_VALUES is None
    assert Optics("v1")["version_id"] == "v1"
    assert len(Optics(version_id=True)["version_id"]) == len("20210610t121508")


@pytest.mark.req("RULE-06", "GEN-11", "API-06")
def test_it_behaves_as_the_dictionary_that_it_makes():
    association = Optics()
    association.data["value"] = "a value"
    assert association["value"] == "a value"
    association["value"] = "another value"
    assert association.data["value"] == "another value"
    assert isinstance(association, MutableMapping)
    assert list(association.keys()) == list(association.data)
    assert list(association.items()) == list(association.data.items())
    assert list(association.values()) == list(association.data.values())
    del association["value"]
    assert "value" not in association and len(association) == 4
    assert association == Optics().data


@pytest.mark.req("RULE-02", "RULE-03", "RULE-07", "GEN-13", "API-06")
def test_create_and_add():
    association, again = Optics.create(item("1", mode="a"), version_id="v")
    assert again == []
    assert (association["members"], association["begun_with"], association["version_id"]) == (["1"], "1", "v")
    assert Optics.create(item("1", kind="2")) == (None, [])
    assert association.add(item("2")) == (True, [])
    assert association.add(item("3", filter="f115w")) == (False, [])
    assert association.add(item("4", mode="b")) == (False, [])
    assert (association["members"], association["begun_with"]) == (["1", "2"], "1")
    assert association.add(item("2")) == (True, [])
    assert association["members"] == ["1", "2"], "a member is not added twice"
    assert association.is_item_member(item("2")) and not association.is_item_member(item("3"))
    assert association.item_names == set()
    association.add(item("5", filename="jw5_cal.fits"))
    assert association.item_names == {"jw5_cal.fits"}


@pytest.mark.req("CONS-08e")
def test_the_rule_never_changes():
    one, _ = Optics.create(item("1", filter="f090w"))
    other, _ = Optics.create(item("2", filter="f115w"))
    assert [found.constraints["filter"].value for found in (one, other)] == ["f090w", "f115w"]
    assert Optics.constraints["filter"].value is None


def test_an_item_that_fails_fixes_nothing():
    association, _ = Optics.create(item("1"))
    assert association.add(item("2", mode="a", kind="2"))[0] is False
    assert association.constraints["mode"].value is None
    assert association.add(item("3", mode="b"))[0] is True
    assert association.check_and_set_constraints(item("4", mode="a")) == (False, [])


@pytest.mark.req("API-06")
def test_add_without_looking():
    association = Optics()
    assert association.add({"n": "x"}, check_constraints=False) == (True, [])
    assert association["members"] == ["x"] and association["begun_with"] == "x"


@pytest.mark.req("RULE-08")
def test_create_may_be_extended():
    class Numbered(Optics):
        @classmethod
        def create(cls, item, version_id=None):
            association, again = super().create(item, version_id)
            if association is not None:
                association.meta["number"] = 7
            return association, again

    assert Numbered.create(item("1"))[0].meta == {"number": 7}
    assert Numbered.create(item("1", kind="2"))[0] is None


@pytest.mark.req("RULE-02", "RULE-03", "GEN-05")
def test_what_comes_back_goes_to_the_rule_that_asked():
    listed = rule("Listed", lambda: [attr("c", evaluate=True)])
    association, (again,) = listed.create({"n": "1", "c": "['p','q']"})
    assert association is None
    assert (again.items, again.rules) == ([{"n": "1", "c": "p"}, {"n": "1", "c": "q"}], [listed])
    assert again.trigger_rules == {listed}
    association, _ = listed.create({"n": "1", "c": "p"})
    matches, (again,) = association.add({"n": "2", "c": "['p','q']"})
    assert matches and again.items == [{"n": "2", "c": "q"}]
    for given, expected in ((None, [listed]), ([], []), ([Optics], [Optics])):
        sends = rule("Listed", lambda given=given: [SimpleConstraint(reprocess_on_match=True, reprocess_rules=given)])
        _, (again,) = sends.create({"n": "1"})
        assert [one.__name__ for one in again.rules] == [one.__name__ for one in expected]


def test_what_counts_only_on_a_match_is_forgotten_otherwise():
    class Two(Recorder):
        constraints = Constraint(
            [attr("z"), attr("f", force_reprocess=True, only_on_match=True, evaluate=True)],
            reduce=lambda item, parts: (False, parts[1].check_and_set(item)[1]),
        )

    assert Two.create({"n": "1", "f": "1"}) == (None, [])


def test_rules_that_lack_something():
    assert rule("Bare", list).create({"n": "1"}) == (None, []), "without constraints nothing matches"

    class NoAdd(Association):
        constraints = Constraint([attr("h")])

    with pytest.raises(AssociationError, match=r"NoAdd must have a method _add\(item\)"):
        NoAdd.create({"h": "1"})


@pytest.mark.req("API-06")
def test_global_constraint():
    class Global(Optics):
        GLOBAL_CONSTRAINT = Constraint([attr("q", value="5")])

    assert Global.create(item("1"))[0] is None
    association, _ = Global.create(item("1", q="5"))
    assert association.constraints["q"].value == "5"
    assert association.add(item("2"))[0] is False


@pytest.mark.req("API-05", "API-06")
def test_match_constraint():
    association, conditions = Optics(), {"sources": ["pupil", "filter"]}
    assert association.match_constraint({"filter": "f1"}, "optics", conditions) == (True, [])
    assert association.match_constraint({"filter": "f2"}, "optics", conditions) == (True, []), "DEFAULT_FORCE_UNIQUE"
    assert association.match_constraint({}, "optics", conditions) == (False, []), "DEFAULT_REQUIRE_CONSTRAINT"
    conditions["force_unique"] = True
    assert [association.match_constraint({"filter": f}, "x", conditions)[0] for f in ("f1", "f2", "f1")] == [
        True,
        False,
        True,
    ]
    assert conditions["value"] == "f1"

    class Strict(Optics):
        INVALID_VALUES = ("null",)
        DEFAULT_EVALUATE = True

    assert Strict().match_constraint({"a": "null"}, "a", {})[0] is False
    assert Strict().match_constraint({"a": "['p']"}, "a", {})[1][0].items == [{"a": "p"}]


@pytest.mark.req("API-06")
def test_finalize():
    class Never(Optics):
        is_valid = False

    association = Optics()
    assert association.finalize() == [association]
    assert Never().finalize() is None


@pytest.mark.req("RULE-04", "API-04", "API-06")
def test_dump(tmp_path):
    association, _ = Optics.create(item("1"))
    name, text = association.dump()
    assert name == "unnamed_association.json"
    assert text == json.dumps(association.data, indent=4)
    assert text.startswith('{\n    "asn_type": "None",\n    "asn_rule": "Optics",\n')
    association.asn_name = "mine"
    name, text = association.dump(format="yaml")
    assert name == "mine.yaml"
    assert text.startswith("asn_rule: Optics\nasn_type: None\nbegun_with: '1'\n")
    assert association.dump(indent=None)[1] == json.dumps(association.data)
    with pytest.raises(AssociationError, match=r"(?s)unknown format of an association 'jsn'.*did you mean 'json'"):
        association.dump(format="jsn")
    with pytest.raises(AssociationError, match=r"json does not know an option: .*'zork'"):
        association.dump(zork=1)


@pytest.mark.req("API-06", "API-07")
def test_validation(tmp_path, caplog):
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "required": ["members"]}')

    class WithSchema(Optics):
        schema_file = str(schema)

    assert WithSchema.validate({"members": []}) is True
    with pytest.raises(AssociationNotValidError, match="'members' is missing"):
        WithSchema.validate({})
    assert not WithSchema().is_valid
    with pytest.raises(AssociationNotValidError):
        WithSchema().dump()

    class WithoutSchema(Optics):
        pass

    with caplog.at_level(logging.WARNING):
        assert WithoutSchema.validate({}) is True
        assert WithoutSchema().is_valid
    assert caplog.text.count("WithoutSchema has no schema") == 1, "told once"
    schema.write_text("{")

    class Broken(Optics):
        schema_file = str(tmp_path / "other.json")

    with pytest.raises(AssociationError, match=r"(?s)schema of the rule cannot be used.*other\.json"):
        Broken.validate({})

    class Incomplete(Optics):
        is_valid = False

    with pytest.raises(AssociationNotValidError, match="'unnamed_association' is not complete"):
        Incomplete().dump()


@pytest.mark.req("RULE-05", "RULE-09", "GEN-12")
def test_saving_and_loading(tmp_path):
    association, _ = Optics.create(item("1"))
    file_name, serialized = association.dump()
    path = tmp_path / file_name
    path.write_text(serialized)
    with path.open() as stream:
        found = Association.load(stream)
    assert type(found) is dict
    assert found == association.data


@pytest.mark.req("API-08")
def test_exceptions():
    from hexcal.associations import AssociationNotAConstraint

    assert issubclass(AssociationNotValidError, AssociationError)
    assert issubclass(AssociationNotAConstraint, AssociationError)
    assert issubclass(AssociationError, HexcalError)
