"""Rules of users that are made from the default ones: a table of their own, or constraints beside the table."""

import pytest

from hexcal.associations import AssociationRegistry
from hexcal.associations.generator import generate_for_candidates
from tests.association_pools import exposure, pool

TABLE = """
from hexcal.associations.lib.rules_level3_base import DMS_Level3_Base
from hexcal.associations.tables.table import Rule, when

class Asn_AllFilters(DMS_Level3_Base):
    table = Rule(
        "Asn_AllFilters", "image3", "All images of a target.", same=("program", "targetid"),
        members={"science": when(exp_type="nrc_image")}, naming={"path": (), "subarray": False},
    )
"""
DERIVED = """
from hexcal.associations.lib.constraint import AttrConstraint, Constraint
from hexcal.associations.lib.rules_level3 import Asn_Lv3Image

class Asn_OneFilter(Asn_Lv3Image):
    def __init__(self, *args, **kwargs):
        self.constraints = Constraint([AttrConstraint(name="filter", sources=["filter"], value="f200w")])
        super().__init__(*args, **kwargs)
"""
SAME = """
from hexcal.associations.lib.rules_level3 import Asn_Lv3Image

class Asn_Again(Asn_Lv3Image):
    pass
"""


@pytest.fixture
def rules(tmp_path):
    def load(text):
        path = tmp_path / "mine.py"
        path.write_text(text)
        return AssociationRegistry(path, include_default=False)

    return load


def members(association):
    return [member["expname"].split("_")[2] for member in association["products"][0]["members"]]


ROWS = (exposure(1), exposure(2, filter="f200w"), exposure(3, filter="f200w"))


def test_a_user_writes_a_rule_as_a_table(rules):
    made = generate_for_candidates(pool(*ROWS), rules(TABLE))
    assert [(one["asn_rule"], members(one)) for one in made] == [
        ("candidate_Asn_AllFilters", ["00001", "00002", "00003"])
    ]
    assert made[0]["products"][0]["name"] == "jw00001-o001_t001_nircam"


def test_constraints_of_a_derived_class_are_asked_beside_the_table(rules):
    made = generate_for_candidates(pool(*ROWS), rules(DERIVED), discover=False)
    assert [(one["asn_rule"], members(one)) for one in made] == [("candidate_Asn_OneFilter", ["00002", "00003"])]


def test_beside_the_default_rules_nothing_is_lost(rules, tmp_path):
    rules(TABLE)
    both = generate_for_candidates(pool(*ROWS), AssociationRegistry(tmp_path / "mine.py"))
    default = generate_for_candidates(pool(*ROWS), AssociationRegistry())
    names = {one["asn_rule"] for one in both}
    assert names == {one["asn_rule"] for one in default} | {"candidate_Asn_AllFilters"}


def test_a_class_that_adds_nothing_is_a_rule_beside_the_one_it_is_derived_from(rules, tmp_path):
    rules(SAME)
    made = generate_for_candidates(pool(*ROWS), AssociationRegistry(tmp_path / "mine.py"), discover=False)
    names = [one["asn_rule"] for one in made if one["asn_type"] == "image3"]
    assert sorted(names) == ["candidate_Asn_Again"] * 2 + ["candidate_Asn_Lv3Image"] * 2
