"""The prism of MIRI: where light falls, with the slit and without it, and what becomes of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.observatories.jwst.apertures import aperture
from hexcal.simulate.camera import Camera
from hexcal.simulate.spectra.light import share

PIXEL = 0.11
"""Along the slit, arcsec."""
SLIT = (4.7, 0.51)
"""Length and width, arcsec."""
ROWS = (-293, 94)
"""Lowest and highest row of the table of wavelengths, relative to the reference pixel."""
_POWER, _MIDDLE = 2.47, 8.36
"""The prism spreads as this power of the wavelength; µm at the reference pixel."""
_STEEP = 293 / (14.0**_POWER - _MIDDLE**_POWER)
_TRACE = 0.0049
"""Columns per row by which the trace leans."""


def wavelength_of(row):
    """Return the wavelength (µm, at the telescope) of rows relative to the reference pixel."""
    return (_MIDDLE**_POWER - np.asarray(row, float) / _STEEP) ** (1 / _POWER)


def trace(row):
    """Return by how many columns the trace lies to the right of the reference pixel, in rows relative to it."""
    return _TRACE * np.asarray(row, float)


def spread(wavelength):
    """Return sigma of a star, arcsec."""
    return 0.155 + 0.012 * (np.asarray(wavelength, float) - 5)


def conversion(wavelength):
    """Return MJy/sr for 1 DN/s, NaN where nothing is known."""
    wavelength = np.asarray(wavelength, float)
    known = (wavelength > 4.9) & (wavelength < 12.5)
    return np.where(known, 20 * (1 + 0.03 * (wavelength - 8) ** 2 + 0.05 * np.sin(2 * wavelength)), np.nan)


def slit_loss(wavelength, offset: Any = 0.0):
    """Return by what the light of a star in the slit must be multiplied; `offset` from its middle, arcsec."""
    return 1 / share(offset - SLIT[1] / 2, offset + SLIT[1] / 2, spread(wavelength))


@dataclass(frozen=True)
class Optics:
    """Where light falls.

    Attributes
    ----------
    x, y : float
        The reference pixel of the whole detector, counted from 0.
    left, bottom : int
        The first pixel of the window, counted from 0.
    shape : tuple
        (ny, nx) of the window.
    """

    x: float
    y: float
    left: int
    bottom: int
    shape: tuple

    def planes(self):
        """Return wavelength at the telescope (µm; NaN outside of the table) and columns from the trace: (ny, nx)."""
        rows, columns = np.indices(self.shape, float)
        row = rows + self.bottom - self.y
        inside = (row >= ROWS[0]) & (row <= ROWS[1])
        wavelength = np.where(inside, wavelength_of(np.clip(row, *ROWS)), np.nan)
        return wavelength, columns + self.left - self.x - trace(row)

    @property
    def camera(self):
        """The imager, which looks through the slit when the prism is away."""
        return Camera(aperture("MIRIMAGE"), 1, 1, 1032, 1024)

    def telescope(self, offset=0.0, up=0.0):
        """Return V2, V3 (arcsec) of a place so many pixels along the slit, and across it."""
        v2, v3 = self.camera.to_telescope(self.x + offset, self.y + up)
        return float(v2), float(v3)
