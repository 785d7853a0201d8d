"""The tables of level 2, one rule after the other: small pools with known results (those of release 1.13.4)."""

import pytest
from association_pools import candidates, exposure
from association_rules import texts

BACKGROUND = {"bkgdtarg": "t"}
STAR = {"is_psf": "t"}
IMPRINT = {"is_imprt": "t"}
ADDS_BACKGROUND = ("c1000", "background")
IFU = {"filter": "f100lp", "grating": "g140m", "mostilno": "1"}
SLIT = {**IFU, "fxd_slit": "s200a1", "numdthpt": "1", "subpxpns": "1"}
MSA = {**IFU, "msametfl": "a_msa.fits"}
SENSING = {"visitype": "prime_wfsc_sensing_control"}


def level2(*rows, **options):
    return texts(rows, "Lv2", **options)


def two_observations(exp_type, first, second, **both):
    """A target and another one, of the same candidate for a background."""
    return [
        exposure(n, exp_type, obs_num=n, targetid=n, asn_candidate=candidates(f"o00{n}", ADDS_BACKGROUND), **columns)
        for n, columns in ((1, {**both, **first}), (2, {**both, **second}))
    ]


# ---- what is calibrated alone


@pytest.mark.req("ASNT-05")
@pytest.mark.parametrize(
    "exp_type",
    "fgs_acq1 fgs_acq2 fgs_fineguide fgs_id-image fgs_id-stack fgs_track fgs_dark fgs_intflat fgs_skyflat "
    "mir_darkimg mir_darkmrs mir_flatimage mir_flatimage-ext mir_flatmrs mir_flatmrs-ext".split(),
)
def test_guiding_darks_and_flats_are_in_no_association(exp_type):
    assert texts([exposure(1, exp_type)]) == []


@pytest.mark.parametrize(
    "exp_type", "nis_dark nis_extcal nis_lamp nrc_dark nrc_flat nrc_grism nrc_led nrs_dark".split()
)
def test_calibrations_without_association(exp_type):
    assert level2(exposure(1, exp_type)) == []


@pytest.mark.req("ASNT-02", "L2-02")
@pytest.mark.parametrize("exp_type", ["fgs_image", "fgs_focus"])
def test_images_of_the_guider(exp_type):
    rows = [exposure(n, exp_type, filter="null") for n in (1, 2)]
    assert level2(*rows) == ["Lv2FGS image2 o001: 1 rate science", "Lv2FGS image2 o001: 2 rate science"]


@pytest.mark.req("L2-03", "ASNT-04", "ASNT-10")
@pytest.mark.parametrize(
    ("exp_type", "rule"),
    [
        *((one, "Lv2Image") for one in ("mir_image", "nis_image", "nrc_image", "nis_ami")),
        *(
            (one, "Lv2ImageNonScience")
            for one in ("mir_coroncal", "nis_focus", "nrc_focus", "mir_tacq", "nrc_tacq", "nrc_taconfirm")
        ),
    ],
)
def test_each_image_alone(exp_type, rule):
    assert level2(exposure(1, exp_type), exposure(2, exp_type)) == [
        f"{rule} image2 o001: 1 rate science",
        f"{rule} image2 o001: 2 rate science",
    ]


@pytest.mark.req("RMAP-03", "L2-04", "ASNT-04", "ASNT-08", "ASNT-10")
@pytest.mark.parametrize(
    "exp_type",
    "mir_tacq mir_taconfirm nis_tacq nis_taconfirm nrc_tacq nrc_taconfirm nrs_msata nrs_wata nrs_taconfirm nrs_tacq "
    "nrs_confirm nrs_focus nrs_image nrs_verify".split(),
)
def test_target_acquisitions_and_other_images_that_are_not_science(exp_type):
    assert level2(exposure(1, exp_type)) == ["Lv2ImageNonScience image2 o001: 1 rate science"]


def test_an_image_through_open_shutters_is_not_science():
    image = {"grating": "mirror", "filter": "f140x"}
    assert level2(exposure(1, "nrs_msaspec", **image, msastate="primarypark_allopen")) == [
        "Lv2ImageNonScience image2 o001: 1 rate science"
    ]
    assert level2(exposure(1, "nrs_msaspec", **image)) == []


@pytest.mark.req("L2-05", "ASNT-03", "ASNT-18", "RMAP-04")
@pytest.mark.parametrize("exp_type", ["nis_ami", "mir_lyot", "mir_4qpm", "nrc_coron"])
def test_psf_stars_are_calibrated_as_if_they_were_science(exp_type):
    (made,) = level2(exposure(1, exp_type, subarray="sub", **STAR))
    assert made.startswith("Lv2ImageSpecial image2 o001: 1 rate") and made.endswith(" science")
    (made,) = level2(exposure(1, exp_type, subarray="sub", **BACKGROUND))
    assert made.startswith("Lv2ImageSpecial image2 o001: 1 rate") and made.endswith(" science")


