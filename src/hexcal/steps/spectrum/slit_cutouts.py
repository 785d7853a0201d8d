"""Slits of NIRSpec, cut out of their exposure: arrays, wavelengths, WCS, and what is known of each slit."""

from typing import Any

import numpy as np

from hexcal.models.science import MultiSlitModel, SlitModel
from hexcal.models.stored_wcs import wcs_of
from hexcal.models.wcs import models
from hexcal.models.wcs.description import Wcs
from hexcal.steps.wcs import nirspec_slits
from hexcal.steps.wcs.evaluate import transform_points
from hexcal.steps.wcs.footprint import s_region
from hexcal.steps.wcs.frames import WORLD
from hexcal.steps.wcs.spectral import slit_coordinates
from hexcal.steps.wcs.spectral_parts import SLIT_FRAME

ARRAYS = ("data", "err", "dq", "var_poisson", "var_rnoise", "var_flat")
_REFERENCE_WAVELENGTH = 2.0
"""Micron: of the outline of a slit on the sky, and of the place of the target in it."""
_OF_EVERY_SLIT = ("shutter_id", "source_id")
_OF_SLITLETS = (
    *("quadrant", "xcen", "ycen", "dither_position", "shutter_state", "source_name", "source_alias", "stellarity"),
    *("source_xpos", "source_ypos", "source_ra", "source_dec", "slit_xscale", "slit_yscale"),
)
_IN_TREE = ("quadrant", "xcen", "ycen", "dither_position", "slit_ymin", "slit_ymax")
"""Attributes that are not in every model class's table of keywords."""


def open_slits_of(wcs) -> list:
    """Return the slits that a WCS holds (list of Slit), those on the detector."""
    for step in wcs.pipeline:
        slits = getattr(step.transform, "slits", None)
        if slits:
            return list(slits)
    return []


def window_of(box):
    """Return the pixels of a bounding box: first column, column after the last, first row, row after the last."""
    (x_low, x_high), (y_low, y_high) = box
    return tuple(int(np.floor(edge + 0.5)) for edge in (x_low, x_high, y_low, y_high))


def cut_out(exposure, slit, part) -> Any:
    """Fill the model of a slit with what belongs to it.

    Parameters
    ----------
    exposure : ImageModel or CubeModel
        With the WCS of all its slits. Not changed.
    slit : Slit
        One of `open_slits_of`.
    part : SlitModel
        Empty, but for metadata.

    Returns
    -------
    SlitModel
        `part`.
    """
    wcs = nirspec_slits.required(wcs_of(exposure))
    box = nirspec_slits.box_of_slit(wcs, slit.slit_id)
    first_column, end_column, first_row, end_row = window_of(box)
    for name in ARRAYS:
        if exposure.shape_of(name) is not None or name in ("err", "dq"):
            piece = exposure.read(name, np.s_[..., first_row:end_row, first_column:end_column])
            if piece is not None:
                setattr(part, name, piece if piece.base is None else piece.copy())
    part.meta.wcs = shifted(nirspec_slits.slit_wcs(wcs, slit.slit_id), first_column, first_row, part.shape[-2:])
    part.wavelength = slit_coordinates(part).wavelength.astype(np.float32)
    part.name = str(slit.name)
    part.xstart, part.xsize = first_column + 1, end_column - first_column
    part.ystart, part.ysize = first_row + 1, end_row - first_row
    _describe(part, slit, exposure)
    _set_region(part, slit)
    return part


def shifted(wcs, first_column, first_row, shape):
    """Return the WCS of a cutout: pixels counted from its first one; its outer edges are the bounding box."""
    frame, transform = wcs.pipeline[0]
    moved = models.Shift(float(first_column)) & models.Shift(float(first_row)) | transform
    moved.name = transform.name
    result = Wcs([(frame, moved), *wcs.pipeline[1:]])
    ny, nx = shape
    result.bounding_box = ((-0.5, nx - 0.5), (-0.5, ny - 0.5))
    return result


