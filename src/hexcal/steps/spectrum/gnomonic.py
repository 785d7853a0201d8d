"""Gnomonic coordinates of slits: a plane that touches the sky."""

import numpy as np


def to_plane(ra, dec, tangent):
    """Return gnomonic coordinates towards East and North, degrees (Calabretta & Greisen 2002, A&A 395, 1077, 5.1.3)."""
    return tuple(axes_of_plane(ra, dec, tangent, (0, 1)))


def axes_of_plane(ra, dec, tangent, axes):
    """Yield those of the two coordinates of `to_plane` that are asked for (0: East, 1: North)."""
    d_ra, dec = np.radians(np.asarray(ra) - tangent[0]), np.radians(dec)
    sine, cosine = np.sin(np.radians(tangent[1])), np.cos(np.radians(tangent[1]))
    sin_dec, cos_dec, cos_ra = np.sin(dec), np.cos(dec), np.cos(d_ra)
    depth = sine * sin_dec + cosine * cos_dec * cos_ra
    for axis in axes:
        across = cos_dec * np.sin(d_ra) if axis == 0 else cosine * sin_dec - sine * cos_dec * cos_ra
        yield np.degrees(across / depth)


def from_plane(x, y, tangent):
    """Return RA and Dec, degrees, of gnomonic coordinates: the inverse of `to_plane`."""
    x, y = np.radians(x), np.radians(y)
    sine, cosine = np.sin(np.radians(tangent[1])), np.cos(np.radians(tangent[1]))
    ra = tangent[0] + np.degrees(np.arctan2(x, cosine - y * sine))
    dec = np.degrees(np.arctan2(sine + y * cosine, np.hypot(x, cosine - y * sine)))
    return ra % 360, dec
