"""The rules of release 3.0.0 where they differ from those of 1.13.4: small pools with known results of both."""

import pytest
from association_pools import candidates, exposure, pool
from association_rules import RULE_SETS, kept, texts

from hexcal.associations import AssociationRegistry, Main, load_asn
from hexcal.associations.rules import jwst_3_level2, jwst_3_level3
from hexcal.cli.asn_explain import main as explain
from hexcal.errors import ParameterError

RELEASE_3 = [jwst_3_level2.RULE_SET, jwst_3_level3.RULE_SET]
LRS = {"filter": "p750l"}
IFU = {"filter": "f100lp", "patttype": "cycling", "mostilno": 1}
MSA = {"filter": "f100lp", "msametfl": "a_msa.fits", "subpxpns": 1}
SLIT = {"filter": "f100lp", "fxd_slit": "s1600a1", "subpxpns": 1}


def both(*rows, level=None, rule=None, **options):
    """What the rules of 1.13.4 and of 3.0.0 make: two lists of texts, of one level or one rule."""
    found = [texts(rows, level, rule_sets=sets, **options) for sets in (RULE_SETS, RELEASE_3)]
    return [[one for one in made if rule is None or one.startswith(f"{rule} ")] for made in found]


def wide(number, kind, exp_type="nrc_image", **columns):
    """An exposure of an observation of its own, and of a candidate of several."""
    pairs = candidates(f"o00{number}", ("c1000", kind))
    return exposure(number, exp_type, obs_num=number, asn_candidate=pairs, **columns)


def calibrated(texts_of_rule):
    """Which exposures go with which: number of the science exposure -> numbers of the others."""
    members = [text.partition(": ")[2].split(", ") for text in texts_of_rule]
    return {one[0].split()[0]: [member.split()[0] for member in one[1:]] for one in members}


# ---- level 2


def test_wavefront_sensing_is_of_type_image2():
    old, new = both(exposure(1, visitype="prime_wfsc_sensing_control"))
    assert old == ["Lv2WFSC wfs-image2 o001: 1 rate science"]
    assert new == ["Lv2WFSC image2 o001: 1 rate science"]


def test_spectra_of_the_lrs_have_the_image_that_confirms_the_target():
    old, new = both(exposure(1, "mir_lrs-fixedslit", **LRS), exposure(2, "mir_taconfirm", filter="fnd"), level="Lv2")
    assert old[1] == "Lv2Spec spec2 o001: 1 rate science"
    assert new == [
        "Lv2ImageNonScience image2 o001: 2 rate science",
        "MIRLRSTAConfirm spec2 o001: 1 rate science, 2 rate target_acquisition",
    ]


@pytest.mark.parametrize("columns", [{}, {"tsovisit": "t"}, {"is_psf": "t"}])
def test_one_rule_takes_all_spectra_of_the_lrs(columns):
    for exp_type in ("mir_lrs-fixedslit", "mir_lrs-slitless"):
        _, new = both(exposure(1, exp_type, **LRS, **columns), level="Lv2")
        assert [one.split(" o001")[0] for one in new] == ["MIRLRSTAConfirm spec2"]


def test_nods_of_the_lrs_have_the_confirmation_too():
    nods = {**LRS, "patttype": "along-slit-nod"}
    rows = [exposure(n, "mir_lrs-fixedslit", patt_num=n, **nods) for n in (1, 2)] + [exposure(3, "mir_taconfirm")]
    old, new = both(*rows, rule="Lv2MIRLRSFixedSlitNod")
    assert calibrated(old) == {"1": ["2"], "2": ["1"]}
    assert calibrated(new) == {"1": ["2", "3"], "2": ["1", "3"]}


def test_interferograms_keep_their_integrations_apart():
    rows = (
        wide(1, "ami", "nis_ami", filter="f480m", pupil="nrm"),
        wide(2, "ami", "nis_ami", filter="f480m", pupil="nrm", is_psf="t"),
    )
    old, new = both(*rows, whole=False)
    assert old[-1] == "Lv3AMI ami3 c1000: 1 cal science, 2 cal psf" and "1 rate science" in old[0]
    assert new[-1] == "Lv3AMI ami3 c1000: 1 calints science, 2 calints psf" and "1 rateints science" in new[0]


def test_imprints_go_with_exposures_of_the_same_tile_and_dither_position():
    rows = [
        exposure(1, "nrs_ifu", dithptin=1, **IFU),
        exposure(2, "nrs_ifu", dithptin=2, **IFU),
        exposure(3, "nrs_ifu", dithptin=3, **IFU),
        exposure(4, "nrs_ifu", dithptin=1, is_imprt="t", **IFU),
        exposure(5, "nrs_ifu", dithptin=2, is_imprt="t", **IFU),
        exposure(6, "nrs_ifu", dithptin=1, is_imprt="t", **{**IFU, "mostilno": 2}),
    ]
    old, new = both(*rows, rule="Lv2Spec")
    assert calibrated(old) == {"1": ["4", "5", "6"], "2": ["4", "5", "6"], "3": ["4", "5", "6"]}
    assert calibrated(new) == {"1": ["4"], "2": ["5"], "3": ["4", "5"]}


