"""The detector of the medium-resolution spectrometer of MIRI: where the slices of two channels lie on it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

SHAPE = (1024, 1032)
V2V3 = (-503.34, -318.864)
"""Of alpha = beta = 0, arcsec."""
TURN = np.radians(8.42)
"""Of the slices in the frame of the telescope."""
_ROWS = 512.0


@dataclass(frozen=True)
class Channel:
    """The slices of one channel on the detector.

    Attributes
    ----------
    number, count : int
        Of the channel; of its slices.
    width : float
        Of a slice across, arcsec (beta).
    scale : float
        Arcsec per pixel along a slice (alpha).
    half : float
        Half the length of a slice, arcsec.
    left, pitch : float
        Column of the middle of the first slice (from 0), and from one slice to the next.
    waves : tuple of float
        Wavelengths in the lowest and the highest row, µm, at the telescope.
    """

    number: int
    count: int
    width: float
    scale: float
    half: float
    left: float
    pitch: float
    waves: tuple

    @property
    def band(self):
        """Its name in reference files."""
        return f"{self.number}SHORT"

    @property
    def range(self):
        """Shortest and longest wavelength, µm."""
        return min(self.waves) - 0.02, max(self.waves) + 0.02

    def beta(self, index):
        """Return the middle of a slice (from 0) across, arcsec."""
        return (index - (self.count - 1) / 2) * self.width

    def column(self, index):
        """Return the column (from 0) of the middle of a slice, in the middle row."""
        return self.left + self.pitch * index

    def coefficients(self, index):
        """Return the polynomials of a slice in row and column from its middle.

        Returns
        -------
        alpha, wavelength : dict of str to float
            Coefficients ``ci_j`` of row^i column^j: as in `astropy.modeling.models.Polynomial2D`.
        """
        bend, lean = 2.0e-5 * (1 if self.number == 1 else -1), 0.004 * (index / self.count - 0.5)
        # Columns of the middle of a slice: lean (row - 512) + bend (row - 512)².
        middle = {"c0_0": bend * _ROWS**2 - lean * _ROWS, "c1_0": lean - 2 * bend * _ROWS, "c2_0": bend}
        alpha = {name: -self.scale * value for name, value in middle.items()} | {"c0_1": self.scale}
        low, high = self.waves
        step, curve, tilt = (high - low) / SHAPE[0], 3e-5 * (high - low) / SHAPE[0], 0.02 * (high - low) / SHAPE[0]
        wave = {
            "c0_0": low, "c1_0": step - curve * SHAPE[0], "c2_0": curve, "c0_1": tilt * (1 + 0.1 * index),
        }  # fmt: skip
        return alpha, wave


CHANNELS = (
    Channel(1, 21, 0.177, 0.178, 1.65, 22.0, 23.0, (4.88, 5.77)),
    Channel(2, 17, 0.280, 0.196, 2.10, 545.0, 28.5, (8.78, 7.48)),
)


def evaluate(coefficients, row, column) -> Any:
    """Return the value of a polynomial of `Channel.coefficients`."""
    return sum(value * row ** int(name[1]) * column ** int(name[3]) for name, value in coefficients.items())


def spread(wavelength):
    """Return sigma of a star, arcsec."""
    return (0.033 * np.asarray(wavelength, float) + 0.106) / 2.355


def to_telescope(alpha, beta):
    """Return V2, V3 (arcsec)."""
    c, s = np.cos(TURN), np.sin(TURN)
    return V2V3[0] + c * alpha - s * beta, V2V3[1] - s * alpha - c * beta


def from_telescope(v2, v3):
    """Return alpha, beta (arcsec): the transform is its own inverse."""
    c, s = np.cos(TURN), np.sin(TURN)
    x, y = v2 - V2V3[0], v3 - V2V3[1]
    return c * x - s * y, -s * x - c * y


@dataclass(frozen=True)
class Planes:
    """What each pixel sees: arrays (1024, 1032).

    Attributes
    ----------
    label : int array
        100 times the channel and the number of the slice (from 1); 0 between slices.
    alpha, beta, wavelength : float64 array
        Arcsec, arcsec, µm (at the telescope); NaN between slices.
    width, scale : float64 array
        Of the slice across, of a pixel along: arcsec.
    """

    label: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    wavelength: np.ndarray
    width: np.ndarray
    scale: np.ndarray


def detector_planes():
    """Return what each pixel of the detector sees."""
    label = np.zeros(SHAPE, np.int16)
    alpha, beta, wavelength, width, scale = (np.full(SHAPE, np.nan) for _ in range(5))
    rows, columns = np.indices(SHAPE, float)
    for channel in CHANNELS:
        for index in range(channel.count):
            reach = int(channel.half / channel.scale) + 12
            middle = round(channel.column(index))
            part = np.s_[:, max(middle - reach, 0) : min(middle + reach + 1, SHAPE[1])]
            row, column = rows[part], columns[part] - channel.column(index)
            of_alpha, of_wave = channel.coefficients(index)
            here = evaluate(of_alpha, row, column)
            inside = np.abs(here) <= channel.half
            for plane, value in (
                (label, 100 * channel.number + index + 1), (alpha, here), (beta, channel.beta(index)),
                (wavelength, evaluate(of_wave, row, column)), (width, channel.width), (scale, channel.scale),
            ):  # fmt: skip
                plane[part] = np.where(inside, value, plane[part])
    return Planes(label, alpha, beta, wavelength, width, scale)
