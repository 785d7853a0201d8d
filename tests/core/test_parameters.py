"""Parameters: names, values, bounds, precedence, parameter files."""

import asdf
import numpy as np
import pytest
from exposures import write_references, write_uncal

from hexcal import datamodels
from hexcal.core import Pipeline, Step, StepParameters, cmdline, config, parameter, registry
from hexcal.errors import HexcalError, InputError, ParameterError
from hexcal.pipeline import Detector1Pipeline
from hexcal.step import JumpStep


class ScaleStep(Step):
    """Multiply the data."""

    alias = "scale"
    input_model = "RampModel"

    class Parameters(StepParameters):
        factor: float = parameter(2.0, "Factor.", ge=0, le=100)
        names: list | None = parameter(None, "Names.")
        cores: str = parameter("1", "Cores.")

    def process(self, ramp):
        ramp.data *= np.float32(self.factor)
        return ramp


class TwicePipeline(Pipeline):
    """Scale twice."""

    alias = "twice"
    input_model = "RampModel"
    step_defs = {"first": ScaleStep, "second": ScaleStep}
    step_defaults = {"second": {"factor": 3.0}}

    class Parameters(StepParameters):
        note: str | None = parameter(None, "A note.")

    def process(self, ramp):
        return self.run_in_order([self.first, self.second], ramp)


@pytest.fixture
def uncal(tmp_path):
    return write_uncal(tmp_path, data=np.ones((1, 2, 3, 4), "u2"))


def result(model):
    return float(model.data[0, 0, 0, 0])


@pytest.mark.req("PYI-04", "DEV-02", "DEV-06")
def test_steps_are_attributes_of_the_pipeline(uncal):
    pipe = TwicePipeline()
    pipe.first.factor = 5
    pipe.second.skip = True
    assert result(pipe.run(uncal)) == 5.0
    pipe.second.skip = False
    assert pipe.first.factor == 5.0 and pipe.first.sources == {"factor": "attribute"}
    assert result(pipe.run(uncal)) == 15.0


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (
            lambda pipe: setattr(pipe.first, "factr", 1),
            "unknown attribute 'factr'.*\n.*step 'twice.first'.*\n.*did you mean 'factor'",
        ),
        (lambda pipe: setattr(pipe, "frist", 1), "did you mean 'first'"),
        (lambda pipe: pipe.secnd, "did you mean 'second'"),
        (
            lambda pipe: TwicePipeline(steps={"secnd": {"factor": 1}}),
            "unknown step 'secnd'.*\n.*\n.*did you mean 'second'",
        ),
        (lambda pipe: TwicePipeline(steps={"second": {"fctor": 1}}), "unknown parameter 'fctor'"),
        (lambda pipe: ScaleStep(factor=101), "less than or equal to 100"),
        (lambda pipe: ScaleStep(factor="many"), "valid number.*\n.*\n.*factor \\(number, >= 0, <= 100, default 2.0\\)"),
    ],
)
def test_a_wrong_name_or_value_is_refused_with_the_right_one(action, message):
    with pytest.raises(ParameterError, match=message) as caught:
        action(TwicePipeline())
    assert len(str(caught.value).splitlines()) <= 5


def test_a_step_that_is_not_built_can_be_left_out_but_not_set(uncal, tmp_path):
    class SomedayPipeline(TwicePipeline):
        """Scale, and more."""

        not_built = ("third",)

    assert result(SomedayPipeline.call(uncal, steps={"third": {"skip": True}})) == 6.0
    assert (
        result(SomedayPipeline.from_cmdline([str(uncal), "--steps.third.skip=true", f"--output_dir={tmp_path}"])) == 6.0
    )
    for values in ({"skip": False}, {"factor": 2}, {"skip": True, "factor": 2}):
        with pytest.raises(ParameterError, match="third is not in this version"):
            SomedayPipeline(steps={"third": values})


@pytest.mark.parametrize("name", ["run", "tell_count", "where", "save_model"])
def test_a_parameter_that_nobody_could_read_is_refused(name):
    fields = {"__annotations__": {name: int}, name: parameter(1, "A number.")}
    with pytest.raises(ParameterError, match=f"a parameter cannot be called '{name}'"):
        type("OddStep", (Step,), {"Parameters": type("Parameters", (StepParameters,), fields)})


