"""Spectra of the low-resolution spectrometer of MIRI, with its slit and without it."""

import numpy as np

from hexcal.simulate.imaging_header import PROGRAM
from hexcal.simulate.spectra.header import Setup, describe
from hexcal.simulate.spectra.light import Light, Source, doppler, share
from hexcal.simulate.spectra.lrs_optics import PIXEL, SLIT, Optics, conversion, slit_loss, spread
from hexcal.simulate.spectra.lrs_references import references
from hexcal.simulate.spectra.pointing import Attitude
from hexcal.simulate.spectra.series import DEC, RA, ROLL, SQUARE_ARCSEC, Exposure, Series, association, exposure_root
from hexcal.simulate.spectra.time_series import TimeSeries

_NOD, _STEP = 8.6, 0.4
"""Pixels from the middle of the slit."""
_V3_YANGLE = 4.83


class Lrs(Series):
    """What both modes share."""

    wavelengths = np.linspace(4.5, 14.2, 1000)
    optics: Optics
    has_slit: bool
    light: Light

    def sources(self):
        """Return the star and the sky."""
        sky = Light(15.0, 2.0, 8.0)
        return [Source(1, "star", "point", self.light, RA, DEC), Source(2, "sky", "sky", sky)]

    def references(self):
        """Return the references by type (`hexcal.simulate.spectra.lrs_references`)."""
        return references(self)

    def pointing(self, offset=0.0):
        """Return the attitude with which the star lies so many pixels along the slit."""
        base = Attitude(*self.optics.telescope(), RA, DEC, ROLL, _V3_YANGLE)
        return base.aimed(*self.optics.telescope(offset), RA, DEC)

    def light_of(self, source, offset=0.0):
        """Return the surface brightness of a source on the detector: float64 (ny, nx), MJy/sr; 0 where there is none.

        Parameters
        ----------
        source : Source
        offset : float
            Of a star, pixels along the slit.
        """
        seen, along = self.optics.planes()
        wavelength = seen * doppler(self.setup.velocity)
        if source.kind == "sky":
            brightness = source.light(wavelength)
        else:
            part = share((along - offset - 0.5) * PIXEL, (along - offset + 0.5) * PIXEL, spread(wavelength))
            brightness = 1e-6 * source.light(wavelength) * part / (PIXEL**2 * SQUARE_ARCSEC)
            brightness = brightness / slit_loss(wavelength) if self.has_slit else brightness
        return np.where(self.lit(), brightness, 0.0)

    def lit(self):
        """Return which pixels see the sky: bool (ny, nx)."""
        seen, along = self.optics.planes()
        known = np.isfinite(conversion(seen * doppler(self.setup.velocity)))
        return known & ((np.abs(along) < SLIT[0] / 2 / PIXEL) | (not self.has_slit))

    def rate(self, brightness):
        """Return DN/s of a surface brightness (MJy/sr)."""
        seen, _ = self.optics.planes()
        scale = conversion(seen * doppler(self.setup.velocity))
        return np.where(self.lit(), brightness / np.where(self.lit(), scale, 1) * self.flat(), 0.0)


