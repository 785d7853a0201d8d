"""Why exposures are together or not: what is said is what the generator does."""

import pytest
from association_pools import USER_RULES, candidates, exposure, pool
from hypothesis import given, settings
from hypothesis import strategies as st

from hexcal.associations import AssociationRegistry
from hexcal.associations.explain import Explainer
from hexcal.associations.explain_text import lines_of
from hexcal.errors import InputError, ParameterError

RULES = AssociationRegistry()


def explainer(*rows, rules=RULES, **options):
    return Explainer(pool(*rows), rules, **options)


def apart(*rows, rule=None, **options):
    """Reasons by rule, for the first two rows."""
    asked = explainer(*rows, **options)
    one, two = asked.exposures[:2]
    answer = asked.two(one, two, rule)
    assert all(lines_of(answer))
    return {entry["rule"]: " | ".join(entry["reasons"]) for entry in answer["apart"]}


def test_all_associations_of_one_exposure():
    asked = explainer(exposure(1), exposure(2))
    answer = asked.one(asked.exposure("_00001_"))
    assert [(one["rule"], one["roles"]) for one in answer["associations"]] == [
        ("candidate_Asn_Lv2Image", [["science"]]),
        ("candidate_Asn_Lv3Image", [["science"]]),
    ]
    assert {"rule": "Asn_Lv3TSO", "lacks": "is_tso is given; it is not given"} in answer["nearly"]
    assert not any("MIRMRS" in one["rule"] for one in answer["nearly"]), "rules for other types are of no help"
    text = "\n".join(lines_of(answer))
    assert "it is in 2 associations" in text and "jw00001-o001_image3_00001_asn" in text


def test_an_exposure_is_named_by_a_part_of_its_name():
    asked = explainer(exposure(1), exposure(2), exposure(12, detector="nrca1"))
    assert asked.exposure("NRCA1").name == "jw00001001001_02101_00012_nrca1_uncal.fits"
    assert asked.exposure("jw00001001001_02101_00001_nrcb2_uncal.fits").name.endswith("00001_nrcb2_uncal.fits")
    with pytest.raises(
        ParameterError, match="2 exposures have 'nrcb2' in their names: jw00001001001_02101_00001_nrcb2"
    ):
        asked.exposure("nrcb2")
    with pytest.raises(ParameterError, match="did you mean 'jw00001001001_02101_00001_nrcb2_uncal"):
        asked.exposure("jw0000100101_02101_00001_nrcb2_uncal.fits")
    with pytest.raises(ParameterError, match="the pool has jw0"):
        asked.exposure("qqq")


def test_what_must_be_the_same():
    reasons = apart(exposure(1), exposure(2, filter="f200w"))
    assert reasons["Asn_Lv3Image"] == "filter must be the same: f115w and f200w"
    assert "each science exposure makes its own association" in reasons["Asn_Lv2Image"]
    reasons = apart(exposure(1), exposure(2, targetid=2, subarray="sub64"))
    assert reasons["Asn_Lv3Image"] == "targetid must be the same: 1 and 2 | subarray must be the same: full and sub64"


def test_no_candidate_in_common():
    reasons = apart(exposure(1, "mir_image", tsovisit="t"), exposure(2, "mir_image", tsovisit="t", obs_num=2))
    assert reasons["Asn_Lv3TSO"] == "no candidate in common: o001 and o002"


def test_what_an_association_needs():
    reasons = apart(exposure(1, "nis_ami"), exposure(2, "nis_ami"))
    assert "no psf" in reasons["Asn_Lv3AMI"]
    asked = explainer(exposure(1, "nis_ami"))
    answer = asked.by_rule(asked.exposures[0], asked.rule("lv3ami"))
    assert answer["reasons"] == ["in o001 (observation) there is no psf", "in the whole programme there is no psf"]
    assert not answer["missed"]


def test_a_relation_between_nods():
    nod = {"filter": "f100lp", "patttype": "2-point-nod", "subpxpns": 1, "numdthpt": 1, "fxd_slit": "s200a1"}
    same = apart(exposure(1, "nrs_fixedslit", **nod, patt_num=1), exposure(2, "nrs_fixedslit", **nod, patt_num=1))
    assert "must have other nod" in same["Asn_Lv2NRSFSS"]
    other = apart(exposure(1, "nrs_fixedslit", **nod, patt_num=1), exposure(2, "nrs_fixedslit", **nod, patt_num=2))
    assert "Asn_Lv2NRSFSS" not in other


