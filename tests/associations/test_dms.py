"""What the rules of both stages have in common; roles and facts as release 1.13.4 tells them of the same exposures."""

import pytest
from class_rules import attr

from hexcal.associations import AssociationError, AssociationNotValidError
from hexcal.associations.classes.constraints import Constraint
from hexcal.associations.classes.dms import (
    ACID,
    Constraint_TargetAcq,
    Constraint_TSO,
    Constraint_WFSC,
    DMSAttrConstraint,
    DMSBaseMixin,
    Member,
)
from hexcal.associations.lib import dms_base
from hexcal.models.association_check import STAGE_3


class Rule(DMSBaseMixin):
    schema_file = STAGE_3

    def __init__(self, *args, **kwargs):
        self.constraints = Constraint([attr("program"), attr("asn_candidate", evaluate=True)])
        super().__init__(*args, **kwargs)
        self.validity = {
            "has_science": {"validated": False, "check": lambda member: member["exptype"] == "science"},
            "has_psf": {"validated": False, "check": lambda member: member["exptype"] == "psf"},
        }

    def _init_hook(self, item):
        self["asn_type"] = "coron3"
        self.new_product("a_product")

    def _add(self, item):
        member = Member({"expname": item["filename"], "exptype": self.get_exposure_type(item)}, item)
        member["exposerr"] = item.get("exposerr")
        self.current_product["members"].append(member)
        self.update_validity(member)
        self.update_asn(item=item, member=member)


@pytest.fixture(autouse=True)
def numbers_begin_at_one():
    DMSBaseMixin.reset_sequence()


def item(number, **values):
    return {
        "filename": f"jw{number}_calints.fits",
        "program": "623",
        "targetid": "9",
        "asn_candidate": "('o037', 'observation')",
        "exp_type": "nrc_coron",
        "pntgtype": "science",
        **values,
    }


@pytest.mark.req("DMSB-03", "DMSB-10")
def test_attributes_and_name():
    association, _ = Rule.create(item(1), version_id="20210610t121508")
    assert association.acid == ACID("o037", "observation") and str(association.acid) == "o037"
    assert association["asn_id"] == "o037"
    assert association.sequence == 1
    assert Rule.create(item(2))[0].sequence == 2
    assert association.asn_name == "jw00623-o037_20210610t121508_coron3_00001_asn"
    assert association.current_product is association["products"][-1]
    assert association.from_items == [item(1)]
    assert association.member_ids == {"jw1_calints.fits"}
    assert [test["validated"] for test in association.validity.values()] == [True, False]
    DMSBaseMixin.reset_sequence()
    assert Rule.create(item(2))[0].sequence == 1
    association.add(item(3, is_psf="t"))
    assert association.dump()[0] == "jw00623-o037_20210610t121508_coron3_00001_asn.json"
    association.asn_name = "mine"
    assert association.dump()[0] == "mine.json"
    association.acid = ("c1001", "coronagraphic")
    assert (association.acid.id, association["asn_id"]) == ("c1001", "c1001")


def test_a_new_one_has_what_an_empty_association_has():
    new = Rule()
    assert list(new) == [
        *("asn_type", "asn_rule", "version_id", "code_version", "degraded_status"),
        *("program", "constraints", "asn_id", "asn_pool"),
    ]
    assert (new["asn_id"], new["program"], new["asn_pool"], new["constraints"]) == (
        "a3001",
        "noprogram",
        "none",
        "No constraints",
    )
    assert new.sequence is None and new.from_items == [] and new.member_ids == set() and not new.is_valid
    with pytest.raises(AssociationError, match=r"(?s)no product yet.*new_product"):
        new.current_product  # noqa: B018
    new.new_product()
    assert new.current_product == {"name": "undefined", "members": []}


@pytest.mark.req("DMSB-09")
def test_keeping_it_up_to_date():
    association, _ = Rule.create(item(1))
    assert (association["program"], association["target"]) == ("00623", "9")
    assert "'name': 'asn_candidate'" in association["constraints"]
    association.update_asn(
        item={"program": "1", "targetid": "1"}, member=Member({}, {"program": "2", "targetid": "null"})
    )
    assert (association["program"], association["target"]) == ("00002", "1"), "what the member says comes first"
    assert not association.is_valid
    assert association.finalize() is None
    association.update_validity({"exptype": "psf"})
    assert association.is_valid
    assert Rule.validate(association) is True
    with pytest.raises(AssociationNotValidError):
        Rule.validate({})


