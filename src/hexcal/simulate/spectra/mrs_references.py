"""Reference files of the MIRI medium-resolution spectrometer, in the layouts in which they are delivered."""

from typing import Any

import numpy as np

from hexcal import datamodels
from hexcal.simulate.reference_files import flag_definitions
from hexcal.simulate.spectra import mrs_optics as mrs
from hexcal.simulate.spectra.integral_field import circle_corrections, cube_extraction, set_neighbourhoods
from hexcal.simulate.spectra.reference_parts import NO_LIGHT, described, flat_model, table
from hexcal.simulate.spectra.series import SQUARE_ARCSEC

SPAXEL = {1: (0.13, 0.0008), 2: (0.17, 0.0013)}
"""Of cubes of each channel: arcsec, µm."""
_DEGREE = 5
"""Of the polynomials from wavelength and alpha to pixels."""
_MAPS = 9
"""Maps of slices, each for a transmission."""


def _models() -> Any:
    from astropy.modeling import models

    return models


def references(series):
    """Return the references of a series by type (dict of str to DataModel)."""
    lit = series.planes.label > 0
    by_type = {
        "distortion": _distortion(),
        "specwcs": _wavelengths(),
        "regions": datamodels.RegionsModel(regions=np.repeat(series.planes.label[None], _MAPS, axis=0)),
        "wavelengthrange": datamodels.WavelengthrangeModel(
            waverange_selector=[channel.band for channel in mrs.CHANNELS],
            wavelengthrange=[list(channel.range) for channel in mrs.CHANNELS],
        ),
        "flat": flat_model(series.flat(0.005)),
        "photom": _photom(series),
        "fringe": _image(datamodels.FringeModel, series.fringes(), lit, 0.001),
        "cubepar": _cubepar(),
        "extract1d": _extraction(),
        "apcorr": _apcorr(),
    }
    described(by_type, series.setup)
    photometry = by_type["photom"].meta.photometry
    area = float(np.mean(by_type["photom"].pixsiz[lit]))
    photometry.conversion_megajanskys, photometry.pixelarea_steradians = 1.0, area
    photometry.pixelarea_arcsecsq = area / SQUARE_ARCSEC
    return by_type


def slices():
    """Yield channel, index (from 0) and label of each slice, in the order of the reference files."""
    for channel in mrs.CHANNELS:
        for index in range(channel.count):
            yield channel, index, 100 * channel.number + index + 1


def _shifted(column):
    """What polynomials of row and column are given: the column from the middle of the slice."""
    models = _models()
    return models.Identity(1) & models.Shift(-column)


def _distortion():
    """From pixels to alpha and beta, back from wavelength and alpha, and on to the frame of the telescope."""
    models = _models()
    parts: dict = {name: [] for name in ("slices", "alpha_model", "beta_model", "x_model", "y_model")}
    for channel, index, label in slices():
        of_alpha, _ = channel.coefficients(index)
        parts["slices"].append(label)
        parts["alpha_model"].append(_shifted(channel.column(index)) | models.Polynomial2D(2, **of_alpha))
        parts["beta_model"].append(models.Const1D(channel.beta(index)))
        for name, polynomial in zip(("x_model", "y_model"), _back(channel, index), strict=True):
            parts[name].append(polynomial)
    bands = [channel.band for channel in mrs.CHANNELS]
    c, s = np.cos(mrs.TURN), np.sin(mrs.TURN)
    matrix = np.array([[c, -s], [-s, -c]])
    on_sky = []
    for _ in mrs.CHANNELS:
        model = models.AffineTransformation2D(matrix, np.array(mrs.V2V3))
        model.inverse = models.AffineTransformation2D(matrix, -matrix @ np.array(mrs.V2V3))
        on_sky.append(model)
    return datamodels.DistortionMRSModel(
        **parts, abv2v3_model={"channel_band": bands, "model": on_sky},
        bzero={"channel_band": bands, "beta_zero": [channel.beta(0) for channel in mrs.CHANNELS]},
        bdel={"channel_band": bands, "delta_beta": [channel.width for channel in mrs.CHANNELS]},
    )  # fmt: skip