class LrsSlit(Lrs):
    """Two nods along the slit, and an exposure of blank sky.

    Parameters
    ----------
    seed, noise, bad_pixels, whole_detector, **more
        See `Series`.
    """

    has_slit = True
    usual_exposures = 2
    setup = Setup(
        "miri-lrs", "MIRI", "MIRIMAGE", "MIR_LRS-FIXEDSLIT", "MIRIM_SLIT", ("FULL", 1, 1, 1032, 1024),
        {"filter": "P750L"}, 300.0, 4.0, 0.02, "FASTR1", velocity=11500.0,
    )  # fmt: skip
    optics = Optics(325.13, 299.7, 0, 0, (1024, 1032))
    light = Light(0.02, -1.5, 8.0, ((7.7, 0.08, 0.5), (10.5, 0.08, -0.3)))

    def names(self):
        """Return the names of the two nods and of the blank sky."""
        nods = range(1, self.n_exposures + 1)
        return [*(exposure_root(number, "mirimage") for number in nods), exposure_root(1, "mirimage", 2)]

    def nods(self):
        """Return where the star is in each nod, pixels along the slit; later ones are nearer to the middle."""
        return [(_NOD - _STEP * (number // 2)) * (1 if number % 2 else -1) for number in range(self.n_exposures)]

    def exposures(self):
        """Yield the two nods and the blank sky."""
        star, sky = self.sources()
        empty = self.light_of(sky)
        for number, offset in enumerate((*self.nods(), None), 1):
            brightness = empty if offset is None else empty + self.light_of(star, offset)
            attitude = self.pointing(offset or 0.0)
            observation = 1 if offset is not None else 2
            if offset is None:
                attitude = attitude.aimed(attitude.v2, attitude.v3, RA + 0.05, DEC)
            rate = self.rate(brightness)
            model = self.observed(rate, number)
            target = ("STAR", RA, DEC, "point") if offset is not None else ("BLANK-SKY", RA + 0.05, DEC, "sky")
            place = attitude.ideal(*self.optics.telescope(offset or 0.0))
            count = self.n_exposures
            describe(model, self.setup, attitude, min(number, count), count, target, observation, place)
            model.meta.dither.primary_type = "ALONG-SLIT-NOD"
            name = self.names()[number - 1]
            model.meta.filename = f"{name}_rate.fits"
            model.meta.observation.exposure_number = str(number if offset is not None else 1)
            yield Exposure(name, "rate", "science" if offset is not None else "background", model, rate)

    def associations(self):
        """Return those of the nods with each other as background, of each exposure alone, and of stage 3."""
        *nods, sky = self.names()
        by_name = {}
        for number, nod in enumerate(nods):
            # The star is on the other side of the slit.
            others = [other for place, other in enumerate(nods) if (place - number) % 2]
            members = [(f"{nod}_rate.fits", "science"), *((f"{other}_rate.fits", "background") for other in others)]
            by_name[f"asn_spec2_{nod}.json"] = association("spec2", "Asn_Lv2SpecSpecial", nod, members)
        members = [(f"{sky}_rate.fits", "science")]
        by_name[f"asn_spec2_{sky}.json"] = association("spec2", "Asn_Lv2Spec", sky, members)
        members = [(f"{name}_cal.fits", "science") for name in nods]
        product = f"jw{PROGRAM:05d}-o001_t001_miri_p750l"
        by_name["asn_spec3.json"] = association("spec3", "Asn_Lv3MIRSpec", product, members)
        return by_name


class LrsSlitless(TimeSeries, Lrs):
    """A time series of a star with a transit (parameters: see `TimeSeries`)."""

    has_slit = False
    rule, product = "Asn_Lv2SpecTSO", "miri_p750l-slitlessprism"
    setup = Setup(
        "miri-lrs-slitless", "MIRI", "MIRIMAGE", "MIR_LRS-SLITLESS", "MIRIM_SLITLESSPRISM",
        ("SLITLESSPRISM", 1, 529, 72, 416), {"filter": "P750L"}, 20.0, 4.0, 0.1, "FASTR1", velocity=11500.0,
        is_series=True,
    )  # fmt: skip
    optics = Optics(37.5, 828.0, 0, 528, (416, 72))
    light = Light(0.1, -1.5, 8.0, ((7.7, 0.08, 0.5),))

    def exposures(self):
        """Yield the exposure."""
        star, sky = self.sources()
        rate = self.rate(self.light_of(sky)) + self.light_curve()[:, None, None] * self.rate(self.light_of(star))
        model = self.observed(rate, 1)
        describe(model, self.setup, self.pointing(), 1, 1, ("STAR", RA, DEC, "point"))
        (name,) = self.names()
        model.meta.filename = f"{name}_rateints.fits"
        yield Exposure(name, "rateints", "science", model, rate)
