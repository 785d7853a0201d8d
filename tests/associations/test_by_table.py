"""Rules that are tables, used by the documented interface of a class: create, add, dump."""

import json

import pytest
from association_pools import exposure, pool

from hexcal.associations import AssociationNotValidError, AssociationRegistry, load_asn
from hexcal.associations.generator import generate_for_candidates

RULES = AssociationRegistry()


@pytest.mark.req("RULE-02", "RULE-03")
def test_create_and_add_ask_the_table():
    association, again = RULES["Asn_Lv3Image"].create(exposure(1))
    assert again == [] and association["products"][0]["members"][0]["expname"].endswith("00001_nrcb2_cal.fits")
    assert association.add(exposure(2)) == (True, [])
    assert association.add(exposure(3, filter="f200w")) == (False, [])
    assert association.add(exposure(4, targetid=2)) == (False, [])
    assert len(association["products"][0]["members"]) == 2
    assert RULES["Asn_Lv3Image"].create(exposure(5, "mir_mrs"))[0] is None


def test_each_science_exposure_is_alone_at_level_2():
    association, _ = RULES["Asn_Lv2Image"].create(exposure(1))
    assert association.add(exposure(2)) == (False, [])
    assert association.add(exposure(3, bkgdtarg="t")) == (True, [])
    assert [m["exptype"] for m in association["products"][0]["members"]] == ["science", "background"]


@pytest.mark.req("GEN-03")
def test_without_what_the_rule_requires_it_is_not_valid():
    star, science = exposure(1, "nis_ami", is_psf="t", targetid=2), exposure(2, "nis_ami")
    association, _ = RULES["Asn_Lv3AMI"].create(science)
    assert not association.is_valid and association.finalize() is None
    with pytest.raises(AssociationNotValidError):
        association.dump()
    assert association.add(star)[0] and association.is_valid
    assert not [one for one in generate_for_candidates(pool(science), RULES) if one["asn_type"] == "ami3"]


@pytest.mark.req("RULE-01", "RULE-04", "DMSB-10")
@pytest.mark.parametrize("rule", ["Asn_Lv2Image", "Asn_Lv3Image"])
def test_dump(rule):
    association = next(
        one for one in generate_for_candidates(pool(exposure(1)), RULES) if one["asn_rule"].endswith(rule)
    )
    name, text = association.dump()
    level3 = rule == "Asn_Lv3Image"
    assert name == f"jw00001-o001_image{3 if level3 else 2}_00001_asn.json"
    content = json.loads(text)
    order = [
        "asn_type",
        "asn_rule",
        "version_id",
        "code_version",
        "degraded_status",
        "program",
        "constraints",
        "asn_id",
    ]
    assert list(content) == [*order, *(["target", "asn_pool"] if level3 else ["asn_pool", "target"]), "products"]
    assert (content["asn_pool"], content["target"]) == ("made.csv", "t001" if level3 else "1")
    assert content["products"][0]["members"][0]["exposerr"] is None
    assert content["products"][0]["members"][0].get("asn_candidate") == ("('o001', 'observation')" if level3 else None)
    assert "filter" in content["constraints"] and "science" in content["constraints"]
    assert load_asn(text) == content
    association.asn_name = "other"
    assert association.dump()[0] == "other.json"


def test_problems_of_exposures_degrade_the_association():
    good, bad = (
        next(
            one
            for one in generate_for_candidates(pool(exposure(1, exposerr=text)), RULES)
            if one["asn_type"] == "image3"
        )
        for text in ("null", "lost guiding")
    )
    assert good["degraded_status"] == "No known degraded exposures in association."
    assert bad["degraded_status"].startswith("One or more members have an error")
    assert bad["products"][0]["members"][0]["exposerr"] == "lost guiding"
