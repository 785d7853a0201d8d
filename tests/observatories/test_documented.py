"""Documented names: those of this version are in the table, and those that are not built yet are said to be that."""

import pytest

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.core import registry
from hexcal.errors import InputError, ParameterError
from hexcal.models.single import model_class
from hexcal.observatories import documented
from hexcal.pipeline import Detector1Pipeline
from hexcal.step import JumpStep

OWN_PARAMETERS = {
    ("assign_wcs", "lrs_wavelengths"),
    ("clean_flicker_noise", "differences"),
    ("clean_flicker_noise", "mask_from"),
    ("emicorr", "fine_phase"),
    ("emicorr", "leave_out_ends"),
    ("jump", "pool_integrations"),
    ("jump", "difference_test"),
    ("jump", "shower_jump_limit"),
    ("photom", "pixel_area_from"),
    ("background", "clip_by"),
    ("background", "add_errors"),
    ("master_background", "flag_beyond"),
    ("cube_build", "pixel_origin"),
    ("resample", "exact_pixmap"),
    ("extract_1d", "clipped_area"),
    ("extract_1d", "follow_trace"),
    ("extract_1d", "integrations_as"),
    ("extract_1d", "covariance"),
    ("resample_spec", "covariance"),
    ("cube_build", "covariance"),
    ("cube_build", "least_coverage"),
    ("extract_1d", "unseen_limit"),
    ("outlier_detection", "two_values"),
    ("outlier_detection", "add_scatter"),
    ("outlier_detection", "alone"),
    ("outlier_detection", "followed_scale"),
    ("outlier_detection", "set_nan"),
    ("outlier_detection", "slit_errors"),
    ("outlier_detection", "slit_sampling"),
    ("outlier_detection", "ifu_isolated"),
    ("outlier_detection", "neighbour_snr"),
    ("outlier_detection", "slit_weights"),
    ("outlier_detection", "star_scale"),
    ("outlier_detection", "sharpen"),
    # In 3.0.0, where the step is called bkg_subtract.
    ("background", "bkg_list"),
    ("assign_mtwcs", "motion"),
    ("calwebb_detector1", "maximum_memory"),
    ("ramp_fit", "likely_start"),
    ("ramp_fit", "likely_jumps"),
    ("ramp_fit", "likely_weights"),
    ("refpix", "irs2_zeros"),
    ("refpix", "superstripe_flags"),
    ("tweakreg", "centroids"),
    ("tweakreg", "average_stars"),
    ("source_catalog", "centroids"),
    ("source_catalog", "star_test"),
    ("source_catalog", "kron_total"),
    ("source_catalog", "sersic_total"),
    ("source_catalog", "phase_errors"),
    ("source_catalog", "within_pixels"),
    ("guider_cds", "error_formula"),
    ("guider_cds", "identification_references"),
    ("fringe", "scale_variances"),
    ("badpix_selfcal", "edges"),
}
"""Parameters that only Hexcal has."""
VARIANTS_OF_OUTLIER_DETECTION = {"outlier_detection_scaled", "outlier_detection_stack"}


def test_every_pipeline_and_step_of_this_version_is_documented_under_its_name_and_class():
    for alias in registry.aliases():
        row = documented.target(alias)
        assert row is not None and row.class_name == registry.find(alias).__name__
        assert row.references == () or set(row.references) & set(registry.find(alias).reference_types)


def test_every_step_of_a_pipeline_is_documented():
    for alias in registry.aliases():
        cls = registry.find(alias)
        for name, inner in cls.step_defs.items():
            assert documented.parts(alias)[name] == inner.__name__


def test_parameters_are_documented_or_known_to_be_of_hexcal_alone():
    from hexcal.core.parameters import StepParameters

    for alias in registry.aliases():
        fields = registry.find(alias).parameters_class.model_fields
        own = {name for name in fields if name not in StepParameters.model_fields and not name.startswith("override_")}
        if alias in VARIANTS_OF_OUTLIER_DETECTION:
            # They have all parameters of the step that they are variants of.
            own -= set(registry.find("outlier_detection").parameters_class.model_fields)
        undocumented = {(alias, name) for name in own - set(documented.parameters(alias))}
        assert undocumented <= OWN_PARAMETERS | {(alias, name) for name in ("profile",)}, undocumented


@pytest.mark.parametrize("alias", ["jump", "dark_current", "saturation", "gain_scale"])
def test_documented_defaults_of_true_and_false_are_those_of_hexcal(alias):
    fields = registry.find(alias).parameters_class.model_fields
    for name, row in documented.parameters(alias).items():
        if name in fields and row.type == "boolean" and "1.13.4" in row.releases:
            assert str(fields[name].default) == row.default, name


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["run", "calwebb_nothing_like_it", "x.fits"], "unknown step or pipeline"),
        (["run", "calwebb_jupiter", "x.fits"], "unknown step or pipeline"),
    ],
)
def test_a_misspelled_name_is_still_unknown(words, text, capsys):
    assert main(words) == 1
    assert text in capsys.readouterr().err


def test_a_documented_name_that_is_not_built_is_said_to_be_that(capsys):
    missing = [
        row for row in documented.names() if row.kind in ("pipeline", "step") and row.name not in registry.aliases()
    ]
    for row in missing[:3]:
        for name in (row.name, row.class_name, f"jwst.pipeline.{row.class_name}"):
            assert main(["run", name, "x.fits"]) == 1
            message = capsys.readouterr().err
            assert f"'{name}' is documented" in message and "not in this version" in message
            assert "did you mean" not in message
    models = [name for name in documented.models() if name not in dir(datamodels)]
    if models:
        with pytest.raises(InputError, match=f"the model '{models[0]}' is documented, but is not in this version"):
            model_class(models[0])
        with pytest.raises(AttributeError, match="is documented, but is not in this version"):
            getattr(datamodels, models[0])


def test_a_parameter_or_step_of_a_later_version_is_said_to_be_that(monkeypatch, capsys):
    row = documented.Documented("parameter", "someday", "jump", "", "float", "1", (), ("3.0.0",))
    part = documented.Documented("part", "someday", "calwebb_detector1", "SomedayStep", "", "", (), ("3.0.0",))
    everything = (*documented.names(), row, part)
    monkeypatch.setattr(documented, "names", lambda: everything)
    for action in (lambda: JumpStep(someday=2), lambda: JumpStep().someday, lambda: setattr(JumpStep(), "someday", 1)):
        with pytest.raises(ParameterError, match=r"'jump.someday' is documented \(release 3.0.0 of the original\)"):
            action()
    assert main(["run", "calwebb_detector1", "--steps.jump.someday=2", "x.fits"]) == 1
    assert "'jump.someday' is documented" in capsys.readouterr().err
    Detector1Pipeline(steps={"someday": {"skip": True}})
    for words in (["--steps.someday.threshold=3"], ["--steps.someday.skip=false"]):
        assert main(["run", "calwebb_detector1", *words, "x.fits"]) == 1
        assert "only skip=true may be set for it" in capsys.readouterr().err


def test_what_is_not_built_is_listed(capsys):
    assert main(["steps", "--not-built"]) == 0
    text = capsys.readouterr().out
    missing = [row.name for row in documented.names() if row.kind == "step" and row.name not in registry.aliases()]
    assert all(f"  {name} " in text for name in missing) and "data models:" in text
    assert "  jump " not in text
    assert main(["steps", "--not-built", "jump"]) == 0
    assert main(["steps", "--not-built", "jmup"]) == 1
    assert "did you mean 'jump'?" in capsys.readouterr().err
