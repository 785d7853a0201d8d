"""What the detector steps declare: references, status keywords, places in the pipelines, documented defaults."""

import inspect

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


STAGE1 = sorted({*STATUS_KEYWORDS, "charge_migration", "clean_flicker_noise", "nsclean", "picture_frame"})


@pytest.mark.req("COMMON-01")
@pytest.mark.parametrize("alias", STAGE1)
def test_how_a_step_is_declared_and_made(alias):
    from hexcal.stpipe import JwstStep

    step = registry.find(alias)
    assert issubclass(step, JwstStep) and step.class_alias == alias and callable(step.process)
    words = list(inspect.signature(step).parameters.values())
    assert [word.name for word in words[:4]] == ["name", "parent", "config_file", "_validate_kwds"]
    assert [word.default for word in words[:4]] == [None, None, None, True]
    assert words[4].kind is inspect.Parameter.VAR_KEYWORD
    assert all(kind == kind.lower() for kind in step.reference_file_types)
    made = step(name="mine", skip=True, suffix="other")
    assert (made.name, made.skip, made.suffix) == ("mine", True, "other")
    own = set(step.parameters_class.model_fields) - set(StepParameters.model_fields)
    own -= {f"override_{kind}" for kind in step.reference_file_types}
    assert own <= {line.partition(" =")[0] for line in step.spec.splitlines()}
    assert own or step.spec == ""


@pytest.mark.req("COMMON-06")
@pytest.mark.parametrize(("alias", "keyword"), [*STATUS_KEYWORDS.items(), ("nsclean", "S_NSCLEN")])
def test_status_keywords(alias, keyword):
    """COMPLETE or SKIPPED as the step says, no entry before it, and the keyword in the header."""
    step = registry.find(alias)
    row = observatory.keywords.of_path(f"meta.cal_step.{step.status}")
    assert row.keyword == keyword and {"COMPLETE", "SKIPPED"} <= set(row.allowed)
    ramp = datamodels.RampModel((1, 1, 2, 2))
    assert ramp.get_meta(row.path) is None
    if step.input_model in (None, "RampModel") and step.skippable:
        skipped = step.call(ramp, skip=True)
        assert skipped.get_meta(row.path) == "SKIPPED"


@pytest.mark.req("COMMON-06")
def test_statuses_of_a_product(tmp_path):
    """Those of the steps that ran or were skipped, and no others."""
    ramp = exposure_of("NRC_IMAGE")
    ramp.data[:] = np.arange(5)[:, None, None]
    exposure = ramp.meta.exposure
    exposure.group_time = exposure.frame_time = 10.0
    exposure.nframes, exposure.groupgap, exposure.nints, exposure.ngroups = 1, 0, 1, 5
    ramp.meta.instrument.detector, ramp.meta.subarray.name = "NRCA1", "SUB64P"
    ramp.meta.subarray.xstart = ramp.meta.subarray.ystart = 1
    image = np.ones((4, 4), np.float32)
    given = {"override_gain": datamodels.GainModel(image), "override_readnoise": datamodels.ReadnoiseModel(image)}
    for kind, path in given.items():
        given[kind] = path.save(tmp_path / f"{kind}.fits")
    aliases = [alias for alias in Detector1Pipeline.step_defs if alias not in ("jump", "ramp_fit")]
    steps = {alias: {"skip": True} for alias in aliases} | {"jump": given, "ramp_fit": given}
    rate = Detector1Pipeline.call(ramp, steps=steps)
    rate.save(tmp_path / "x_rate.fits")
    header = fits.getheader(tmp_path / "x_rate.fits")
    found = {name: header[name] for name in header if name.startswith("S_") and name != "S_REGION"}
    ran = {registry.find(step.alias).status for step in Detector1Pipeline().steps_for(ramp)}
    expected = {observatory.keywords.of_path(f"meta.cal_step.{status}").keyword for status in ran}
    assert set(found) == expected and "S_MIREMI" not in found
    assert {name for name, status in found.items() if status == "COMPLETE"} == {"S_JUMP", "S_RAMP"}
    assert set(found.values()) == {"COMPLETE", "SKIPPED"}


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


@pytest.mark.req("DET1-21")
def test_exposures_for_wavefront_sensing_go_the_way_of_images():
    sensing, image = (
        [step.alias for step in Detector1Pipeline().steps_for(exposure_of(name))] for name in ("NRC_WFSC", "NRC_IMAGE")
    )
    assert sensing == image and exposure_type("NRC_WFSC").stage1 == "detector1"


@pytest.mark.req("DET1-19")
def test_public_methods_of_detector1():
    """The suffixes are those that both releases give."""
    assert list(inspect.signature(Detector1Pipeline.process).parameters)[1:] == ["ramp"]
    for model in (datamodels.ImageModel((3, 3)), datamodels.CubeModel((2, 3, 3)), datamodels.RampModel((1, 2, 3, 3))):
        for status, suffix in ((None, "ramp"), ("SKIPPED", "ramp"), ("COMPLETE", "rate")):
            pipeline = Detector1Pipeline()
            model.meta.cal_step.ramp_fit = status
            pipeline.setup_output(model)
            assert pipeline.suffix == suffix


@pytest.mark.req("RAMP-01")
def test_declarations_of_ramp_fit():
    from hexcal.step import RampFitStep

    assert list(RampFitStep.reference_file_types) == ["readnoise", "gain"] and RampFitStep.weighting == "optimal"
    assert RampFitStep(algorithm="ols").algorithm == "OLS" and RampFitStep().algorithm == "OLS_C"


@pytest.mark.req("RSCD-05")
def test_rscd_stands_between_linearity_and_dark_current():
    order = [step.alias for step in Detector1Pipeline().steps_for(exposure_of("MIR_IMAGE"))]
    assert order.index("linearity") < order.index("rscd") < order.index("dark_current")
