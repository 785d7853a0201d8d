"""Differences of angles on the sky: right ascensions near 0 and 360 degrees are near one another."""

from typing import Any

import numpy as np


def wrapped(angle: Any) -> Any:
    """Return an angle brought to -180 (inclusive) to 180 degrees.

    Parameters
    ----------
    angle : float or float64 array
        Degrees.
    """
    return (angle + 180.0) % 360.0 - 180.0


def eastward(ra: Any, ra_from: Any, dec: Any) -> Any:
    """Return how far to the East places are from one another, along their parallel: degrees on the sky.

    Parameters
    ----------
    ra, ra_from : float or float64 array
        Right ascensions, degrees.
    dec : float or float64 array
        Declination of the parallel, degrees.
    """
    return wrapped(ra - ra_from) * np.cos(np.radians(dec))
