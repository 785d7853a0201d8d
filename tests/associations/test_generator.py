"""From a pool to associations: candidates, the whole programme, tables and rules of users side by side; invariants."""

import random
from collections import Counter

import pytest
from association_pools import USER_RULES, candidates, contents, exposure, pool
from hypothesis import given, settings
from hypothesis import strategies as st

from hexcal.associations import AssociationError, AssociationRegistry, generate
from hexcal.associations.classes.constraints import AttrConstraint
from hexcal.associations.generator import candidates_of, generate_for_candidates
from hexcal.associations.tables.keys import KeyIndex, agree

RULES = AssociationRegistry()


def made(*rows, **options):
    return generate_for_candidates(pool(*rows), RULES, **options)


def rules_of(associations):
    return sorted(f"{one['asn_rule']} {one['asn_id']}" for one in associations)


@pytest.mark.req("ASN-01", "ASN-02", "ASN-03")
def test_the_most_and_the_least_combined_products_of_each_exposure():
    found = made(exposure(1), exposure(2))
    assert rules_of(found) == [
        "candidate_Asn_Lv2Image o001",
        "candidate_Asn_Lv2Image o001",
        "candidate_Asn_Lv3Image o001",
    ]
    members = {one["asn_type"]: [m["expname"] for m in one["products"][0]["members"]] for one in found}
    assert members["image3"] == [f"jw00001001001_02101_0000{n}_nrcb2_cal.fits" for n in (1, 2)]
    assert members["image2"] == ["jw00001001001_02101_00002_nrcb2_rate.fits"]


@pytest.mark.req("ASN-12")
def test_each_candidate_and_the_whole_programme():
    mosaic = ("c1001", "mosaic")
    rows = [exposure(n, obs_num=n, asn_candidate=candidates(f"o00{n}", mosaic)) for n in (1, 2)]
    rows.append(exposure(3, obs_num=3))
    level3 = [one for one in made(*rows) if one["asn_type"] == "image3"]
    assert rules_of(level3) == [
        "candidate_Asn_Lv3Image c1001",
        "candidate_Asn_Lv3Image o001",
        "candidate_Asn_Lv3Image o002",
        "candidate_Asn_Lv3Image o003",
        "discover_Asn_Lv3Image a3001",
    ]
    assert [one.asn_name for one in level3 if one["asn_id"] == "a3001"] == ["jw00001-a3001_image3_00001_asn"]


def test_what_a_candidate_has_is_not_found_again_in_the_whole_programme():
    assert not [one for one in made(exposure(1), exposure(2)) if one["asn_rule"].startswith("discover")]


@pytest.mark.req("GEN-06")
def test_an_exposure_in_several_candidates_joins_an_association_of_each():
    background = ("c1000", "background")
    rows = [
        exposure(1, asn_candidate=candidates("o001", background)),
        exposure(2, obs_num=2, targetid=2, bkgdtarg="t", asn_candidate=candidates("o002", background)),
    ]
    level2 = {one["asn_id"]: one["products"][0]["members"] for one in made(*rows) if one["asn_type"] == "image2"}
    assert set(level2) == {"c1000", "o002"}
    assert [member["exptype"] for member in level2["c1000"]] == ["science", "background"]


@pytest.mark.req("ASN-11")
def test_types_and_numbers_are_in_the_names():
    names = [one.asn_name for one in made(exposure(1), exposure(2), exposure(3, "nrc_tacq"), version_id="V1")]
    assert sorted(names) == [
        "jw00001-o001_v1_image2_00001_asn",
        "jw00001-o001_v1_image2_00002_asn",
        "jw00001-o001_v1_image2_00003_asn",
        "jw00001-o001_v1_image3_00001_asn",
    ]


@pytest.mark.req("API-01")
def test_generate_takes_the_pool_as_a_whole():
    rows = [exposure(1), exposure(2, obs_num=2)]
    whole = generate(pool(*rows), RULES, version_id=True)
    assert [one["asn_id"] for one in whole if one["asn_type"] == "image3"] == ["a3001"]
    assert all(len(one["version_id"]) == 15 and "t" in one["version_id"] for one in whole)
    assert all(one["version_id"] is None for one in generate(pool(*rows), RULES))
    assert {one["version_id"] for one in generate(pool(*rows), RULES, version_id="v")} == {"v"}


def test_generate_keeps_to_a_global_constraint():
    only = AttrConstraint(name="detector", sources=["detector"], value="nrcb2", force_unique=False)
    rules = AssociationRegistry(global_constraints=only)
    rows = [exposure(1), exposure(2, detector="nrcb1")]
    names = [m["expname"] for one in generate(pool(*rows), rules) for m in one["products"][0]["members"]]
    assert names and all("nrcb2" in name for name in names)


def test_candidates_of_a_pool():
    rows = [exposure(1, asn_candidate=candidates("o001", ("c1000", "background"))), exposure(2, obs_num=2)]
    assert candidates_of(pool(*rows)) == {"o001": {"observation"}, "c1000": {"background"}, "o002": {"observation"}}


