"""Rotations between the frames of the sky, the attitude control, the guiders, the telescope and the apertures.

Frames: ECI, the sky (equatorial, ICRS); J, that of the attitude control; FGS, the ideal frame of a guider, whose z axis
looks out; GS, the same turned so that z points to the guide star; V, the telescope; SIAF, the ideal frame of an
aperture. ``m_eci2v`` turns vectors of ECI into vectors of V.
"""

import numpy as np

from hexcal.steps.pointing.aberration import SPEED_OF_LIGHT, angles_of, apparent

_ARCSEC = np.pi / 180 / 3600
Z_TO_X = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""Renames axes: what looks out is z in a guider and x in the telescope."""


def v2siaf(aperture):
    """Return the rotation from V to the ideal frame of an aperture (float64 array (3, 3)).

    Rows x, y, and z, which looks out.
    """
    v2, v3, angle = aperture.v2_ref * _ARCSEC, aperture.v3_ref * _ARCSEC, np.radians(aperture.v3_idl_yang)
    east, north, out = axes_at(v2, v3)
    x, y = turned(east, north, angle)
    return np.array([aperture.v_idl_parity * x, y, out])


def turned(east, north, angle):
    """Return two axes at a position angle (radians): what has turned from east, and what has turned from north."""
    return np.cos(angle) * east - np.sin(angle) * north, np.cos(angle) * north + np.sin(angle) * east


def axes_at(lon, lat):
    """Return unit vectors to the east, the north and outwards at a place of the sphere (radians)."""
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    return east, north, np.cross(east, north)


def eci2j(q):
    """Return the rotation that a quaternion (vector first) stands for (float64 array (3, 3)).

    Wertz 1978, Spacecraft Attitude Determination and Control, equation 12-13.
    """
    a, b, c, d = np.asarray(q, float) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (b * b + c * c), 2 * (a * b + c * d), 2 * (a * c - b * d)],
            [2 * (a * b - c * d), 1 - 2 * (a * a + c * c), 2 * (b * c + a * d)],
            [2 * (a * c + b * d), 2 * (b * c - a * d), 1 - 2 * (a * a + b * b)],
        ]
    )


def fgs2gs(position):
    """Return the rotation of the ideal frame of a guider that brings its z axis to a place in it (x, y; arcsec)."""
    x, y = position[0] * _ARCSEC, -position[1] * _ARCSEC
    about_x = np.array([[1, 0, 0], [0, np.cos(y), np.sin(y)], [0, -np.sin(y), np.cos(y)]])
    about_y = np.array([[np.cos(x), 0, -np.sin(x)], [0, 1, 0], [np.sin(x), 0, np.cos(x)]])
    return about_y @ about_x


def gs2gsapp(m_eci2gs, velocity):
    """Return the rotation by the velocity aberration of the guide star, which is on the z axis (float64 array (3, 3)).

    Parameters
    ----------
    m_eci2gs : float64 array (3, 3)
        From ECI to the frame in question.
    velocity : sequence of 3 floats, or None
        Of the observatory, ECI, km/s; None: there is no aberration.
    """
    if velocity is None or None in tuple(velocity):
        return np.eye(3)
    beta = m_eci2gs @ np.asarray(velocity, float) / SPEED_OF_LIGHT
    seen = apparent(np.array([0.0, 0.0, 1.0]), beta)
    axis = np.cross([0.0, 0.0, 1.0], seen)
    sine, cosine = np.linalg.norm(axis), seen[2]
    if sine == 0:
        return np.eye(3)
    x, y, z = axis / sine
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + sine * cross + (1 - cosine) * cross @ cross


def position_angle(vector, axis):
    """Return the position angle of a direction at a place of the sky, degrees north over east (float).

    Both unit vectors of ECI.
    """
    ra, dec = angles_of(vector)
    east, north, _ = axes_at(np.radians(ra), np.radians(dec))
    return float(np.degrees(np.arctan2(axis @ east, axis @ north)) % 360)


def corners_on_sky(aperture, wcsinfo):
    """Return the corners of an aperture on the sky: RA and Dec, degrees (float64 array (4, 2)).

    Parameters
    ----------
    aperture : Aperture
        Its corners are in the ideal frame, arcsec.
    wcsinfo : WCSRef
        Where its reference point looks, with the position angle of its y axis.
    """
    east, north, out = axes_at(np.radians(wcsinfo.ra), np.radians(wcsinfo.dec))
    x, y = turned(east, north, np.radians(wcsinfo.pa))
    corners = np.array(aperture.corners) * _ARCSEC
    vectors = out + corners[:, :1] * (aperture.v_idl_parity * x) + corners[:, 1:] * y
    return np.array([angles_of(vector) for vector in vectors])
