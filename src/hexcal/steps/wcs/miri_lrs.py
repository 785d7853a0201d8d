"""The WCS of spectra of the MIRI low-resolution spectrometer, in its slit and without it."""

from typing import Any

import numpy as np

from hexcal.errors import ReferenceError_
from hexcal.models.single import model_class
from hexcal.models.stored_wcs import wcs_of as known_wcs
from hexcal.models.tables import table_of
from hexcal.models.wcs import models
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.frames import plane_frame
from hexcal.steps.wcs import frames, spectral_frames
from hexcal.steps.wcs.evaluate import evaluate_points, transform_points
from hexcal.steps.wcs.footprint import s_region
from hexcal.steps.wcs.imaging import subarray_offset
from hexcal.steps.wcs.reference_transforms import transform_in
from hexcal.steps.wcs.smoothing_spline import smoothed

FIXED_SLIT = "MIR_LRS-FIXEDSLIT"
ALPHA_BETA = "alpha_beta"
DISPERSION_AXIS = 2
"""Wavelength runs along columns of the detector."""

_SMOOTHING = 0.002
"""Sum of the squares by which wavelengths of the table may change, micron²: those of the first rows of the real table
scatter by 0.01 micron. The figure is that of release 3.0.0, whose stored wavelengths this gives to 4e-14 micron.
"""
_ORIGIN = {True: ("x_ref", "y_ref"), False: ("x_ref_slitless", "y_ref_slitless")}
"""Where a specwcs file holds the place that its table is relative to, by whether there is a slit."""
_KEYWORDS = {True: "IMX, IMY", False: "IMXSLTL, IMYSLTL"}
_COLUMNS = (3.5, 71.5)
"""Left and right edge of the field without slit: reference pixels are left out."""


def reference_types(model):
    """Return the types of reference files that the WCS needs (tuple of str)."""
    return ("specwcs", "distortion")


def wcs_of(model, references, log, is_smoothed=True):
    """Return the WCS of an exposure of the low-resolution spectrometer.

    Parameters
    ----------
    model : DataModel
        The exposure, of one image or one image per integration.
    references : References
        ``specwcs``, ``distortion``.
    log : logging.Logger
        Of the step.
    is_smoothed : bool
        Whether the wavelengths of the rows are a smooth curve through the table; else they are those of the table.

    Returns
    -------
    Wcs
        With frames detector (pixels, first one 0), alpha_beta (arcsec along and across the slit, micron), v2v3,
        v2v3vacorr (arcsec, micron) and world (degrees, ICRS, micron), and a bounding box.

    Raises
    ------
    InputError
        If the header does not say where the telescope points.
    ReferenceError_
        If a reference file is not that of a low-resolution spectrum.

    Notes
    -----
    JWST pipeline documentation 1.13.5, assign_wcs. The documents do not say how the table of wavelengths is
    interpolated: see docs/decisions.md.
    """
    specwcs = _wavelength_table(references.specwcs)
    table, origin = _columns(specwcs), _origin(model, specwcs)
    to_v2v3 = _subarray_to_v2v3(model, references.distortion)
    scale = _pixel_scale(to_v2v3, origin)
    velocity = spectral_frames.to_barycentre(model, log)
    to_alpha_beta = _to_alpha_beta(table, origin, scale, velocity, is_smoothed)
    spatial = plane_frame("alpha_beta_spatial", ("alpha", "beta"))
    alpha_beta = spectral_frames.with_wavelength(
        ALPHA_BETA, spatial, spectral_frames.wavelength_frame("alpha_beta_spectral")
    )
    wcs = Wcs(
        [
            (plane_frame(frames.DETECTOR, ("x", "y"), "pix"), to_alpha_beta),
            (alpha_beta, _alpha_beta_to_v2v3(to_v2v3, origin, scale)),
            *spectral_frames.v2v3_to_world(model, log),
        ]
    )
    wcs.bounding_box = _bounding_box(model, table, origin)
    return wcs


def complete(model, references, log):
    """Set what goes with the WCS: wavelengths, axis of dispersion, where the target is, outline of the slit."""
    from hexcal.steps.wcs.spectral import slit_coordinates

    model.meta.wcsinfo.dispersion_direction = DISPERSION_AXIS
    model.meta.wcsinfo.specsys = spectral_frames.BARYCENTRE
    model.wavelength = slit_coordinates(model).wavelength.astype(np.float32)
    if model.meta.exposure.type != FIXED_SLIT:
        log.info("S_REGION is not set: there is no slit that limits the field")
        return
    _set_dithered(model, log)
    corners = _corners(known_wcs(model), _wavelength_table(references.specwcs))
    region = s_region(corners) if corners is not None else None
    if region is None:
        log.warning("S_REGION is not set: the specwcs file does not hold the corners of the slit (V2VERT1, ...)")
    else:
        model.meta.wcsinfo.s_region = region
        log.info("S_REGION: %s", region)


def _set_dithered(model, log):
    """Set DITH_RA and DITH_DEC: where on the sky the target is by the offsets of the dither, XOFFSET and YOFFSET.

    The offsets are ideal coordinates; from them to V2V3 as in JWST-STScI-001550 (SIAF document), section 4.
    """
    info = model.meta.wcsinfo
    x, y = (model.get_meta(f"meta.dither.{axis}_offset") for axis in "xy")
    if None in (x, y, info.v3yangle, info.vparity):
        log.warning("There is no XOFFSET, YOFFSET, V3I_YANG or VPARITY: DITH_RA and DITH_DEC are not set")
        return
    angle = np.radians(info.v3yangle)
    v2 = info.v2_ref + info.vparity * x * np.cos(angle) + y * np.sin(angle)
    v3 = info.v3_ref - info.vparity * x * np.sin(angle) + y * np.cos(angle)
    ra, dec, _ = transform_points(known_wcs(model), frames.V2V3, frames.WORLD, v2, v3, 1.0)
    model.meta.dither.dithered_ra, model.meta.dither.dithered_dec = float(ra), float(dec)


