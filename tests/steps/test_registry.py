"""The steps by their documented names: alias, class, reference types, status keyword."""

import pytest

from hexcal import observatories
from hexcal import step as door
from hexcal.core import registry
from hexcal.core.parameters import INFRASTRUCTURE
from hexcal.errors import ParameterError
from hexcal.pipeline import Detector1Pipeline

# rows, alias, class, reference types, status keyword. Those of saturation (REG-45, SAT-12) and refpix (REG-40,
# REFPIX-33) are not the documented ones: newer parameters ask for the superbias and for sirskernel too.
DOCUMENTED = [
    ("", "clean_flicker_noise", "CleanFlickerNoiseStep", {"flat", "gain", "readnoise"}, "S_CLNFNS"),
    ("REG-14", "emicorr", "EmiCorrStep", {"emicorr"}, "S_MIREMI"),
    ("REG-09", "charge_migration", "ChargeMigrationStep", set(), "S_CHGMIG"),
    ("REG-12", "dark_current", "DarkCurrentStep", {"dark"}, "S_DARK"),
    ("REG-13 DQINIT-01", "dq_init", "DQInitStep", {"mask"}, "S_DQINIT"),
    ("REG-17", "firstframe", "FirstFrameStep", set(), "S_FRSTFR"),
    ("REG-20 GAINSC-05", "gain_scale", "GainScaleStep", {"gain"}, "S_GANSCL"),
    ("REG-21 GRPSC-06", "group_scale", "GroupScaleStep", set(), "S_GRPSCL"),
    ("REG-25", "ipc", "IPCStep", {"ipc"}, "S_IPC"),
    ("REG-26 JUMP-03", "jump", "JumpStep", {"gain", "readnoise"}, "S_JUMP"),
    ("REG-28 LASTF-04", "lastframe", "LastFrameStep", set(), "S_LASTFR"),
    ("REG-29 LIN-09", "linearity", "LinearityStep", {"linearity"}, "S_LINEAR"),
    ("REG-36 PERS-01", "persistence", "PersistenceStep", {"trapdensity", "trappars", "persat"}, "S_PERSIS"),
    ("REG-39", "ramp_fit", "RampFitStep", {"gain", "readnoise"}, "S_RAMP"),
    ("", "refpix", "RefPixStep", {"refpix", "sirskernel"}, "S_REFPIX"),
    ("REG-42 RESET-07", "reset", "ResetStep", {"reset"}, "S_RESET"),
    ("REG-44 RSCD-09", "rscd", "RscdStep", {"rscd"}, "S_RSCD"),
    ("", "saturation", "SaturationStep", {"saturation", "superbias"}, "S_SATURA"),
    ("REG-52 SBIAS-10", "superbias", "SuperBiasStep", {"superbias"}, "S_SUPERB"),
]

NAMED_AFTER_MODELS = {
    "adaptive_trace_model",
    "assign_mtwcs",
    "cube_build",
    "pixel_replace",
    "tweakreg",
    "master_background",
    "master_background_mos",
}
"""Steps whose documented default of output_use_model is True."""

OFF_BY_DEFAULT = {
    "adaptive_trace_model",
    "badpix_selfcal",
    "charge_migration",
    "clean_flicker_noise",
    "emicorr",
    "nsclean",
    "picture_frame",
    "pixel_replace",
    "residual_fringe",
    "targ_centroid",
}


@pytest.mark.parametrize(
    ("alias", "name", "types", "keyword"),
    [pytest.param(*row[1:], marks=pytest.mark.req(*row[0].split()), id=row[1]) for row in DOCUMENTED],
)
def test_step_is_found_by_alias_and_by_class(alias, name, types, keyword):
    cls = registry.find(alias)
    assert cls is registry.find(name) is registry.find(f"jwst.{alias}.{name}") is getattr(door, name)
    assert set(cls.reference_file_types) == set(cls.reference_types) == types
    entry = observatories.get("jwst").keywords.of_path(f"meta.cal_step.{cls.status}")
    assert entry is not None and entry.keyword == keyword


