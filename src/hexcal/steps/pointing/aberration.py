"""Velocity aberration: how the motion of the observatory displaces and stretches what it sees."""

import numpy as np

from hexcal.errors import InputError
from hexcal.files import gate

SPEED_OF_LIGHT = 299792.458
"""km/s."""
_VELOCITY = ("velocity_x_bary", "velocity_y_bary", "velocity_z_bary")


def set_velocity_aberration(path, force_level1bmodel=True):
    """Write VA_SCALE, VA_RA and VA_DEC into the headers of an exposure.

    Parameters
    ----------
    path : path-like
        The exposure, changed in place. Its header has the velocity (JWST_DX, JWST_DY, JWST_DZ) and the reference point
        (RA_REF, DEC_REF).
    force_level1bmodel : bool
        Open the file as a raw exposure, whatever it says that it is.

    Raises
    ------
    InputError
        If one of these keywords is missing; nothing is written then.
    """
    from hexcal.models.open import open as open_model
    from hexcal.models.science import Level1bModel

    model = Level1bModel(path) if force_level1bmodel else open_model(path)
    velocity = [model.get_meta(f"meta.ephemeris.{name}") for name in _VELOCITY]
    ra, dec = model.meta.wcsinfo.ra_ref, model.meta.wcsinfo.dec_ref
    values = zip((*velocity, ra, dec), ("JWST_DX", "JWST_DY", "JWST_DZ", "RA_REF", "DEC_REF"), strict=True)
    missing = [keyword for value, keyword in values if value is None]
    if missing:
        raise InputError(
            f"velocity aberration follows from the velocity and the pointing: {', '.join(missing)} not in the header "
            "of SCI",
            where=str(path),
            hint="set_telescope_pointing writes RA_REF and DEC_REF",
        )
    scale, apparent_ra, apparent_dec = aberration(velocity, ra, dec)
    model.meta.velocity_aberration.scale_factor = scale
    model.meta.velocity_aberration.va_ra_ref = apparent_ra
    model.meta.velocity_aberration.va_dec_ref = apparent_dec
    gate.edits(path)
    model.save(path)


def aberration(velocity, ra, dec):
    """Return by how much the sky around a position is stretched, and where it seems to be.

    Parameters
    ----------
    velocity : sequence of 3 floats
        Of the observatory relative to the barycentre of the solar system, equatorial (ICRS), km/s.
    ra, dec : float
        The position, degrees.

    Returns
    -------
    scale : float
        ``gamma (1 + beta . n)``: true distances on the sky divided by apparent ones.
    ra, dec : float
        Apparent position, degrees.

    Notes
    -----
    Special relativity; Explanatory Supplement to the Astronomical Almanac, 3rd edition, section 7.2.3.
    """
    beta = np.asarray(velocity, float) / SPEED_OF_LIGHT
    direction = unit_vector(ra, dec)
    seen = apparent(direction, beta)
    gamma = 1 / np.sqrt(1 - beta @ beta)
    return float(gamma * (1 + beta @ direction)), *angles_of(seen)


def apparent(direction, beta):
    """Return where a direction is seen by who moves with a velocity.

    Parameters
    ----------
    direction, beta : float64 array (3,)
        A unit vector, and the velocity in units of that of light, in the same frame.
    """
    gamma = 1 / np.sqrt(1 - beta @ beta)
    along = beta @ direction
    return (direction / gamma + beta + gamma / (gamma + 1) * along * beta) / (1 + along)


def unit_vector(ra, dec):
    """The unit vector of a position in degrees (float64 array (3,))."""
    ra, dec = np.radians(ra), np.radians(dec)
    return np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def angles_of(vector):
    """The position of a vector: right ascension 0 to 360 and declination, degrees (floats)."""
    x, y, z = vector
    return float(np.degrees(np.arctan2(y, x)) % 360), float(np.degrees(np.arctan2(z, np.hypot(x, y))))