def test_a_repetition_names_what_is_kept():
    both = candidates("o001", ("c1001", "mosaic"))
    rows = exposure(1, asn_candidate=both), exposure(2, asn_candidate=both)
    asked = explainer(*rows, candidate="c1001")
    assert asked.two(asked.exposures[0], asked.exposures[1], "Asn_Lv3Image")["together"][0]["candidate"] == "c1001"
    psf = exposure(1, "nrc_coron", pupil="maskrnd", subarray="sub320", is_psf="t")
    asked = explainer(psf)
    idle = {one["rule"]: one["reasons"][0] for one in asked.one(asked.exposures[0])["without_association"]}
    assert "left out as a repetition" in idle["Asn_Lv2Image"] and "Asn_Lv2ImageSpecial) has it" in idle["Asn_Lv2Image"]


def test_a_candidate_for_which_no_association_is_made():
    rows = [exposure(n, obs_num=n, bkgdtarg="ft"[n - 1], asn_candidate=candidates(("c1001", "mosaic"))) for n in (1, 2)]
    assert "for candidate c1001 (mosaic)" in apart(*rows)["Asn_Lv2Image"]


def test_one_exposure_and_a_rule():
    asked = explainer(exposure(1, bkgdtarg="t"))
    answer = asked.by_rule(asked.exposures[0], asked.rule("Asn_Lv3Image"))
    science = next(role for role in answer["roles"] if role["role"] == "science")
    failing = [one for one in science["conditions"] if not one["holds"]]
    assert {"text": "bkgdtarg is not given", "found": "t", "holds": False} in failing
    assert "bkgdtarg is not given; it is t" in answer["missed"] and not answer["associations"]
    text = "\n".join(lines_of(answer))
    assert "no   bkgdtarg is not given; it is t" in text and "filter: f115w" in text and "result" in text
    with pytest.raises(ParameterError, match="did you mean 'Asn_Lv3Image'"):
        asked.rule("Asn_Lv3Imag")


def test_a_required_value_that_is_not_there():
    row = exposure(1, subarray="null")
    asked = explainer(row)
    answer = asked.by_rule(asked.exposures[0], "Asn_Lv3Image")
    assert answer["missed"] == ["subarray is given; it is not"]
    assert "subarray: not given  required" in "\n".join(lines_of(answer))


def test_rules_of_users(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(USER_RULES)
    rules = AssociationRegistry([path])
    rows = exposure(1), exposure(2, filter="f200w"), exposure(3)
    reasons = apart(*rows, rules=rules)
    assert "filter asks for f115w; filter is f200w" in reasons["Asn_SameFilter"] and "Asn_Lv3Image" in reasons
    asked = explainer(*rows, rules=rules)
    one, _, three = asked.exposures
    assert {"candidate_Asn_SameFilter", "candidate_Asn_Named"} <= {
        entry["rule"] for entry in asked.two(one, three)["together"]
    }
    answer = asked.by_rule(one, "Asn_SameFilter")
    assert answer["takes"] and [entry["name"] for entry in answer["constraints"]] == [None, "filter", "asn_candidate"]
    assert any("filter asks for anything; filter is f115w" in line for line in lines_of(answer))
    assert asked.two(one, three, "Asn_SameFilter")["together"] and not asked.two(one, three, "Asn_SameFilter")["apart"]


def test_questions_without_answer():
    with pytest.raises(ParameterError, match="did you mean 'o001'"):
        explainer(exposure(1), candidate="o01")
    asked = explainer(exposure(1))
    with pytest.raises(InputError, match="two different exposures"):
        asked.two(asked.exposures[0], asked.exposures[0])


_ROW = st.fixed_dictionaries(
    {
        "obs_num": st.integers(1, 2),
        "filter": st.sampled_from(["f115w", "f200w", "null"]),
        "bkgdtarg": st.sampled_from(["f", "t"]),
        "is_psf": st.sampled_from(["f", "t"]),
        "targetid": st.integers(1, 2),
    }
)


@settings(max_examples=60)
@given(st.lists(_ROW, min_size=2, max_size=5), st.sampled_from(["nrc_image", "nis_ami", "mir_lyot"]))
def test_every_rule_that_takes_both_says_together_or_why_not(drawn, kind):
    asked = explainer(*(exposure(number, kind, **columns) for number, columns in enumerate(drawn, start=1)))
    one, two = asked.exposures[:2]
    answer = asked.two(one, two)
    together = {entry["rule"].partition("_")[2] for entry in answer["together"]}
    said = {entry["rule"] for entry in answer["apart"]} | {entry["rule"] for entry in answer["one_only"]}
    for name, rule in asked.tables.items():
        if all(any(rule.table.key(which, role) for role in rule.table.roles(which)) for which in (one, two)):
            assert (name in together) != (name in said), name
    assert all(entry["reasons"] for entry in answer["apart"])
