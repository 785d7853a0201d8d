"""What exposures of all integral-field units share: dithers, names, associations, apertures of their cubes."""

from abc import abstractmethod

import numpy as np

from hexcal import datamodels
from hexcal.simulate.imaging_header import PROGRAM
from hexcal.simulate.spectra.header import describe
from hexcal.simulate.spectra.light import encircled
from hexcal.simulate.spectra.pointing import Attitude
from hexcal.simulate.spectra.reference_parts import table
from hexcal.simulate.spectra.series import DEC, RA, Exposure, Series, association, dithers, exposure_root


class IntegralFieldSeries(Series):
    """Two dithered exposures of a star.

    Parameters
    ----------
    seed, noise, bad_pixels, whole_detector, **more
        See `Series`.
    """

    usual_exposures = 2
    farthest: tuple
    """Of the dithers from the middle, arcsec."""
    pattern: str
    """Name of the dither pattern."""
    states: dict = {}
    """Further keywords of the instrument."""
    rule: str
    """Of the association of stage 3."""

    @abstractmethod
    def attitude(self, place=(0.0, 0.0)) -> Attitude:
        """Return where the telescope looks to have the star at a place of the field, arcsec."""

    @abstractmethod
    def image(self, attitude) -> np.ndarray:
        """Return DN/s of an exposure: float64 (ny, nx)."""

    def offset(self, attitude, place):
        """Return the dither of an exposure as its header has it: arcsec in the ideal frame."""
        return place

    def image_class(self):
        """Return the class of images of integral-field units."""
        from hexcal.models import science

        return science.IFUImageModel

    def names(self):
        """Return the names of the dithered exposures."""
        return [exposure_root(number, self.setup.detector.lower()) for number in range(1, self.n_exposures + 1)]

    def exposures(self):
        """Yield the dithered exposures."""
        target = ("STAR", RA, DEC, "point")
        for number, place in enumerate(dithers(self.farthest, self.n_exposures), 1):
            attitude = self.attitude(place)
            rate = self.image(attitude)
            model = self.observed(rate, number)
            offset = self.offset(attitude, place)
            describe(model, self.setup, attitude, number, self.n_exposures, target, offset=offset)
            exposure = Exposure(self.names()[number - 1], "rate", "science", model, rate)
            model.meta.filename, model.meta.dither.primary_type = exposure.file, self.pattern
            for element, value in self.states.items():
                setattr(model.meta.instrument, element, value)
            yield exposure

    def associations(self):
        """Return those of each exposure, and of stage 3."""
        by_name = {
            f"asn_spec2_{name}.json": association("spec2", "Asn_Lv2Spec", name, [(f"{name}_rate.fits", "science")])
            for name in self.names()
        }
        members = [(f"{name}_cal.fits", "science") for name in self.names()]
        product = f"jw{PROGRAM:05d}-o001_t001_{self.setup.instrument.lower()}"
        return by_name | {"asn_spec3.json": association("spec3", self.rule, product, members)}


def cube_extraction(wave, radius, inner, outer):
    """Return the reference of circles in which the spectra of cubes are summed.

    Parameters
    ----------
    wave : float64 array (n,)
        µm.
    radius, inner, outer : float or float64 array (n,)
        Of the circle, and of the ring of the background, arcsec.
    """
    data: dict = {"wavelength_units": "micron"}
    for name, values, unit in (
        ("wavelength", wave, None), ("radius", radius, "arcsec"), ("inner_bkg", inner, "arcsec"),
        ("outer_bkg", outer, "arcsec"), ("axis_ratio", 1.0, None), ("axis_pa", 0.0, "degrees"),
    ):  # fmt: skip
        data[name] = np.broadcast_to(values, wave.shape).astype(np.float32)
        if unit:
            data[f"{name}_units"] = unit
    model = datamodels.Extract1dIFUModel(data=data)
    model.meta.region_type, model.meta.method = "target", "exact"
    model.meta.subtract_background, model.meta.subpixels = True, 10
    return model


def circle_corrections(wave, radii, sigma, error):
    """Return the columns of aperture corrections that do not choose the row.

    Parameters
    ----------
    wave : float64 array (n,)
        µm.
    radii : float64 array (m, n)
        Arcsec.
    sigma : float64 array (n,)
        Of a star, arcsec.
    error : float
        Share of the factor, by which the light within a circle must be multiplied.

    Returns
    -------
    dict
    """
    factor = 1 / encircled(radii, sigma)
    return {
        "wavelength": wave.astype(np.float32), "wavelength_units": "micron",
        "radius": radii.astype(np.float32), "radius_units": "arcsec",
        "apcorr": factor.astype(np.float32), "apcorr_err": (error * factor).astype(np.float32),
    }  # fmt: skip


def set_neighbourhoods(model, selectors, rows, scale, tables, grid):
    """Say in the reference of cubes from how far their elements are made.

    Parameters
    ----------
    model : DataModel
        In place.
    selectors : str
        Columns that choose the row.
    rows : list of (tuple, tuple)
        What they say, and the reach on the sky (arcsec) and in wavelength (µm).
    scale : float
        Of exponential weights, arcsec.
    tables : tuple of str
        Names of the tables that go by wavelength.
    grid : list of (float, tuple)
        Wavelength (µm) and reach of each of their rows.
    """
    fixed = {"msm": (2.0, 0.01), "emsm": (scale,)}
    columns = {"msm": "roispatial roispectral power softrad", "emsm": "roispatial roispectral scalerad"}
    for way, more in fixed.items():
        content = table(f"{selectors} {columns[way]}", [(*chosen, *reach, *more) for chosen, reach in rows])
        setattr(model, f"ifucubepars_{way}_table", content)
        by_wave = table(f"wavelength {columns[way]}", [(wave, *reach, *more) for wave, reach in grid])
        for name in tables:
            setattr(model, f"ifucubepars_{name}_{way}_wavetable", by_wave)
    for name in tables:
        setattr(model, f"ifucubepars_{name}_driz_wavetable", table("wavelength", [(wave,) for wave, _ in grid]))
