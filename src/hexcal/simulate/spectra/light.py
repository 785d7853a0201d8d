"""Light of known spectra: continua with lines, stars and surfaces, and how a star spreads."""

from dataclasses import dataclass

import numpy as np

LIGHT_SPEED = 299792458.0
"""m/s."""


@dataclass(frozen=True)
class Light:
    """A continuum with lines.

    Attributes
    ----------
    level : float
        Of the continuum at `pivot`: Jy of a star, MJy/sr of a surface.
    slope : float
        Power of the wavelength with which the continuum grows.
    pivot : float
        µm.
    lines : tuple of (centre, sigma, height)
        Gaussian lines: µm, µm, height as a share of `level`.
    """

    level: float
    slope: float = 0.0
    pivot: float = 1.0
    lines: tuple = ()

    def __call__(self, wavelength):
        """Return the flux density at wavelengths (µm, barycentric)."""
        wavelength = np.asarray(wavelength, float)
        value = (wavelength / self.pivot) ** self.slope
        for centre, sigma, height in self.lines:
            value = value + height * np.exp(-0.5 * ((wavelength - centre) / sigma) ** 2)
        return self.level * value


@dataclass(frozen=True)
class Source:
    """One source.

    Attributes
    ----------
    number : int
    name : str
    kind : str
        "point" (Jy), "extended" (a blob, MJy/sr in its middle) or "sky" (MJy/sr).
    light : Light
    ra, dec : float or None
        Degrees; the sky has none.
    sigma : float
        Of a blob, arcsec.
    place : str
        Slit or slitlet in which it is.
    """

    number: int
    name: str
    kind: str
    light: Light
    ra: float | None = None
    dec: float | None = None
    sigma: float = 0.0
    place: str = ""

    @property
    def unit(self):
        """Of its flux density."""
        return "Jy" if self.kind == "point" else "MJy/sr"


def share(low, high, sigma):
    """Return the part of a Gaussian around 0 that lies between two limits."""
    from scipy.special import erf

    return 0.5 * (erf(high / (sigma * np.sqrt(2))) - erf(low / (sigma * np.sqrt(2))))


def encircled(radius, sigma):
    """Return the part of a round Gaussian within a radius."""
    return 1 - np.exp(-0.5 * (radius / sigma) ** 2)


def doppler(velocity):
    """Return the wavelength in the frame of the barycentre over that at the telescope.

    Parameters
    ----------
    velocity : float
        VELOSYS, m/s: with which the telescope moves away from the target.

    Notes
    -----
    The relativistic shift; its sign is that of the observatory's products: measured on them.
    """
    beta = velocity / LIGHT_SPEED
    return np.sqrt((1 - beta) / (1 + beta))
