"""The medium-resolution spectrometer of MIRI, both channels of one detector: a star on the sky, with fringes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hexcal.simulate.imaging_header import PROGRAM
from hexcal.simulate.spectra.header import Setup, describe
from hexcal.simulate.spectra.light import Light, Source, doppler, share
from hexcal.simulate.spectra.pointing import Attitude
from hexcal.simulate.spectra.series import (
    DEC,
    RA,
    ROLL,
    SQUARE_ARCSEC,
    Exposure,
    Series,
    association,
    dithers,
    exposure_root,
)  # fmt: skip

SHAPE = (1024, 1032)
V2V3 = (-503.34, -318.864)
"""Of alpha = beta = 0, arcsec."""
TURN = np.radians(8.42)
"""Of the slices in the frame of the telescope."""
_ROWS = 512.0
_FRINGE, _FRINGE_PERIOD = 0.10, 2.8
"""Amplitude, and period in 1/cm."""
_DITHER = (0.45, 0.35)
"""Of the star from the middle: alpha and beta, arcsec."""


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


class Mrs(Series):
    """Two dithered exposures of channels 1 and 2, short band.

    Parameters
    ----------
    seed, noise, bad_pixels, whole_detector, **more
        See `Series`; references are always those of the whole detector.
    """

    wavelengths = np.concatenate([np.linspace(4.86, 5.79, 1000), np.linspace(7.46, 8.80, 1000)])
    usual_exposures = 2
    setup = Setup(
        "miri-mrs", "MIRI", "MIRIFUSHORT", "MIR_MRS", "MIRIFU_CHANNEL1A", ("FULL", 1, 1, 1032, 1024),
        {"channel": "12", "band": "SHORT"}, 300.0, 4.0, 0.02, "FASTR1", velocity=11500.0,
    )  # fmt: skip

    @cached_property
    def planes(self):
        """What each pixel sees."""
        return detector_planes()

    def image_class(self):
        """Return the class of images of integral-field units."""
        from hexcal.models import science

        return science.IFUImageModel

    def sources(self):
        """Return the star and the sky."""
        star = Light(0.2, -1.0, 6.0, ((5.34, 0.004, 1.0), (8.10, 0.008, 0.8)))
        return [Source(1, "star", "point", star, RA, DEC), Source(2, "sky", "sky", Light(8.0, 2.0, 6.0))]

    def attitude(self, alpha=0.0, beta=0.0):
        """Return where the telescope looks to have the star at a place of the slices, arcsec."""
        base = Attitude(*V2V3, RA, DEC, ROLL)
        return base.aimed(*to_telescope(alpha, beta), RA, DEC)

    def fringes(self):
        """Return the interference in the detector: float64 (1024, 1032), NaN between slices."""
        planes = self.planes
        phase = 2 * np.pi * 1e4 / planes.wavelength / _FRINGE_PERIOD + 0.02 * (planes.label % 100)
        return 1 + _FRINGE * np.cos(phase)

    def conversion(self):
        """Return MJy/sr for 1 DN/s: float64 (1024, 1032), NaN between slices."""
        planes = self.planes
        middle = np.where(planes.label // 100 == 1, 5.3, 8.1)
        share_of_middle = planes.wavelength / middle - 1
        return 12 * (1 + share_of_middle + 6 * share_of_middle**2)

    def brightness(self, attitude):
        """Return what the pixels of an exposure see: float64 (1024, 1032), MJy/sr; NaN between slices."""
        planes, (star, sky) = self.planes, self.sources()
        wavelength = planes.wavelength * doppler(self.setup.velocity)
        alpha, beta = from_telescope(*attitude.to_telescope(star.ra, star.dec))
        sigma = spread(planes.wavelength)
        along, across = planes.alpha - alpha, planes.beta - beta
        part = share(along - planes.scale / 2, along + planes.scale / 2, sigma)
        part = part * share(across - planes.width / 2, across + planes.width / 2, sigma)
        area = planes.scale * planes.width * SQUARE_ARCSEC
        return sky.light(wavelength) + 1e-6 * star.light(wavelength) * part / area

    def names(self):
        """Return the names of the dithered exposures."""
        return [exposure_root(number, "mirifushort") for number in range(1, self.n_exposures + 1)]

    def exposures(self):
        """Yield the dithered exposures."""
        response = self.flat(0.005) * self.fringes() / self.conversion()
        for number, place in enumerate(dithers(_DITHER, self.n_exposures), 1):
            attitude = self.attitude(*place)
            rate = np.nan_to_num(self.brightness(attitude) * response)
            model = self.observed(rate, number)
            offset = attitude.ideal(*to_telescope(*place))
            describe(model, self.setup, attitude, number, self.n_exposures, ("STAR", RA, DEC, "point"), offset=offset)
            exposure = Exposure(self.names()[number - 1], "rate", "science", model, rate)
            model.meta.filename, model.meta.dither.primary_type = exposure.file, "2-POINT"
            yield exposure

    def references(self):
        """Return the references by type (`hexcal.simulate.spectra.mrs_references`)."""
        from hexcal.simulate.spectra.mrs_references import references

        return references(self)

    def associations(self):
        """Return those of each exposure, and of stage 3."""
        by_name = {
            f"asn_spec2_{name}.json": association("spec2", "Asn_Lv2Spec", name, [(f"{name}_rate.fits", "science")])
            for name in self.names()
        }
        members = [(f"{name}_cal.fits", "science") for name in self.names()]
        product = f"jw{PROGRAM:05d}-o001_t001_miri"
        return by_name | {"asn_spec3.json": association("spec3", "Asn_Lv3MIRMRS", product, members)}