def test_parameters_are_frozen_for_the_run():
    with pytest.raises(Exception, match="frozen"):
        ScaleStep().parameters.factor = 3


def test_one_instance_does_not_affect_another():
    ScaleStep(factor=9)
    assert ScaleStep().factor == 2.0


@pytest.mark.req("PYI-01", "PYI-02")
def test_call_takes_keywords_and_steps(uncal):
    assert result(TwicePipeline.call(uncal, steps={"first": {"factor": 7}})) == 21.0
    assert result(TwicePipeline.call(uncal, note="seen")) == 6.0
    other = ScaleStep()
    other.factor = 9
    assert result(other.call(str(uncal))) == 2.0, "what is set on an instance is not that of another"
    assert result(ScaleStep.call(str(uncal), factor=4)) == 4.0
    assert result(TwicePipeline(steps={"second": {"factor": 0.5}}).run(uncal)) == 1.0


@pytest.mark.req("STEP-10")
def test_an_instance_is_run_or_called_and_can_be_used_again(uncal):
    step = ScaleStep(factor=3)
    assert result(step.run(uncal)) == result(step(uncal)) == 3.0


@pytest.mark.req("PREC-01", "PREC-02", "PREC-04", "ASDF-03")
def test_precedence_command_line_then_file_then_pipeline_default_then_coded(tmp_path, uncal):
    file = tmp_path / "twice.asdf"
    TwicePipeline(steps={"first": {"factor": 10}}).export_config(file)
    tree = config.load(file)
    assert tree["steps"]["first"]["parameters"]["factor"] == 10
    del tree["steps"]["second"]
    step = cmdline.run_class(TwicePipeline, [str(uncal), f"--output_dir={tmp_path}"], ("twice.asdf", tree))
    assert result(step) == 30.0
    step = cmdline.run_class(
        TwicePipeline, [str(uncal), "--steps.first.factor=1.5", f"--output_dir={tmp_path}"], ("twice.asdf", tree)
    )
    assert result(step) == 4.5


@pytest.mark.req("PREC-03", "STEP-02", "STEP-03", "ASDF-01", "ASDF-02", "STEP-01", "PYI-13")
def test_asdf_parameter_files(tmp_path, uncal):
    head = "#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n--- !core/asdf-1.1.0\n"
    (tmp_path / "inner.asdf").write_text(
        f"{head}class: {__name__}.ScaleStep\nparameters: {{factor: 6, names: [a, b]}}\n...\n"
    )
    (tmp_path / "outer.asdf").write_text(
        f"{head}class: {__name__}.TwicePipeline\nname: twice\nparameters: {{note: hello}}\n"
        "steps:\n- class: x.ScaleStep\n  name: first\n  parameters: {config_file: inner.asdf, factor: 5}\n- name: "
        "second\n  parameters: {skip: true}\n...\n"
    )
    pipe = TwicePipeline(config_file=tmp_path / "outer.asdf")
    assert (pipe.note, pipe.first.factor, pipe.first.names, pipe.second.skip) == ("hello", 5.0, ["a", "b"], True)
    assert result(TwicePipeline.call(uncal, config_file=str(tmp_path / "outer.asdf"))) == 5.0


@pytest.mark.req("ASDF-02")
@pytest.mark.parametrize("missing", ["class", "parameters"])
def test_a_parameter_file_needs_its_class_and_its_parameters(tmp_path, missing):
    lines = {"class": f"class: {__name__}.ScaleStep", "parameters": "parameters: {}"}
    head = "#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n--- !core/asdf-1.1.0\n"
    (tmp_path / "mine.asdf").write_text(head + "\n".join(reversed(lines.values())) + "\n...\n")
    assert ScaleStep(config_file=tmp_path / "mine.asdf").factor == 2.0
    del lines[missing]
    (tmp_path / "mine.asdf").write_text(head + "\n".join(lines.values()) + "\n...\n")
    with pytest.raises(HexcalError, match=f"needs the key '{missing}'"):
        ScaleStep(config_file=tmp_path / "mine.asdf")


