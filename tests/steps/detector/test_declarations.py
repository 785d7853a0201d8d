"""What the detector steps declare: references, status keywords, places in the pipelines, documented defaults."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.core import StepParameters, registry
from hexcal.observatories.jwst import observatory
from hexcal.observatories.jwst.exposure_types import exposure_type
from hexcal.pipeline import DarkPipeline, Detector1Pipeline, GuiderPipeline
from hexcal.step import JumpStep

STATUS_KEYWORDS = {
    "group_scale": "S_GRPSCL",
    "dq_init": "S_DQINIT",
    "emicorr": "S_MIREMI",
    "saturation": "S_SATURA",
    "ipc": "S_IPC",
    "superbias": "S_SUPERB",
    "refpix": "S_REFPIX",
    "firstframe": "S_FRSTFR",
    "lastframe": "S_LASTFR",
    "reset": "S_RESET",
    "linearity": "S_LINEAR",
    "persistence": "S_PERSIS",
    "rscd": "S_RSCD",
    "dark_current": "S_DARK",
    "jump": "S_JUMP",
    "ramp_fit": "S_RAMP",
    "gain_scale": "S_GANSCL",
    "guider_cds": "S_GUICDS",
}
DETECTOR1_TYPES = """FGS_SKYFLAT FGS_INTFLAT FGS_FOCUS FGS_IMAGE
MIR_FLATIMAGE MIR_FLATIMAGE-EXT MIR_FLATMRS MIR_FLATMRS-EXT
MIR_TACQ MIR_CORONCAL MIR_IMAGE MIR_LRS-FIXEDSLIT MIR_LRS-SLITLESS MIR_MRS MIR_LYOT MIR_4QPM NRC_FLAT NRC_LED NRC_GRISM
NRC_TACQ NRC_TACONFIRM NRC_FOCUS NRC_IMAGE NRC_CORON NRC_WFSS NRC_TSIMAGE NRC_TSGRISM NIS_LAMP NIS_EXTCAL NIS_TACQ
NIS_TACONFIRM NIS_FOCUS NIS_IMAGE NIS_AMI NIS_WFSS NIS_SOSS NRS_AUTOWAVE NRS_AUTOFLAT NRS_LAMP NRS_IMAGE NRS_WATA
NRS_MSATA NRS_TACONFIRM NRS_CONFIRM NRS_FOCUS NRS_MIMF NRS_FIXEDSLIT NRS_IFU NRS_MSASPEC NRS_BRIGHTOBJ""".split()
REFERENCE_KEYWORDS = {
    "AUTHOR": "meta.author",
    "DATAMODL": "meta.model_type",
    "DATE": "meta.date",
    "DESCRIP": "meta.description",
    "FILENAME": "meta.filename",
    "INSTRUME": "meta.instrument.name",
    "PEDIGREE": "meta.pedigree",
    "REFTYPE": "meta.reftype",
    "TELESCOP": "meta.telescope",
    "USEAFTER": "meta.useafter",
}


def exposure_of(name, tso=False):
    ramp = datamodels.RampModel((1, 5, 4, 4))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", exposure_type(name).instrument
    ramp.meta.exposure.type, ramp.meta.visit.tsovisit = name, tso
    return ramp


@pytest.mark.parametrize(("alias", "keyword"), STATUS_KEYWORDS.items())
def test_status_keywords(alias, keyword):
    row = observatory.keywords.of_path(f"meta.cal_step.{registry.find(alias).status}")
    assert row.keyword == keyword and {"COMPLETE", "SKIPPED"} <= set(row.allowed)
    assert datamodels.RampModel((1, 1, 2, 2)).get_meta(row.path) is None


@pytest.mark.req("COMMON-02")
def test_keywords_of_references(tmp_path):
    reference = datamodels.GainModel(np.ones((4, 4), np.float32))
    for keyword, path in REFERENCE_KEYWORDS.items():
        if keyword != "DATAMODL":
            reference.set_meta(path, "JWST" if keyword == "TELESCOP" else "MIRI" if keyword == "INSTRUME" else keyword)
    reference.save(tmp_path / "gain.fits")
    header = fits.getheader(tmp_path / "gain.fits")
    assert header["DATAMODL"] == "GainModel" and header["INSTRUME"] == "MIRI" and header["AUTHOR"] == "AUTHOR"
    assert set(REFERENCE_KEYWORDS) <= set(header)
    with datamodels.open(tmp_path / "gain.fits") as read:
        for keyword, path in REFERENCE_KEYWORDS.items():
            assert read.get_meta(path) == header[keyword]


@pytest.mark.req("DARK-14")
def test_declarations_of_dark_current():
    assert list(registry.find("dark_current").reference_file_types) == ["dark"]


@pytest.mark.req("IPC-05", "DARKPIPE-05", "DET1-06")
def test_declarations_of_ipc():
    step = registry.find("ipc")
    assert list(step.reference_file_types) == ["ipc"] and STATUS_KEYWORDS[step.alias] == "S_IPC"
    own = set(step.parameters_class.model_fields) - set(StepParameters.model_fields)
    assert own == {"override_ipc"} or not own
    assert Detector1Pipeline().ipc.skip and DarkPipeline().ipc.skip


@pytest.mark.req("GUIDER-02")
def test_the_guider_pipeline_has_no_parameters_of_its_own():
    assert set(GuiderPipeline.parameters_class.model_fields) == set(StepParameters.model_fields)


@pytest.mark.req("JUMP-22", "JUMP-27", "JUMP-28")
def test_documented_defaults_of_large_events():
    documented = {
        "expand_large_events": False,
        "min_sat_area": 1.0,
        "min_jump_area": 5.0,
        "expand_factor": 2.0,
        "use_ellipses": False,
        "sat_required_snowball": True,
        "min_sat_radius_extend": 2.5,
        "sat_expand": 2,
        "edge_size": 25,
        "find_showers": False,
        "extend_snr_threshold": 1.2,
        "extend_min_area": 90,
        "extend_inner_radius": 1,
        "extend_outer_radius": 2.6,
        "extend_ellipse_expand_ratio": 1.1,
        "time_masked_after_shower": 15,
        "max_extended_radius": 200,
    }
    step = JumpStep()
    assert {name: getattr(step, name) for name in documented} == documented


@pytest.mark.req("DET1-20")
@pytest.mark.parametrize("name", DETECTOR1_TYPES)
def test_exposure_types_of_detector1(name):
    assert Detector1Pipeline().steps_for(exposure_of(name))[-2].alias == "ramp_fit"
    assert exposure_type(name).stage1 == "detector1"


@pytest.mark.req("RSCD-05")
def test_rscd_stands_between_linearity_and_dark_current():
    order = [step.alias for step in Detector1Pipeline().steps_for(exposure_of("MIR_IMAGE"))]
    assert order.index("linearity") < order.index("rscd") < order.index("dark_current")
