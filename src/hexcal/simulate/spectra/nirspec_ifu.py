"""The integral-field unit of NIRSpec with short slices: a star, a blob and the sky, in dithered exposures.

The slices are as many and as wide as those of the instrument, and a third as long, so that their spectra fit into a
small part of the detector.
"""

from dataclasses import dataclass, replace

import numpy as np

from hexcal import datamodels
from hexcal.simulate.spectra import nirspec_optics as optics
from hexcal.simulate.spectra.integral_field import (
    IntegralFieldSeries,
    circle_corrections,
    cube_extraction,
    set_neighbourhoods,
)
from hexcal.simulate.spectra.light import Light, Source, share
from hexcal.simulate.spectra.nirspec_flux import PIXEL_AREA, WAVE, Flux, loss_of_surface, spread
from hexcal.simulate.spectra.nirspec_slits import FixedSlits, planes, y_angle
from hexcal.simulate.spectra.nirspec_transforms import fore_optics, moved, optical_references
from hexcal.simulate.spectra.pointing import Attitude
from hexcal.simulate.spectra.reference_parts import described, table
from hexcal.simulate.spectra.series import DEC, RA, ROLL, SQUARE_ARCSEC

COUNT = 30
SIZE = (8.07e-4, 4.5e-3)
"""Width and length of a slice in the plane of the slicer, metres."""
TO_SHUTTERS, MIDDLE = (0.05, 0.1026), (0.0412, 0.0)
"""From the slicer to the plane of the shutters: scales, and where its middle lies, metres."""
TO_SLITS = 0.1
"""From the slicer to the slits that the spectrograph sees: scale."""
SLIT_X, SLIT_STEP = 0.0487, 6.5e-4
"""Where these slits lie, and their distance, metres."""
SPAXEL, STEP = 0.1, 0.005
"""Of cubes: arcsec, µm."""
_BLOB = (1.1, -0.2, 0.1)
"""East and north of the star, and sigma, arcsec."""
_RADIUS = 0.4
"""Of the circle in which spectra are summed, arcsec."""


