"""Images of detectors and of the sky: rates, calibrated exposures, integrations, groups, mosaics with their sources."""

from pathlib import Path

import numpy as np

from hexcal.errors import InputError, ParameterError
from hexcal.models import dqflags
from hexcal.report.show import scales
from hexcal.report.show.view import Panel, View, array_of, require_integration, title_of, unit_of

_LONG = 10.0
"""Inches of the longer side of an image."""
_SHORT = 2.2
"""Inches of the shorter side, at least."""
_MARGIN = (1.6, 1.0)
"""Inches for labels and the colour bar."""


def image_view(model, path, look):
    """Return the view of one image of a model: (ny, nx), one of (nints, ny, nx), or the light of a ramp.

    Parameters
    ----------
    model : DataModel
    path : path-like
        Its file: the catalogue is looked for beside it.
    look : Look

    Returns
    -------
    View
    """
    name, array = array_of(model, look, model.primary or "data")
    image, what = plane_of(array, look, path)
    flagged, flags = flagged_pixels(model, look, image.shape)
    sources = _sources(path, image.shape) if name == "data" else None
    extent, place = _extent(model, image.shape)

    def draw(axes):
        aspect = "equal" if max(image.shape) < 4 * min(image.shape) else "auto"
        scales.draw_image(axes, image, unit_of(model, name), look.scale, extent, aspect)
        if flagged is not None:
            scales.mark_flags(axes, flagged, extent)
        if sources is not None:
            axes.scatter(
                sources[0] + 1, sources[1] + 1, s=60, facecolors="none", edgecolors="#39d0ff", linewidths=0.8,
                label=f"catalogue: {len(sources[0])} sources",
            )  # fmt: skip
            axes.legend(fontsize=8, loc="upper right")
        axes.set(xlabel=f"x (pixel{place})", ylabel=f"y (pixel{place})")
        axes.set_title(", ".join(text for text in (model.specs[name].hdu, what, flags) if text), fontsize=10)

    return View(title_of(model, path), [Panel(draw, *size_of(image.shape))])


def size_of(shape):
    """Return the width and height of a panel for an image (ny, nx), inches."""
    ny, nx = shape
    scale = _LONG / max(ny, nx)
    width, height = (max(_SHORT, scale * side) for side in (nx, ny))
    if max(nx, ny) < 4 * min(nx, ny):
        # A square fills a screen at a smaller size than a strip.
        width, height = 0.8 * width, 0.8 * height
    return width + _MARGIN[0], height + _MARGIN[1]


def plane_of(array, look, where):
    """Return one image of an array, and which one it is.

    Parameters
    ----------
    array : array (ny, nx), (nints, ny, nx), or (nints, ngroups, ny, nx)
        Of the last the light between the first and the last group is taken.
    look : Look
    where : path-like
        For messages.

    Returns
    -------
    image : array (ny, nx)
    what : str
        "integration 1 of 10".

    Raises
    ------
    InputError
        If it is no image.
    ParameterError
        If it has no such integration.
    """
    if array.ndim not in (2, 3, 4):
        raise InputError(
            f"an image is required, this array has {array.ndim} dimensions: {array.shape}", where=str(where)
        )
    if array.ndim == 2:
        if look.integration not in (None, 1):
            raise ParameterError(f"this is one image, not one for each integration: {array.shape}", where=str(where))
        return array, ""
    count = array.shape[0]
    index = require_integration(look.integration or 1, count, where)
    what = f"integration {index + 1} of {count}" if count > 1 else ""
    image = array[index]
    if image.ndim == 3:
        groups = len(image)
        image = image[-1].astype(float) - (image[0] if groups > 1 else 0)
        light = f"group {groups} − group 1" if groups > 1 else "group 1"
        what = ", ".join(text for text in (what, light) if text)
    return image, what


def flagged_pixels(model, look, shape):
    """Return which pixels have one of the flags to be marked: bool (ny, nx), and words that say so; None without.

    Raises
    ------
    ParameterError
        For a flag that is not known.
    InputError
        If the model has no flags.
    """
    if not look.flags:
        return None, ""
    table = dqflags.of(model.observatory)
    wanted = 0xFFFFFFFF if "all" in (flag.lower() for flag in look.flags) else 0
    for flag in look.flags:
        wanted |= getattr(table, flag.upper()) if flag.lower() != "all" else 0
    name = next((name for name in ("dq", "pixeldq") if name in model.specs and model.has(name)), None)
    if name is None:
        raise InputError("this file has no flags that could be marked", where=str(model.path or model.model_type))
    flags = np.asarray(getattr(model, name))
    # The flags of all integrations are one image.
    flags = flags if flags.ndim == 2 else plane_of(flags, look, model.path)[0]
    flagged = (flags & np.uint32(wanted)) != 0
    if flagged.shape != shape:
        return None, ""
    share = 100 * np.count_nonzero(flagged) / max(flagged.size, 1)
    return flagged, f"{'+'.join(look.flags)}: {np.count_nonzero(flagged)} pixels ({share:.2g} %) in cyan"


def _extent(model, shape):
    """Where the pixels lie: in the frame of the detector, if the model is a subarray; and words that say so."""
    x, y, *size = (model.get_meta(f"meta.subarray.{name}") for name in ("xstart", "ystart", "ysize", "xsize"))
    is_resampled = model.get_meta("meta.cal_step.resample") == "COMPLETE"
    if x is None or y is None or (x, y) == (1, 1) or tuple(size) != shape or is_resampled:
        return None, ""
    return (x - 0.5, x + shape[1] - 0.5, y - 0.5, y + shape[0] - 0.5), " of the detector"


def _sources(path, shape):
    """Pixels (from 0) of the sources in the catalogue beside a mosaic, or None."""
    path = Path(path)
    catalogue = path.with_name(path.name.partition("_i2d.")[0] + "_cat.ecsv")
    if "_i2d." not in path.name or not catalogue.is_file():
        return None
    from astropy.table import Table

    from hexcal.files import gate

    gate.reading(catalogue, "catalogue")
    table = Table.read(catalogue, format="ascii.ecsv")
    names = [name for pair in (("xcentroid", "ycentroid"), ("x_centroid", "y_centroid")) for name in pair]
    columns = [np.asarray(table[name], float) for name in names if name in table.colnames][:2]
    if len(columns) < 2:
        return None
    inside = (columns[0] > -1) & (columns[0] < shape[1]) & (columns[1] > -1) & (columns[1] < shape[0])
    return columns[0][inside], columns[1][inside]
