"""Detectors, exposure types, read-out patterns, subarrays, product names of JWST."""

import pytest

from hexcal.errors import InputError
from hexcal.observatories import get
from hexcal.observatories.jwst import detectors, exposure_types, products, readout

KEYWORDS = get("jwst").keywords


def words(text):
    return text.split()


AXES = {
    (1, 2): "MIRIMAGE MIRIFULONG MIRIFUSHORT",
    (-1, 2): "NRCA1 NRCA3 NRCALONG NRCB2 NRCB4",
    (1, -2): "NRCA2 NRCA4 NRCB1 NRCB3 NRCBLONG",
    (2, 1): "NRS1",
    (-2, -1): "NRS2 NIS GUIDER1",
    (2, -1): "GUIDER2",
}

DETECTOR1 = words("""FGS_SKYFLAT FGS_INTFLAT FGS_FOCUS FGS_IMAGE MIR_FLATIMAGE MIR_FLATIMAGE-EXT MIR_FLATMRS
    MIR_FLATMRS-EXT MIR_TACQ MIR_CORONCAL MIR_IMAGE MIR_LRS-FIXEDSLIT MIR_LRS-SLITLESS MIR_MRS MIR_LYOT MIR_4QPM
    NRC_FLAT NRC_LED NRC_GRISM NRC_TACQ NRC_TACONFIRM NRC_FOCUS NRC_IMAGE NRC_CORON NRC_WFSS NRC_TSIMAGE NRC_TSGRISM
    NIS_LAMP NIS_EXTCAL NIS_TACQ NIS_TACONFIRM NIS_FOCUS NIS_IMAGE NIS_AMI NIS_WFSS NIS_SOSS NRS_AUTOWAVE NRS_AUTOFLAT
    NRS_LAMP NRS_IMAGE NRS_WATA NRS_MSATA NRS_TACONFIRM NRS_CONFIRM NRS_FOCUS NRS_MIMF NRS_FIXEDSLIT NRS_IFU NRS_MSASPEC
    NRS_BRIGHTOBJ""")
DARK = words("FGS_DARK MIR_DARKIMG MIR_DARKMRS NRC_DARK NIS_DARK NRS_DARK")
GUIDER = words("FGS_ID-STACK FGS_ID-IMAGE FGS_ACQ1 FGS_ACQ2 FGS_TRACK FGS_FINEGUIDE")


@pytest.mark.req("REF-13", "COMMON-08")
def test_read_out_directions():
    expected = {name: axes for axes, names in AXES.items() for name in names.split()}
    assert {name: detectors.fast_slow_axis(name) for name in detectors.detectors()} == expected


def test_every_legal_detector_is_described():
    assert set(detectors.detectors()) == set(KEYWORDS.of_card("DETECTOR").allowed) - {"ANY", "N/A", "MULTIPLE"}
    assert len(detectors.detectors("nircam")) == 10
    with pytest.raises(InputError, match="did you mean 'NRCB1'"):
        detectors.detector("NRCB11")


def test_stage_1_pipelines_of_the_documents():
    documented = {name for name in exposure_types.exposure_types() if exposure_types.exposure_type(name).documented}
    for stage, names in (("detector1", DETECTOR1), ("dark", DARK), ("guider", GUIDER)):
        assert set(exposure_types.exposure_types(stage)) & documented == set(names)
    assert documented == {*DETECTOR1, *DARK, *GUIDER}


def test_every_legal_exposure_type_is_described():
    assert set(exposure_types.exposure_types()) == set(KEYWORDS.of_card("EXP_TYPE").allowed) - {"ANY", "N/A"}
    assert set(exposure_types.exposure_types()) == get("jwst").exposure_types
    assert set(products.suffixes()) == get("jwst").suffixes
    for name in exposure_types.exposure_types():
        assert exposure_types.exposure_type(name).instrument in get("jwst").instruments
    with pytest.raises(InputError, match="EXP_TYPE"):
        exposure_types.exposure_type("NRC_IMAG")


@pytest.mark.parametrize(
    ("name", "tsovisit", "last"),
    [
        ("MIR_IMAGE", False, "calwebb_image3"),
        ("MIR_IMAGE", True, "calwebb_tso3"),
        ("MIR_LRS-SLITLESS", False, "calwebb_spec2"),
        ("MIR_LRS-SLITLESS", True, "calwebb_tso3"),
        ("NIS_SOSS", None, "calwebb_spec3"),
        ("NIS_SOSS", True, "calwebb_tso3"),
        ("NRS_BRIGHTOBJ", False, "calwebb_tso3"),
        ("NRC_IMAGE", True, "calwebb_image3"),
        ("NIS_AMI", False, "calwebb_ami3"),
        ("MIR_LYOT", False, "calwebb_coron3"),
        ("NRS_LAMP", False, "calwebb_spec2"),
        ("FGS_ACQ1", False, "calwebb_guider"),
        ("NRC_DARK", False, "calwebb_dark"),
        ("NRC_GRISM", False, "calwebb_detector1"),
    ],
)
def test_pipelines(name, tsovisit, last):
    assert exposure_types.pipelines(name, tsovisit)[-1] == last


