"""Gnomonic coordinates of slits: a plane that touches the sky."""

import numpy as np


def to_plane(ra, dec, tangent):
    """Return gnomonic coordinates towards East and North, degrees (Calabretta & Greisen 2002, A&A 395, 1077, 5.1.3)."""
    d_ra, dec = np.radians(np.asarray(ra) - tangent[0]), np.radians(dec)
    sine, cosine = np.sin(np.radians(tangent[1])), np.cos(np.radians(tangent[1]))
    depth = sine * np.sin(dec) + cosine * np.cos(dec) * np.cos(d_ra)
    x = np.cos(dec) * np.sin(d_ra) / depth
    y = (cosine * np.sin(dec) - sine * np.cos(dec) * np.cos(d_ra)) / depth
    return np.degrees(x), np.degrees(y)


def from_plane(x, y, tangent):
    """Return RA and Dec, degrees, of gnomonic coordinates: the inverse of `to_plane`."""
    x, y = np.radians(x), np.radians(y)
    sine, cosine = np.sin(np.radians(tangent[1])), np.cos(np.radians(tangent[1]))
    ra = tangent[0] + np.degrees(np.arctan2(x, cosine - y * sine))
    dec = np.degrees(np.arctan2(sine + y * cosine, np.hypot(x, cosine - y * sine)))
    return ra % 360, dec
