"""The grammar of good_bits."""

import pytest

from hexcal.errors import ParameterError
from hexcal.steps.image.good_bits import bad_flags

ALL = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("~DO_NOT_USE", 1),
        ("~DO_NOT_USE+NON_SCIENCE", 513),
        ("~(DO_NOT_USE | 512)", 513),
        ("JUMP_DET + 2", ALL - 6),
        ("4, 2", ALL - 6),
        (6, ALL - 6),
        ("0", ALL),
        ("", 0),
        (None, 0),
        ("None", 0),
    ],
)
def test_flags(text, bad):
    assert bad_flags(text) == bad


@pytest.mark.parametrize(("text", "message"), [("DO_NOT_USED", "DO_NOT_USE"), ("1.5", "names or numbers")])
def test_misspelt(text, message):
    with pytest.raises(ParameterError, match=message):
        bad_flags(text)
