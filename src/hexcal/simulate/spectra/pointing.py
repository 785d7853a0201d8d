"""Where a spectrograph looks: between the frame of the telescope and the sky."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hexcal.simulate.camera import Pointing, angles, vector


@dataclass(frozen=True)
class Attitude:
    """Where the reference point of an aperture looks.

    Attributes
    ----------
    v2, v3 : float
        The reference point, arcsec.
    ra, dec, roll : float
        Where it looks, and the position angle of V3 there, degrees.
    v3_yangle : float
        From V3 to the y axis of the ideal frame of the aperture, degrees; its parity is -1.
    aberration : float
        VA_SCALE: scale of the field around the reference point.
    """

    v2: float
    v3: float
    ra: float
    dec: float
    roll: float
    v3_yangle: float = 0.0
    aberration: float = 1.0

    @cached_property
    def matrix(self):
        """Rotation (3, 3) from the frame of the telescope to the sky."""
        return Pointing(self.ra, self.dec, self.roll).attitude(self.v2, self.v3)

    def to_sky(self, v2, v3):
        """Return right ascension and declination (degrees) of V2, V3 (arcsec)."""
        v2 = self.v2 + (np.asarray(v2, float) - self.v2) * self.aberration
        v3 = self.v3 + (np.asarray(v3, float) - self.v3) * self.aberration
        ra, dec = angles(np.tensordot(self.matrix, vector(np.radians(v2 / 3600), np.radians(v3 / 3600)), 1))
        return np.degrees(ra) % 360, np.degrees(dec)

    def to_telescope(self, ra, dec):
        """Return V2, V3 (arcsec) of right ascension and declination (degrees)."""
        v2, v3 = angles(np.tensordot(self.matrix.T, vector(np.radians(ra), np.radians(dec)), 1))
        v2 = np.degrees((v2 + np.pi) % (2 * np.pi) - np.pi) * 3600
        return (
            self.v2 + (v2 - self.v2) / self.aberration,
            self.v3 + (np.degrees(v3) * 3600 - self.v3) / self.aberration,
        )

    def aimed(self, v2, v3, ra, dec):
        """Return the attitude of the same roll that brings a position of the sky onto V2, V3."""
        attitude = self
        for _ in range(5):
            ra_now, dec_now = attitude.to_sky(v2, v3)
            attitude = replace(attitude, ra=attitude.ra + ra - float(ra_now), dec=attitude.dec + dec - float(dec_now))
        return attitude

    def ideal(self, v2, v3):
        """Return x and y (arcsec) in the ideal frame of the aperture."""
        c, s = np.cos(np.radians(self.v3_yangle)), np.sin(np.radians(self.v3_yangle))
        across, up = (v2 - self.v2) * np.cos(np.radians(self.v3 / 3600)), v3 - self.v3
        return float(-(across * c - up * s)), float(across * s + up * c)

    def axis(self):
        """Return where V1 looks and the position angle of V3 there (degrees)."""
        ra, dec = self.to_sky(0.0, 0.0)
        return float(ra), float(dec), self.roll
