"""Exposures put together by tables: values that are not given, candidates, repetitions; invariants of the results."""

import random

import pytest
from association_pools import candidates, exposure
from association_rules import kept, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from hexcal.associations.rules import jwst_level3
from hexcal.associations.tables.grouping import groups
from hexcal.associations.tables.relations import differ, equal
from hexcal.associations.tables.search import WHOLE, exposures_of, search
from hexcal.associations.tables.table import SET, UNSET, Rule, like, unlike, when

# ---- the language of tables


def prepared(*rows):
    return exposures_of(rows, [jwst_level3.RULE_SET])


def grouped(rule, *rows):
    taken = [(one, rule.roles(one)) for one in prepared(*rows)]
    made = groups(rule, [one for one in taken if one[1]])
    return sorted([(int(one.name.split("_")[2]), role) for one, role in members] for members in made)


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        ("f115w f200w", True),
        ({"f115w"}, True),
        ("f200w", False),
        (SET, True),
        (UNSET, False),
        (like("^f1"), True),
        (unlike("^f1"), False),
    ],
)
def test_conditions(wanted, holds):
    (one,) = prepared(exposure(1))
    conditions = when(filter=wanted)
    assert conditions.holds(one) is holds
    assert not (conditions & when(exp_type="nis_image")).holds(one)
    assert (conditions | when(exp_type="nrc_image")).holds(one)


@pytest.mark.parametrize("text", ["null", "", "f", "n", "n/a", "--", "false"])
def test_texts_that_mean_no_value(text):
    (one,) = prepared(exposure(1, filter=text))
    assert when(filter=UNSET).holds(one)
    assert when(filter=unlike("x")).holds(one) and not when(filter=like("")).holds(one)


PATH = Rule("Asn_Path", "x", "t", members={"science": when(exp_type=SET)}, same=("program", "filter?", "pupil|grating"))


def test_an_exposure_without_a_value_goes_with_any():
    rows = [exposure(1), exposure(2, filter="null"), exposure(3, filter="f200w")]
    assert grouped(PATH, *rows) == [
        [(1, "science"), (2, "science")],
        [(2, "science"), (3, "science")],
    ]


def test_a_value_that_is_required_is_required():
    assert grouped(PATH, exposure(1, pupil="null")) == []
    assert grouped(PATH, exposure(1, pupil="null", grating="g140m"), exposure(2, pupil="g140m")) == [
        [(1, "science"), (2, "science")]
    ]


def test_roles_that_need_not_share_and_roles_that_are_needed():
    rule = Rule(
        "Asn_Pair",
        "x",
        "t",
        members={"psf": when(is_psf=SET), "science": when(exp_type=SET)},
        same=("filter", "targetid"),
        free={"psf": ("targetid",)},
        needs=("science", "psf"),
    )
    assert grouped(rule, exposure(1), exposure(2, is_psf="t", targetid=2), exposure(3, filter="f200w")) == [
        [(1, "science"), (2, "psf")]
    ]


def test_companions_of_each_exposure():
    rule = Rule(
        "Asn_Nods",
        "x",
        "t",
        members={"science": when(exp_type=SET), "background": when(exp_type=SET)},
        same=("filter",),
        related={"background": (differ("patt_num"), equal("obs_num"))},
        alone=True,
    )
    rows = [exposure(1, patt_num=1), exposure(2, patt_num=2), exposure(3, patt_num=2, obs_num=2), exposure(4)]
    assert grouped(rule, *rows) == [
        [(1, "science"), (2, "background")],
        [(2, "science"), (1, "background")],
        [(3, "science")],
        [(4, "science")],
    ]


def test_companions_that_make_nothing_themselves_and_fewest_members():
    members = {"science": when(exp_type=SET), "imprint": when(is_imprt=SET)}
    rule = Rule("Asn_Own", "x", "t", members=members, same=("filter",), alone=True, elsewhere=("imprint",))
    rows = [exposure(1), exposure(2, is_imprt="t"), exposure(3, filter="f200w", is_imprt="t")]
    assert grouped(rule, *rows) == [[(1, "science"), (2, "imprint")], [(3, "science")]]
    pairs = Rule("Asn_Two", "x", "t", members={"science": when(exp_type=SET)}, same=("filter",), least=2)
    assert grouped(pairs, exposure(1), exposure(2), exposure(3, filter="f200w")) == [[(1, "science"), (2, "science")]]


def test_rows_of_one_file_are_one_member():
    row = exposure(1)
    assert grouped(PATH, row, dict(row)) == [[(1, "science")]]


# ---- candidates, the whole programme, repetitions


