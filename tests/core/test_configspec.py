"""Steps that were written for the original run here."""

import numpy as np
import pytest
from exposures import write_references, write_uncal

from hexcal import datamodels
from hexcal.core import Step, registry
from hexcal.core.configspec import parameters_from_spec, spec_text
from hexcal.errors import ParameterError
from hexcal.models import asdf_tree
from hexcal.pipeline import Detector1Pipeline
from hexcal.step import JumpStep
from hexcal.steps import ALIASES


class FormerStep(Step):
    """A step as the documents of the original describe it."""

    class_alias = "former"
    reference_file_types = ["gain"]

    spec = """
        # what the step needs
        factor = float(0, 10, default=1.0) # A factor
        count = integer(min=1, default=2)
        name = string(default='x')  # A name
        kind = option('one', 'two', default='one')
        numbers = int_list(default=None)
        words = force_list(default=list('a', 'b'))
        flag = boolean(default=True)
        needed = float() # Has no default
        table = input_file(default=None)
    """

    def process(self, input):
        with datamodels.RampModel(input) as ramp:
            gain = self.get_reference_file_model(ramp, "gain")
            ramp.data *= np.float32(self.factor * self.needed * gain.data[0, 0])
            return ramp.copy()


@pytest.mark.req("DEV-03", "DEV-09")
def test_spec_declares_parameters(tmp_path):
    step = FormerStep(factor="3", numbers="1, 2", kind="two", needed=1, words="c")
    assert (step.alias, step.factor, step.count, step.numbers, step.words, step.flag) == (
        "former",
        3.0,
        2,
        [1, 2],
        ["c"],
        True,
    )
    assert "override_gain" in FormerStep.parameters_class.model_fields
    assert FormerStep.parameters_class.model_fields["factor"].description == "A factor"
    uncal = write_uncal(tmp_path, data=np.ones((1, 2, 3, 4), "u2"))
    folder = write_references(tmp_path / "refs", (1, 2, 3, 4))
    result = FormerStep.call(uncal, factor=3, needed=2, references=str(folder))
    assert (result.data == 12).all() and result.meta.cal_step.former == "COMPLETE"


@pytest.mark.req("PREC-08")
def test_a_parameter_without_default_must_be_given(tmp_path):
    uncal = write_uncal(tmp_path, data=np.ones((1, 2, 3, 4), "u2"))
    with pytest.raises(ParameterError, match="needed has no default"):
        FormerStep.call(uncal, override_gain="N/A")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"factor": 11}, "less than or equal to 10"),
        ({"count": 0}, "greater than or equal to 1"),
        ({"kind": "three"}, "'one' or 'two'"),
        ({"numbers": ["a"]}, "valid integer"),
        ({"table": "nix.dat"}, "there is no file nix.dat"),
    ],
)
def test_bounds_of_a_spec(values, message):
    with pytest.raises(ParameterError, match=message):
        FormerStep(**values)


def test_a_spec_that_is_not_understood_is_refused():
    with pytest.raises(ParameterError, match="not understood"):

        class WrongStep(Step):
            """Wrong."""

            spec = "factor = decimal(default=1)"


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_own_steps_show_the_attributes_of_the_original(alias):
    cls = registry.find(alias)
    assert cls.class_alias == cls.alias == alias
    assert list(cls.reference_file_types) == list(cls.reference_types)
    again = parameters_from_spec(cls.spec, "Again")
    assert set(again.model_fields) == set(cls.Parameters.model_fields)
    defaults = {name: field.default for name, field in cls.Parameters.model_fields.items()}
    assert {name: field.default for name, field in again.model_fields.items()} == defaults


def test_a_spec_adds_to_the_parameters_of_the_step_that_is_derived_from():
    class MyJumpStep(JumpStep):
        """Jump, and more."""

        spec = """
            extra = float(default=2.5, min=0)  # one more
        """

    assert MyJumpStep().extra == 2.5 and MyJumpStep().rejection_threshold == 4.0
    assert "rejection_threshold = float(min=0.0, default=4.0)" in JumpStep.spec.replace("min=0,", "min=0.0,")


@pytest.mark.req("BEST-01")
def test_reference_file_types_may_be_a_property():
    class FirstStep(Step):
        reference_file_types = ["dark"]
        spec = "kind = string(default='gain')"

    class SecondStep(FirstStep):
        @property
        def reference_file_types(self):
            return ["dark", self.kind]

    assert FirstStep.reference_types == ("dark",) and SecondStep.reference_types == ("dark", "gain")
    assert SecondStep(override_gain="g.fits").override_gain == "g.fits"
    # Parameter references are asked for without being listed.
    assert SecondStep.get_config_reftype() == "pars-secondstep"


def test_a_property_of_reference_types_that_needs_a_run_is_refused_with_its_reason():
    with pytest.raises(
        ParameterError, match="reference_file_types asks for something that the step has only while it runs"
    ):

        class LateStep(Step):
            @property
            def reference_file_types(self):
                return [self.kind_of_today]


