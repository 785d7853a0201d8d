"""The apertures of an observatory: where in the focal plane each lies, and how it is turned (SIAF)."""

import os
from typing import NamedTuple

from hexcal.observatories.tables import read_table

_COLUMNS = (
    "aperture",
    "instrument",
    "v2_ref",
    "v3_ref",
    "v3_idl_yang",
    "v_idl_parity",
    "x_ref",
    "y_ref",
    "x_scale",
    "y_scale",
)
_CORNERS = tuple(f"{axis}_idl_{number}" for axis in "xy" for number in (1, 2, 3, 4))


class Aperture(NamedTuple):
    """One aperture.

    Parameters
    ----------
    name, instrument : str
        As headers have them.
    v2_ref, v3_ref : float
        Reference point in the focal plane, arcsec.
    v3_idl_yang : float
        Angle from V3 to the y axis of the ideal frame, towards V2, degrees.
    v_idl_parity : int
        1 if the x axis of the ideal frame points along V2, -1 if against it.
    x_ref, y_ref : float or None
        Pixel of the reference point, the first one counted 1.
    x_scale, y_scale : float or None
        Size of a pixel there, arcsec.
    corners : tuple of (float, float)
        In the ideal frame, arcsec; empty where the table has none.
    """

    name: str
    instrument: str
    v2_ref: float
    v3_ref: float
    v3_idl_yang: float
    v_idl_parity: int
    x_ref: float | None
    y_ref: float | None
    x_scale: float | None
    y_scale: float | None
    corners: tuple


def read_apertures(folder):
    """Return the apertures of the table ``siaf.tsv`` in an observatory's folder (dict of str to Aperture).

    Empty if there is none.
    """
    filename = os.path.join(folder, "siaf.tsv")
    if not os.path.exists(filename):
        return {}
    return {row[0]: _aperture(row) for row in read_table(filename, _COLUMNS + _CORNERS)}


def _aperture(row):
    name, instrument, *texts = row
    v2, v3, angle, parity, *values = [float(text) if text else None for text in texts]
    corners = values[4:]
    pairs = () if None in corners else tuple(zip(corners[:4], corners[4:], strict=True))
    x_ref, y_ref, x_scale, y_scale = values[:4]
    return Aperture(
        name,
        instrument,
        v2 or 0.0,
        v3 or 0.0,
        angle or 0.0,
        int(parity or 1),
        x_ref,
        y_ref,
        x_scale,
        y_scale,
        pairs,
    )