@pytest.mark.req("DMSB-09", "ASN2-04")
def test_degraded_status():
    association, _ = Rule.create(item(1, exposerr="null"))
    assert association["degraded_status"] == "No known degraded exposures in association."
    association.add(item(2, exposerr="guiding lost"))
    assert association["degraded_status"].startswith("One or more members have an error associated with them.")
    for nothing in (None, "null", "", "NULL", "none"):
        association.current_product["members"][1]["exposerr"] = nothing
        association.update_degraded_status()
        assert association["degraded_status"].startswith("No known degraded")


@pytest.mark.req("DMSB-08")
def test_membership_and_attributes():
    association, _ = Rule.create(item(1))
    assert association.is_item_member(item(1)) and not association.is_item_member(item(2))
    assert association.is_member({"expname": "jw1_calints.fits"}) and not association.is_member({"expname": "x"})
    assert association.item_getattr({"a": "1", "b": "2"}, ["b", "a"]) == ("b", "2")
    assert association.item_getattr({"a": "null", "b": "2"}, ["a", "b"]) == ("b", "2")
    with pytest.raises(KeyError, match="none of the attributes y, z"):
        association.item_getattr({"a": "1"}, ["y", "z"])


@pytest.mark.req("DMSB-04")
@pytest.mark.parametrize(
    ("role", "values"),
    [
        ("science", {"exp_type": "nrs_ifu"}),
        ("science", {"exp_type": "nrs_ifu", "is_imprt": "f", "is_psf": "null", "bkgdtarg": "f"}),
        ("target_acquisition", {"exp_type": "nrs_ifu", "pntgtype": "target_acquisition"}),
        ("target_acquisition", {"exp_type": "mir_tacq"}),
        ("target_acquisition", {"exp_type": "nrs_confirm"}),
        ("autoflat", {"exp_type": "nrs_autoflat"}),
        ("autowave", {"exp_type": "nrs_autowave"}),
        ("dark", {"exp_type": "nis_dark", "is_psf": "t"}),
        ("psf", {"exp_type": "mir_lyot", "is_psf": "t", "bkgdtarg": "t"}),
        ("imprint", {"exp_type": "nrs_ifu", "is_imprt": "t"}),
        ("background", {"exp_type": "mir_mrs", "bkgdtarg": "t"}),
    ],
)
def test_roles(role, values):
    rule = Rule()
    assert rule.get_exposure_type({"pntgtype": "science", **values}) == role
    if role == "science":
        with pytest.raises(LookupError, match="nrs_ifu"):
            rule.get_exposure_type(values, default=None)
        assert rule.get_exposure_type(values, default="other") == "other"


@pytest.mark.req("ASNT-04", "ASNT-05", "ASNT-08", "ASNT-10", "ASNT-17")
@pytest.mark.parametrize(
    ("role", "exposure_types"),
    [
        (
            "target_acquisition",
            "mir_tacq nis_tacq nis_taconfirm nrc_tacq nrc_taconfirm nrs_msata nrs_wata nrs_taconfirm",
        ),
        ("dark", "mir_darkimg mir_darkmrs"),
        ("flat", "mir_flatimage mir_flatimage-ext mir_flatmrs mir_flatmrs-ext"),
        ("science", "mir_coroncal mir_image nis_soss nis_wfss nrc_image nrs_mimf"),
    ],
)
def test_roles_of_documented_exposure_types(role, exposure_types):
    assert {Rule().get_exposure_type({"exp_type": name}) for name in exposure_types.split()} == {role}


