"""Where the pixels of an imaging detector look: pixels, the frame of the telescope, and the sky.

Independent of what the calibration makes of it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hexcal.observatories.jwst.apertures import Aperture
from hexcal.observatories.jwst.detectors import detector

SQUARE_ARCSEC = (np.pi / 180 / 3600) ** 2
"""Steradians."""
INVERSE_DEGREE = 7
"""Of the polynomials from the ideal frame to pixels: good to 0.0003 pixel for every detector."""


def polynomial_terms(x, y, degree):
    """Return ``x^(i-j) y^j`` for i = 0 ... degree and j = 0 ... i, along a new first axis."""
    return np.stack([x ** (i - j) * y**j for i in range(degree + 1) for j in range(i + 1)])


def polynomial(coefficients, x, y, degree):
    """Evaluate a polynomial of `polynomial_terms` by Horner's rule."""
    orders = [(i - j, j) for i in range(degree + 1) for j in range(i + 1)]
    table = dict(zip(orders, coefficients, strict=True))
    result = 0.0
    for j in range(degree, -1, -1):
        row = 0.0
        for i in range(degree - j, -1, -1):
            row = row * x + table[i, j]
        result = result * y + row
    return result


@dataclass(frozen=True)
class Camera:
    """A window of a detector behind its optics.

    Attributes
    ----------
    aperture : Aperture
        Of the whole detector.
    xstart, ystart, nx, ny : int
        First column and row, counted from 1, and size of the window.
    filter_offset : tuple of float
        How far the filter moves the image, pixels: added to the pixel before the distortion is applied.
    """

    aperture: Aperture
    xstart: int
    ystart: int
    nx: int
    ny: int
    filter_offset: tuple = (0.0, 0.0)

    @cached_property
    def matrix(self):
        """From the ideal frame to V2, V3 (2, 2)."""
        angle, parity = np.radians(self.aperture.v3_yangle), self.aperture.parity
        return np.array([[parity * np.cos(angle), np.sin(angle)], [-parity * np.sin(angle), np.cos(angle)]])

    @property
    def reference(self):
        """V2 and V3 of the reference point, arcsec."""
        return self.aperture.v2_ref, self.aperture.v3_ref

    def to_telescope(self, x, y):
        """Return V2, V3 (arcsec) of pixels of the window, counted from 0."""
        aperture, (x_offset, y_offset) = self.aperture, self.filter_offset
        x = np.asarray(x, float) + self.xstart + x_offset - aperture.x_ref
        y = np.asarray(y, float) + self.ystart + y_offset - aperture.y_ref
        ideal = [polynomial(c, x, y, aperture.degree) for c in (aperture.x_ideal, aperture.y_ideal)]
        return tuple(
            row[0] * ideal[0] + row[1] * ideal[1] + start
            for row, start in zip(self.matrix, self.reference, strict=True)
        )

    def to_pixel(self, v2, v3):
        """Return pixels of the window, counted from 0, of V2 and V3 (arcsec).

        The inverse of `to_telescope`, to 1e-7 pixel.
        """
        x, y = self._estimate(np.asarray(v2, float), np.asarray(v3, float))
        for _ in range(4):
            v2_now, v3_now = self.to_telescope(x, y)
            j = self.jacobian(x, y)
            determinant = j[0, 0] * j[1, 1] - j[0, 1] * j[1, 0]
            x = x + (j[1, 1] * (v2 - v2_now) - j[0, 1] * (v3 - v3_now)) / determinant
            y = y + (j[0, 0] * (v3 - v3_now) - j[1, 0] * (v2 - v2_now)) / determinant
        return x, y

    def _estimate(self, v2, v3):
        offset = np.stack([v2 - self.reference[0], v3 - self.reference[1]])
        u, v = np.tensordot(np.linalg.inv(self.matrix), offset, 1)
        (x_offset, y_offset), aperture = self.filter_offset, self.aperture
        x, y = (polynomial(c, u, v, INVERSE_DEGREE) for c in self.inverse_coefficients)
        return x + aperture.x_ref - self.xstart - x_offset, y + aperture.y_ref - self.ystart - y_offset

    @cached_property
    def inverse_coefficients(self):
        """Polynomials from the ideal frame to pixels relative to the reference pixel (two arrays).

        They are fitted over the detector.
        """
        aperture, facts = self.aperture, detector(self.aperture.detector)
        columns, rows = (np.linspace(-20, size + 20, 60) for size in (facts.columns, facts.rows))
        x, y = (grid.ravel() for grid in np.meshgrid(columns - aperture.x_ref, rows - aperture.y_ref))
        terms = polynomial_terms(x, y, aperture.degree)
        u, v = np.asarray(aperture.x_ideal) @ terms, np.asarray(aperture.y_ideal) @ terms
        scale = max(np.abs(u).max(), np.abs(v).max())
        basis = polynomial_terms(u / scale, v / scale, INVERSE_DEGREE).T
        power = np.array([i for i in range(INVERSE_DEGREE + 1) for _ in range(i + 1)])
        return [np.linalg.lstsq(basis, target, rcond=None)[0] / scale**power for target in (x, y)]

    def jacobian(self, x, y):
        """Return the derivatives of V2, V3 by x, y: (2, 2, ...), arcsec per pixel."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        by_x = np.subtract(self.to_telescope(x + 0.5, y), self.to_telescope(x - 0.5, y))
        by_y = np.subtract(self.to_telescope(x, y + 0.5), self.to_telescope(x, y - 0.5))
        return np.array([[by_x[0], by_y[0]], [by_x[1], by_y[1]]])

    def pixel_area(self):
        """Return the solid angle of every pixel: float64 (ny, nx), sr."""
        j = self.jacobian(*np.meshgrid(np.arange(self.nx), np.arange(self.ny)))
        return np.abs(j[0, 0] * j[1, 1] - j[0, 1] * j[1, 0]) * SQUARE_ARCSEC

    @cached_property
    def scale(self):
        """Size of a pixel in the middle of the window, arcsec."""
        return float(np.sqrt(abs(np.linalg.det(self.jacobian((self.nx - 1) / 2, (self.ny - 1) / 2)))))


@dataclass(frozen=True)
class Pointing:
    """Where the reference point of a camera looks.

    Attributes
    ----------
    ra, dec : float
        Of the reference point, degrees.
    roll : float
        Position angle of the V3 axis there, degrees east of north.
    aberration : float
        Scale of the field because of the velocity of the observatory (VA_SCALE).
    """

    ra: float
    dec: float
    roll: float
    aberration: float = 1.0

    def moved(self, east, north, turn):
        """Return the pointing moved by so many arcsec to the east and north, and turned by so many arcsec."""
        ra = self.ra + east / 3600 / np.cos(np.radians(self.dec))
        return Pointing(ra, self.dec + north / 3600, self.roll + turn / 3600, self.aberration)

    def attitude(self, v2_ref, v3_ref):
        """Return the rotation (3, 3) from the frame of the telescope to that of the sky."""
        roll = np.radians(self.roll)
        center, east, north = _frame(np.radians(self.ra), np.radians(self.dec))
        sky = np.stack([center, np.cos(roll) * east - np.sin(roll) * north, np.sin(roll) * east + np.cos(roll) * north])
        telescope = np.stack(_frame(np.radians(v2_ref / 3600), np.radians(v3_ref / 3600)))
        return sky.T @ telescope

    def sky_to_pixel(self, camera, ra, dec):
        """Return the pixels (counted from 0) on which light from the sky (degrees) falls."""
        direction = np.tensordot(self.attitude(*camera.reference).T, vector(np.radians(ra), np.radians(dec)), 1)
        v2, v3 = angles(direction)
        signed = ((v2 + np.pi) % (2 * np.pi) - np.pi, v3)
        seen = [
            start + (np.degrees(angle) * 3600 - start) / self.aberration
            for angle, start in zip(signed, camera.reference, strict=True)
        ]
        return camera.to_pixel(*seen)

    def pixel_to_sky(self, camera, x, y):
        """Return right ascension and declination (degrees) of pixels, counted from 0."""
        seen = camera.to_telescope(x, y)
        v2, v3 = (
            start + (value - start) * self.aberration for value, start in zip(seen, camera.reference, strict=True)
        )
        direction = vector(np.radians(v2 / 3600), np.radians(v3 / 3600))
        ra, dec = angles(np.tensordot(self.attitude(*camera.reference), direction, 1))
        return np.degrees(ra) % 360, np.degrees(dec)

    def position_angle(self, camera, v2=0.0, v3=0.0):
        """Return where V3 points when a point of the telescope frame (arcsec) is looked at.

        Right ascension, declination and position angle of V3, degrees; the default point is the axis V1.
        """
        attitude = self.attitude(*camera.reference)
        center, _, up = (attitude @ axis for axis in _frame(np.radians(v2 / 3600), np.radians(v3 / 3600)))
        ra, dec = angles(center)
        _, east, north = _frame(ra, dec)
        angle = np.arctan2(up @ east, up @ north)
        return float(np.degrees(ra)) % 360, float(np.degrees(dec)), float(np.degrees(angle)) % 360


def vector(longitude, latitude):
    """Return the unit vector of a direction (radians): (3, ...)."""
    longitude, latitude = np.broadcast_arrays(longitude, latitude)
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    ).reshape(3, *longitude.shape)


def angles(direction):
    """Return longitude and latitude (radians) of unit vectors (3, ...)."""
    return np.arctan2(direction[1], direction[0]), np.arcsin(np.clip(direction[2], -1, 1))


def _frame(longitude, latitude):
    """A direction, and the directions of growing longitude and latitude there (three arrays (3,))."""
    east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    north = np.array([-np.sin(latitude) * np.cos(longitude), -np.sin(latitude) * np.sin(longitude), np.cos(latitude)])
    return (
        np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]),
        east,
        north,
    )
