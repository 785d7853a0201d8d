"""The tables of level 3, one rule after the other: small pools with known results (those of release 1.13.4)."""

import pytest
from association_pools import candidates, exposure
from association_rules import texts

BACKGROUND = {"bkgdtarg": "t"}
STAR = {"is_psf": "t"}
IFU = {"filter": "f100lp", "grating": "g140m", "patttype": "cycling"}
SLIT = {"filter": "f100lp", "grating": "g140m", "fxd_slit": "s400a1"}
MSA = {"filter": "f100lp", "grating": "g140m", "msametfl": "a_msa.fits"}
WFS = {"obs_id": "v1", "patttype": "wfsc", "act_id": "01", "visitype": "prime_wfsc_sensing_control"}


def level3(*rows, **options):
    return texts(rows, "Lv3", **options)


def together(exp_type, *others, kind="group", **both):
    """An exposure and others of further targets, one of each observation, in one candidate."""
    return [
        exposure(
            n,
            exp_type,
            **{"targetid": n, **both, **columns},
            obs_num=n,
            asn_candidate=candidates(f"o00{n}", ("c1000", kind)),
        )
        for n, columns in enumerate(({}, *others), start=1)
    ]


# ---- images


@pytest.mark.req("L3-03", "RMAP-12")
def test_images_of_one_target_through_one_filter():
    rows = [
        exposure(1),
        exposure(2),
        exposure(3, filter="f200w"),
        exposure(4, targetid=2),
        exposure(5, detector="nrcb1"),
    ]
    assert level3(*rows, names=True) == [
        "Lv3Image image3 o001 jw00001-o001_t001_nircam_clear-f115w: 1 cal science, 2 cal science, 5 cal science",
        "Lv3Image image3 o001 jw00001-o001_t001_nircam_clear-f200w: 3 cal science",
        "Lv3Image image3 o001 jw00001-o001_t002_nircam_clear-f115w: 4 cal science",
    ]


@pytest.mark.req("L3-03")
def test_neither_time_series_nor_wavefront_sensing_are_plain_images():
    assert level3(exposure(1, visitype="prime_wfsc_sensing_control")) == []
    assert level3(exposure(1, tsovisit="t")) == ["Lv3TSO tso3 o001: 1 calints science"]


@pytest.mark.req("L3-04", "RMAP-12")
def test_images_of_the_background_target():
    assert level3(exposure(1), exposure(2, **BACKGROUND)) == [
        "Lv3Image image3 o001: 1 cal science",
        "Lv3ImageBackground image3 o001: 2 cal science",
    ]


def test_target_acquisitions_of_the_same_observation_go_along():
    rows = [exposure(1), exposure(2, "nrc_tacq", subarray="sub32"), exposure(3, "nrc_tacq", obs_num=2)]
    assert level3(*rows) == ["Lv3Image image3 o001: 1 cal science, 2 cal target_acquisition"]
    elsewhere = exposure(4, "nrc_tacq", asn_candidate=candidates(("c1000", "group")))
    assert level3(exposure(1), elsewhere) == [
        "Lv3Image image3 a3001: 1 cal science, 4 cal target_acquisition",
        "Lv3Image image3 o001: 1 cal science",
    ]


def test_target_acquisitions_of_another_instrument_do_not_go_along_with_its_parallel_exposures():
    parallel = exposure(1), exposure(2, "mir_tacq"), exposure(3, "mir_image", filter="f560w")
    assert level3(*parallel) == [
        "Lv3Image image3 o001: 1 cal science",
        "Lv3Image image3 o001: 3 cal science, 2 cal target_acquisition",
    ]


# ---- a target and a PSF star


@pytest.mark.req("L3-02", "L3-19", "RMAP-12")
def test_interferometry_needs_a_psf_star():
    (made,) = level3(*together("nis_ami", STAR, BACKGROUND))
    head, _, members = made.partition(": ")
    assert head == "Lv3AMI ami3 c1000"
    assert set(members.split(", ")) == {"1 cal science", "2 cal psf", "3 x1d background"}
    assert level3(exposure(1, "nis_ami")) == []