@pytest.mark.req("SFX-03")
def test_integral_field_exposures():
    assert {name for name in exposure_types.exposure_types() if exposure_types.exposure_type(name).is_ifu} == {
        "MIR_MRS",
        "NRS_IFU",
    }


# Values of TFRAME in headers of flight and ground test data and in the published tables.
@pytest.mark.parametrize(
    ("detector", "subarray", "pattern", "seconds"),
    [
        ("NRCA1", "FULL", "RAPID", 10.73677),
        ("NRCB1", "SUB640", "RAPID", 4.18584),
        ("NRCB3", "SUB320", "BRIGHT1", 1.06904),
        ("NRCBLONG", "SUB160", "RAPID", 0.27864),
        ("NRCB1", "SUB64P", "RAPID", 0.05016),
        ("NIS", "SUB80", "NISRAPID", 0.07544),
        ("NIS", "SUBSTRIP96", "NISRAPID", 2.214),
        ("NIS", "SUBSTRIP256", "NISRAPID", 5.494),
        ("MIRIMAGE", "SUB64", "FAST", 0.085),
        ("MIRIMAGE", "SUB128", "FASTR1", 0.11904),
        ("MIRIMAGE", "SLITLESSPRISM", "FAST", 0.15904),
        ("MIRIFULONG", "FULL", "SLOW", 23.88992),
        ("NRS1", "FULL", "NRSIRS2", 14.58889),
    ],
)
def test_frame_times(detector, subarray, pattern, seconds):
    assert readout.frame_time(detector, subarray, pattern) == pytest.approx(seconds, abs=2e-5)


def test_group_times():
    # DEEP8 averages 8 frames and drops 12; NIRCam full frame.
    assert readout.group_time("NRCA1", "FULL", "DEEP8") == pytest.approx(20 * 10.73676)
    assert readout.group_time("NRS1", "FULL", "NRSIRS2") == pytest.approx(5 * 14.58889)
    with pytest.raises(InputError, match="frame time of MIRIMAGE SUB64 SLOW"):
        readout.frame_time("MIRIMAGE", "SUB64", "SLOW")
    # 128 x 128 of a guide star camera, one output: TFRAME of the flight ACQ1 exposure.
    assert readout.nir_frame_time(128, 128, 1) == pytest.approx(0.182)


def test_patterns_are_legal_values():
    assert set(readout.patterns()) <= set(KEYWORDS.of_card("READPATT").allowed)
    assert set(readout.patterns("NIRCAM")) == set(
        words("RAPID BRIGHT1 BRIGHT2 SHALLOW2 SHALLOW4 MEDIUM2 MEDIUM8 DEEP2 DEEP8")
    )
    with pytest.raises(InputError, match="read-out pattern"):
        readout.pattern("RAPIDO")


@pytest.mark.parametrize(
    ("detector", "name", "box"),
    [
        ("MIRIMAGE", "SUB64", (1, 779, 72, 64)),
        ("MIRIMAGE", "SUB128", (1, 891, 136, 128)),
        ("MIRIMAGE", "SLITLESSPRISM", (1, 529, 72, 416)),
        ("NIS", "SUB80", (1045, 1, 80, 80)),
        ("NIS", "SUBSTRIP96", (1, 1803, 2048, 96)),
        ("NRCB1", "SUB160", (1, 1, 160, 160)),
    ],
)
def test_subarrays_lie_where_headers_say(detector, name, box):
    assert readout.subarray(detector, name)[2:6] == box


def test_subarrays_fit_on_their_detector():
    for name in detectors.detectors():
        one = detectors.detector(name)
        assert "FULL" in readout.subarrays(name)
        for part in (readout.subarray(name, each) for each in readout.subarrays(name)):
            assert part.xstart >= 1
            assert part.xstart + part.xsize - 1 <= one.columns
            assert part.ystart >= 1
            assert part.ystart + part.ysize - 1 <= one.rows
    common = {"FULL", "SUB160", "SUB320", "SUB640"}
    for name in ("NRCA1", "NRCB1", "NRCALONG", "NRCBLONG"):
        # The point source subarrays lie on one short-wave detector of each module only.
        points = {"NRCA1": set(), "NRCALONG": {"SUB64P", "SUB160P"}}.get(name, {"SUB64P", "SUB160P", "SUB400P"})
        assert set(readout.subarrays(name)) == common | points
    with pytest.raises(InputError, match="SUBARRAY of NRCA1"):
        readout.subarray("NRCA1", "SUB161")


