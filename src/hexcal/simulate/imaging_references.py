"""Reference files of stages 2 and 3 that belong to simulated images."""

from typing import Any

import numpy as np

from hexcal import datamodels
from hexcal.models.dqflags import pixel
from hexcal.simulate.camera import INVERSE_DEGREE, SQUARE_ARCSEC
from hexcal.simulate.reference_files import Place, describe, flag_definitions

FLAT_ERROR = 0.002
"""Relative error of the flat field."""
_FRACTIONS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_SKY_ANNULUS = (10.0, 15.0)
_BOXES = 4
"""Boxes of one pixel that blur a star of a resampled image in an exact aperture: pixel of the detector, drop, pixel of
the output, edge of the aperture.
"""
_ABVEGA = 1.7
_BY_PUPIL = ("NIRCAM", "NIRISS")


def imaging_references(setup, camera, flat, subarray):
    """Return the references of simulated images, by type.

    Distortion, filteroffset, flat, photom, area, apcorr, abvegaoffset.

    Parameters
    ----------
    setup : Setup
        How the images are taken.
    camera : Camera
        The window of the detector.
    flat : float32 array (ny, nx)
        NaN where there is no flat field.
    subarray : str
        Value of SUBARRAY.

    Returns
    -------
    dict of str to DataModel
    """
    area = camera.pixel_area()
    references = {
        "distortion": datamodels.DistortionModel(model=distortion(camera)),
        "filteroffset": datamodels.FilteroffsetModel(filters=[_offset(setup)]),
        "flat": _flat(flat),
        "photom": _photom(setup),
        "area": datamodels.PixelAreaModel((area / area.mean()).astype(np.float32)),
        "apcorr": _apcorr(setup),
        "abvegaoffset": datamodels.ABVegaOffsetModel(abvega_offset=_vega(setup)),
    }
    place = Place(setup.instrument, setup.detector, subarray, camera.xstart, camera.ystart, camera.nx, camera.ny)
    for kind, model in references.items():
        describe(model, kind, place, f"Simulated {kind}")
        model.meta.exposure.type = setup.exposure_type
        model.meta.instrument.filter, model.meta.instrument.pupil = setup.filter, setup.pupil
    for kind in ("photom", "area"):
        photometry = references[kind].meta.photometry
        photometry.pixelarea_steradians, photometry.pixelarea_arcsecsq = area.mean(), area.mean() / SQUARE_ARCSEC
    references["distortion"].meta.input_units, references["distortion"].meta.output_units = "pixel", "arcsec"
    return references


def distortion(camera):
    """Return the transform from pixels of the whole detector to V2, V3 in arcsec, and back.

    An astropy Model; pixels are counted from 0 and without filter offset.
    """
    from astropy.modeling import models as of_astropy

    # Operators of transforms are not typed.
    models: Any = of_astropy
    aperture = camera.aperture
    twice = models.Mapping((0, 1, 0, 1))

    def both(coefficients, degree):
        names = [f"c{i - j}_{j}" for i in range(degree + 1) for j in range(i + 1)]
        return [models.Polynomial2D(degree, **dict(zip(names, each, strict=True))) for each in coefficients]

    forward_x, forward_y = both((aperture.x_ideal, aperture.y_ideal), aperture.degree)
    inverse_x, inverse_y = both(camera.inverse_coefficients, INVERSE_DEGREE)
    to_reference = models.Shift(1 - aperture.x_ref) & models.Shift(1 - aperture.y_ref)
    from_reference = models.Shift(aperture.x_ref - 1) & models.Shift(aperture.y_ref - 1)
    back = np.linalg.inv(camera.matrix)
    start = np.array(camera.reference)
    forward = to_reference | twice | forward_x & forward_y | models.AffineTransformation2D(camera.matrix, start)
    forward.inverse = (
        models.AffineTransformation2D(back, -back @ start) | twice | inverse_x & inverse_y | from_reference
    )
    return forward


def _offset(setup):
    column, row = setup.filter_offset
    entry = {"filter": setup.filter, "pupil": setup.pupil, "column_offset": column, "row_offset": row}
    return {name: value for name, value in entry.items() if value is not None}


def _flat(flat):
    flags = np.where(np.isfinite(flat), 0, pixel.DO_NOT_USE | pixel.NO_FLAT_FIELD).astype(np.uint32)
    model = datamodels.FlatModel(np.where(np.isfinite(flat), flat, 1).astype(np.float32), dq=flags)
    model.err, model.dq_def = np.full(flat.shape, FLAT_ERROR, np.float32), flag_definitions("flat")
    return model


def _selectors(setup, width=12):
    """Columns by which the row of an image is found, and their values."""
    if setup.instrument == "FGS":
        return [], ()
    second = "pupil" if setup.instrument in _BY_PUPIL else "subarray"
    values = (setup.filter, setup.pupil if second == "pupil" else "GENERIC")
    return [("filter", "S12"), (second, f"S{width}")], values


def _photom(setup):
    columns, values = _selectors(setup)
    table = np.array(
        [(*values, setup.photmjsr, 0.02 * setup.photmjsr)], [*columns, ("photmjsr", "f4"), ("uncertainty", "f4")]
    )
    prefix = {"NIRCAM": "Nrc", "NIRISS": "Nis", "MIRI": "Mir", "FGS": "Fgs"}[setup.instrument]
    return getattr(datamodels, f"{prefix}ImgPhotomModel")(phot_table=table)


def _apcorr(setup):
    """Aperture corrections of a star in a resampled image.

    They know the starlight that the annulus of the sky takes away.
    """
    columns, values = _selectors(setup, 15)
    if setup.instrument == "MIRI":
        values = (setup.filter, "FULL")
    optics = setup.optics
    radii = np.linspace(0.05, 60, 120000)
    encircled = optics.encircled(radii, _BOXES)
    inner, outer = _SKY_ANNULUS
    in_sky = (optics.encircled(outer, _BOXES) - optics.encircled(inner, _BOXES)) / np.pi / (outer**2 - inner**2)
    rows = []
    for fraction in _FRACTIONS:
        radius = float(np.interp(fraction, encircled, radii))
        rows.append((*values, fraction, radius, 1 / (fraction - in_sky * np.pi * radius**2), inner, outer))
    numbers = [(name, "f4") for name in ("eefraction", "radius", "apcorr", "skyin", "skyout")]
    prefix = {"NIRCAM": "Nrc", "NIRISS": "Nis", "MIRI": "Mir", "FGS": "Fgs"}[setup.instrument]
    return getattr(datamodels, f"{prefix}ImgApcorrModel")(apcorr_table=np.array(rows, [*columns, *numbers]))


def _vega(setup):
    from astropy.table import Table

    columns = {"filter": setup.filter, "pupil": setup.pupil}
    table = Table(
        {name: [value] for name, value in columns.items() if value is not None} or {"detector": [setup.detector]}
    )
    table["abvega_offset"] = np.array([_ABVEGA], np.float32)
    return table
