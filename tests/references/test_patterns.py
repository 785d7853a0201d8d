"""One value of a rule; what each matches was asked of the original's client."""

import pytest

from hexcal.references.conditioning import condition
from hexcal.references.patterns import Pattern


@pytest.mark.req("MATCH-05")
@pytest.mark.parametrize(
    ("pattern", "value", "weight"),
    [
        ("NRCA1", "nrca1", 1),
        ("NRCA1", "NRCA2", None),
        ("12", "12.0", 1),
        ("A|12", 12, 1),
        ("A| B", "B", 1),
        ("A|B|", "", None),
        ("A|B", "C", None),
        ("A|N/A", "C", None),
        ("ANY", "anything", 1),
        ("ANY|X", "anything", 1),
        ("*", "", 1),
        ("N/A", "anything", 0),
        ("N/A as yet", "anything", 0),
        ("GENERIC", "FULL", None),
        ("TRUE", True, 1),
        ("MIR_FLAT*", "MIR_FLATIMAGE", 1),
        ("A?|C", "AB", 1),
        ("A?", "AB", None),
        ("[AB]|C", "B", 1),
        ("12*", "12", 1),
        ("A.C|Q", "ABC", None),
        ("NOT MIR_IMAGE", "MIR_MRS", 1),
        ("not mir_image", "MIR_IMAGE", None),
        ("NOT A|B", "B", None),
        ("NOT A|B", "C", 1),
        ("NOT N/A", "A", 1),
        ("NOT 12", "12", 1),  # a number after NOT is not respelled: a quirk of the original
        ("NOT 12.0", "12", None),
        ("NOT A*", "ABC", None),
        ("NOT NOT A", "A", 1),
        ("NOTA", "B", None),
        ("(A.*)", "ABC", 1),
        ("(^A$)", "AB", None),
        ("(A|C)", "CX", 1),
        ("(a)", "A", None),
        ("{A|B}", "A|B", 1),
        ("{A|B}", "A", None),
        ("#>5#", "6", 1),
        ("#>5#", "X", None),
        ("# >5 and <37 #", "37", None),
        ("#>1 or <-1#", "-3", 1),
        ("#>1 and <20 or >-5#", "-3", None),
        ("#not >5#", "X", 1),
        ("between 5 12", "5", 1),
        ("between 5 12", "12", None),
        ("BETWEEN -5 5.5", "-3", 1),
        ("between 5 12", "X", None),
        # of the exposure
        ("A", "N/A", 0),
        ("NOT A", "N/A", 0),
        ("A", "ANY", 1),
        ("N/A", "ANY", 0),
        ("#>5#", "ANY", 1),
        ("NOT A", "ANY", None),
        ("A", None, None),
        ("UNDEFINED", None, 1),
    ],
)
def test_weight(pattern, value, weight):
    assert Pattern(pattern).weight(condition(value)) == weight


@pytest.mark.parametrize(
    "text", ["(A)|(C)", "between 20 1", "BETWEEN", "between 1", "between A B", "#>A#", "#=5#", "#<>5#"]
)
def test_malformed(text):
    with pytest.raises(ValueError, match="not a"):
        Pattern(text)


@pytest.mark.parametrize("text", ["N/A", "ANY", "Q|*", "Q|N/A", "NOT Q", "(Q)", "{Q}", "#>1#", "between 1 2"])
def test_patterns_that_admit_other_values(text):
    assert not Pattern(text).is_closed


@pytest.mark.parametrize("text", ["A", "A|B", "A*", "**", "12", "Q|(R)", "GENERIC", "#>1"])
def test_patterns_that_list_their_values(text):
    assert Pattern(text).is_closed