def test_no_step_is_missing_from_the_table():
    # picture_frame came with release 3.0.0
    assert {row[1] for row in DOCUMENTED} == set(Detector1Pipeline.step_defs) - {"picture_frame"}


@pytest.mark.req("GAINSC-05", "GRPSC-06", "LASTF-04", "LIN-09", "RESET-07", "SBIAS-10")
@pytest.mark.parametrize("alias", ["gain_scale", "group_scale", "ipc", "lastframe", "linearity", "reset", "superbias"])
def test_steps_without_parameters_of_their_own(alias):
    cls = registry.find(alias)
    overrides = {f"override_{kind}" for kind in cls.reference_types}
    assert set(cls.parameters_class.model_fields) - set(door.Step.parameters_class.model_fields) == overrides


@pytest.mark.req("COMMON-09", "DEV-03", "PAR-05")
def test_every_step_has_an_override_for_each_reference_type():
    for alias in registry.aliases():
        cls = registry.find(alias)
        assert {f"override_{kind}" for kind in cls.reference_types} <= set(cls.parameters_class.model_fields)


@pytest.mark.req("COMMON-09", "DEV-07", "DET1-08")
def test_every_step_has_the_implicit_parameters():
    documented = "output_dir output_file suffix save_results search_output_file output_use_model output_use_index "
    documented += "output_ext input_dir skip pre_hooks post_hooks"
    for alias in registry.aliases():
        defaults = registry.find(alias)().get_pars()
        assert set(documented.split()) <= set(defaults)
        assert (defaults["output_ext"], defaults["output_use_index"]) == (".fits", True)
        assert defaults["search_output_file"] is (
            "outlier_detection" not in alias and alias not in ("cube_build", "residual_fringe")
        )
        assert defaults["save_results"] is False
        assert defaults["output_use_model"] is (alias in NAMED_AFTER_MODELS)
        assert defaults["skip"] is (alias in OFF_BY_DEFAULT)
        assert defaults["pre_hooks"] == defaults["post_hooks"] == []
    assert set(documented.split()) <= set(INFRASTRUCTURE)


@pytest.mark.req("ARCH-03")
def test_a_pipeline_is_a_step_with_a_unique_name():
    assert registry.find("calwebb_detector1") is registry.find("jwst.pipeline.Detector1Pipeline") is Detector1Pipeline
    assert issubclass(Detector1Pipeline, door.Step)
    assert Detector1Pipeline().jump.qualified_name == "calwebb_detector1.jump"


def test_a_class_that_is_no_step_is_refused():
    with pytest.raises(ParameterError, match="is not a step"):
        registry.find("collections.OrderedDict")


