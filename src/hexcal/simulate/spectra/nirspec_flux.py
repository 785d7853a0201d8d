"""How much signal light of NIRSpec becomes: flat fields, losses, flux calibration; and their reference files."""

from typing import Any

import numpy as np

from hexcal import datamodels
from hexcal.simulate.reference_files import flag_definitions
from hexcal.simulate.spectra.light import share
from hexcal.simulate.spectra.reference_parts import photom_rows, table
from hexcal.simulate.spectra.series import DETECTOR, SQUARE_ARCSEC

WAVE = np.linspace(0.5, 5.6, 256)
"""Of tables that depend on the wavelength, µm."""
SLOW_WAVE = np.array([0.4, 2.0, 4.0, 6.0])
"""Of the planes of the detector's flat, µm."""
PIXEL_AREA = 0.022
"""Square arcsec."""
_DETECTOR_SIDE = 2048
_LOSS_WAVE, _LOSS_PLACE = np.linspace(0.5e-6, 5.7e-6, 27), np.linspace(-0.5, 0.5, 41)
_SIZES = np.array([0.2, 0.6, 1.0, 1.4, 2.4])
"""Widths of extraction of the table of aperture corrections, arcsec."""


def spread(wavelength):
    """Return sigma of a star, arcsec."""
    return np.hypot(0.030, 0.0135 * np.asarray(wavelength, float))


def response(wavelength):
    """Return the relative flux of 1 DN/s."""
    wavelength = np.asarray(wavelength, float)
    return 0.5 + 0.18 * (wavelength - 2.6) ** 2 + 0.05 * np.sin(3 * wavelength)


def fore_flat(wavelength, aperture=0):
    """Return the throughput before the spectrograph, which differs from slit to slit."""
    return 0.85 + 0.04 * np.sin(1.3 * wavelength + aperture) - 0.01 * aperture


def spectrograph_flat(wavelength):
    """Return that of the spectrograph."""
    return 1 + 0.02 * np.cos(2 * wavelength)


def detector_flat(wavelength):
    """Return the response of the detector, the same for all pixels."""
    return 1 + 0.03 * (wavelength - 2.5) / 2.5


def slow_flat(wavelength):
    """Return how the response of pixels changes with the wavelength; linear between `SLOW_WAVE`."""
    return np.interp(wavelength, SLOW_WAVE, [0.93, 0.97, 1.0, 0.98])


def loss_of_point(across, along, wavelength):
    """Return the share of a star's light that passes, by its place in the slit."""
    return (0.95 - 0.01 * wavelength) * (1 - 0.8 * np.asarray(across) ** 2) * (1 - 0.05 * np.asarray(along) ** 2)


def loss_of_surface(wavelength):
    """Return the share of the light of a surface that passes."""
    return 1 - 0.004 * np.asarray(wavelength, float)


