"""Which source of a parameter wins: every source sets some of the same parameters, to a value of its own."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from exposures import NAME, write_uncal
from pars_caches import HEAD, BendStep, BentPipeline, make_pars_cache, parameter_file, reference_path, result

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.core import Step, cmdline, config, precedence
from hexcal.errors import InputError, ParameterError


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = make_pars_cache(tmp_path / "cache")
    monkeypatch.setenv("CRDS_PATH", str(root))
    return root


@pytest.fixture
def uncal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_uncal(tmp_path, data=np.ones((1, 2, 3, 4), "u2"))


def content(values):
    return {"parameters": values, "steps": {}}


@pytest.mark.req("PREC-01", "PREC-04", "ASDF-03")
def test_the_highest_source_that_sets_a_parameter_wins(root, uncal):
    """All 64 combinations of what the three sources above the coded defaults say about two parameters."""
    reference = reference_path(root, "pars-bendstep")
    for states in itertools.product((False, True), repeat=6):
        layers = [
            {name: number for name, state in zip(("factor", "offset"), pair, strict=True) if state}
            for number, pair in zip((5, 6, 7), (states[:2], states[2:4], states[4:]), strict=True)
        ]
        parameter_file(reference, layers[0])
        step = precedence.instance(BendStep, [uncal], ("mine.asdf", content(layers[1])), content(layers[2]))
        expected = {"factor": 2.0, "offset": 0.0} | layers[0] | layers[1] | layers[2]
        assert {name: getattr(step, name) for name in expected} == expected


@pytest.mark.req("PREC-01", "PREC-04", "CLI-09", "PYI-13")
def test_a_step_by_call_and_by_the_command_line(root, uncal, tmp_path):
    local = parameter_file(tmp_path / "mine.asdf", {"factor": 10}, name="bend")
    words = [str(uncal), f"--output_dir={tmp_path / 'out'}"]
    assert result(BendStep.call(uncal)) == result(BendStep.from_cmdline(words)) == 6.0
    assert result(BendStep.call(uncal, config_file=local)) == 11.0
    assert result(BendStep.from_cmdline([str(local), *words])) == 11.0
    assert result(BendStep.from_cmdline([*words, "--config-file", str(local)])) == 11.0
    assert result(BendStep.call(uncal, config_file=local, factor=20)) == 21.0
    assert result(BendStep.from_cmdline([str(local), *words, "--factor=20"])) == 21.0


@pytest.mark.req("PREC-02", "PREC-03", "STEP-03")
def test_a_pipeline_from_the_lowest_source_to_the_highest(root, uncal, tmp_path):
    parameter_file(tmp_path / "inner.asdf", {"factor": 11, "offset": 11})
    other = parameter_file(tmp_path / "deeper" / "other.asdf", {"offset": 14})
    both = {"factor": 12, "config_file": "inner.asdf"}
    named = parameter_file(
        tmp_path / "named.asdf", {}, {"second": {"config_file": "inner.asdf"}}, "pars_caches.BentPipeline"
    )
    inline = parameter_file(tmp_path / "inline.asdf", {}, {"second": both}, "pars_caches.BentPipeline")

    def second(local=None, values=None, disable=None):
        local = (str(local), config.load(local)) if local else None
        given = {"steps": {"second": content(values or {})}}
        step = precedence.instance(BentPipeline, [uncal], local, given, disable=disable).second
        return step.factor, step.offset

    assert second(disable=True) == (3.0, 0.0)  # pipeline's own default, step's default
    assert second() == (7.0, 1.0)  # reference of the pipeline, reference of the step
    assert second(named) == (11.0, 11.0)
    assert second(inline) == (12.0, 11.0)
    assert second(None, {"factor": 13}) == (13.0, 1.0)
    assert second(inline, {"factor": 13}) == (13.0, 11.0)
    # A file named at the call takes the place of the one named in the parameter file, and stays below what is written
    # there.
    assert second(inline, {"config_file": str(other)}) == (12.0, 14.0)
    assert second(None, {"config_file": str(other)}) == (7.0, 14.0)


@pytest.mark.req("PREC-02", "CLI-01")
def test_a_pipeline_by_call_and_by_the_command_line(root, uncal, tmp_path):
    local = parameter_file(
        tmp_path / "mine.asdf", {}, {"first": {"factor": 2, "offset": 0}}, "pars_caches.BentPipeline"
    )
    words = [str(uncal), f"--output_dir={tmp_path / 'out'}"]
    assert result(BentPipeline.call(uncal)) == result(BentPipeline.from_cmdline(words)) == (5 + 1) * 7 + 1
    assert result(BentPipeline.call(uncal, config_file=local)) == 2 * 7 + 1
    assert result(BentPipeline.call(uncal, config_file=local, steps={"second": {"factor": 3}})) == 2 * 3 + 1
    assert result(BentPipeline.from_cmdline([str(local), *words, "--steps.second.factor=3"])) == 2 * 3 + 1
    step = parameter_file(tmp_path / "step.asdf", {"factor": 4})
    assert result(BentPipeline.from_cmdline([*words, f"--steps.second.config_file={step}"])) == (5 + 1) * 4 + 1
    assert result(BentPipeline.call(uncal, steps={"second": {"config_file": str(step)}})) == (5 + 1) * 4 + 1
    assert result(BentPipeline(steps={"second": {"config_file": str(step)}}).run(uncal)) == 2 * 4


@pytest.mark.req("STEP-02")
def test_a_step_in_a_file_may_be_given_by_its_class(uncal, tmp_path):
    from hexcal.pipeline import Detector1Pipeline

    path = tmp_path / "mine.asdf"
    path.write_text(
        f"{HEAD}class: jwst.pipeline.Detector1Pipeline\nparameters: {{}}\nsteps:\n- class: "
        "jwst.jump.jump_step.JumpStep\n"
        "  parameters: {rejection_threshold: 12}\n...\n"
    )
    assert Detector1Pipeline(config_file=path).jump.rejection_threshold == 12.0
    with pytest.raises(
        ParameterError, match="several steps have the class BendStep: name one of them, first or second"
    ):
        BentPipeline(steps={"BendStep": {"factor": 1}})
    path.write_text(f"{HEAD}class: pars_caches.BentPipeline\nparameters: {{}}\nsteps:\n- parameters: {{}}\n...\n")
    with pytest.raises(ParameterError, match="needs a 'name' or a 'class'"):
        BentPipeline(config_file=path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parameters: 5", "'parameters' must hold lines 'name: value'"),
        ("parameters: {}\nsteps: {second: {}}", "'steps' must be a list of entries"),
        ("parameters: {}\nsteps: [second]", "'steps' must be a list of entries"),
        ("parameters: {steps: 5}", "must be given as"),
    ],
)
def test_a_parameter_file_of_another_form_is_an_error(tmp_path, text, message):
    path = tmp_path / "bad.asdf"
    path.write_text(f"{HEAD}class: pars_caches.BentPipeline\n{text}\n...\n")
    with pytest.raises(ParameterError, match=message):
        BentPipeline.call("x.fits", config_file=path)


def test_files_that_name_each_other_are_an_error(tmp_path):
    path = parameter_file(tmp_path / "a.asdf", {"config_file": "b.asdf"})
    parameter_file(tmp_path / "b.asdf", {"config_file": "a.asdf"})
    with pytest.raises(ParameterError, match="in a circle"):
        BendStep(config_file=path)
    with pytest.raises(ParameterError, match="in a circle"):
        precedence.instance(BendStep, [], (str(path), config.load(path)))


def test_a_file_that_is_named_and_not_there_is_an_error(uncal, tmp_path):
    local = parameter_file(
        tmp_path / "mine.asdf", {}, {"second": {"config_file": "nix.asdf"}}, "pars_caches.BentPipeline"
    )
    with pytest.raises(InputError, match=r"(?s)no such parameter file.*nix.asdf"):
        BentPipeline.call(uncal, config_file=local)


def test_an_error_in_the_users_file_names_it(uncal, tmp_path):
    local = parameter_file(tmp_path / "mine.asdf", {}, {"second": {"factr": 1}}, "pars_caches.BentPipeline")
    with pytest.raises(
        ParameterError, match=r"(?s)unknown parameter 'factr'.*mine.asdf, for step 'bent.second'.*'factor'"
    ):
        BentPipeline.call(uncal, config_file=local)


@pytest.mark.parametrize("values", [5, "many", {"second": 5}])
def test_steps_must_be_names_with_parameters(uncal, values):
    with pytest.raises(ParameterError, match=r"must be given as \{name: value\}"):
        BentPipeline.call(uncal, steps=values)


def test_what_a_reference_says_about_a_step_that_is_not_built(root, uncal, tmp_path):
    parameter_file(reference_path(root, "pars-bentpipeline"), {}, {"someday": {"skip": True}})
    assert result(BentPipeline.call(uncal)) == (5 + 1) * 5 + 1
    parameter_file(reference_path(root, "pars-bentpipeline"), {}, {"someday": {"skip": False, "depth": 4}})
    with pytest.raises(ParameterError, match=r"(?s)someday is not in this version.*pars-bentpipeline_0001.asdf"):
        BentPipeline.call(uncal)
    # Who leaves the step out does not depend on what is said about it.
    assert result(BentPipeline.call(uncal, steps={"someday": {"skip": True}})) == (5 + 1) * 5 + 1
    words = [str(uncal), f"--output_dir={tmp_path / 'out'}", "--steps.someday.skip=true"]
    assert result(BentPipeline.from_cmdline(words)) == (5 + 1) * 5 + 1


@pytest.mark.req("STEP-01")
def test_the_name_in_a_parameter_file_is_that_of_the_instance(uncal, tmp_path):
    local = parameter_file(tmp_path / "mine.asdf", {"factor": 4}, name="gentle")
    BendStep.call(uncal, config_file=local, save_results=True)
    product = tmp_path / NAME.replace("uncal", "gentle")
    assert datamodels.open(product).provenance["steps"][0]["step"] == "gentle"
    BendStep.call(uncal, config_file=parameter_file(local, {}, name="BendStep"), save_results=True)
    assert (tmp_path / NAME.replace("uncal", "bend")).exists()


@pytest.mark.req("PYI-06")
def test_from_cmdline_takes_the_words_with_or_without_the_name_of_the_step(uncal, tmp_path):
    from hexcal.step import GroupScaleStep

    words = [str(uncal), f"--output_dir={tmp_path / 'out'}"]
    for name in ("group_scale", "GroupScaleStep", "hexcal.step.GroupScaleStep", "jwst.group_scale.GroupScaleStep"):
        assert GroupScaleStep.from_cmdline([name, *words]).meta.cal_step.group_scale == "SKIPPED"
        assert Step.from_cmdline([name, *words]).meta.cal_step.group_scale == "SKIPPED"
    with pytest.raises(ParameterError, match="is missing"):
        Step.from_cmdline([])
    with pytest.raises(ParameterError, match="the first word must be a pipeline"):
        Step.from_cmdline(words)


def test_two_parameter_files_are_refused(uncal, tmp_path):
    local = str(parameter_file(tmp_path / "mine.asdf", {}))
    with pytest.raises(ParameterError, match="two parameter files are given"):
        cmdline.run_class(BendStep, [str(uncal), f"--config-file={local}"], (local, config.load(local)))


@pytest.mark.req("PAR-01")
def test_where_parameters_of_a_pipeline_and_of_its_steps_can_be_set(uncal, tmp_path):
    local = parameter_file(
        tmp_path / "mine.asdf", {"note": "file"}, {"first": {"factor": 4}}, "pars_caches.BentPipeline"
    )

    def told(step):
        return step.note, step.first.factor

    assert told(BentPipeline()) == (None, 2.0)
    assert told(BentPipeline(config_file=local)) == ("file", 4.0)
    assert told(BentPipeline(config_file=local, note="given", steps={"first": {"factor": 5}})) == ("given", 5.0)
    step = BentPipeline.from_config_file(local)
    step.note, step.first.factor = "attribute", 6
    assert told(step) == ("attribute", 6.0)
    words = [str(uncal), f"--config-file={local}", "--save-parameters=used.asdf", f"--output_dir={tmp_path / 'out'}"]
    BentPipeline.from_cmdline([*words, "--note=words", "--steps.first.factor=7"])
    used = config.load("used.asdf")
    assert (used["parameters"]["note"], used["steps"]["first"]["parameters"]["factor"]) == ("words", 7.0)


@pytest.mark.req("PAR-03")
def test_products_go_where_output_dir_says_and_else_where_one_is(uncal, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    BentPipeline.from_cmdline([str(uncal), "--steps.first.save_results=true"])
    names = [NAME.replace("uncal", suffix) for suffix in ("bent", "first")]
    assert sorted(path.name for path in Path().iterdir()) == sorted(names)
    BentPipeline.from_cmdline([str(uncal), "--steps.first.save_results=true", "--output_dir=there"])
    assert sorted(path.name for path in Path("there").iterdir()) == sorted(names)


def test_rerun_makes_the_same_with_other_references_about(root, uncal, tmp_path, monkeypatch):
    local = parameter_file(tmp_path / "mine.asdf", {"skip": False}, cls="hexcal.step.GroupScaleStep", name="gentle")
    assert main(["run", str(local), str(uncal)]) == 0
    product = tmp_path / NAME.replace("uncal", "gentle")
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "nowhere"))
    assert main(["rerun", str(product)]) == 0
    assert (tmp_path / "rerun" / product.name).exists()
