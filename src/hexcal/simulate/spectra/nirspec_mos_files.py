"""Reference files of multi-object spectra of NIRSpec, and the file that tells which shutters are open."""

from typing import Any

import numpy as np

from hexcal import datamodels
from hexcal.simulate.reference_files import flag_definitions
from hexcal.simulate.spectra.nirspec_flux import (
    PIXEL_AREA,
    WAVE,
    Flux,
    aperture_corrections,
    flat_part,
    fore_flat,
    loss_of_point,
    wavelength_corrections,
)  # fmt: skip
from hexcal.simulate.spectra.nirspec_transforms import moved, optical_references
from hexcal.simulate.spectra.reference_parts import described, json_file, table
from hexcal.simulate.spectra.series import DETECTOR

SHUTTER = (7.7e-5, 1.77e-4)
"""Width and height of an open shutter, metres."""
PITCH = (1.05e-4, 2.035e-4)
"""From one shutter to the next, metres."""
COLUMNS, ROWS = 365, 171
"""Shutters of a quadrant along the dispersion and across it."""
QUADRANT = 4
"""In which shutters are open."""
FRAME = (0.0046, 0.00725, -0.0134)
"""Of the middle of its first shutter: x, y (metres), turned by (degrees)."""
OTHER_FRAMES = {1: (-0.0427, -0.0418, -0.025), 2: (-0.0428, 0.00725, -0.0173), 3: (0.0046, -0.0418, -0.0135)}
"""The same of the quadrants in which nothing is open."""
FAILED_OPEN = (300, 150)
"""A shutter that does not close: number along the dispersion and across it."""
_BAR_ROWS, _BAR_WAVE = 1001, np.linspace(0.55e-6, 5.45e-6, 101)


def pitch_in_openings():
    """Return the pitch of the shutters in units of an open one: along the dispersion, and across it."""
    return PITCH[0] / SHUTTER[0], PITCH[1] / SHUTTER[1]


def shutter_plane(frame):
    """Return the shutters of a quadrant as the reference file tells them, all of them, and where its frame lies."""
    column, row = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS))
    data = np.zeros(column.size, [(name, "f8") for name in ("NO", "XC", "YC", "SIZEX", "SIZEY")])
    data["NO"] = np.arange(1, column.size + 1)
    data["XC"], data["YC"] = column.ravel() * PITCH[0], row.ravel() * PITCH[1]
    data["SIZEX"], data["SIZEY"] = SHUTTER
    x, y, angle = frame
    return {"data": data, "model": moved(x, y, angle)}


def bar_shadow(place, n_open):
    """Return the light of a surface at places in pitches from the middle of a shutter.

    It is darker at every bar; beyond a single open shutter there is none.
    """
    from scipy.special import erf

    dip = 1 - 0.25 * np.exp(-0.5 * ((np.abs(place) - 0.5) / 0.04) ** 2)
    return dip if n_open > 1 else dip * 0.5 * (1 - erf((np.abs(place) - 0.535) / 0.05)) + 0.02


def shutter_shadow(low, high):
    """Return the light of a surface in a slitlet, as a function of the place in it (units of an open shutter).

    Parameters
    ----------
    low, high : int
        The lowest and the highest open shutter, from the one in whose middle the place is 0.
    """
    _, pitch = pitch_in_openings()

    def shadow(along):
        place = along / pitch
        inside = bar_shadow(place - np.floor(place), 3)
        ends = np.where(place < low, bar_shadow(place - low, 1), bar_shadow(place - high, 1))
        return np.where((place < low) | (place > high), ends, inside)

    return shadow