@dataclass(frozen=True)
class Slice:
    """One slice of the field.

    Attributes
    ----------
    number : int
        Counted from 0; even ones are on one side of the middle, odd ones on the other.
    """

    number: int

    @property
    def x(self):
        """Of its middle in the plane of the slicer, metres."""
        return (self.number // 2 + 0.5) * SIZE[0] * (1 if self.number % 2 == 0 else -1)

    @property
    def slit(self):
        """What the spectrograph sees of it."""
        y = (self.number // 2 + 0.5) * SLIT_STEP * (1 if self.number % 2 == 0 else -1)
        return optics.Opening(str(self.number), SLIT_X, y, TO_SLITS * SIZE[0], TO_SLITS * SIZE[1])

    def to_telescope(self, across, along):
        """Return V2, V3 (arcsec) of a place in the slice, units of its width and length."""
        x, y = self.x + np.asarray(across) * SIZE[0], np.asarray(along) * SIZE[1]
        return optics.shutters_to_telescope(MIDDLE[0] + TO_SHUTTERS[0] * x, MIDDLE[1] + TO_SHUTTERS[1] * y)


def slices():
    """Return all slices."""
    return [Slice(number) for number in range(COUNT)]


def middle():
    """Return V2, V3 (arcsec) of the middle of the field."""
    v2, v3 = optics.shutters_to_telescope(*MIDDLE)
    return float(v2), float(v3)


def sizes():
    """Return width and length of a slice on the sky, arcsec."""
    diagonals = []
    for x, y in ((0.5, 0.0), (0.0, 0.5)):
        low, high = (Slice(0).to_telescope(sign * x, sign * y) for sign in (-1, 1))
        diagonals.append(float(np.hypot(high[0] - low[0], high[1] - low[1])))
    return diagonals


class IfuFlux(Flux):
    """What the integral-field unit makes of light: what is lost does not depend on the place."""

    def __init__(self, series):
        super().__init__(series, ["ANY"])

    def loss(self, wavelength, across, along):
        """Return the share of a star's light that passes."""
        return loss_of_surface(wavelength) + 0.0 * (np.asarray(across) + np.asarray(along))

    def loss_entries(self):
        """Return the aperture of the path loss."""
        return [("IFU", 1)]

    def area_model(self):
        """Return the areas of pixels behind the slices."""
        rows = [(number, PIXEL_AREA) for number in range(COUNT)]
        return datamodels.NirspecIfuAreaModel(area_table=table("slice_id:i2 pixarea", rows))


class IntegralField(IntegralFieldSeries):
    """Two dithered exposures.

    Parameters
    ----------
    seed, noise, bad_pixels, whole_detector, **more
        See `Series`.
    """

    wavelengths = FixedSlits.wavelengths
    farthest, pattern, rule = (0.12, 0.10), "CYCLING", "Asn_Lv3NRSIFU"
    states = {"msa_state": "PRIMARYPARK_ALLCLOSED", "lamp_state": "NONE"}
    setup = replace(
        FixedSlits.setup, mode="nirspec-ifu", exposure_type="NRS_IFU", aperture="NRS_FULL_IFU",
        subarray=("FULL", 481, 737, 544, 544),
    )  # fmt: skip

    def __init__(self, seed=0, noise=1.0, bad_pixels=3e-4, whole_detector=False, **more):
        super().__init__(seed, noise, bad_pixels, whole_detector, **more)
        if whole_detector:
            self.setup = replace(self.setup, subarray=("FULL", 1, 1, 2048, 2048))

    def sources(self):
        """Return the star, the blob and the sky."""
        east, north, sigma = _BLOB
        ra, dec = RA + east / 3600 / np.cos(np.radians(DEC)), DEC + north / 3600
        blob = Light(20.0, 0.5, 2.0, ((1.8, 0.05, 1.5), (3.4, 0.04, 2.0)))
        star = Light(5e-5, -0.8, 2.0, ((1.4, 0.06, 2.0), (4.05, 0.03, 3.0)))
        return [
            Source(1, "star", "point", star, RA, DEC),
            Source(2, "blob", "extended", blob, float(ra), float(dec), sigma),
            Source(3, "sky", "sky", Light(0.25, -0.4, 2.0)),
        ]

    def attitude(self, place=(0.0, 0.0)):
        """Return where the telescope looks to have the star so far from the middle, arcsec in the ideal frame."""
        base = Attitude(*middle(), RA, DEC, ROLL, y_angle(Slice(0)), 1.00004)
        c, s = np.cos(np.radians(base.v3_yangle)), np.sin(np.radians(base.v3_yangle))
        x, y = place
        v2 = base.v2 + (-x * c + y * s) / np.cos(np.radians(base.v3 / 3600))
        return base.aimed(v2, base.v3 + x * s + y * c, RA, DEC)

    def image(self, attitude):
        """Return DN/s of an exposure: float64 (ny, nx)."""
        image, flux = np.zeros(self.setup.shape), IfuFlux(self)
        for each in slices():
            columns, rows, wavelength, along = planes(self.setup, each.slit)
            brightness = self.brightness(each, attitude, wavelength, along)
            lit = (wavelength > 0.5) & (wavelength < 5.6) & (np.abs(along) <= 0.5)
            signal = brightness * flux.of_surface(wavelength) * flux.flat(columns, rows, wavelength)
            image[rows, columns] += np.where(lit, signal, 0.0)
        return image

    def brightness(self, each, attitude, wavelength, along):
        """Return the surface brightness of pixels of a slice: float64 array, MJy/sr.

        That of surfaces is taken in the middle of a pixel; the light of a star is that which falls on the pixel and
        within the width of the slice.
        """
        star, blob, sky = self.sources()
        width, length = sizes()
        v2, v3 = each.to_telescope(0.0, along)
        total = sky.light(wavelength)
        for source in (star, blob):
            at = attitude.to_telescope(source.ra, source.dec)
            east, north = v2 - at[0], v3 - at[1]
            if source.kind == "extended":
                total = total + source.light(wavelength) * np.exp(-0.5 * (east**2 + north**2) / source.sigma**2)
                continue
            low, high = each.to_telescope(0.0, -0.5), each.to_telescope(0.0, 0.5)
            direction = np.subtract(high, low) / length
            up, across = east * direction[0] + north * direction[1], east * direction[1] - north * direction[0]
            size, sigma = np.abs(np.gradient(along, axis=0)) * length, spread(wavelength)
            part = share(up - size / 2, up + size / 2, sigma) * share(across - width / 2, across + width / 2, sigma)
            total = total + 1e-6 * source.light(wavelength) * part / (size * width * SQUARE_ARCSEC)
        return total

    def references(self):
        """Return the references by type."""
        flux = IfuFlux(self)
        by_type = {
            **optical_references(), **flux.references(), **_slicer(), "cubepar": _cubepar(), "extract1d": _extraction(),
            "apcorr": _apcorr(),
        }  # fmt: skip
        described(by_type, self.setup)
        return flux.whole_detector(by_type) if self.whole_detector else by_type


def _slicer():
    """The slices, the optics before them, and those that lead to the slits of the spectrograph."""
    from astropy.modeling import models as of_astropy

    from hexcal.simulate.spectra.nirspec_transforms import scaled

    models: object = of_astropy
    polynomial = getattr(models, "Polynomial2D")  # noqa: B009
    rows = [(each.number, each.x, 0.0, *SIZE) for each in slices()]
    data = np.array(rows, [(name, "f8") for name in ("NO", "XC", "YC", "SIZEX", "SIZEY")])
    post = datamodels.IFUPostModel()
    for each in slices():
        slit = each.slit
        linear, back = scaled(TO_SLITS, TO_SLITS, slit.x - TO_SLITS * each.x, slit.y)
        linear.inverse = back
        zero = polynomial(1, c0_0=0.0)
        setattr(post, f"slice_{each.number}", {
            "linear": linear, "xpoly": polynomial(1, c1_0=1.0), "xpoly_distortion": zero,
            "ypoly": polynomial(1, c0_1=1.0), "ypoly_distortion": zero.copy(),
        })  # fmt: skip
    return {
        # Known since release 3.0.0, which asks for it; here colours are in place.
        "chromcorr": datamodels.ChromCorrModel(model=getattr(models, "Identity")(3)),  # noqa: B009
        "ifuslicer": datamodels.IFUSlicerModel(data=data, model=moved(0.0, 0.0, 0.0)),
        "ifufore": datamodels.IFUFOREModel(model=fore_optics(np.diag(TO_SHUTTERS), MIDDLE)),
        "ifupost": post,
    }


def _cubepar():
    """The sizes of cubes, and of the neighbourhoods from which their elements are made."""
    first = "disperser:S5 filter:S6"
    taken = ("PRISM", "CLEAR")
    low, high = optics.RANGE
    model = datamodels.NirspecIFUCubeParsModel()
    model.ifucubepars_table = table(
        f"{first} wavemin wavemax spaxelsize spectralstep", [(*taken, low, high, SPAXEL, STEP)]
    )
    reach = 2 * SPAXEL, 2 * STEP
    grid = [(wave, reach) for wave in np.arange(low, high, STEP)]
    set_neighbourhoods(model, first, [(taken, reach)], 0.09, ("prism", "med", "high"), grid)
    return model


def _extraction():
    return cube_extraction(WAVE, _RADIUS, 0.5, 0.65)


def _apcorr():
    """By what the light within a circle must be multiplied."""
    radii = np.repeat(np.array([0.2, 0.35, 0.5, 1.0, 1.5])[:, None], WAVE.size, 1)
    content = {"grating": "PRISM", "filter": "CLEAR", **circle_corrections(WAVE, radii, spread(WAVE), 0.0)}
    return datamodels.NrsIfuApcorrModel(apcorr_table=content)