# ---- backgrounds


@pytest.mark.req("L2-03", "ASN2-05")
def test_an_image_and_the_images_of_the_background_target():
    assert level2(*two_observations("nrc_image", {}, BACKGROUND)) == [
        "Lv2Image image2 c1000: 1 rate science, 2 rate background",
        "Lv2ImageSpecial image2 o002: 2 rate science",
    ]


@pytest.mark.req("ASNT-06", "L2-13", "L2-15")
@pytest.mark.parametrize("exp_type", ["mir_lrs-fixedslit", "mir_lrs-slitless", "mir_mrs", "nis_soss"])
def test_a_spectrum_and_the_spectra_of_the_background_target(exp_type):
    assert level2(*two_observations(exp_type, {}, BACKGROUND)) == [
        "Lv2Spec spec2 c1000: 1 rate science, 2 rate background",
        "Lv2SpecSpecial spec2 o002: 2 rate science",
    ]


@pytest.mark.parametrize("exp_type", ["mir_mrs", "nrs_msaspec"])
def test_a_candidate_for_a_background_without_any_makes_nothing(exp_type):
    rows = two_observations(exp_type, {}, {}, msametfl="a")
    assert {made.split(":")[0].split()[2] for made in level2(*rows)} == {"o001", "o002"}


@pytest.mark.parametrize("exp_type", ["nrc_image", "mir_mrs"])
def test_a_background_through_another_filter_does_not_go_along(exp_type):
    rows = two_observations(exp_type, {"filter": "f115w"}, {**BACKGROUND, "filter": "f200w"})
    assert not [made for made in level2(*rows) if "background" in made]


# ---- coronagraphy


@pytest.mark.req("L2-01", "L2-21", "RMAP-05")
def test_full_frames_behind_the_coronagraph_are_also_plain_images():
    seen = {"pupil": "maskrnd", "channel": "short"}
    assert level2(exposure(1, "nrc_coron", detector="nrca2", **seen)) == [
        "Lv2CoronAsRate image2 o001: 1 rate science",
        "Lv2Image image2 o001: 1 rateints science",
    ]
    assert level2(exposure(1, "nrc_coron", detector="nrca1", **seen)) == ["Lv2Image image2 o001: 1 rate science"]
    assert level2(exposure(1, "nrc_coron", detector="nrca2", **{**seen, "subarray": "sub320"})) == [
        "Lv2Image image2 o001: 1 rateints science"
    ]


@pytest.mark.req("ASNT-03", "L2-21")
def test_coronagraphic_images_keep_their_integrations():
    assert level2(exposure(1, "mir_lyot", subarray="masklyot")) == ["Lv2Image image2 o001: 1 rateints science"]


# ---- time series


@pytest.mark.req("L2-06", "L2-21", "RMAP-02")
@pytest.mark.parametrize("exp_type", ["nrc_tsimage", "mir_image"])
def test_time_series_of_images(exp_type):
    assert level2(exposure(1, exp_type, tsovisit="t")) == ["Lv2ImageTSO tso-image2 o001: 1 rateints science"]


@pytest.mark.req("L2-16", "RMAP-08")
@pytest.mark.parametrize(
    ("exp_type", "columns"),
    [
        ("nrc_tsgrism", {"pupil": "grismr", "detector": "nrcalong"}),
        ("nrs_brightobj", {"fxd_slit": "s1600a1"}),
        ("nis_soss", {"tsovisit": "t"}),
        ("mir_lrs-slitless", {"tsovisit": "t"}),
    ],
)
def test_time_series_of_spectra(exp_type, columns):
    assert level2(exposure(1, exp_type, **columns)) == ["Lv2SpecTSO tso-spec2 o001: 1 rateints science"]


@pytest.mark.req("ASNT-11")
def test_nircam_time_series_and_grisms():
    assert level2(exposure(1, "nrc_tsgrism", pupil="clear", detector="nrcalong")) == []
    assert level2(exposure(1, "nrc_tsgrism", pupil="grismr", detector="nrcblong")) == []
    rows = [exposure(1, "nrc_tsgrism", pupil="grismr", detector="nrcalong"), exposure(2, "nrc_tsimage")]
    rows += [exposure(3, "nrc_wfss", pupil="grismr", filter="f444w"), exposure(4, filter="f444w")]
    assert [made.split()[1] for made in level2(*rows)] == ["image2", "tso-image2", "tso-spec2", "spec2"]


# ---- nods


