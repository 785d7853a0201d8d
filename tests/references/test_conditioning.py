"""Values in one spelling."""

import pytest

from hexcal.references.conditioning import condition


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        ("12", "12.0"),
        ("12.", "12.0"),
        ("012", "12.0"),
        ("+1.2e1", "12.0"),
        (12, "12.0"),
        (12.5, "12.5"),
        ("-0", "-0.0"),
        (".5", "0.5"),
        ("1e400", "inf"),
        ("1e-7", "1e-07"),
        (True, "T"),
        ("false", "F"),
        ("t", "T"),
        (" f090w ", "F090W"),
        ("any", "*"),
        ("n/a", "N/A"),
        ("N/A as yet", "N/A"),
        ("A|N/A", "A|N/A"),
        (None, "UNDEFINED"),
        ("", ""),
        ("nan", "NAN"),
        ("0x10", "0X10"),
        ("1_000", "1_000"),
        ("2014-01-01", "2014-01-01"),
        ("1|2", "1|2"),
    ],
)
def test_spelling(value, spelling):
    assert condition(value) == spelling