@pytest.mark.req("L3-05", "L3-06", "L3-19", "RMAP-12")
@pytest.mark.parametrize(
    ("exp_type", "columns", "rule"),
    [
        ("mir_lyot", {"subarray": "masklyot"}, "Lv3MIRCoron"),
        ("mir_4qpm", {"subarray": "mask1065"}, "Lv3MIRCoron"),
        ("nrc_coron", {"subarray": "sub320", "detector": "nrca2", "pupil": "maskrnd"}, "Lv3NRCCoron"),
    ],
)
def test_coronagraphy(exp_type, columns, rule):
    assert level3(*together(exp_type, STAR, **columns)) == [f"{rule} coron3 c1000: 1 calints science, 2 calints psf"]
    assert level3(exposure(1, exp_type, **columns)) == []


@pytest.mark.req("L3-06", "L3-07", "RMAP-05")
def test_full_frames_of_detectors_without_the_target_are_plain_images():
    blind = {"detector": "nrca1", "pupil": "maskrnd", "channel": "short"}
    assert level3(*together("nrc_coron", STAR, **blind), names=True) == [
        "Lv3NRCCoronImage image3 o001 jw00001-o001_t001_nircam_f115w-maskrnd-image3: 1 cal science"
    ]
    seeing = together("nrc_coron", STAR, **{**blind, "detector": "nrca2"})
    assert level3(*seeing) == [
        "Lv3NRCCoron coron3 c1000: 1 calints science, 2 calints psf",
        "Lv3NRCCoronImage image3 o001: 1 cal science",
    ]
    assert level3(exposure(1, "nrc_coron", detector="nrcalong", channel="long", pupil="maskrnd")) == []


# ---- spectra


@pytest.mark.req("L3-08", "L3-09", "L3-19", "ASN3-09", "RMAP-12")
def test_mrs_spectra_and_their_background():
    rows = together("mir_mrs", {**BACKGROUND, "band": "long"}, filter="null", band="short")
    assert level3(*rows, names=True) == [
        "Lv3MIRMRS spec3 c1000 jw00001-c1000_t001_miri: 1 cal science, 2 x1d background",
        "Lv3MIRMRS spec3 o001 jw00001-o001_t001_miri: 1 cal science",
        "Lv3MIRMRSBackground spec3 o002 jw00001-o002_t002_miri: 2 cal science",
    ]


@pytest.mark.req("L3-11", "L3-11b", "RMAP-12")
def test_ifu_spectra_of_nirspec_and_their_background():
    assert level3(*together("nrs_ifu", BACKGROUND, **IFU), names=True) == [
        "Lv3NRSIFU spec3 c1000 jw00001-c1000_t001_nirspec_g140m: 1 cal science, 2 x1d background",
        "Lv3NRSIFU spec3 o001 jw00001-o001_t001_nirspec_g140m: 1 cal science",
        "Lv3NRSIFUBackground spec3 o002 jw00001-o002_t002_nirspec_g140m: 2 cal science",
    ]


@pytest.mark.req("L3-10", "L3-13", "RMAP-12")
def test_fixed_slits_and_their_background():
    assert level3(*together("nrs_fixedslit", BACKGROUND, **SLIT), names=True) == [
        "Lv3NRSFSS spec3 c1000 jw00001-c1000_{source_id}_nirspec_f100lp-g140m-{slit_name}: 1 cal science, "
        "2 x1d background",
        "Lv3NRSFSS spec3 o001 jw00001-o001_{source_id}_nirspec_f100lp-g140m-{slit_name}: 1 cal science",
        "Lv3SpecAux spec3 o002 jw00001-o002_t002_nirspec_f100lp-g140m: 2 cal science",
    ]


@pytest.mark.req("L3-12", "RMAP-12")
def test_slitless_spectra_that_are_no_time_series():
    assert level3(exposure(1, "nis_soss", pupil="gr700xd")) == ["Lv3SlitlessSpectral spec3 o001: 1 cal science"]
    assert level3(exposure(1, "nis_soss", pupil="gr700xd", tsovisit="t")) == ["Lv3TSO tso3 o001: 1 calints science"]


