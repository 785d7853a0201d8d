"""The medium-resolution spectrometer of MIRI, both channels of one detector: a star on the sky, with fringes."""

from functools import cached_property

import numpy as np

from hexcal.simulate.spectra.header import Setup
from hexcal.simulate.spectra.integral_field import IntegralFieldSeries
from hexcal.simulate.spectra.light import Light, Source, doppler, share
from hexcal.simulate.spectra.mrs_optics import V2V3, detector_planes, from_telescope, spread, to_telescope
from hexcal.simulate.spectra.mrs_references import references
from hexcal.simulate.spectra.pointing import Attitude
from hexcal.simulate.spectra.series import DEC, RA, ROLL, SQUARE_ARCSEC

_FRINGE, _FRINGE_PERIOD = 0.10, 2.8
"""Amplitude, and period in 1/cm."""


class Mrs(IntegralFieldSeries):
    """Two dithered exposures of channels 1 and 2, short band.

    Parameters
    ----------
    seed, noise, bad_pixels, whole_detector, **more
        See `Series`; references are always those of the whole detector.
    """

    wavelengths = np.concatenate([np.linspace(4.86, 5.79, 1000), np.linspace(7.46, 8.80, 1000)])
    farthest, pattern, rule = (0.45, 0.35), "2-POINT", "Asn_Lv3MIRMRS"
    setup = Setup(
        "miri-mrs", "MIRI", "MIRIFUSHORT", "MIR_MRS", "MIRIFU_CHANNEL1A", ("FULL", 1, 1, 1032, 1024),
        {"channel": "12", "band": "SHORT"}, 300.0, 4.0, 0.02, "FASTR1", velocity=11500.0,
    )  # fmt: skip

    @cached_property
    def planes(self):
        """What each pixel sees."""
        return detector_planes()

    def sources(self):
        """Return the star and the sky."""
        star = Light(0.2, -1.0, 6.0, ((5.34, 0.004, 1.0), (8.10, 0.008, 0.8)))
        return [Source(1, "star", "point", star, RA, DEC), Source(2, "sky", "sky", Light(8.0, 2.0, 6.0))]

    def attitude(self, place=(0.0, 0.0)):
        """Return where the telescope looks to have the star at a place (alpha, beta) of the slices, arcsec."""
        return Attitude(*V2V3, RA, DEC, ROLL).aimed(*to_telescope(*place), RA, DEC)

    def offset(self, attitude, place):
        """Return the dither in the ideal frame, arcsec."""
        return attitude.ideal(*to_telescope(*place))

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

    @cached_property
    def response(self):
        """DN/s of 1 MJy/sr: float64 (1024, 1032), NaN between slices."""
        return self.flat(0.005) * self.fringes() / self.conversion()

    def image(self, attitude):
        """Return DN/s of an exposure: float64 (1024, 1032)."""
        return np.nan_to_num(self.brightness(attitude) * self.response)

    def references(self):
        """Return the references by type (`hexcal.simulate.spectra.mrs_references`)."""
        return references(self)
