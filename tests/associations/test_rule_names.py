"""What all rules of JWST have in common: their bases, their names, the names they give."""

import re

import pytest

from hexcal.associations import AssociationRegistry
from hexcal.associations.generator import generate_for_candidates
from hexcal.associations.lib.rules_level2_base import DMSLevel2bBase
from hexcal.associations.lib.rules_level3_base import DMS_Level3_Base
from tests.association_pools import candidates, exposure, pool

LEVEL_3 = [rule for rule in AssociationRegistry().values() if issubclass(rule, DMS_Level3_Base)]


@pytest.mark.req("ASNG-03", "ASNG-04")
@pytest.mark.parametrize("rule", LEVEL_3, ids=lambda rule: rule.__name__)
def test_rules_of_level_3_have_one_base_and_keep_programme_and_instrument_together(rule):
    assert rule.__name__.startswith("Asn_Lv3")
    assert not issubclass(rule, DMSLevel2bBase)
    assert {"program", "instrume"} <= {same.text for same in rule.table.same}


@pytest.mark.req("ASN-15")
def test_products_are_named_by_exposure_in_level_2_and_by_target_in_level_3():
    rows = [
        exposure(
            number, obs_num=1 + number // 2, asn_candidate=candidates(f"o{1 + number // 2:03d}", ("c1000", "mosaic"))
        )
        for number in range(4)
    ]
    made = generate_for_candidates(pool(*rows), AssociationRegistry())
    level2 = [one for one in made if one["asn_type"] == "image2"]
    level3 = [one for one in made if one["asn_type"] == "image3"]
    assert {one["asn_id"][0] for one in level3} == set("oc")
    for association in level2:
        for member in association["products"][0]["members"]:
            assert re.fullmatch(r"jw[0-9]{11}_[0-9]{5}_[0-9]{5}_.+\.fits", member["expname"])
    for association in level3:
        assert re.match(r"jw[0-9]{5}-[aocr][0-9]{3,4}_", association["products"][0]["name"])
    assert len(level2) == 4


@pytest.mark.req("CMD-16")
def test_a_note_of_line_of_sight_jitter_keeps_an_exposure_out_of_wavefront_associations():
    sensing = {"visitype": "prime_wfsc_sensing_control"}
    rows = [exposure(1, **sensing), exposure(2, dms_note="wfsc_los_jitter", **sensing)]
    made = generate_for_candidates(pool(*rows), AssociationRegistry())
    science = {one["products"][0]["name"][-11:-6] for one in made if one["asn_type"] == "wfs-image2"}
    assert science == {"00001"}
