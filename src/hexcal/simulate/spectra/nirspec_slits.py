"""The fixed slits of NIRSpec: a star in one of them in several nods, or a time series of a bright star."""

from dataclasses import replace

import numpy as np

from hexcal.simulate.imaging_header import PROGRAM
from hexcal.simulate.spectra import nirspec_optics as optics
from hexcal.simulate.spectra.header import Setup, describe
from hexcal.simulate.spectra.light import Light, Source, doppler, share
from hexcal.simulate.spectra.nirspec_flux import Flux, aperture_corrections, spread, wavelength_corrections
from hexcal.simulate.spectra.nirspec_transforms import optical_references
from hexcal.simulate.spectra.pointing import Attitude
from hexcal.simulate.spectra.reference_parts import described, json_file
from hexcal.simulate.spectra.series import DEC, RA, ROLL, Exposure, Series, association, exposure_root
from hexcal.simulate.spectra.time_series import TimeSeries

ABERRATION = 1.00004
VELOCITY = -14966.55
ELEMENTS = {
    "filter": "CLEAR", "grating": "PRISM", "gwa_xtilt": optics.READING, "gwa_ytilt": 0.0334, "gwa_tilt": 37.06,
    "gwa_xp_v": 169.45, "gwa_yp_v": 16.04, "gwa_pxav": 169.43, "gwa_pyav": 16.03,
}  # fmt: skip
_LINES = ((1.4, 0.06, 2.0), (2.65, 0.045, 2.5), (4.05, 0.03, 3.0))
_NOD, _STEP = 0.9, 0.03
"""Arcsec."""


def y_angle(opening):
    """Return the angle from V3 to the y axis of the ideal frame (degrees), against which the slit runs."""
    low, high = (np.asarray(opening.to_telescope(0.0, end), float) for end in (-0.5, 0.5))
    return float(np.degrees(np.arctan2(low[0] - high[0], low[1] - high[1])))


class Slits(Series):
    """What both modes share."""

    wavelengths = np.linspace(0.55, 5.4, 1000)
    target: str
    """Slit in which the star is."""
    seen: tuple
    """Slits that are on the detector."""
    light: Light
    across = 0.0
    """Of the star, in units of the width of the slit."""
    extraction = 10
    """Width of the box in which spectra are summed, pixels."""
    scale = 1e-12
    has_losses = True

    @property
    def opening(self):
        """The slit of the star."""
        return optics.SLITS[self.target]

    def flux(self):
        """Return what light becomes."""
        return Flux(self, list(optics.SLITS), self.scale, self.has_losses)

    def sources(self):
        """Return the star and the sky."""
        star = Source(1, "star", "point", self.light, RA, DEC, place=self.target)
        return [star, Source(2, "sky", "sky", Light(0.25, -0.4, 2.0))]

    def references(self):
        """Return the references by type."""
        holes, flux = list(optics.SLITS), self.flux()
        apertures = [
            {"id": name, "region_type": "target", "dispaxis": 1, "extract_width": self.extraction} for name in holes
        ]
        by_type = {
            **optical_references(),
            **flux.references(),
            "wavecorr": wavelength_corrections(list(optics.SLITS.values()), holes),
            "apcorr": aperture_corrections(holes),
            "extract1d": json_file("extract1d", self.setup, apertures=apertures),
        }
        described(by_type, self.setup)
        return flux.whole_detector(by_type) if self.whole_detector else by_type

    def attitude(self, along):
        """Return where the telescope looks to have the star at a place along the slit (units of its height)."""
        base = Attitude(*self.opening.to_telescope(), RA, DEC, ROLL, y_angle(self.opening), ABERRATION)
        return base.aimed(*self.opening.to_telescope(self.across, along), RA, DEC)

    def image(self, along=None):
        """Return DN/s of the sky in all slits, or of the star at a place along its slit: float64 (ny, nx)."""
        star, sky = self.sources()
        image, flux = np.zeros(self.setup.shape), self.flux()
        for number, (name, opening) in enumerate(optics.SLITS.items()):
            if along is None and name in self.seen:
                add_surface(image, self.setup, flux, opening, number, sky.light)
            elif along is not None and name == self.target:
                add_star(image, self.setup, flux, opening, number, star.light, (self.across, along))
        return image

    def _exposure(self, rate, number, along):
        model = self.observed(rate, number)
        attitude = self.attitude(along)
        offset = attitude.ideal(*self.opening.to_telescope(self.across, along))
        names = self.names()
        describe(model, self.setup, attitude, number, len(names), ("STAR", RA, DEC, "point"), offset=offset)
        exposure = Exposure(names[number - 1], self.suffix, "science", model, rate)
        model.meta.filename, model.meta.instrument.fixed_slit = exposure.file, self.target
        model.meta.instrument.msa_state, model.meta.instrument.lamp_state = "PRIMARYPARK_CONFIG", "NONE"
        return exposure


def window(setup, opening):
    """Return the part of the detector that sees an opening.

    Returns
    -------
    columns, rows : int array (ny, nx)
        Pixels of the window of the exposure, counted from 0.
    """
    left, right, bottom, top = opening.box(4)
    _, xstart, ystart, xsize, ysize = setup.subarray
    columns = np.arange(max(left - xstart + 1, 0), min(right - xstart + 2, xsize))
    rows = np.arange(max(bottom - ystart + 1, 0), min(top - ystart + 2, ysize))
    rows, columns = np.meshgrid(rows, columns, indexing="ij")
    return columns, rows


