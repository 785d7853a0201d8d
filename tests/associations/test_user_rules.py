"""A file of rules as a user of the original has it, with the imports changed: from the file to saved associations."""

import json
import re

import pytest

from hexcal.associations import AssociationError, AssociationRegistry, generate, load_asn

USER_FILE = '''
from jwst.associations import Association, RegistryMarker, libpath
from jwst.associations.lib.constraint import AttrConstraint, Constraint, SimpleConstraint
from jwst.associations.lib.dms_base import DMSAttrConstraint
from jwst.associations.lib.process_list import ListCategory


class Base(Association):
    """Exposures of one programme and candidate."""

    def __init__(self, version_id=None):
        self.constraints = Constraint(
            [
                AttrConstraint(name="program", sources=["program"]),
                AttrConstraint(name="asn_candidate", sources=["asn_candidate"], evaluate=True),
                self.own_constraints(),
            ],
            name="base",
        )
        super().__init__(version_id=version_id)
        self.data["products"] = []

    def has_science(self):
        return any(member["exptype"] == "science" for product in self["products"] for member in product["members"])

    @property
    def is_valid(self):
        return self.has_science()

    def is_item_member(self, item):
        return item in self.meta.get("items", [])

    def _init_hook(self, item):
        self.data["asn_id"] = self.constraints["asn_candidate"].value[3:8].rstrip("'")
        self.data["asn_pool"] = "mypool"
        self.data["products"].append({"name": f"{item['program']}_{item['filter']}", "members": []})

    def _add(self, item):
        self.meta.setdefault("items", []).append(item)
        role = "psf" if item.get("is_psf") == "t" else "science"
        self["products"][0]["members"].append({"expname": item["filename"], "exptype": role})


@RegistryMarker.rule
class Asn_SameFilter(Base):
    def own_constraints(self):
        return AttrConstraint(name="filter", sources=["filter"], invalid_values=["null"])


@RegistryMarker.rule
class Asn_Blue(Base):
    """One blue science exposure with PSF exposures."""

    def own_constraints(self):
        return Constraint(
            [
                AttrConstraint(name="filter", sources=["filter"], value=["f090w", "f115w"], force_unique=False),
                Constraint(
                    [
                        AttrConstraint(name="psf", sources=["is_psf"], value="t", force_unique=False),
                        SimpleConstraint(
                            name="single", value=False, sources=lambda item: self.has_science(), force_unique=False
                        ),
                    ],
                    reduce=Constraint.any,
                ),
            ]
        )

    def finalize(self):
        return [self] if self.is_valid else None


@RegistryMarker.utility
class Utility:
    @staticmethod
    @RegistryMarker.callback("finalize")
    def finalize(associations):
        return [done for one in associations for done in (one.finalize() or ()) if one.is_valid]
'''

CANDIDATES = "[('o001', 'observation'), ('c1000', 'group')]"
POOL = [
    {"filename": f"jw{number}_cal.fits", "program": "99009", "asn_candidate": candidates, "filter": band, "is_psf": psf}
    for number, candidates, band, psf in (
        (1, CANDIDATES, "f090w", "f"),
        (2, "[('o001', 'observation')]", "f090w", "t"),
        (3, CANDIDATES, "f115w", "f"),
        (4, CANDIDATES, "null", "f"),
        (5, "[('o002', 'observation')]", "f090w", "t"),
    )
]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "myrules.py"
    path.write_text(USER_FILE.replace("jwst.", "hexcal."))
    return path


def content(associations):
    return sorted(
        (one["asn_rule"], one["asn_id"], "".join(member["expname"][2] for member in one["products"][0]["members"]))
        for one in associations
    )


@pytest.mark.req("RULE-01", "RULE-07", "RULE-10", "GEN-05", "GEN-06", "GEN-11", "GEN-13", "API-10")
def test_from_the_file_to_saved_associations(path, tmp_path):
    rules = AssociationRegistry([str(path)], include_default=False)
    found = generate(POOL, rules, version_id="v1")
    expected = [
        ("Asn_Blue", "c1000", "1"),
        ("Asn_Blue", "c1000", "3"),
        ("Asn_Blue", "o001", "12"),
        ("Asn_Blue", "o001", "3"),
        ("Asn_SameFilter", "c1000", "1"),
        ("Asn_SameFilter", "c1000", "3"),
        ("Asn_SameFilter", "o001", "12"),
        ("Asn_SameFilter", "o001", "3"),
    ]
    assert content(found) == expected, "o002 has no science exposure: not valid"
    for one in found:
        name, text = one.dump()
        (tmp_path / name).write_text(text)
        assert load_asn(tmp_path / name) == json.loads(text) == one.data
        assert one["version_id"] == "v1"


@pytest.mark.req("API-01")
def test_versions_and_finalizing(path):
    rules = AssociationRegistry([str(path)], include_default=False)
    found = generate(POOL, rules, finalize=False)
    assert ("Asn_SameFilter", "o002", "5") in content(found)
    assert ("Asn_SameFilter", "o002", "5") not in content(generate(POOL, rules))
    assert {one["version_id"] for one in found} == {None}
    assert {one["version_id"] for one in generate(POOL, rules, version_id="v1")} == {"v1"}
    (stamp,) = {one["version_id"] for one in generate(POOL, rules, version_id=True)}
    assert re.fullmatch(r"\d{8}t\d{6}", stamp)


@pytest.mark.req("RULE-10", "API-09")
def test_beside_the_default_rules(path):
    rules = AssociationRegistry(path, name="candidate")
    assert {"candidate_Asn_Blue", "candidate_Asn_Lv2Image", "candidate_Asn_Lv3Image"} <= set(rules)
    assert not any(name in rules for name in ("DMSLevel2bBase", "DMS_Level3_Base", "candidate_DMS_Level3_Base"))
    assert "DMS_Level3_Base" in AssociationRegistry(include_bases=True)


def test_a_file_that_still_imports_the_original(tmp_path):
    path = tmp_path / "myrules.py"
    path.write_text(USER_FILE)
    with pytest.raises(AssociationError, match=r"(?s)'jwst'.*myrules\.py, line 2.*import from 'hexcal\.associations'"):
        AssociationRegistry(path)