@pytest.mark.req("RULE-10")
def test_rules_of_users_beside_the_default_ones(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(USER_RULES)
    rows = [exposure(1), exposure(2, obs_num=2), exposure(3, obs_num=2, filter="f200w")]
    both = generate_for_candidates(pool(*rows), AssociationRegistry([path]))
    alone = generate_for_candidates(pool(*rows), AssociationRegistry([path], include_default=False))
    own = [one for one in both if "Lv" not in one["asn_rule"]]
    assert Counter(one["asn_rule"] for one in own) == Counter(one["asn_rule"] for one in alone)
    assert Counter(one["asn_rule"] for one in alone) == {
        "candidate_Asn_SameFilter": 3,
        "candidate_Asn_Named": 3,
        "discover_Asn_Named": 1,
    }
    whole = next(one for one in alone if one["asn_rule"].startswith("discover"))
    assert whole["asn_id"] == "a3001" and len(whole["products"][0]["members"]) == 2
    assert {one["asn_pool"] for one in alone if "asn_pool" in one} == {"made.csv"}
    assert any("Lv3Image" in one["asn_rule"] for one in both)


def test_a_rule_that_fails_names_its_line(tmp_path):
    path = tmp_path / "broken_rules.py"
    path.write_text(USER_RULES.replace('item["filename"], "exptype"', 'item["file_name"], "exptype"'))
    rules = AssociationRegistry([path], include_default=False)
    with pytest.raises(AssociationError, match=r"(?s)KeyError: 'file_name'.*broken_rules\.py, line \d+, in _add"):
        generate_for_candidates(pool(exposure(1)), rules)


# ---- invariants, on pools of unlike exposures

_KINDS = st.sampled_from(
    [
        ("nrc_image", {}),
        ("nrc_image", {"bkgdtarg": "t", "targetid": 2}),
        ("nrc_image", {"filter": "f200w"}),
        ("nrc_image", {"detector": "nrcb1"}),
        ("nrc_tacq", {}),
        ("nrc_coron", {"is_psf": "t", "pupil": "maskrnd", "subarray": "sub320", "targetid": 3}),
        ("nrc_coron", {"pupil": "maskrnd", "subarray": "sub320"}),
        ("mir_image", {"filter": "f770w"}),
        ("mir_mrs", {"band": "short", "channel": "12", "filter": "null"}),
        ("mir_mrs", {"band": "short", "channel": "12", "filter": "null", "bkgdtarg": "t", "targetid": 2}),
        ("nis_ami", {"filter": "f480m", "pupil": "nrm"}),
        ("nis_ami", {"filter": "f480m", "pupil": "nrm", "is_psf": "t", "targetid": 4}),
        ("nis_soss", {"tsovisit": "t"}),
        ("nis_wfss", {"filter": "gr150r", "pupil": "f200w"}),
        ("nis_image", {"filter": "f200w"}),
        ("nrs_ifu", {"filter": "f100lp", "patttype": "2-point-nod"}),
        ("nrs_ifu", {"filter": "f100lp", "patttype": "2-point-nod", "patt_num": 2}),
        ("nrs_msaspec", {"filter": "f100lp", "msametfl": "x_msa.fits"}),
    ]
)
_CANDIDATES = st.sampled_from([(), (("c1000", "background"),), (("c1001", "mosaic"),), (("c1002", "group"),)])
_ROW = st.tuples(_KINDS, st.integers(1, 3), _CANDIDATES)


def _rows(drawn):
    return [
        exposure(number, kind, obs_num=observation, asn_candidate=candidates(f"o{observation:03d}", *more), **columns)
        for number, ((kind, columns), observation, more) in enumerate(drawn, start=1)
    ]


@settings(max_examples=60)
@given(st.lists(_ROW, min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn, chance: random.Random):
    rows = _rows(drawn)
    mixed = chance.sample(rows, len(rows))
    one, two = made(*rows), made(*mixed)
    assert contents(one) == contents(two)
    assert {a.asn_name: contents([a]) for a in one} == {a.asn_name: contents([a]) for a in two}


@settings(max_examples=60)
@given(st.lists(_ROW, min_size=1, max_size=9))
def test_names_are_unique_and_members_satisfy_their_rule(drawn):
    found = made(*_rows(drawn))
    assert len({one.asn_name for one in found}) == len(found)
    for one in found:
        assert one.is_valid, one.asn_name
        if one.table.alone:
            assert [role for _, role in one.exposures].count("science") == 1 and len(one["products"]) == 1
        for member, role in one.exposures:
            known = {name.partition(":")[0] for name in one.table.roles(member)} | set(one.table.also)
            taken_along = role == "target_acquisition" and one.table.acquisitions
            assert role in known or taken_along, (one.asn_name, member, role)
        if one["asn_id"].startswith(("o", "c")):
            belongs = [
                one["asn_id"] in dict(member.candidates)
                for member, role in one.exposures
                if role != "target_acquisition"
            ]
            assert all(belongs)


_KEY = st.tuples(*[st.sampled_from([None, "a", "b"])] * 3)


@given(st.lists(_KEY, max_size=8), st.lists(_KEY, min_size=1, max_size=4), st.data())
def test_keys_are_found_as_one_by_one(keys, asked, data):
    index, known = KeyIndex(keys), list(keys)
    for key in asked:
        assert index.agreeing(key) == [n for n, one in enumerate(known) if agree(one, key)]
        index.add(key)
        known.append(key)
        number = data.draw(st.integers(0, len(known) - 1))
        known[number] = data.draw(_KEY)
        index.renew(number, known[number])