def planes(setup, opening, across=0.0):
    """Return what pixels see through an opening.

    Returns
    -------
    columns, rows : int array (ny, nx)
        See `window`.
    wavelength : float64 array (ny, nx)
        µm, barycentric.
    along : float64 array (ny, nx)
        Place along the opening, in units of its height.
    """
    columns, rows = window(setup, opening)
    _, xstart, ystart, *_ = setup.subarray
    wavelength, along = opening.planes(columns + xstart - 1.0, rows + ystart - 1.0, across)
    return columns, rows, wavelength * doppler(setup.velocity), along


def add_surface(image, setup, flux, opening, number, light, profile=None):
    """Add a surface that fills an opening to an image, in place.

    Parameters
    ----------
    image : float64 array (ny, nx)
        DN/s.
    setup : Setup
    flux : Flux
    opening : Opening
    number : int
        Of the opening in the table of the fore-optics' flat.
    light : Light
        MJy/sr.
    profile : callable, optional
        Factor of the brightness, by the place along the opening.
    """
    columns, rows, wavelength, along = planes(setup, opening)
    lit = _lit(wavelength) & (along >= opening.low) & (along <= opening.high)
    brightness = light(wavelength) * (1.0 if profile is None else profile(along))
    signal = brightness * flux.of_surface(wavelength) * flux.flat(columns, rows, wavelength, number)
    image[rows, columns] += np.where(lit, signal, 0.0)


def add_star(image, setup, flux, opening, number, light, place):
    """Add a star in an opening to an image, in place.

    Parameters
    ----------
    image, setup, flux, opening, number
        See `add_surface`.
    light : Light
        Jy.
    place : tuple of float
        Across and along, in units of width and height.
    """
    across, middle = place
    columns, rows, wavelength, along = planes(setup, opening, across)
    size = np.abs(np.gradient(along, axis=0)) * opening.arcsec
    offset, sigma = (along - middle) * opening.arcsec, spread(wavelength)
    part = share(offset - size / 2, offset + size / 2, sigma)
    signal = 1e-6 * light(wavelength) * part * flux.of_point(wavelength, across, middle)
    lit = _lit(wavelength) & (along >= opening.low) & (along <= opening.high)
    image[rows, columns] += np.where(lit, signal * flux.flat(columns, rows, wavelength, number), 0.0)


def _lit(wavelength):
    return (wavelength > 0.5) & (wavelength < 5.6)


class FixedSlits(Slits):
    """Three nods of a star in S200A1, with the sky in all slits."""

    setup = Setup(
        "nirspec-fs", "NIRSPEC", "NRS1", "NRS_FIXEDSLIT", "NRS_S200A1_SLIT", ("ALLSLITS", 1, 897, 2048, 256), ELEMENTS,
        1000.0, 1.0, 0.0045, "NRSRAPID", velocity=VELOCITY,
    )  # fmt: skip
    target, seen = "S200A1", ("S200A1", "S200A2", "S400A1", "S1600A1")
    light = Light(2e-5, -0.8, 2.0, _LINES)
    across = 0.1
    usual_exposures = 3

    def names(self):
        """Return the names of the nods."""
        return [exposure_root(number, "nrs1") for number in range(1, self.n_exposures + 1)]

    def exposures(self):
        """Yield the nods."""
        sky = self.image()
        for number in range(1, self.n_exposures + 1):
            nod, again = (0.0, _NOD, -_NOD)[(number - 1) % 3], (number - 1) // 3
            along = (nod + _STEP * again) / self.opening.arcsec
            exposure = self._exposure(sky + self.image(along), number, along)
            dither = exposure.model.meta.dither
            dither.nod_type = "3-POINT-NOD" if self.n_exposures > 2 else "NONE"
            dither.subpixel_total_points = -(-self.n_exposures // 3)
            yield exposure

    def associations(self):
        """Return those of each nod with the others as background, of each alone, and of stage 3."""
        names = self.names()
        by_name = nodded(names, "Asn_Lv2NRSFSS")
        members = [(f"{name}_cal.fits", "science") for name in names]
        product = f"jw{PROGRAM:05d}-o001_{{source_id}}_nirspec_clear-prism-s200a1-allslits"
        return by_name | {"asn_spec3.json": association("spec3", "Asn_Lv3NRSFSS", product, members)}


def nodded(names, rule):
    """Return the associations of stage 2 of nods: with the others as background."""
    by_name = {}
    for name in names:
        members = [(f"{name}_rate.fits", "science")]
        members += [(f"{other}_rate.fits", "background") for other in names if other != name]
        by_name[f"asn_spec2_{name}.json"] = association("spec2", rule, name, members)
    return by_name


class BrightObject(TimeSeries, Slits):
    """A time series of a bright star with a transit, through the widest slit (parameters: see `TimeSeries`)."""

    setup = replace(
        FixedSlits.setup, mode="nirspec-bots", exposure_type="NRS_BRIGHTOBJ", aperture="NRS_S1600A1_SLIT",
        subarray=("SUB512", 1025, 952, 512, 32), seconds=5.0, read_noise=0.06, is_series=True,
    )  # fmt: skip
    rule, product = "Asn_Lv2NRSBright", "nirspec_clear-prism-s1600a1-sub512"
    target, seen = "S1600A1", ("S1600A1",)
    light = Light(2e-2, -0.8, 2.0, _LINES)
    across, extraction, scale, has_losses = 0.05, 12, 2e-10, False

    def exposures(self):
        """Yield the exposure."""
        rate = self.image() + self.light_curve()[:, None, None] * self.image(0.0)
        yield self._exposure(rate, 1, 0.0)
