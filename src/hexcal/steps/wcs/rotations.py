"""Matrices of transforms that turn the plane, space or the sphere."""

from functools import reduce

import numpy as np

from hexcal.models.wcs.turns import RotateCelestial2Native, RotateNative2Celestial

_PLANES = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}
"""Axis of a turn: the first and the second axis of the plane that it turns."""


def of_plane(transform):
    """Return what `Rotation2D` makes of the unit vectors: a row for each, float64 (2, 2)."""
    angle = np.radians(transform.angle)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def about(angle, axis):
    """Return the matrix that gives vectors in axes that are turned by an angle, degrees, about one of them."""
    first, second = _PLANES[axis]
    matrix, angle = np.eye(3), np.radians(angle)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = np.sin(angle), -np.sin(angle)
    return matrix


def matrix_of(transform):
    """Return the matrix of a rotation of space or of the sphere, float64 (3, 3).

    Parameters
    ----------
    transform : RotationSequence3D, SphericalRotationSequence, RotateNative2Celestial or RotateCelestial2Native

    Notes
    -----
    Calabretta & Greisen 2002, A&A 395, 1077, section 2.3: from native coordinates to the sky by the Euler angles
    ``lon_pole - 90, lat - 90, -90 - lon`` about z, x, z.
    """
    if isinstance(transform, RotateNative2Celestial):
        angles, axes = (transform.lon_pole - 90.0, transform.lat - 90.0, -90.0 - transform.lon), "zxz"
        matrix = reduce(np.matmul, [about(angle, axis) for angle, axis in zip(angles, axes, strict=True)][::-1])
        return matrix.T if isinstance(transform, RotateCelestial2Native) else matrix
    parts = [about(angle, axis) for angle, axis in zip(transform.angles, transform.axes_order, strict=True)]
    return reduce(np.matmul, parts[::-1])
