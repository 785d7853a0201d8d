"""The flags of the DQ arrays: bits, names, and the ways in which parameters name acceptable flags."""

import numpy as np
import pytest

from hexcal.errors import ParameterError
from hexcal.models import dqflags
from hexcal.models.science import RampModel
from hexcal.steps.image.good_bits import bad_flags

DOCUMENTED = {
    "DQ-03": "DO_NOT_USE SATURATED JUMP_DET DROPOUT OUTLIER PERSISTENCE AD_FLOOR CHARGELOSS",
    "DQ-04": "UNRELIABLE_ERROR NON_SCIENCE DEAD HOT WARM LOW_QE RC TELEGRAPH",
    "DQ-05": "NONLINEAR BAD_REF_PIXEL NO_FLAT_FIELD NO_GAIN_VALUE NO_LIN_CORR NO_SAT_CHECK UNRELIABLE_BIAS "
    "UNRELIABLE_DARK",
    "DQ-06": "UNRELIABLE_SLOPE UNRELIABLE_FLAT OPEN ADJ_OPEN FLUX_ESTIMATED MSA_FAILED_OPEN OTHER_BAD_PIXEL "
    "REFERENCE_PIXEL",
}
ALL = 2**32 - 1
JUMP, DROPOUT = 4, 8


@pytest.mark.parametrize(
    ("first", "names"),
    [
        pytest.param(8 * place, names, marks=pytest.mark.req(row))
        for place, (row, names) in enumerate(DOCUMENTED.items())
    ],
)
def test_each_flag_has_its_documented_bit(first, names):
    for bit, name in enumerate(names.split(), start=first):
        assert dqflags.pixel[name] == 2**bit


@pytest.mark.req("DQ-01")
def test_flags_of_groups_are_the_lowest_eight_of_those_of_pixels():
    model = RampModel((1, 2, 3, 4))
    assert (model.pixeldq.dtype, model.groupdq.dtype) == (np.uint32, np.uint8)
    assert dqflags.group == {name: value for name, value in dqflags.pixel.items() if value < 2**8}
    assert len(dqflags.pixel) == 33 and len(dqflags.group) == 9  # with GOOD


@pytest.mark.req("DQ-07")
@pytest.mark.parametrize("text", [12, "12", "4+8", "4,8", "4, 8", "JUMP_DET, DROPOUT", "JUMP_DET, DROP_OUT"])
def test_acceptable_flags_may_be_written_in_many_ways(text):
    assert bad_flags(text) == ALL & ~(JUMP | DROPOUT)


@pytest.mark.req("DQ-07")
def test_a_misspelled_flag_is_told():
    with pytest.raises(ParameterError, match="DROPUOT"):
        bad_flags("JUMP_DET, DROPUOT")


@pytest.mark.req("DQ-08")
@pytest.mark.parametrize(
    ("text", "bad"),
    [(0, ALL), ("0", ALL), (None, 0), ("None", 0), ("~4+8", JUMP | DROPOUT), ("~4,8", JUMP | DROPOUT), ("~0", 0)],
)
def test_none_and_tilde(text, bad):
    assert bad_flags(text) == bad