@pytest.mark.req("L2-07")
def test_nods_along_the_slit_of_the_lrs_are_the_background_of_one_another():
    nod = {"patttype": "along-slit-nod", "filter": "p750l"}
    rows = [exposure(n, "mir_lrs-fixedslit", patt_num=n, **nod) for n in (1, 2)]
    assert level2(*rows) == [
        "Lv2MIRLRSFixedSlitNod spec2 o001: 1 rate science, 2 rate background",
        "Lv2MIRLRSFixedSlitNod spec2 o001: 2 rate science, 1 rate background",
    ]
    same = [exposure(n, "mir_lrs-fixedslit", patt_num=1, **nod) for n in (1, 2)]
    assert not [made for made in level2(*same) if "background" in made]
    away = exposure(3, "mir_lrs-fixedslit", obs_num=2, targetid=2, patt_num=2, **nod, **BACKGROUND)
    joint = [{**row, "asn_candidate": candidates(f"o00{row['obs_num']}", ADDS_BACKGROUND)} for row in (*rows, away)]
    assert not [made for made in level2(*joint) if "c1000" in made]


@pytest.mark.req("L2-08", "ASNT-14")
def test_nods_in_a_fixed_slit():
    def nods(*positions, **columns):
        return [
            exposure(
                n, "nrs_fixedslit", **{**SLIT, "numdthpt": len(positions), "expspcin": 1, "patt_num": p, **columns}
            )
            for n, p in enumerate(positions, start=1)
        ]

    assert level2(*nods(1, 2)) == [
        "Lv2NRSFSS spec2 o001: 1 rate science, 2 rate background",
        "Lv2NRSFSS spec2 o001: 2 rate science, 1 rate background",
    ]
    # Two positions within a nod: 1 and 2 belong to the first nod, 3 to the second.
    assert level2(*nods(1, 2, 3, subpxpns=2)) == [
        "Lv2NRSFSS spec2 o001: 1 rate science, 3 rate background",
        "Lv2NRSFSS spec2 o001: 2 rate science, 3 rate background",
        "Lv2NRSFSS spec2 o001: 3 rate science, 1 rate background, 2 rate background",
    ]
    first, second = nods(1, 2)
    assert not [made for made in level2(first, {**second, "expspcin": "2"}) if "background" in made]


@pytest.mark.req("L2-08", "ASNT-14")
def test_a_fixed_slit_and_the_background_target():
    rows = two_observations("nrs_fixedslit", {"expspcin": 1}, {**BACKGROUND, "expspcin": 2}, **SLIT)
    assert level2(*rows) == [
        "Lv2NRSFSS spec2 c1000: 1 rate science, 2 rate background",
        "Lv2SpecSpecial spec2 o002: 2 rate science",
    ]


@pytest.mark.req("L2-09", "ASNT-15")
def test_nods_of_the_ifu_with_their_imprints():
    nod = {**IFU, "patttype": "4-point-nod"}
    rows = [exposure(n, "nrs_ifu", patt_num=n, **nod) for n in (1, 2)]
    rows.append(exposure(3, "nrs_ifu", **nod, **IMPRINT))
    assert level2(*rows) == [
        "Lv2NRSIFUNod spec2 o001: 1 rate science, 2 rate background, 3 rate imprint",
        "Lv2NRSIFUNod spec2 o001: 2 rate science, 1 rate background, 3 rate imprint",
        "Lv2SpecImprint spec2 o001: 3 rate science",
    ]


@pytest.mark.req("L2-12", "ASNT-15")
def test_nods_in_the_shutters():
    rows = [exposure(n, "nrs_msaspec", **MSA) for n in (1, 2)]
    rows.append(exposure(3, "nrs_msaspec", **MSA, **IMPRINT))
    assert level2(*rows) == [
        "Lv2NRSMSA spec2 o001: 1 rate science, 2 rate background, 3 rate imprint",
        "Lv2NRSMSA spec2 o001: 2 rate science, 1 rate background, 3 rate imprint",
        "Lv2SpecImprint spec2 o001: 3 rate science",
    ]


# ---- imprints


@pytest.mark.req("L2-14", "RMAP-07")
def test_an_imprint_goes_along_and_is_calibrated_itself():
    assert level2(exposure(1, "nrs_ifu", **IFU), exposure(2, "nrs_ifu", **IFU, **IMPRINT)) == [
        "Lv2Spec spec2 o001: 1 rate science, 2 rate imprint",
        "Lv2SpecImprint spec2 o001: 2 rate science",
    ]