@pytest.mark.req("ASDF-08")
def test_former_cfg_parameter_files(tmp_path):
    (tmp_path / "twice.cfg").write_text(
        'name = "twice"\nclass = "x.TwicePipeline"\nnote = hello\n'
        "[steps]\n  [[first]]\n    factor = 4\n    names = a, b\n  [[second]]\n    config_file = inner.cfg\n"
    )
    (tmp_path / "inner.cfg").write_text('name = "scale"\nclass = "x.ScaleStep"\nfactor = 7\n')
    pipe = TwicePipeline(config_file=tmp_path / "twice.cfg")
    assert (pipe.note, pipe.first.factor, pipe.first.names) == ("hello", 4.0, ["a", "b"])
    assert pipe.second.factor == 7.0


@pytest.mark.req("STEP-05", "ASDF-04", "ASDF-05", "ASDF-01")
def test_export_config_with_meta(tmp_path):
    ScaleStep(factor=4).export_config(tmp_path / "p.asdf", include_meta=True)
    model = datamodels.open(tmp_path / "p.asdf")
    assert model.meta.reftype == "pars-scalestep" and model.history
    tree = asdf.util.load_yaml(tmp_path / "p.asdf")
    assert set(tree["meta"]) >= {
        "author",
        "date",
        "description",
        "instrument",
        "pedigree",
        "reftype",
        "telescope",
        "title",
        "useafter",
    }
    assert "name" in tree["meta"]["instrument"]
    text = (tmp_path / "p.asdf").read_text().splitlines()
    assert text[0].startswith("#ASDF ") and text[1].startswith("#ASDF_STANDARD ") and text[2] == "%YAML 1.1"
    assert text[3].startswith("%TAG ! ") and text[4].startswith("--- ") and text[-1] == "..."
    ScaleStep(factor=4).export_config(tmp_path / "plain.asdf")
    plain = asdf.util.load_yaml(tmp_path / "plain.asdf")
    assert "meta" not in plain and set(plain["parameters"]) == set(ScaleStep().get_pars())
    assert ScaleStep(config_file=tmp_path / "p.asdf").factor == 4.0


@pytest.mark.req("IO-14")
def test_a_parameter_reference_says_nothing_of_where_files_are(tmp_path):
    step = JumpStep(output_dir="mine", save_results=True, post_hooks=["echo"], override_gain="g.fits", skip=True)
    step.export_config(tmp_path / "p.asdf", include_meta=True)
    written = asdf.util.load_yaml(tmp_path / "p.asdf")["parameters"]
    places = (
        "input_dir output_ext output_use_index output_use_model post_hooks pre_hooks save_results search_output_file"
    )
    assert not {*places.split(), "output_dir", "output_file", "references", "override_gain"} & set(written)
    assert written["skip"] is True and written["rejection_threshold"] == 4.0
    Detector1Pipeline(output_dir="mine").export_config(tmp_path / "q.asdf", include_meta=True)
    tree = asdf.util.load_yaml(tmp_path / "q.asdf")
    for section in (tree, *tree["steps"]):
        assert not {*places.split(), "output_dir"} & set(section["parameters"])


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("no asdf", InputError, "not readable as ASDF"),
        (
            "#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n%YAML 1.1\n--- \nparameters: {}\n...\n",
            ParameterError,
            "needs the key 'class'",
        ),
    ],
)
def test_a_bad_parameter_file_is_an_error(tmp_path, content, error, message):
    (tmp_path / "bad.asdf").write_text(content)
    with pytest.raises(error, match=message):
        ScaleStep(config_file=tmp_path / "bad.asdf")
    with pytest.raises(HexcalError, match="no such parameter file"):
        ScaleStep(config_file=tmp_path / "absent.asdf")


