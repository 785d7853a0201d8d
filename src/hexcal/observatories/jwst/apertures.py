"""The full-frame apertures of the imaging detectors: where their pixels look (facts of the SIAF, PRD PRDOPSSOC-075)."""

import os
from functools import cache
from typing import NamedTuple

from hexcal.errors import unknown_name
from hexcal.observatories.base import read_table

__all__ = ["Aperture", "aperture", "apertures"]


class Aperture(NamedTuple):
    """One aperture.

    Attributes
    ----------
    name, detector : str
        Name in the SIAF, value of DETECTOR.
    v2_ref, v3_ref : float
        Position of the reference point in the frame of the telescope, arcsec.
    v3_yangle : float
        Angle from the V3 axis to the y axis of the ideal frame, degrees.
    parity : int
        1 or -1: handedness of the ideal frame.
    x_ref, y_ref : float
        Reference pixel, counted from 1.
    degree : int
        Of the polynomials.
    x_ideal, y_ideal : tuple of float
        Coefficients of ``x^(i-j) y^j`` for i = 0 ... degree and j = 0 ... i: from pixels relative to the reference
        pixel to arcsec in the ideal frame.
    """

    name: str
    detector: str
    v2_ref: float
    v3_ref: float
    v3_yangle: float
    parity: int
    x_ref: float
    y_ref: float
    degree: int
    x_ideal: tuple
    y_ideal: tuple


_COLUMNS = (
    "aperture",
    "detector",
    "v2_ref",
    "v3_ref",
    "v3_yangle",
    "parity",
    "x_ref",
    "y_ref",
    "degree",
    "x_ideal",
    "y_ideal",
)


@cache
def apertures():
    """Return the apertures by detector (dict of str to `Aperture`)."""
    rows = read_table(os.path.join(os.path.dirname(__file__), "apertures.tsv"), _COLUMNS)
    return {row[1]: _aperture(row) for row in rows}


def _aperture(row):
    name, detector, v2_ref, v3_ref, v3_yangle, parity, x_ref, y_ref, degree, *polynomials = row
    x_ideal, y_ideal = (tuple(float(value) for value in text.split()) for text in polynomials)
    numbers = (float(v2_ref), float(v3_ref), float(v3_yangle), int(parity), float(x_ref), float(y_ref), int(degree))
    return Aperture(name, detector, *numbers, x_ideal, y_ideal)


def aperture(detector):
    """Return the full-frame aperture of a detector.

    Parameters
    ----------
    detector : str
        Value of DETECTOR.

    Raises
    ------
    ParameterError
        If it is no imaging detector.
    """
    if detector not in apertures():
        raise unknown_name("imaging detector", detector, apertures(), where="DETECTOR")
    return apertures()[detector]