def test_an_error_inside_a_property_of_a_step_is_told_as_itself():
    class BrokenStep(Step):
        @property
        def threshold(self):
            return {}.no_such_thing

    with pytest.raises(AttributeError, match="'dict' object has no attribute 'no_such_thing'"):
        _ = BrokenStep().threshold


@pytest.mark.req("DEV-01")
def test_a_spec_file_beside_the_module_takes_the_place_of_the_attribute(tmp_path, monkeypatch):
    (tmp_path / "beside.py").write_text(
        "from hexcal.step import Step\n\nclass BesideStep(Step):\n    reference_file_types = ['dark']\n"
    )
    (tmp_path / "beside.spec").write_text("width = integer(min=1, default=3)  # Width of the window.\n")
    monkeypatch.syspath_prepend(tmp_path)
    from beside import BesideStep

    assert BesideStep().width == 3 and "width = integer(min=1, default=3)" in BesideStep.spec
    assert BesideStep(override_dark="d.fits").width == 3
    with pytest.raises(ParameterError, match="width = 0 is not valid"):
        BesideStep(width=0)
    with pytest.raises(NotImplementedError):
        BesideStep().process(None)


def test_values_are_checked_whatever_is_said_of_the_check():
    assert JumpStep(_validate_kwds=True, rejection_threshold=7).rejection_threshold == 7
    for cls in (JumpStep, Detector1Pipeline):
        with pytest.raises(ParameterError, match="_validate_kwds must be true"):
            cls(_validate_kwds=False)


@pytest.mark.req("DEV-04")
def test_every_type_of_a_spec_takes_what_the_documents_say():
    cls = parameters_from_spec(
        """
        whole = integer(min=1, max=9, default=2)  # A whole number.
        real = float(min=0, max=1, default=0.5)
        yes = boolean(default=True)
        text = string(min=1, max=3, default='abc')
        items = list(min=1, max=2, default=list('a'))
        forced = force_list(default=list('a'))
        wholes = int_list(default=list(1))
        reals = float_list(default=list(1.5))
        truths = bool_list(default=list(True))
        texts = string_list(default=list('a'))
        choice = option('a', 'b', default='a')
        [window]  # a group
        width = integer(min=1, default=3)  # Pixels.
        kind = option('box', 'hat', default='box')
        """,
        "AllSpec",
    )
    values = cls(forced="x", wholes="1, 2", reals="1.5", truths="true, false", window={"width": "5"})
    assert (
        values.forced == ["x"] and values.wholes == [1, 2] and values.reals == [1.5] and values.truths == [True, False]
    )
    assert cls().window == {"width": 3, "kind": "box"} and values.window == {"width": 5, "kind": "box"}
    assert cls.model_fields["whole"].description == "A whole number."
    for wrong in (
        {"whole": 0}, {"whole": 10}, {"whole": "x"}, {"real": 2}, {"yes": "perhaps"}, {"text": "abcd"},
        {"items": ["a", "b", "c"]}, {"wholes": "a"}, {"reals": "a"}, {"truths": "a"}, {"choice": "c"},
        {"window": {"width": 0}}, {"window": {"height": 1}}, {"window": 3},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(wrong))):
            cls(**wrong)
    again = parameters_from_spec(spec_text(cls), "AgainSpec")
    assert again().model_dump() == cls().model_dump() and again(window={"width": 5}).window == values.window


class FilesStep(Step):
    """Read a table, write a table."""

    reference_file_types = []
    spec = """
        table = input_file(default=None)
        result = output_file(default=None)
        title = string(default='')
    """

    def process(self, input):
        return input


@pytest.mark.req("DEV-05")
@pytest.mark.parametrize("ending", ["cfg", "asdf"])
def test_files_in_a_parameter_file_are_relative_to_it(tmp_path, monkeypatch, ending):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    values = {"table": "lines.txt", "result": "out.txt", "title": "lines.txt"}
    if ending == "cfg":
        (folder / "p.cfg").write_text("".join(f"{name} = {value}\n" for name, value in values.items()))
    else:
        asdf_tree.to_file(folder / "p.asdf", {"class": "x.FilesStep", "name": "x", "parameters": values}, [])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match="there is no file"):
        FilesStep(config_file=f"elsewhere/p.{ending}")
    (folder / "lines.txt").write_text("x")
    step = FilesStep(config_file=f"elsewhere/p.{ending}")
    assert step.table == "elsewhere/lines.txt" and step.result == "elsewhere/out.txt" and step.title == "lines.txt"
    assert type(step.title) is str and "table = input_file(" in FilesStep.spec
    # What is not from a file is relative to the current folder.
    assert FilesStep(table="elsewhere/lines.txt").table == "elsewhere/lines.txt"