class Flux:
    """What a mode makes of light.

    Parameters
    ----------
    series : Series
    apertures : list of str
        Names of the slits; ["ANY"] where tables do not tell them apart.
    scale : float
        MJy for 1 DN/s, times `response`.
    has_losses : bool
        Whether light is lost at the slit and given back by the calibration.
    """

    def __init__(self, series, apertures, scale=1e-12, has_losses=True):
        self.series, self.apertures, self.scale, self.has_losses = series, apertures, scale, has_losses
        rng, shape = series.stream(DETECTOR, 2), series.setup.shape
        self.detector_image = (1 + rng.normal(0, 0.02, shape)).astype(np.float32)
        self.spectrograph_image = (1 + rng.normal(0, 0.01, shape)).astype(np.float32)

    def flat(self, columns, rows, wavelength, aperture=0):
        """Return the response at pixels (from 0) of the window and wavelengths (µm)."""
        image = self.detector_image[rows, columns] * self.spectrograph_image[rows, columns]
        fast = fore_flat(wavelength, aperture) * spectrograph_flat(wavelength) * detector_flat(wavelength)
        return image * slow_flat(wavelength) * fast

    def loss(self, wavelength, across, along):
        """Return the share of a star's light that passes, by its place in the slit."""
        return loss_of_point(across, along, wavelength)

    def of_point(self, wavelength, across, along):
        """Return DN/s of 1 MJy of a star in the slit, flat field left out."""
        loss = self.loss(wavelength, across, along) if self.has_losses else 1.0
        return loss / (self.scale * response(wavelength))

    def of_surface(self, wavelength):
        """Return DN/s of 1 MJy/sr, flat field left out."""
        loss = loss_of_surface(wavelength) if self.has_losses else 1.0
        return loss * PIXEL_AREA * SQUARE_ARCSEC / (self.scale * response(wavelength))

    # ---- references

    def references(self):
        """Return the references by type: flat fields, flux calibration, pixel areas, path loss.

        `hexcal.simulate.spectra.reference_parts.described` comes before `whole_detector`.
        """
        names = self.apertures
        fore = [(name, fore_flat(WAVE, number)) for number, name in enumerate(names)]
        by_type = {
            "dflat": self._detector_model(),
            "sflat": self._image_flat(self.spectrograph_image, [(name, spectrograph_flat(WAVE)) for name in names]),
            "fflat": self.fore_model(fore),
            "photom": self._photom(),
            "area": self._area(),
        }
        return by_type | ({"pathloss": self._pathloss()} if self.has_losses else {})

    def whole_detector(self, references):
        """Make the images of pixels those of the whole detector, as delivered; 1 where the exposure has no pixels."""
        _, left, bottom, nx, ny = self.series.setup.subarray
        window = np.s_[..., bottom - 1 : bottom - 1 + ny, left - 1 : left - 1 + nx]
        for kind in ("dflat", "sflat"):
            model = references[kind]
            for name, outside in (("data", 1.0), ("err", 0.0), ("dq", 0)):
                part = getattr(model, name)
                whole = np.full((*part.shape[:-2], _DETECTOR_SIDE, _DETECTOR_SIDE), outside, part.dtype)
                whole[window] = part
                setattr(model, name, whole)
            about = model.meta.subarray
            about.name, about.xstart, about.ystart = "GENERIC", 1, 1
            about.xsize = about.ysize = _DETECTOR_SIDE
        return references

    def fore_model(self, rows):
        """Return the flat field of the fore-optics: rows of a name and the values at `WAVE`."""
        return flat_part(datamodels.NirspecFlatModel(), rows)

    def _detector_model(self):
        planes = (slow_flat(SLOW_WAVE)[:, None, None] * self.detector_image).astype(np.float32)
        model = _flat_model(planes, [("ANY", detector_flat(WAVE))])
        # One image of errors and one of flags for all planes, as delivered.
        model.err = np.full(planes.shape[1:], 0.002, np.float32)
        model.dq = np.zeros(planes.shape[1:], np.uint32)
        model.wavelength = table("wavelength", [(wave,) for wave in SLOW_WAVE])
        return model

    def _image_flat(self, image, fast):
        model = _flat_model(image, fast)
        model.err, model.dq = np.full(image.shape, 0.001, np.float32), np.zeros(image.shape, np.uint32)
        return model

    def _photom(self):
        by_slit = self.apertures != ["ANY"]
        rows = [
            ("CLEAR", "PRISM", *((name,) if by_slit else ()), self.scale, WAVE, response(WAVE))
            for name in self.apertures
        ]
        selectors = f"filter:S12 grating:S15{' slit:S15' if by_slit else ''}"
        cls = datamodels.NrsFsPhotomModel if by_slit else datamodels.NrsMosPhotomModel
        return cls(phot_table=photom_rows(selectors, "photmj", rows))

    def _area(self):
        model = self.area_model()
        photometry = model.meta.photometry
        photometry.pixelarea_arcsecsq, photometry.pixelarea_steradians = PIXEL_AREA, PIXEL_AREA * SQUARE_ARCSEC
        return model

    def area_model(self):
        """Return the table of the areas of pixels behind each slit."""
        rows = [(name, PIXEL_AREA) for name in self.apertures]
        return datamodels.NirspecSlitAreaModel(area_table=table("slit_id:S15 pixarea", rows))

    def _pathloss(self):
        model = datamodels.PathlossModel()
        wave = _LOSS_WAVE * 1e6
        along, across = np.meshgrid(self.loss_along, _LOSS_PLACE, indexing="ij")
        for name, shutters in self.loss_entries():
            part: Any = model.new_part()
            part.pointsource_data = self.loss(wave[:, None, None], across, along).astype(np.float32)
            part.pointsource_err = np.full(part.pointsource_data.shape, 1e-6, np.float32)
            part.uniform_data = loss_of_surface(wave).astype(np.float32)
            part.uniform_err = np.full(wave.shape, 1e-6, np.float32)
            steps = [float(grid[1] - grid[0]) for grid in (_LOSS_PLACE, self.loss_along, _LOSS_WAVE)]
            part.set_meta("name", name)
            part.set_meta("shutters", shutters)
            starts = (_LOSS_PLACE[0], self.loss_along[0], _LOSS_WAVE[0])
            for axis, (start, step) in enumerate(zip(starts, steps, strict=True), 1):
                part.set_meta(f"pointsource_wcs.crpix{axis}", 1.0)
                part.set_meta(f"pointsource_wcs.crval{axis}", float(start))
                part.set_meta(f"pointsource_wcs.cdelt{axis}", step)
            part.set_meta("uniform_wcs.crpix1", 1.0)
            part.set_meta("uniform_wcs.crval1", float(_LOSS_WAVE[0]))
            part.set_meta("uniform_wcs.cdelt1", steps[2])
            model.apertures.append(part)
        return model

    loss_along = _LOSS_PLACE
    """Places along the slit at which the path loss is told."""

    def loss_entries(self):
        """Return the apertures of the path loss: names, and numbers of shutters."""
        return [(name, 1) for name in self.apertures]