@pytest.mark.req("L2-15", "RMAP-07")
def test_a_background_takes_the_imprint_of_its_own_target():
    own = exposure(2, "nrs_ifu", **IFU, **IMPRINT, **BACKGROUND)
    assert level2(exposure(1, "nrs_ifu", **IFU, **BACKGROUND), own) == [
        "Lv2SpecImprint spec2 o001: 2 rate science",
        "Lv2SpecSpecial spec2 o001: 1 rate science, 2 rate imprint",
    ]
    assert level2(exposure(1, "nrs_ifu", **IFU, **BACKGROUND), exposure(2, "nrs_ifu", **IFU, **IMPRINT)) == [
        "Lv2SpecImprint spec2 o001: 2 rate science",
        "Lv2SpecSpecial spec2 o001: 1 rate science",
    ]


def test_an_imprint_belongs_to_a_tile():
    nod = {**IFU, "patttype": "4-point-nod"}
    other = exposure(2, "nrs_ifu", **{**nod, "mostilno": "2"}, **IMPRINT)
    assert "Lv2NRSIFUNod spec2 o001: 1 rate science" in level2(exposure(1, "nrs_ifu", **nod), other)
    unknown = exposure(2, "nrs_ifu", **{**IFU, "mostilno": "null"}, **IMPRINT)
    assert "Lv2Spec spec2 o001: 1 rate science" in level2(exposure(1, "nrs_ifu", **IFU), unknown)


# ---- lamps


@pytest.mark.req("L2-10", "L2-11", "ASNT-16", "RMAP-10")
@pytest.mark.parametrize(
    ("columns", "made"),
    [
        ({"grating": "mirror", "opmode": "image"}, ["Lv2NRSLAMPImage image2 o001: 1 rate science"]),
        (
            {"grating": "g140h", "opmode": "fixedslit", "lamp": "line1"},
            ["Lv2NRSLAMPSpectral nrslamp-spec2 o001: 1 rate science"],
        ),
        ({"grating": "g395h", "opmode": "fixedslit", "lamp": "line1"}, []),
        ({"grating": "mirror", "opmode": "msaspec", "lamp": "line1"}, []),
        (
            {"grating": "g140m", "opmode": "ifu", "lamp": "flat1"},
            ["Lv2NRSLAMPSpectral nrslamp-spec2 o001: 1 rate science"],
        ),
        ({"grating": "g140m", "opmode": "ifu", "lamp": "flat1", "detector": "nrs2"}, []),
    ],
)
def test_lamps(columns, made):
    assert level2(exposure(1, "nrs_lamp", **{"filter": "opaque", **columns})) == made


# ---- slitless spectra of fields


@pytest.mark.req("L2-17", "L2-18", "L2-20", "ASNT-08", "RMAP-09")
@pytest.mark.parametrize(("exp_type", "rule"), [("nis_wfss", "Lv2WFSSNIS"), ("nrc_wfss", "Lv2WFSSNRC")])
def test_a_grism_exposure_needs_the_products_of_its_direct_images(exp_type, rule):
    image, grism = exposure(1, f"{exp_type[:3]}_image"), exposure(2, exp_type, filter="gr150r")
    assert level2(grism) == []
    assert level2(image, grism) == [
        "Lv2Image image2 o001: 1 rate science",
        f"{rule} spec2 o001: 2 rate science, i2d.fits direct_image, cat.ecsv sourcecat, segm.fits segmap",
    ]
    assert level2({**image, "targetid": "2"}, grism) == ["Lv2Image image2 o001: 1 rate science"]


# ---- wavefront sensing


@pytest.mark.req("L2-19", "ASNT-17", "RMAP-11")
def test_wavefront_sensing():
    assert level2(exposure(1, **SENSING), exposure(2, "nrs_mimf", **SENSING)) == [
        "Lv2WFSC wfs-image2 o001: 1 rate science",
        "Lv2WFSC wfs-image2 o001: 2 rate science",
    ]
    assert level2(exposure(1, **SENSING, dms_note="wfsc_los_jitter")) == []


# ---- maps


@pytest.mark.req("RMAP-06")
@pytest.mark.parametrize(
    ("exp_type", "columns", "rule"),
    [
        ("mir_mrs", {}, "Lv2Spec"),
        ("nis_soss", {}, "Lv2Spec"),
        ("mir_lrs-slitless", {}, "Lv2Spec"),
        ("mir_lrs-fixedslit", {"patttype": "mapping"}, "Lv2Spec"),
        ("mir_lrs-fixedslit", {"patttype": "along-slit-nod", "patt_num": 1}, "Lv2MIRLRSFixedSlitNod"),
        ("nrs_fixedslit", SLIT, "Lv2NRSFSS"),
        ("nrs_ifu", {**IFU, "patttype": "2-point-nod"}, "Lv2NRSIFUNod"),
        ("nrs_msaspec", MSA, "Lv2NRSMSA"),
    ],
)
def test_which_rule_takes_a_spectrum(exp_type, columns, rule):
    assert level2(exposure(1, exp_type, **columns)) == [f"{rule} spec2 o001: 1 rate science"]