def test_only_the_candidates_that_are_asked_for():
    rows = [exposure(n, obs_num=n, asn_candidate=candidates(f"o00{n}", ("c1001", "mosaic"))) for n in (1, 2)]
    assert texts(rows, "Lv3", candidates={"o001"}, whole=False) == ["Lv3Image image3 o001: 1 cal science"]
    assert texts(rows, "Lv3", candidates=set(), whole=False) == []
    found = search(exposures_of(rows, [jwst_level3.RULE_SET]), [jwst_level3.RULE_SET])
    assert {WHOLE, ("c1001", "mosaic"), ("o001", "observation"), ("o002", "observation")} == {
        one.candidate for one in found
    }


def test_the_same_members_are_kept_for_the_observation():
    rows = [exposure(n, asn_candidate=candidates("o001", ("c1001", "mosaic"))) for n in (1, 2)]
    assert texts(rows, "Lv3") == ["Lv3Image image3 o001: 1 cal science, 2 cal science"]


def test_an_exposure_is_calibrated_with_all_its_companions_only():
    both = candidates("o001", ("c1000", "background"))
    rows = [exposure(1, asn_candidate=both), exposure(2, asn_candidate=both, bkgdtarg="t")]
    rows.append(exposure(3, obs_num=2, asn_candidate=candidates("o002", ("c1000", "background")), bkgdtarg="t"))
    assert [one for one in texts(rows, "Lv2") if "1 rate science" in one] == [
        "Lv2Image image2 c1000: 1 rate science, 2 rate background, 3 rate background"
    ]


def test_full_frames_of_a_coronagraphic_psf_star_are_calibrated_by_two_rules():
    star = exposure(1, "nrc_coron", detector="nrca2", pupil="maskrnd", channel="short", is_psf="t")
    assert texts([star]) == [
        "Lv2Image image2 o001: 1 rateints science",
        "Lv2ImageSpecial image2 o001: 1 rateints science",
    ]


# ---- invariants

KINDS = st.sampled_from(
    [
        ("nrc_image", {}),
        ("nrc_image", {"filter": "null"}),
        ("nrc_image", {"filter": "f200w", "bkgdtarg": "t"}),
        ("nrc_coron", {"detector": "nrca2", "pupil": "maskrnd", "channel": "short"}),
        ("nis_ami", {}),
        ("nis_ami", {"is_psf": "t"}),
        ("nis_wfss", {"filter": "gr150r"}),
        ("nis_image", {}),
        ("mir_mrs", {"filter": "null", "band": "short", "bkgdtarg": "t"}),
        ("mir_mrs", {"filter": "null", "band": "short"}),
        ("mir_lrs-fixedslit", {"patttype": "along-slit-nod", "patt_num": 1}),
        ("mir_lrs-fixedslit", {"patttype": "along-slit-nod", "patt_num": 2}),
        ("nrs_ifu", {"filter": "f100lp", "patttype": "4-point-nod", "mostilno": 1}),
        ("nrs_ifu", {"filter": "f100lp", "is_imprt": "t", "mostilno": 1}),
        ("nrs_msaspec", {"filter": "f100lp", "msametfl": "a"}),
        ("nrs_brightobj", {"filter": "clear"}),
        ("nrc_tacq", {}),
    ]
)


@st.composite
def pools(draw):
    kinds = draw(st.lists(st.tuples(KINDS, st.integers(1, 3), st.booleans()), min_size=1, max_size=12))
    wider = ("c1000", draw(st.sampled_from(["background", "group", "mosaic"])))
    return [
        exposure(
            n,
            exp_type,
            obs_num=observation,
            asn_candidate=candidates(f"o00{observation}", *([wider] if more else [])),
            **columns,
        )
        for n, ((exp_type, columns), observation, more) in enumerate(kinds, start=1)
    ]


@settings(max_examples=60, deadline=None)
@given(pools(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, shuffled: random.Random):
    expected = texts(rows, names=True)
    shuffled.shuffle(rows)
    assert texts(rows, names=True) == expected


@pytest.mark.req("ASN2-05", "ASN3-03")
@settings(max_examples=60, deadline=None)
@given(pools())
def test_what_is_allowed_of_members(rows):
    found = kept(rows)
    for one in found:
        members = one.said["products"][0]["members"]
        science = [member for member in members if member["exptype"] == "science"]
        assert science
        assert len(science) == 1 or one.rule_set.name == "Lv3"
        assert len({(member["expname"], member["exptype"]) for member in members}) == len(members)
    seen = [(one.candidate is WHOLE, one.rule.name, one.candidate, one.files) for one in found]
    assert len(set(seen)) == len(seen)


@settings(max_examples=60, deadline=None)
@given(pools())
def test_an_exposure_is_the_science_of_one_association_of_a_rule_and_level(rows):
    """Level 2: once for each rule; level 3: once for each rule and candidate, unless values are not given."""
    rows = [row for row in rows if row["filter"] != "null" or row["exp_type"] != "nrc_image"]
    taken = [
        (one.rule.name, one.rule_set.name == "Lv3" and one.candidate, exposure.name)
        for one in kept(rows)
        for exposure, role in one.members
        if role == "science"
    ]
    assert len(set(taken)) == len(taken)