def _flat_model(image, fast):
    """A flat of the pixels with its variation with the wavelength."""
    model = flat_part(datamodels.NirspecFlatModel(image), fast)
    model.dq_def = flag_definitions("flat")
    return model


def flat_part(model, fast):
    """Give a model the table of its variation with the wavelength: rows of a name and the values at `WAVE`."""
    length = len(WAVE)
    columns = f"slit_name:S15 nelem:i4 wavelength:f4:{length} data:f4:{length} error:f4:{length}"
    rows = [(name, length, WAVE, values, np.full(length, 1e-3)) for name, values in fast]
    model.flat_table = table(columns, rows)
    return model


def aperture_corrections(apertures):
    """Return by what light in a box along the slit must be multiplied: columns, rows as for `reference_parts.table`."""
    n, m = len(WAVE), len(_SIZES)
    half = 0.5 * _SIZES[:, None]
    factor = np.stack([1 / share(-half, half, spread(WAVE)[None])] * 3)
    by_slit = apertures != ["ANY"]
    columns = (
        f"filter:S12 grating:S15{' slit:S15' if by_slit else ''} wavelength:f4:{n} nelem_wl:i2 size:f4:3:{m} "
        f"nelem_size:i2 pixphase:f4:3 apcorr:f4:3:{m}:{n} apcorr_err:f4:3:{m}:{n}"
    )
    rows = [
        (
            "CLEAR",
            "PRISM",
            *((name,) if by_slit else ()),
            WAVE,
            n,
            [_SIZES] * 3,
            m,
            (0.0, 0.25, 0.5),
            factor,
            0 * factor,
        )
        for name in apertures
    ]
    model = (datamodels.NrsFsApcorrModel if by_slit else datamodels.NrsMosApcorrModel)(
        apcorr_table=table(columns, rows)
    )
    model.sizeunit = "arcsec"
    return model


def wavelength_corrections(holes, names, unit=1.0):
    """Return the reference of wavelengths of stars that are not in the middle of a slit.

    Parameters
    ----------
    holes : list of Opening
    names : list of str
        Their names in the file.
    unit : float
        Of places in the table, in units of the width: the pitch of shutters.

    Notes
    -----
    Pixels by which the wavelengths of the middle are off for light that comes in so far from it, in units of the width:
    what lands on a pixel has the wavelength of the middle that many pixels on.
    """
    from astropy.modeling import models

    wave, place = np.linspace(0.55, 5.45, 50), np.linspace(-0.5, 0.5, 21)
    apertures = []
    for hole, name in zip(holes, names, strict=True):
        off = [hole.to_pixel(across * unit, 0.0, wave)[0] - hole.to_pixel(0.0, 0.0, wave)[0] for across in place]
        lookup: dict = {"bounds_error": False, "fill_value": None, "method": "linear"}
        offset = models.Tabular2D(points=(1e-6 * wave, place), lookup_table=-np.array(off).T, **lookup)
        about = {"aperture_name": name, "width": hole.width * unit, "variance": np.zeros((50, 21))}
        apertures.append(about | {"zero_point_offset": offset})
    return datamodels.WaveCorrModel(apertures=apertures)