class MosFlux(Flux):
    """What the shutters make of light; each has a throughput of its own."""

    loss_along = np.linspace(-1.5, 1.5, 63)
    shutter: tuple = (1, 1)
    """The shutter whose throughput counts: along the dispersion, and across it."""

    def __init__(self, series):
        super().__init__(series, ["ANY"])
        noise = series.stream(DETECTOR, 3).normal(0, 0.01, (ROWS, COLUMNS))
        self.shutter_image = (1 + noise).astype(np.float32)

    def loss(self, wavelength, across, along):
        """Return the share of a star's light that passes: by its place along the dispersion, in pitches.

        In the table they are that already; `of_point` is given units of an open shutter.
        """
        return loss_of_point(across, 0.0, wavelength) + 0.0 * np.asarray(along)

    def of_point(self, wavelength, across, along):
        """Return DN/s of 1 MJy of a star in a shutter (units of an open one), flat field left out."""
        return super().of_point(wavelength, across / pitch_in_openings()[0], along)

    def flat(self, columns, rows, wavelength, aperture=0):
        """Return the response, that of the shutter among it."""
        column, row = self.shutter
        return super().flat(columns, rows, wavelength, aperture) * self.shutter_image[row - 1, column - 1]

    def loss_entries(self):
        """Return the apertures of the path loss: one shutter, and three."""
        return [("MOS1x1", 1), ("MOS1x3", 3)]

    def fore_model(self, rows):
        """Return the flat field of the four quadrants: an image of their shutters each, at two wavelengths."""
        model = datamodels.NirspecQuadFlatModel()
        for quadrant in (1, 2, 3, 4):
            part: Any = model.new_part()
            cube = np.stack([self.shutter_image] * 2)
            part.data, part.err, part.dq = cube, np.full(cube.shape, 1e-3, np.float32), np.zeros(cube.shape, np.uint32)
            part.wavelength = table("wavelength", [(0.4,), (6.0,)])
            model.quadrants.append(flat_part(part, [("ANY", fore_flat(WAVE, quadrant))]))
        model.dq_def = flag_definitions("flat")
        return model

    def area_model(self):
        """Return the areas of pixels behind the shutters of the quadrant."""
        column, row = (grid.ravel() + 1 for grid in np.meshgrid(np.arange(COLUMNS), np.arange(ROWS)))
        areas = np.zeros(column.size, [("quadrant", "i2"), ("shutter_x", "i2"), ("shutter_y", "i2"), ("pixarea", "f4")])
        areas["quadrant"], areas["shutter_x"], areas["shutter_y"], areas["pixarea"] = 4, column, row, PIXEL_AREA
        return datamodels.NirspecMosAreaModel(area_table=areas)

    def references(self):
        """Return the references by type; the flat of the spectrograph is a cube with its wavelengths."""
        by_type = super().references()
        flat = by_type["sflat"]
        for name in ("data", "err", "dq"):
            setattr(flat, name, np.stack([getattr(flat, name)] * 2))
        flat.wavelength = table("wavelength", [(0.4,), (6.0,)])
        return by_type


def references(series):
    """Return the references of multi-object spectra by type."""
    flux, setup = series.flux(), series.setup
    by_type = {**optical_references(), **flux.references()}
    for quadrant, frame in (*OTHER_FRAMES.items(), (QUADRANT, FRAME)):
        setattr(by_type["msa"], f"Q{quadrant}", shutter_plane(frame))
    opening = series.slitlets()[0].opening(0)
    by_type |= {
        "wavecorr": wavelength_corrections([opening], ["MOS"], pitch_in_openings()[0]),
        "barshadow": _barshadow(),
        "apcorr": aperture_corrections(["ANY"]),
        "extract1d": json_file(
            "extract1d", setup,
            apertures=[{"id": "ANY", "region_type": "target", "dispaxis": 1, "extract_width": 6}],
        ),
        "msaoper": json_file("msaoper", setup, msaoper=[_failed(4, *FAILED_OPEN)]),
    }  # fmt: skip
    described(by_type, setup)
    return flux.whole_detector(by_type) if series.whole_detector else by_type


def _failed(quadrant, x, y):
    return {
        "Q": quadrant, "x": x, "y": y, "state": "open", "TA state": "closed", "Internal state": "open",
        "Vignetted": "no",
    }  # fmt: skip


def _barshadow():
    place = np.linspace(-1, 1, _BAR_ROWS)
    model = datamodels.BarshadowModel()
    for name, n_open in (("1x1", 1), ("1x3", 3)):
        data = np.repeat(bar_shadow(place, n_open)[:, None], _BAR_WAVE.size, axis=1).astype(np.float32)
        setattr(model, f"data{name}", data)
        setattr(model, f"var{name}", np.full_like(data, 1e-6))
    step = float(_BAR_WAVE[1] - _BAR_WAVE[0])
    for key, value in (("crval1", _BAR_WAVE[0]), ("cdelt1", step), ("crval2", -1.0), ("cdelt2", 2 / (_BAR_ROWS - 1))):
        model.set_meta(key, float(value))
    return model


def metadata_file(path, shutters, sources):
    """Write the file that tells which shutters are open, and which sources are in them.

    Parameters
    ----------
    path : path-like
    shutters, sources : list of tuple
        Rows of its two tables.
    """
    from astropy.io import fits

    from hexcal.files.atomic import atomic

    integers = "slitlet_id msa_metadata_id shutter_quadrant shutter_row shutter_column"
    columns = " ".join(f"{name}:i2" for name in integers.split())
    columns += (
        " source_id:i4 background:S1 shutter_state:S6 estimated_source_in_shutter_x estimated_source_in_shutter_y "
        "dither_point_index:i2 primary_source:S1 fixed_slit:S7"
    )
    about = (
        "program:i4 source_id:i4 source_name:S20 alias:S31 catalog_id:S20 ra:f8 dec:f8 preimage_id:S30 stellarity:f8"
    )
    header = fits.Header({"ORIGIN": "STSCI", "TELESCOP": "JWST", "INSTRUME": "NIRSPEC"})
    header.update({"MSACFG10": 1, "MSACFG36": "01"})
    hdus = [
        fits.PrimaryHDU(header=header),
        fits.ImageHDU(np.zeros((342, 730), np.float32), name="SHUTTER_IMAGE"),
        fits.BinTableHDU(table(columns, shutters), name="SHUTTER_INFO"),
        fits.BinTableHDU(table(about, sources), name="SOURCE_INFO"),
    ]
    with atomic(path) as stream:
        fits.HDUList(hdus).writeto(stream)