@pytest.mark.req("L3-14", "RMAP-09", "RMAP-12")
@pytest.mark.parametrize(
    ("exp_type", "columns", "path"),
    [
        ("nrs_msaspec", MSA, "nirspec_f100lp-g140m"),
        ("nrc_wfss", {"filter": "f444w", "pupil": "grismr"}, "nircam_f444w-grismr"),
    ],
)
def test_spectra_of_many_sources(exp_type, columns, path):
    assert level3(exposure(1, exp_type, **columns), names=True) == [
        f"Lv3SpectralSource spec3 o001 jw00001-o001_{{source_id}}_{path}: 1 cal science"
    ]


@pytest.mark.req("L3-15", "ASN3-10", "RMAP-12")
@pytest.mark.parametrize("exp_type", ["mir_lrs-fixedslit", "nis_soss"])
def test_nods_are_also_the_background_of_one_another(exp_type):
    nods = [exposure(n, exp_type, patttype="along-slit-nod", patt_num=n) for n in (1, 2)]
    assert level3(*nods) == [
        "Lv3SpectralTarget spec3 o001: 1 cal science, 2 cal science, 1 x1d background, 2 x1d background"
    ]


@pytest.mark.req("L3-18", "RMAP-09")
def test_grism_exposures_of_niriss():
    rows = [exposure(n, "nis_wfss", filter="gr150r", pupil="f200w") for n in (1, 2)]
    assert level3(*rows, names=True) == [
        "Lv3WFSSNIS spec3 o001 jw00001-o001_{source_id}_niriss_f200w-gr150r: 1 cal science, 2 cal science"
    ]


# ---- time series, wavefront sensing


@pytest.mark.req("L3-16", "RMAP-12")
def test_time_series():
    rows = [exposure(n, "nrs_brightobj", grating="prism", filter="clear", fxd_slit="s1600a1") for n in (1, 2)]
    assert level3(*rows) == ["Lv3TSO tso3 o001: 1 calints science, 2 calints science"]


def test_a_time_series_is_one_observation():
    rows = together("nrc_tsimage", {"targetid": 1}, kind="mosaic")
    assert level3(*rows) == ["Lv3TSO tso3 o001: 1 calints science", "Lv3TSO tso3 o002: 2 calints science"]


@pytest.mark.req("RMAP-11")
def test_pairs_for_phasing():
    pair = [exposure(n, **WFS, dithptin=n) for n in (1, 2)]
    assert level3(*pair, names=True) == [
        "Lv3WFSCMB wfs-image3 o001 jw00001-o001_t001_nircam_clear-f115w-nrcb2_{suffix}-01: 1 cal science, 2 cal science"
    ]
    assert level3(pair[0]) == []
    assert level3(pair[0], {**pair[1], "act_id": "02"}) == []
    assert level3(pair[0], {**pair[1], "dms_note": "wfsc_los_jitter"}) == []


# ---- candidates


def test_candidates_of_a_group_need_several_observations():
    rows = [exposure(n, asn_candidate=candidates("o001", ("c1000", "group"))) for n in (1, 2)]
    assert level3(*rows, candidates={"c1000"}, whole=False) == []
    mosaic = [{**row, "asn_candidate": candidates("o001", ("c1000", "mosaic"))} for row in rows]
    assert level3(*mosaic, candidates={"c1000"}, whole=False) == ["Lv3Image image3 c1000: 1 cal science, 2 cal science"]


@pytest.mark.parametrize(
    ("text", "identifier"),
    [("['o001']", "a3001"), ("('o001', 'observation')", "o001"), ("[('r0001', 'x')]", "r0001")],
)
def test_how_candidates_may_be_written(text, identifier):
    assert level3(exposure(1, asn_candidate=text)) == [f"Lv3Image image3 {identifier}: 1 cal science"]
