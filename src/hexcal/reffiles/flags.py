"""DQ_DEF tables: the flags that a reference file uses, by the master list."""

from typing import Any

import numpy as np

from hexcal.models.dqflags import pixel

_KINDS = [("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")]
_MEANINGS = {
    "DO_NOT_USE": "Bad pixel, not to be used",
    "UNRELIABLE_BIAS": "Bias varies from read-out to read-out",
    "UNRELIABLE_DARK": "Dark current varies",
    "UNRELIABLE_FLAT": "Flat field is uncertain",
    "HOT": "High dark current",
    "WARM": "Raised dark current",
    "DEAD": "No response to light",
    "LOW_QE": "Low response to light",
    "OPEN": "Open pixel: its charge goes to its neighbours",
    "ADJ_OPEN": "Adjacent to an open pixel",
    "RC": "Charge of an RC pixel",
    "TELEGRAPH": "Signal jumps between levels",
    "OTHER_BAD_PIXEL": "Bad for another reason",
    "REFERENCE_PIXEL": "Not sensitive to light",
    "NO_SAT_CHECK": "No saturation threshold is known",
    "NO_LIN_CORR": "No linearity correction is known",
    "NONLINEAR": "Strongly non-linear",
    "NO_GAIN_VALUE": "No gain is known",
    "NO_FLAT_FIELD": "No flat field is known",
}


def definitions(*names: str) -> Any:
    """Return the DQ_DEF table of some flags: one row for each, with its master bit."""
    rows = [(pixel[name].bit_length() - 1, pixel[name], name.encode(), _MEANINGS[name].encode()) for name in names]
    return np.array(sorted(rows), dtype=_KINDS)