def _wavelength_table(reference):
    """The specwcs file as what it is: delivered ones call themselves SpecwcsModel, which other modes have in ASDF."""
    if reference.path is None or "wavetable" in reference.specs:
        return reference
    return model_class("MiriLRSSpecwcsModel")(reference.path)


def _columns(reference):
    """The table of wavelengths, by rising rows: column -> float64 array."""
    rows = table_of(reference, "wavetable")
    if rows is None or len(rows) < 5:
        raise ReferenceError_(
            "a specwcs file of the low-resolution spectrometer is required, with a table WAVETABLE of 5 rows or more",
            where=str(reference.path or "model in memory"),
            hint="give another one with override_specwcs",
        )
    columns = {name.lower(): np.asarray(rows[name], np.float64) for name in rows.dtype.names}
    order = np.argsort(columns["y_center"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def _origin(model, reference):
    """The pixel of the exposure that the table is relative to: (x, y), first pixel 0."""
    has_slit = model.meta.exposure.type == FIXED_SLIT
    values = [reference.get_meta(f"meta.{name}") for name in _ORIGIN[has_slit]]
    if None in values:
        raise ReferenceError_(
            f"the specwcs file does not say to which pixel its table is relative: {_KEYWORDS[has_slit]} not found",
            where=str(reference.path or "model in memory"),
            hint="give another one with override_specwcs",
        )
    x, y = (float(value) - 1 - first for value, first in zip(values, subarray_offset(model), strict=True))
    return x, y


def _subarray_to_v2v3(model, reference):
    """The distortion, from pixels of the exposure."""
    distortion = transform_in(reference, "model", "distortion")
    x, y = subarray_offset(model)
    return distortion if (x, y) == (0, 0) else models.Shift(x) & models.Shift(y) | distortion


def _pixel_scale(to_v2v3, origin):
    """Size of a pixel along the slit, arcsec."""
    v2, v3 = evaluate_points(to_v2v3, origin[0] + np.array([0.0, 1.0]), origin[1])
    return float(np.hypot(v2[1] - v2[0], v3[1] - v3[0]))


def _to_alpha_beta(table, origin, scale, velocity, is_smoothed) -> Any:
    """From pixels to alpha, beta (arcsec) and wavelength (micron), with the way back."""
    rows = table["y_center"] + origin[1]
    wavelengths = table["wavelength"]
    if is_smoothed:
        wavelengths = smoothed(table["y_center"], wavelengths, _SMOOTHING)
    lookup = {"bounds_error": False, "fill_value": np.nan}
    trace = models.Tabular1D(rows, table["x_center"], name="xshiftref", **lookup)
    wavelength_of = models.Tabular1D(rows, wavelengths, name="waveref", **lookup)
    row_of = models.Tabular1D(*_rising(wavelengths, rows), name="rowref", **lookup)
    along = models.Mapping((0,), n_inputs=2) - (models.Mapping((1,)) | trace)
    alpha = along | models.Shift(-origin[0]) | models.Scale(scale)
    transform = models.Mapping((0, 1, 0, 1)) | (
        (models.Mapping((0, 1, 0)) | alpha & models.Const1D(0.0)) & (models.Mapping((1,)) | wavelength_of | velocity)
    )
    place = models.Scale(1 / scale) | models.Shift(origin[0])
    row = velocity.inverse | row_of
    x = models.Mapping((0,), n_inputs=2) + (models.Mapping((1,)) | trace)
    transform.inverse = (
        models.Mapping((0, 2), n_inputs=3) | place & row | models.Mapping((0, 1, 1)) | (x & models.Identity(1))
    )
    return transform


def _rising(wavelengths, rows):
    """Both by rising wavelength, those that do not rise left out."""
    order = np.argsort(wavelengths, kind="stable")
    wavelengths, rows = wavelengths[order], rows[order]
    rises = np.concatenate([[True], np.diff(wavelengths) > 0])
    return wavelengths[rises], rows[rises]


def _alpha_beta_to_v2v3(to_v2v3, origin, scale) -> Any:
    x, y = (models.Scale(1 / scale) | models.Shift(place) for place in origin)
    return (x & y | to_v2v3) & models.Identity(1)


def _bounding_box(model, table, origin):
    """Where the table has wavelengths: ((xmin, xmax), (ymin, ymax)), pixels."""
    if model.meta.exposure.type == FIXED_SLIT:
        columns = (np.floor(table["x0"].min() + origin[0]) - 0.5, np.ceil(table["x1"].max() + origin[0]) + 0.5)
        rows = table["y_center"][[0, -1]] + origin[1]
    else:
        columns = _COLUMNS
        rows = (np.floor(table["y2"].min() + origin[1]) - 0.5, np.ceil(table["y0"].max() + origin[1]) + 0.5)
    return tuple(map(float, columns)), tuple(map(float, rows))


def _corners(wcs, reference):
    """Corners of the slit on the sky, degrees, (4, 2); None where the file does not hold them."""
    places = [[reference.get_meta(f"meta.{axis}_vert{number}") for axis in ("v2", "v3")] for number in range(1, 5)]
    if any(value is None for place in places for value in place):
        return None
    v2, v3 = np.array(places, np.float64).T
    ra, dec, _ = transform_points(wcs, frames.V2V3, frames.WORLD, v2, v3, np.ones(4))
    return np.column_stack([ra, dec])