def test_imprints_of_the_background_target_go_along_whatever_their_position():
    rows = [
        exposure(1, "nrs_ifu", dithptin=1, **IFU),
        exposure(2, "nrs_ifu", dithptin=1, is_imprt="t", **IFU),
        exposure(3, "nrs_ifu", dithptin=2, is_imprt="t", **IFU),
        exposure(4, "nrs_ifu", dithptin=2, is_imprt="t", bkgdtarg="t", targetid=9, **IFU),
    ]
    assert calibrated(both(*rows, rule="Lv2Spec")[1]) == {"1": ["2", "4"]}


def test_dithers_of_the_ifu_need_light_on_the_detector():
    old, new = both(exposure(1, "nrs_ifu", detector="nrs2", **IFU), level="Lv2")
    assert old == ["Lv2Spec spec2 o001: 1 rate science"] and new == []


def test_spectra_with_dithers_need_the_number_of_the_tile():
    old, new = both(exposure(1, "mir_mrs"), level="Lv2")
    assert old == ["Lv2Spec spec2 o001: 1 rate science"] and new == []


def test_nods_of_slitlets_are_other_positions_with_the_same_shutters():
    rows = [exposure(n, "nrs_msaspec", patt_num=n, **{**MSA, "subpxpns": 2}) for n in (1, 2, 3, 4)]
    rows.append(exposure(5, "nrs_msaspec", patt_num=3, **{**MSA, "msametfl": "b_msa.fits"}))
    old, new = both(*rows, rule="Lv2NRSMSA")
    assert set(calibrated(old)["1"]) == {"2", "3", "4", "5"}
    assert calibrated(new) == {"1": ["3", "4"], "2": ["3", "4"], "3": ["1", "2"], "4": ["1", "2"], "5": []}


def test_positions_of_a_nod_may_be_in_another_column():
    rows = [exposure(n, "nrs_msaspec", patt_num=n, subpxpts=2, **{**MSA, "subpxpns": "null"}) for n in (1, 2, 3)]
    assert calibrated(both(*rows, rule="Lv2NRSMSA")[1]) == {"1": ["3"], "2": ["3"], "3": ["1", "2"]}


def test_slitlets_without_a_position_are_nods_of_one_another():
    rows = [exposure(n, "nrs_msaspec", patt_num="null", **MSA) for n in (1, 2)]
    assert calibrated(both(*rows, rule="Lv2NRSMSA")[1]) == {"1": ["2"], "2": ["1"]}


def test_neighbours_among_five_nods_overlap_in_the_square_aperture():
    five = [exposure(n, "nrs_fixedslit", patt_num=n, numdthpt=5, **SLIT) for n in (1, 2, 3, 4, 5)]
    old, new = both(*five, rule="Lv2NRSFSS")
    assert calibrated(old)["2"] == ["1", "3", "4", "5"]
    assert calibrated(new) == {
        "1": ["3", "4", "5"],
        "2": ["4", "5"],
        "3": ["1", "5"],
        "4": ["1", "2"],
        "5": ["1", "2", "3"],
    }
    three = [exposure(n, "nrs_fixedslit", patt_num=n, numdthpt=3, **SLIT) for n in (1, 2, 3)]
    narrow = [row | {"fxd_slit": "s200a1"} for row in five]
    for rows in (three, narrow):
        old, new = both(*rows, rule="Lv2NRSFSS")
        assert old == new


@pytest.mark.parametrize(
    ("columns", "is_series"),
    [
        ({"fxd_slit": "s1600a1"}, True),
        ({}, False),
        ({"fxd_slit": "s1600a1", "detector": "nrs2"}, False),
    ],
)
def test_bright_objects_need_a_slit_and_light_on_the_detector(columns, is_series):
    old, new = both(exposure(1, "nrs_brightobj", filter="f100lp", **columns))
    assert [one.split()[0] for one in old] == ["Lv2SpecTSO", "Lv3TSO"]
    assert bool(new) is is_series and len(new) in (0, 2)


def test_time_series_of_soss_through_f277w_are_not_processed():
    row = exposure(1, "nis_soss", filter="f277w", pupil="gr700xd", tsovisit="t")
    old, new = both(row)
    assert len(old) == 2 and new == []
    assert len(both(row | {"filter": "clear"})[1]) == 2


# ---- level 3