def _describe(part, slit, exposure):
    """Write down what is known of a slit."""
    is_slitlet = exposure.meta.exposure.type == "NRS_MSASPEC" or bool(slit.shutter_state)
    for name in _OF_EVERY_SLIT + (_OF_SLITLETS if is_slitlet else ()):
        _set(part, name, getattr(slit, name))
    if is_slitlet:
        part.slitlet_id = slit.slit_id if isinstance(slit.name, str) and slit.slit_id < 0 else int(slit.name)
    _set(part, "slit_ymin", slit.ymin)
    _set(part, "slit_ymax", slit.ymax)
    if not is_slitlet:
        part.source_xpos, part.source_ypos = target_in_slit(part, exposure)


def _set(part, name, value):
    value = value.item() if hasattr(value, "item") else value
    if name in _IN_TREE:
        part.set_unchecked(name, value)
    else:
        setattr(part, name, value)


def target_in_slit(part, exposure):
    """Return where the target is in a fixed slit, by the offsets of its dither; the centre in slits without it.

    Parameters
    ----------
    part : SlitModel
        The slit, with its WCS.
    exposure : DataModel
        Its exposure: XOFFSET and YOFFSET are the place of the target in the ideal frame of the aperture, arcsec, whose
        axes follow from VPARITY and V3I_YANG.

    Returns
    -------
    slit_x, slit_y : float
        In units of the slit's width and height, 0 at its centre.

    Notes
    -----
    Ideal frame: JWST-STScI-001550, section 4.
    """
    if part.name != exposure.meta.instrument.fixed_slit or WORLD not in wcs_of(part).available_frames:
        return 0.0, 0.0
    dither, info = exposure.meta.dither, exposure.meta.wcsinfo
    offsets = dither.x_offset, dither.y_offset
    frame = info.v2_ref, info.v3_ref, info.vparity, info.v3yangle
    if None in offsets or None in frame:
        return 0.0, 0.0
    v2_ref, v3_ref, parity, angle = (float(value) for value in frame)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    x, y = float(offsets[0]), float(offsets[1])
    v2 = v2_ref + parity * x * cos + y * sin
    v3 = v3_ref - parity * x * sin + y * cos
    slit_x, slit_y, *_ = transform_points(wcs_of(part), "v2v3", SLIT_FRAME, v2, v3, _REFERENCE_WAVELENGTH)
    return float(slit_x), float(slit_y)


def _set_region(part, slit):
    """Outline of the slit on the sky."""
    wcs = wcs_of(part)
    if WORLD not in wcs.available_frames:
        return
    slit_x, slit_y = [-0.5, -0.5, 0.5, 0.5], [slit.ymin, slit.ymax, slit.ymax, slit.ymin]
    corners = transform_points(wcs, SLIT_FRAME, WORLD, slit_x, slit_y, _REFERENCE_WAVELENGTH * 1e-6)
    region = s_region(np.column_stack(corners[:2]))
    if region is not None:
        part.meta.wcsinfo.s_region = region


def product_of_slits(exposure, slits) -> Any:
    """Return all slits of an exposure (MultiSlitModel)."""
    product: Any = MultiSlitModel()
    product.update(exposure, without=("meta.wcs",))
    parts = []
    for slit in slits:
        part: Any = product.new_part()
        part.update(exposure, only="SCI")
        parts.append(cut_out(exposure, slit, part))
    product.slits = parts
    return product


def product_of_one(exposure, slit) -> Any:
    """Return one slit of a time series (SlitModel), with its times."""
    product: Any = SlitModel()
    product.update(exposure, without=("meta.wcs",))
    cut_out(exposure, slit, product)
    # A rate image, of all integrations together, has no times of each.
    if "int_times" in exposure.specs and exposure.has("int_times"):
        product.int_times = exposure.plain_table("int_times")
    return product
