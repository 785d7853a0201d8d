"""Profiles: named sets of defaults, below everything that the user says."""

import pytest

from hexcal.associations import AssociationRegistry
from hexcal.cli import main
from hexcal.core import profiles, registry
from hexcal.errors import ParameterError
from hexcal.pipeline import Detector1Pipeline
from hexcal.step import JumpStep, SaturationStep


def test_without_a_profile_the_defaults_are_those_of_the_documents():
    assert SaturationStep().use_readpatt is False
    assert SaturationStep(profile="documents").use_readpatt is False


def test_a_profile_sets_the_defaults_of_steps_and_pipelines():
    assert SaturationStep(profile="3.0.0").use_readpatt is True
    pipeline = Detector1Pipeline(profile="3.0.0")
    assert pipeline.saturation.use_readpatt and pipeline.jump.pool_integrations and pipeline.firstframe.skip
    assert pipeline.saturation.source_of("use_readpatt") == "profile 3.0.0"
    assert pipeline.jump.source_of("rejection_threshold") == "default"


@pytest.mark.parametrize("order", [("profile", "steps"), ("steps", "profile")])
def test_what_the_user_says_stands_above_the_profile_in_any_order(order):
    given = {"profile": "3.0.0", "steps": {"jump": {"pool_integrations": False}}}
    pipeline = Detector1Pipeline(**{name: given[name] for name in order})
    assert pipeline.jump.pool_integrations is False and pipeline.saturation.use_readpatt is True


def test_a_parameter_file_stands_above_the_profile(tmp_path):
    SaturationStep(use_readpatt=False).export_config(tmp_path / "s.asdf")
    step = SaturationStep(config_file=tmp_path / "s.asdf", profile="3.0.0")
    assert step.use_readpatt is False


def test_the_environment_chooses_and_the_user_overrides_it(monkeypatch):
    monkeypatch.setenv("HEXCAL_PROFILE", "3.0.0")
    assert Detector1Pipeline().saturation.use_readpatt is True
    assert Detector1Pipeline(profile="documents").saturation.use_readpatt is False
    step = JumpStep()
    step.profile = "documents"
    assert step.pool_integrations is False


def test_a_profile_that_does_not_exist_is_refused_with_the_nearest_name(monkeypatch):
    with pytest.raises(ParameterError, match="unknown profile 'recomended'") as caught:
        JumpStep(profile="recomended")
    assert "did you mean 'recommended'" in str(caught.value)
    monkeypatch.setenv("HEXCAL_PROFILE", "4")
    with pytest.raises(ParameterError, match="unknown profile '4'") as caught:
        JumpStep()
    assert "HEXCAL_PROFILE" in str(caught.value)


@pytest.mark.parametrize("row", profiles.entries(), ids=lambda row: f"{row.profile}-{row.step}-{row.parameter}")
def test_every_entry_names_a_parameter_and_a_value_that_differs_from_the_default(row):
    pipeline, _, alias = row.step.rpartition(".")
    owner = registry.find(pipeline or alias)
    cls = owner.step_defs[alias] if pipeline else owner
    declared = cls.parameters_class.model_fields[row.parameter].default
    default = owner.step_defaults.get(alias, {}).get(row.parameter, declared) if pipeline else declared
    for other in profiles.entries():
        # In a pipeline it may be the default again where the profile has another value for the step elsewhere.
        if pipeline and (other.profile, other.step, other.parameter) == (row.profile, alias, row.parameter):
            default = getattr(cls(**{row.parameter: other.value}), row.parameter)
    assert getattr(cls(**{row.parameter: row.value}), row.parameter) != default
    assert row.reason


def test_the_command_lists_what_a_profile_sets(capsys):
    assert main.main(["steps", "--profile", "3.0.0"]) == 0
    assert "saturation.use_readpatt = true" in capsys.readouterr().out
    assert main.main(["steps", "--profile=none"]) == 1


def test_associations_follow_the_profile(monkeypatch):
    default = set(AssociationRegistry())
    newest = set(AssociationRegistry(rules_of="3.0.0"))
    assert newest != default == set(AssociationRegistry(rules_of="recommended"))
    monkeypatch.setenv("HEXCAL_PROFILE", "3.0.0")
    assert set(AssociationRegistry()) == newest
    monkeypatch.setenv("HEXCAL_PROFILE", "recommended")
    assert set(AssociationRegistry()) == default
    monkeypatch.setenv("HEXCAL_PROFILE", "none")
    with pytest.raises(ParameterError, match="unknown profile"):
        AssociationRegistry()