def test_mosaics_have_all_their_targets():
    rows = wide(1, "mosaic"), wide(2, "mosaic"), wide(3, "mosaic", targetid=2)
    old, new = both(*rows, level="Lv3", whole=False, names=True)
    assert not [one for one in old if "Mosaic" in one]
    assert [one for one in new if "c1000" in one] == [
        "Lv3Image image3 c1000 jw00001-c1000_t001_nircam_clear-f115w: 1 cal science, 2 cal science",
        "Lv3ImageMosaic image3 c1000 jw00001-c1000_t000_nircam_clear-f115w: 1 cal science, 2 cal science, "
        "3 cal science",
    ]
    assert {one.said["target"] for one in kept(rows, rule_sets=RELEASE_3) if "Mosaic" in one.rule.name} == {"t000"}


def test_a_mosaic_has_several_observations():
    rows = [exposure(n, targetid=n, asn_candidate=candidates(("c1000", "mosaic"))) for n in (1, 2)]
    old, new = both(*rows, whole=False)
    assert len(old) == 2 and new == []


def test_grism_exposures_of_nircam_have_a_rule_and_name_the_target():
    wfss = {"detector": "nrcalong", "filter": "f444w", "pupil": "grismr"}
    old, new = both(exposure(1, "nrc_wfss", subarray="sub64", **wfss), exposure(2, "nrc_wfss", **wfss), names=True)
    assert old == [
        "Lv3SpectralSource spec3 o001 jw00001-o001_{source_id}_nircam_f444w-grismr-sub64: 1 cal science",
        "Lv3SpectralSource spec3 o001 jw00001-o001_{source_id}_nircam_f444w-grismr: 2 cal science",
    ]
    assert new == ["Lv3WFSSNRC spec3 o001 jw00001-o001_t001_nircam_f444w-grismr: 1 cal science, 2 cal science"]


def test_grism_exposures_of_niriss_name_the_target():
    old, new = both(exposure(1, "nis_wfss", filter="gr150r", pupil="f200w"), names=True)
    assert old == ["Lv3WFSSNIS spec3 o001 jw00001-o001_{source_id}_niriss_f200w-gr150r: 1 cal science"]
    assert new == ["Lv3WFSSNIS spec3 o001 jw00001-o001_t001_niriss_f200w-gr150r: 1 cal science"]


def test_fixed_slits_name_target_and_source():
    row = exposure(1, "nrs_fixedslit", patt_num=1, numdthpt=1, **SLIT)
    assert "jw00001-o001_t001-{source_id}_nirspec_f100lp-g140m-{slit_name}:" in both(row, names=True)[1][-1]


def test_products_name_the_slits_of_their_members():
    background = {"filter": "f100lp", "bkgdtarg": "t", "subarray": "subs200a1"}
    rows = [exposure(n, "nrs_fixedslit", fxd_slit=slit, **background) for n, slit in ((1, "s200a1"), (2, "s200a2"))]
    rows.append(exposure(3, "nrs_wata", filter="clear", fxd_slit="s1600a1"))
    (old,), (new,) = both(*rows, rule="Lv3SpecAux", names=True)
    assert " jw00001-o001_t001_nirspec_f100lp-g140m-subs200a1: " in old
    assert " jw00001-o001_t001_nirspec_f100lp-g140m-s200a1-s200a2-subs200a1: " in new


def test_full_frames_of_a_coronagraphic_star_are_calibrated_as_plain_images_too():
    row = {"subarray": "full", "pupil": "maskrnd", "detector": "nrca2", "is_psf": "t"}
    old, new = both(exposure(1, "nrc_coron", **row), level="Lv2")
    assert old == ["Lv2Image image2 o001: 1 rateints science", "Lv2ImageSpecial image2 o001: 1 rateints science"]
    assert new == ["Lv2CoronAsRate image2 o001: 1 rate science", "Lv2ImageSpecial image2 o001: 1 rateints science"]


def test_of_products_of_one_name_the_one_with_the_most_members_stays():
    rows = [exposure(1, "mir_mrs", mostilno=1), exposure(2, "mir_mrs", mostilno=1, bkgdtarg="t")]
    old, new = both(*rows, level="Lv3")
    assert [one.split()[0] for one in old] == ["Lv3MIRMRS", "Lv3MIRMRSBackground"]
    assert [one.split()[0] for one in new] == ["Lv3MIRMRS"]


def test_the_order_of_rows_does_not_matter():
    rows = [
        *(exposure(n, "nrs_ifu", dithptin=n, is_imprt="ft"[n > 2], **IFU) for n in (1, 2, 3, 4)),
        *(exposure(n, "nrs_msaspec", patt_num=n, **MSA) for n in (5, 6)),
        *(wide(n, "mosaic", targetid=n) for n in (7, 8)),
    ]
    assert texts(rows, rule_sets=RELEASE_3) == texts(rows[::-1], rule_sets=RELEASE_3)


