"""``--merge``: one association of each type and candidate."""

import json

import pytest
from association_pools import candidates, exposure, pool

from hexcal.associations import AssociationRegistry
from hexcal.associations.generator import generate_for_candidates
from hexcal.associations.merge import merged

RULES = AssociationRegistry()


def of(*rows):
    found = merged(generate_for_candidates(pool(*rows), RULES))
    return {f"{one['asn_type']} {one['asn_id']}": one for one in found}


def numbers(association):
    """Numbers of the exposures that the products are of."""
    return sorted(int(product["name"].split("_")[2]) for product in association["products"])


def test_level_2_is_merged_by_candidate_and_level_3_is_not():
    found = of(exposure(1), exposure(2, filter="f200w"), exposure(3, obs_num=2))
    assert numbers(found["image2 o001"]) == [1, 2] and numbers(found["image2 o002"]) == [3]
    assert [one.asn_name for one in found.values() if one["asn_type"] == "image2"] == [
        "jw00001-o001_image2_00001_asn",
        "jw00001-o002_image2_00001_asn",
    ]
    assert len(found["image3 o001"]["products"]) == 1


@pytest.mark.parametrize("kinds", [("nrc_tacq", "nrc_image"), ("nrc_image", "nrc_tacq", "nrc_image")])
@pytest.mark.parametrize("backwards", [False, True])
def test_the_last_rule_by_name_gives_the_name(kinds, backwards):
    rows = [exposure(number, kind) for number, kind in enumerate(kinds, start=1)]
    found = of(*(rows[::-1] if backwards else rows))
    assert found["image2 o001"]["asn_rule"] == "candidate_Asn_Lv2ImageNonScience"
    assert numbers(found["image2 o001"]) == list(range(1, len(kinds) + 1))
    assert sorted(found) == ["image2 o001", "image3 o001"]


def test_products_of_one_name_become_one():
    rows = [exposure(n, "nrc_coron", pupil="maskrnd", detector="nrca2", channel="short") for n in (1, 2)]
    association = of(*rows)["image2 o001"]
    first = next(product for product in association["products"] if "00001" in product["name"])
    assert len(association["products"]) == 2
    assert sorted(m["expname"].rpartition("_")[2] for m in first["members"]) == ["rate.fits", "rateints.fits"]


def test_programmes_stay_apart():
    other = exposure(2, program="00002", filename="jw00002001001_02101_00002_nrcb2_uncal.fits")
    found = merged(generate_for_candidates(pool(exposure(1), other), RULES))
    assert sorted(one["program"] for one in found if one["asn_type"] == "image2") == ["00001", "00002"]


def test_what_is_known_of_problems_is_kept():
    association = of(exposure(1), exposure(2, exposerr="lost guiding"))["image2 o001"]
    assert "error" in association["degraded_status"]
    assert [p["members"][0]["exposerr"] for p in json.loads(association.dump()[1])["products"]].count(
        "lost guiding"
    ) == 1
    background = ("c1000", "background")
    assert set(of(exposure(1, asn_candidate=candidates("o001", background)))) == {"image2 o001", "image3 o001"}
