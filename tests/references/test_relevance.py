"""Conditions on header values."""

import pytest

from hexcal.references.relevance import Expression

VALUES = {"META.EXPOSURE.TYPE": "MIR_IMAGE", "A.B": "1.0"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('(META.EXPOSURE.TYPE not in ("MIR_IMAGE", "NRC_IMAGE"))', False),
        ('META_EXPOSURE_TYPE == "MIR_IMAGE"', True),
        ('not (A.B == "1.0" and a.b == "2.0")', True),
        ('A.B != "1.0" or "IMAGE" in META.EXPOSURE.TYPE', True),
        ('"0" < A.B < "2"', True),
    ],
)
def test_conditions(text, holds):
    assert Expression(text, VALUES)(VALUES) is holds


def test_a_value_that_is_absent_is_undefined():
    assert Expression('A.B == "UNDEFINED"', VALUES)({})


@pytest.mark.parametrize(
    "text",
    [
        '__import__("os")',
        'A.B.startswith("A")',
        "OTHER == 'X'",
        "(lambda: 1)()",
        "A.B + 'x'",
        "A.B is None",
        "A.B ==",
        "[x for x in A.B]",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="condition"):
        Expression(text, VALUES)