def _back(channel, index):
    """Polynomials from wavelength and alpha to column and row, fitted over the slice."""
    models = _models()
    of_alpha, of_wave = channel.coefficients(index)
    reach = 1.1 * channel.half / channel.scale + 8
    row, column = np.meshgrid(np.linspace(-20, mrs.SHAPE[0] + 20, 60), np.linspace(-reach, reach, 15))
    alpha, wave = mrs.evaluate(of_alpha, row, column).ravel(), mrs.evaluate(of_wave, row, column).ravel()
    middle = float(np.mean(channel.waves))
    powers = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    size = np.ptp(channel.waves) / 2, channel.half
    basis = np.stack([((wave - middle) / size[0]) ** i * (alpha / size[1]) ** j for i, j in powers], axis=1)
    transforms = []
    for values in (column.ravel() + channel.column(index), row.ravel()):
        fit = np.linalg.lstsq(basis, values, rcond=None)[0]
        scaled = {f"c{i}_{j}": float(c / size[0] ** i / size[1] ** j) for (i, j), c in zip(powers, fit, strict=True)}
        shift = models.Shift(-middle) & models.Identity(1)
        transforms.append(shift | models.Polynomial2D(_DEGREE, **scaled))
    return transforms


def _wavelengths():
    models = _models()
    labelled = [
        (label, _shifted(channel.column(index)) | models.Polynomial2D(2, **channel.coefficients(index)[1]))
        for channel, index, label in slices()
    ]
    return datamodels.SpecwcsModel(slices=[label for label, _ in labelled], model=[model for _, model in labelled])


def _image(cls, image, lit, error):
    """A reference of one image with its error and flags: nothing is known between slices."""
    model = cls(np.where(lit, image, np.nan).astype(np.float32))
    model.err = np.where(lit, error * np.nan_to_num(image), np.nan).astype(np.float32)
    model.dq = np.where(lit, 0, NO_LIGHT).astype(np.uint32)
    model.dq_def = flag_definitions("mrs")
    return model


def _photom(series):
    planes = series.planes
    lit = planes.label > 0
    model = _image(datamodels.MirMrsPhotomModel, series.conversion(), lit, 0.01)
    model.pixsiz = np.where(lit, planes.width * planes.scale * SQUARE_ARCSEC, 0).astype(np.float32)
    return model


def _cubepar():
    """The sizes of cubes, and of the neighbourhoods from which their elements are made."""
    model, first = datamodels.MiriIFUCubeParsModel(), "channel:S3 band:S12"
    rows = [(str(channel.number), "SHORT", channel, *SPAXEL[channel.number]) for channel in mrs.CHANNELS]

    model.ifucubepars_table = table(
        f"{first} spaxelsize spectralstep wavemin wavemax",
        [(number, band, spaxel, step, *channel.range) for number, band, channel, spaxel, step in rows],
    )
    reaches = [((number, band), (1.5 * spaxel, 2 * step)) for number, band, _, spaxel, step in rows]
    grid = [
        (wave, reach)
        for (_, _, channel, _, step), (_, reach) in zip(rows, reaches, strict=True)
        for wave in np.arange(*channel.range, step)
    ]
    set_neighbourhoods(model, first, reaches, 0.1, ("multichannel",), grid)
    return model


_WAVE = np.linspace(4.6, 9.0, 100)


def _extraction():
    radius = 4.7 * mrs.spread(_WAVE)
    return cube_extraction(_WAVE, radius, 1.5 * radius, 2 * radius)


def _apcorr():
    """By what the light within a circle must be multiplied."""
    sigma = mrs.spread(_WAVE)
    radii = np.array([0.7, 1.0, 1.3])[:, None] * 4.7 * sigma
    content = {"channel": "ANY", "band": "ANY", **circle_corrections(_WAVE, radii, sigma, 0.01)}
    return datamodels.MirMrsApcorrModel(apcorr_table=content)
