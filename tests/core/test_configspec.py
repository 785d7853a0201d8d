"""Steps that were written for the original run here."""

import numpy as np
import pytest
from exposures import write_references, write_uncal

from hexcal import datamodels
from hexcal.core import Step, registry
from hexcal.core.configspec import parameters_from_spec
from hexcal.errors import ParameterError
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