@pytest.mark.req("DMSB-05", "DMSB-07")
def test_ami_and_time_series():
    rule = Rule()
    assert rule.is_item_ami({"exp_type": "nis_ami"}) and not rule.is_item_ami({"exp_type": "nis_image"})
    assert rule.is_item_tso({"exp_type": "mir_image", "tsovisit": "t"})
    assert not rule.is_item_tso({"exp_type": "mir_image", "tsovisit": "f"})
    for always in ("nrc_tsimage", "nrc_tsgrism", "nrs_brightobj"):
        assert rule.is_item_tso({"exp_type": always})
    assert not rule.is_item_tso({"exp_type": "mir_tacq", "tsovisit": "t"})
    assert not rule.is_item_tso({"exp_type": "nrc_tsimage", "pntgtype": "target_acquisition"})
    assert rule.is_item_tso({"exp_type": "nis_soss"}, other_exp_types=["nis_soss"])


@pytest.mark.req("DMSB-06")
def test_coronagraphic():
    def coronagraphic(**values):
        return Rule().is_item_coron({"pntgtype": "science", **values})

    assert coronagraphic(exp_type="mir_lyot") and coronagraphic(exp_type="mir_4qpm")
    assert not coronagraphic(exp_type="mir_image")
    assert not coronagraphic(exp_type="nrc_coron", pntgtype="target_acquisition")
    seen = {
        (mask, detector)
        for mask in ("maskrnd", "maskbar")
        for detector in ("nrca1", "nrca2", "nrca3", "nrca4", "nrcalong")
        if coronagraphic(exp_type="nrc_coron", subarray="full", pupil=mask, detector=detector)
    }
    assert seen == {("maskrnd", "nrca2"), ("maskrnd", "nrcalong"), ("maskbar", "nrca4"), ("maskbar", "nrcalong")}
    assert coronagraphic(exp_type="nrc_coron", subarray="sub640", pupil="maskrnd", detector="nrca1")


@pytest.mark.req("DMSB-01")
def test_target_acquisitions():
    assert Constraint_TargetAcq().check_and_set({"exp_type": "mir_tacq"}) == (True, [])
    assert Constraint_TargetAcq().check_and_set({"exp_type": "mir_image"}) == (False, [])

    class Other(Rule):
        def get_exposure_type(self, item, default="science"):
            return "target_acquisition"

    assert Constraint_TargetAcq(Other()).check_and_set({"exp_type": "mir_image"})[0] is True


@pytest.mark.req("DMSB-02")
def test_time_series_and_wavefront():
    science = {"pntgtype": "science", "exp_type": "mir_image"}
    assert Constraint_TSO().check_and_set({**science, "tsovisit": "t"})[0] is True
    assert Constraint_TSO().check_and_set({**science, "tsovisit": "f"})[0] is False
    assert Constraint_TSO().check_and_set({**science, "exp_type": "nrc_tsgrism"})[0] is True
    assert Constraint_TSO().name == "is_tso"
    for visit, expected in (("prime_wfsc_routine", True), ("prime_targeted_fixed", False), ("null", False)):
        assert Constraint_WFSC().check_and_set({"visitype": visit})[0] is expected
    assert DMSAttrConstraint(sources=["a"]).check_and_set({"a": "f"})[0] is False


@pytest.mark.req("ASN3-07")
def test_null_means_not_specified():
    unspecified = DMSAttrConstraint(name="wfsvisit", sources=["wfsvisit"], force_undefined=True)
    assert [unspecified.check_and_set({"wfsvisit": value})[0] for value in ("NULL", "null", "yes")] == [
        True,
        True,
        False,
    ]
    detector = DMSAttrConstraint(name="detector", sources=["detector"], value="(?!NULL).+")
    assert [detector.check_and_set({"detector": value})[0] for value in ("NULL", "nrca1", "nrca2")] == [
        False,
        True,
        False,
    ]


def test_documented_modules():
    from hexcal.associations.lib import rules_level2_base, rules_level2b, rules_level3, rules_level3_base

    assert dms_base.DMSBaseMixin is DMSBaseMixin
    assert issubclass(rules_level2b.Asn_Lv2Image, rules_level2_base.DMSLevel2bBase)
    assert issubclass(rules_level3.Asn_Lv3Image, rules_level3_base.DMS_Level3_Base)
    assert issubclass(rules_level3_base.DMS_Level3_Base, DMSBaseMixin)
    assert "Asn_Lv3Image" in dir(rules_level3) and "Asn_Lv2Image" in dir(rules_level2b)