@pytest.mark.req("PAR-05", "DEV-03", "S2C-06")
def test_each_reference_type_has_an_override(tmp_path):
    from hexcal.step import SuperBiasStep

    assert "override_superbias" in SuperBiasStep.parameters_class.model_fields
    uncal = write_uncal(tmp_path)
    folder = write_references(tmp_path / "refs", superbias=np.full((16, 24), 990, "f4"))
    corrected = SuperBiasStep.call(uncal, override_superbias=str(folder / "superbias.fits"))
    assert abs(corrected.data[0, 0].mean() - 10) < 1
    assert corrected.meta.ref_file.superbias.name == "superbias.fits"
    assert SuperBiasStep.call(uncal, override_superbias="N/A").meta.cal_step.superbias == "SKIPPED"
    with datamodels.open(folder / "superbias.fits") as model:
        SuperBiasStep.call(uncal, override_superbias=model, output_dir=str(tmp_path / "out"))
    (product,) = (tmp_path / "out").iterdir()
    assert datamodels.open(product).provenance["run"]["parameters"]["override_superbias"] == str(
        folder / "superbias.fits"
    )


def test_words_become_values():
    step = ScaleStep(factor="7", names="[a, b]", cores=4, output_file="None", skip="true")
    assert (step.factor, step.names, step.cores, step.output_file, step.skip) == (7.0, ["a", "b"], "4", None, True)


@pytest.mark.req("IO-21", "IO-12", "PREC-05")
def test_steps_look_up_output_file_and_directory_of_their_pipeline_and_nothing_else(uncal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TwicePipeline(save_results=False, steps={"first": {"save_results": True}}).run(uncal)
    first = uncal.name.replace("uncal", "first")
    assert {path.name for path in tmp_path.glob("*.fits")} == {uncal.name, first}
    (tmp_path / first).unlink()
    pipe = TwicePipeline(
        output_file="mine", output_dir=str(tmp_path / "out"), steps={"first": {"save_results": True, "suffix": "one"}}
    )
    pipe.run(uncal)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine_one.fits", "mine_twice.fits"]
    TwicePipeline(
        save_results=True, steps={"second": {"search_output_file": False, "save_results": True}}, output_file="other"
    ).run(uncal)
    assert {path.name for path in tmp_path.glob("*.fits")} == {
        uncal.name,
        "other_twice.fits",
        uncal.name.replace("uncal", "second"),
    }


@pytest.mark.parametrize(
    ("alias", "steps", "message"),
    [
        ("calwebb_image3", {"outlier_detection": {"good_bits": "~DO_NOT_USEE"}}, "DO_NOT_USEE"),
        ("calwebb_image3", {"outlier_detection": {"snr": "five"}}, "two numbers"),
        ("calwebb_image3", {"skymatch": {"dqbits": "HOTT"}}, "HOTT"),
        ("calwebb_image3", {"skymatch": {"skymethod": "user"}}, "list of levels"),
        ("calwebb_image3", {"resample": {"fillval": "nothing"}}, "NAN or INDEF"),
        ("calwebb_image3", {"source_catalog": {"aperture_ee1": 80}}, "must increase"),
        ("calwebb_spec2", {"extract_1d": {"smoothing_length": 4}}, "odd number"),
        ("calwebb_spec2", {"extract_1d": {"position_offset": "nan"}}, "must not be NaN"),
        ("calwebb_spec2", {"cube_build": {"channel": "5"}}, "channel must be"),
        ("calwebb_spec2", {"cube_build": {"wavemin": 9, "wavemax": 8}}, "must be below"),
        ("calwebb_spec2", {"badpix_selfcal": {"kernel_size": 4, "skip": False}}, "kernel_size must be odd"),
        ("calwebb_spec2", {"residual_fringe": {"ignore_region_min": [5.0], "skip": False}}, "needs both"),
    ],
)
def test_parameters_that_cannot_work_are_refused_before_the_input_is_read(alias, steps, message):
    """Not after the minutes that the steps before take."""
    with pytest.raises(ParameterError, match=message):
        registry.find(alias).call("there_is_no_such_file.fits", steps=steps)


def test_parameters_of_a_step_that_is_skipped_do_not_matter():
    with pytest.raises(InputError, match="no such file"):
        registry.find("calwebb_spec2").call(
            "there_is_no_such_file.fits", steps={"extract_1d": {"smoothing_length": 4, "skip": True}}
        )