@pytest.mark.parametrize(
    ("before", "suffix", "after"),
    [
        ("jw93065002001_02101_00001_nrca1_uncal", "rate", "jw93065002001_02101_00001_nrca1_rate"),
        ("x_uncal", "dq_init", "x_dq_init"),
        ("x_dq_init", "linearity", "x_linearity"),
        ("x_dark_current", "rate", "x_rate"),
        ("x_residual_fringe", "cal", "x_cal"),
        ("x_master_background", "cal", "x_cal"),
        ("x_a3001_t001_psf-amiavg", "aminorm", "x_a3001_t001_aminorm"),
        ("x_rate_cal", "x1d", "x_rate_x1d"),
        ("x_my_name", "rate", "x_my_name_rate"),
        ("x", "rate", "x_rate"),
        ("rate", "cal", "rate_cal"),
        ("jw1_a3001_crf", "i2d", "jw1_a3001_i2d"),
        ("jw01019001001_gs-id_1_image-uncal", "cal", "jw01019001001_gs-id_1_image-cal"),
        ("jw01019001001_gs-fg_2022001010101_uncal", "cal", "jw01019001001_gs-fg_2022001010101_cal"),
    ],
)
def test_replace_suffix(before, suffix, after):
    assert products.replace_suffix(before, suffix) == after


@pytest.mark.req("SFX-01", "SFX-02", "SFX-03", "SFX-04", "SFX-05")
def test_models_of_stage_1_suffixes():
    known = products.suffixes()
    models = {name: known[name].model for name in ("uncal", "ramp", "rate", "rateints", "fitopt", "dark")}
    assert models == {
        "uncal": "Level1bModel", "ramp": "RampModel", "rate": "ImageModel", "rateints": "CubeModel",
        "fitopt": "RampFitOutputModel", "dark": "RampModel",
    }  # fmt: skip


@pytest.mark.req("NAME-03", "ROUTE-08")
def test_exposure_names():
    parts = products.parse_exposure_name("/data/jw93065002001_02101_00001_nrca1_rate.fits")
    assert parts == ("93065", "002", "001", "02", "1", "01", "00001", None, "nrca1", "rate")
    assert products.parse_exposure_name("jw93065002001_0210a_00001-seg012_nrcblong_dq_init.fits").segment == 12
    assert products.parse_exposure_name("jw93065002001_02601_00001_nrca1_rate.fits") is None
    made = products.exposure_name(93065, 2, 1, 1, "NRCA1", "rate", segment=3)
    assert made == "jw93065002001_02101_00001-seg003_nrca1_rate"
    assert products.parse_exposure_name(made).segment == 3
    with pytest.raises(InputError, match="is not a valid name of an exposure"):
        products.exposure_name(930650, 2, 1, 1, "NRCA1", "rate")


@pytest.mark.req("NAME-04", "ROUTE-06", "ROUTE-07")
def test_source_names():
    parts = products.parse_source_name("jw87600-a3001_t001_niriss_f480m-nrm_amiavg.fits")
    assert (parts["candidate"], parts["target"], parts["elements"], parts["suffix"]) == (
        "a3001",
        "t001",
        "f480m-nrm",
        "amiavg",
    )
    assert products.parse_source_name("jw87600-o001_s00042-epoch1_nircam_f200w-sub160_i2d.fits")["epoch"] == "1"
    sensing = products.parse_source_name("jw87600-o001_t001_nircam_f212n-wlp8-nrca3_wfscmb-02.fits")
    assert (sensing["suffix"], sensing["activity"], parts["activity"]) == ("wfscmb", "02", None)
    for wrong in (
        "jw87600-o001_t001_nircam_f212n_wfscmb-2.fits",
        "jw87600-o001_t001_nircam_f212n_i2d-02.fits",  # only of wavefront sensing
        "jw93065002001_02101_00001_nrca1_rate.fits",
        "jw87600-a3001_niriss_f480m-nrm_amiavg.fits",  # neither target nor source
        "jw87600-a3001_t1_niriss_f480m-nrm_amiavg.fits",
        "jw87600-a3001_s42_niriss_f480m-nrm_amiavg.fits",
        "jw87600-a3001_t001-epoch12_niriss_f480m-nrm_amiavg.fits",
        "JW87600-a3001_t001_NIRISS_f480m-nrm_amiavg.fits",
        "jw87600_a3001_t001_niriss_f480m-nrm_amiavg.fits",
    ):
        assert products.parse_source_name(wrong) is None, wrong


@pytest.mark.req("NAME-09")
@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("jw01019001001_gs-id_1_image-uncal.fits", "kind", "image"),
        ("jw01019001001_gs-id_2_stacked-cal.fits", "attempt", "2"),
        ("jw01019001001_gs-acq1_2022001010101_uncal.fits", "function", "acq1"),
        ("jw01019001001_gs-acq2_2022001010101_cal.fits", "function", "acq2"),
        ("jw01019001001_gs-track_2022001010101_uncal.fits", "function", "track"),
        ("jw01019001001_gs-fg_2022001010101_cal.fits", "time", "2022001010101"),
    ],
)
def test_guide_star_names(name, key, value):
    assert products.parse_guide_star_name(name)[key] == value
    assert products.parse_exposure_name(name) is None