def test_a_dropped_repetition_does_not_come_back_from_the_whole_programme():
    rows = [exposure(1, "mir_mrs", mostilno=1), exposure(2, "mir_mrs", mostilno=1, bkgdtarg="t")]
    assert [one.split(":")[0] for one in both(*rows, level="Lv3")[1]] == ["Lv3MIRMRS spec3 o001"]


# ---- the option


def made(*words, rows):
    """Rules of the associations that the command makes."""
    return sorted(one["asn_rule"] for one in Main.cli(["--dry-run", *words], pool=pool(*rows)).associations)


def test_the_option_chooses_the_release_and_the_default_is_1_13_4():
    rows = wide(1, "mosaic"), wide(2, "mosaic", targetid=2)
    assert made(rows=rows) == made("--rules-of", "1.13.4", rows=rows)
    new = made("--rules-of", "3.0.0", rows=rows)
    assert "candidate_Asn_Lv3ImageMosaic" in new and "candidate_Asn_Lv3ImageMosaic" not in made(rows=rows)
    assert set(AssociationRegistry(rules_of="1.13.4")) == set(AssociationRegistry())
    assert set(AssociationRegistry(rules_of="3.0.0")) - set(AssociationRegistry()) == {
        "Asn_Lv3ImageMosaic",
        "Asn_Lv3WFSSNRC",
        "Asn_MIRLRSTAConfirm",
    }


def test_what_is_discovered_alone_does_not_depend_on_the_candidates():
    rows = exposure(1), exposure(2)
    assert made("--discover", rows=rows) == []
    assert made("--discover", "--rules-of", "3.0.0", rows=rows) == ["discover_Asn_Lv3Image"]
    both_ways = made("--rules-of", "3.0.0", rows=rows)
    assert "discover_Asn_Lv3Image" not in both_ways and "candidate_Asn_Lv3Image" in both_ways


def test_associations_of_release_3_are_saved_and_read(tmp_path):
    rows = wide(1, "mosaic"), wide(2, "mosaic", targetid=2)
    Main.cli(["--rules-of", "3.0.0", "-p", str(tmp_path)], pool=pool(*rows))
    (mosaic,) = tmp_path.glob("jw00001-c1000_image3_*_asn.json")
    read = load_asn(mosaic.read_text())
    assert read["target"] == "t000" and len(read["products"][0]["members"]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rules-of", "3.0"], "did you mean '3.0.0'"),
        (["--rules-of", "3.0.0", "--ignore-default", "-r", "mine.py"], "--rules-of chooses the default rules"),
    ],
)
def test_releases_that_are_not_there(words, message):
    with pytest.raises(ParameterError) as raised:
        Main(words, pool=pool(exposure(1)))
    assert message in str(raised.value)


def test_rules_without_releases():
    with pytest.raises(ParameterError, match="'tmt' have no releases"):
        AssociationRegistry(observatory="tmt", rules_of="3.0.0")
    with pytest.raises(ParameterError, match="not included"):
        AssociationRegistry("mine.py", include_default=False, rules_of="3.0.0")


def test_explain_asks_the_rules_of_a_release(tmp_path, capsys):
    nods = [exposure(n, "nrs_fixedslit", patt_num=n, numdthpt=5, **SLIT) for n in (1, 2, 3)]
    pool(*nods).write(str(tmp_path / "made.csv"))
    words = [str(tmp_path / "made.csv"), "_00001_", "_00002_", "--rule", "Lv2NRSFSS"]
    assert explain([*words, "--rules-of", "3.0.0"]) == 0
    assert "nod that differs by 2 or more" in capsys.readouterr().out
    assert explain(words) == 0
    assert "nod that differs" not in capsys.readouterr().out


def test_the_documented_interface_knows_the_neighbours_in_the_square_aperture():
    nods = [exposure(n, "nrs_fixedslit", patt_num=n, numdthpt=5, **SLIT) for n in (1, 2, 3)]
    association, _ = AssociationRegistry(rules_of="3.0.0")["Asn_Lv2NRSFSS"].create(nods[0])
    assert [association.add(item)[0] for item in nods[1:]] == [False, True]


def test_the_documented_interface_prefers_companions_too():
    science = exposure(1, "nrs_ifu", dithptin=1, **IFU)
    other = exposure(2, "nrs_ifu", dithptin=2, is_imprt="t", **IFU)
    own = exposure(3, "nrs_ifu", dithptin=1, is_imprt="t", **IFU)
    rule = AssociationRegistry(rules_of="3.0.0")["Asn_Lv2Spec"]
    for companions in ((other, own), (own, other)):
        association, _ = rule.create(science)
        for item in companions:
            association.add(item)
        assert association.item_names == {science["filename"], own["filename"]}