# row, alias, package of the original, class, reference types, status keyword
LATER_STAGES = [
    ("REG-07", "background", "background", "BackgroundStep", {"wfssbkg", "wavelengthrange"}, "S_BKDSUB"),
    ("REG-08", "barshadow", "barshadow", "BarShadowStep", {"barshadow"}, "S_BARSHA"),
    ("REG-10", "combine_1d", "combine_1d", "Combine1dStep", set(), "S_COMB1D"),
    ("REG-11", "cube_build", "cube_build", "CubeBuildStep", {"cubepar"}, "S_IFUCUB"),
    ("REG-16", "extract_2d", "extract_2d", "Extract2dStep", {"wavelengthrange"}, "S_EXTR2D"),
    ("REG-18", "flat_field", "flatfield", "FlatFieldStep", {"flat", "fflat", "sflat", "dflat"}, "S_FLAT"),
    ("REG-19", "fringe", "fringe", "FringeStep", {"fringe"}, "S_FRINGE"),
    ("REG-22", "guider_cds", "guider_cds", "GuiderCdsStep", {"gain", "readnoise"}, "S_GUICDS"),
    ("REG-24", "imprint", "imprint", "ImprintStep", set(), "S_IMPRNT"),
    ("REG-31", "mrs_imatch", "mrs_imatch", "MRSIMatchStep", set(), "S_MRSMAT"),
    ("REG-33", "nsclean", "nsclean", "NSCleanStep", set(), "S_NSCLEN"),
    ("REG-34", "outlier_detection", "outlier_detection", "OutlierDetectionStep", set(), "S_OUTLIR"),
    ("REG-34", "outlier_detection_scaled", "outlier_detection", "OutlierDetectionScaledStep", set(), "S_OUTLIR"),
    ("REG-34", "outlier_detection_stack", "outlier_detection", "OutlierDetectionStackStep", set(), "S_OUTLIR"),
    ("REG-35", "pathloss", "pathloss", "PathLossStep", {"pathloss"}, "S_PTHLOS"),
    ("REG-37", "photom", "photom", "PhotomStep", {"photom", "area"}, "S_PHOTOM"),
    ("REG-41", "resample", "resample", "ResampleStep", {"drizpars"}, "S_RESAMP"),
    ("REG-41", "resample_spec", "resample", "ResampleSpecStep", {"drizpars"}, "S_RESAMP"),
    ("REG-43", "residual_fringe", "residual_fringe", "ResidualFringeStep", {"fringefreq", "regions"}, "S_RESFRI"),
    ("REG-46", "skymatch", "skymatch", "SkyMatchStep", set(), "S_SKYMAT"),
    ("REG-47", "source_catalog", "source_catalog", "SourceCatalogStep", {"apcorr", "abvegaoffset"}, "S_SRCCAT"),
    ("REG-48", "spectral_leak", "spectral_leak", "SpectralLeakStep", {"mrsptcorr"}, "S_SPLEAK"),
    ("REG-49", "srctype", "srctype", "SourceTypeStep", set(), "S_SRCTYP"),
    ("REG-54", "tweakreg", "tweakreg", "TweakRegStep", set(), "S_TWKREG"),
    ("REG-55", "wavecorr", "wavecorr", "WavecorrStep", {"wavecorr"}, "S_WAVCOR"),
]


@pytest.mark.parametrize(
    ("alias", "package", "name", "types", "keyword"),
    [pytest.param(*row[1:], marks=pytest.mark.req(row[0]), id=row[1]) for row in LATER_STAGES],
)
def test_steps_of_later_stages(alias, package, name, types, keyword):
    test_step_is_found_by_alias_and_by_class(alias, name, types, keyword)
    assert registry.find(f"jwst.{package}.{name}") is registry.find(alias)


@pytest.mark.parametrize(
    ("alias", "name", "documented", "more", "keyword"),
    [
        # Where slits and slices fall is a matter of the WCS, whose references the step asks for, too.
        pytest.param("msa_flagging", "MSAFlagOpenStep", "msaoper", 6, "S_MSAFLG", marks=pytest.mark.req("REG-32")),
        pytest.param("straylight", "StraylightStep", "mrsxartcorr", 1, "S_STRAY", marks=pytest.mark.req("REG-51")),
    ],
)
def test_steps_that_ask_for_more_references_than_documented(alias, name, documented, more, keyword):
    types = set(registry.find(alias).reference_types)
    assert documented in types and len(types) == 1 + more
    test_step_is_found_by_alias_and_by_class(alias, name, types, keyword)


@pytest.mark.req("REG-38")
def test_adaptive_trace_model_is_found():
    test_step_is_found_by_alias_and_by_class("adaptive_trace_model", "AdaptiveTraceModelStep", set(), "S_TRCMOD")


def test_pixel_replace_is_found():
    test_step_is_found_by_alias_and_by_class("pixel_replace", "PixelReplaceStep", set(), "S_PXREPL")


@pytest.mark.req("REG-30")
def test_master_background_of_slits_is_a_pipeline_that_asks_for_nothing_before():
    slits = registry.find("master_background_mos")
    assert registry.find("jwst.master_background.MasterBackgroundMosStep") is slits and slits.step_defs
    assert registry.find("master_background").reference_types == ()
