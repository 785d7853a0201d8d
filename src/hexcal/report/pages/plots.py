"""The pictures of a page, as data within it: the product, ramps of chosen pixels, footprints."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import HexcalError
from hexcal.report.pages.facts import can_open
from hexcal.report.show.view import Look
from hexcal.report.show.views import figure_of, view_of

_DPI = 90
_SMALL = (440, 440)
"""Width and height of small pictures, pixels, at most."""
_HEAD = "data:image/png;base64,"
_MOST_NAMES = 12
"""So many footprints are named."""


def of_figure(figure, dpi=_DPI, is_cropped=False) -> str:
    """Return a picture as the text of a URL that holds it; `is_cropped`: without an empty margin."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, bbox_inches="tight" if is_cropped else None)
    return _HEAD + base64.b64encode(stream.getvalue()).decode("ascii")


def of_product(path) -> tuple[str, str, str] | None:
    """Return the picture of a product, a small one, and a description in words; None if nothing in it can be drawn."""
    try:
        view = view_of(path, Look())
    except HexcalError:
        return None
    panels = f", in {len(view.panels)} panels" if len(view.panels) > 1 else ""
    picture = of_figure(figure_of([view]))
    return picture, _smaller(picture), f"{' '.join(view.title.splitlines())}{panels}"


def _smaller(picture):
    """The same picture, small enough for a list of many."""
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))).convert("RGB")
    image.thumbnail(_SMALL)
    stream = io.BytesIO()
    # A noisy image takes six times as much as PNG, and there are many in one page.
    image.save(stream, format="jpeg", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def ramps(raw_path, rate) -> tuple[str, str] | None:
    """Draw the raw ramps of three pixels: the brightest that is not saturated, one of the median, a saturated one.

    Parameters
    ----------
    raw_path : path-like
        The raw exposure.
    rate : DataModel
        What was made of it: values, and the flags that say which groups are saturated.

    Returns
    -------
    (str, str) or None
        Picture and description; None if the raw exposure is not there, or is none.
    """
    ramp: Any = can_open(raw_path) if Path(raw_path).is_file() else None
    if ramp is None or "data" not in ramp.specs or len(ramp.shape) != 4 or rate.data.ndim != 2:
        return None
    pixels = _chosen(rate)
    if not pixels or ramp.shape[2:] != rate.data.shape:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    time = ramp.meta.exposure.group_time or 1.0
    for label, (row, column) in pixels.items():
        # A part of the file: the whole ramp need not be in memory.
        values = ramp.read("data", np.s_[0, :, row : row + 1, column : column + 1]).ravel().astype(float)
        axes.plot(
            time * np.arange(1, len(values) + 1), values, "o-", markersize=3, label=f"{label}: x {column}, y {row}"
        )
    axes.set_xlabel("time, s")
    axes.set_ylabel("raw signal, DN")
    axes.legend()
    return of_figure(figure), f"Raw ramps of the pixels {', '.join(pixels)}"


def _chosen(rate):
    """Pixels worth a look, by name: (row, column)."""
    values = np.asarray(rate.data, dtype=float)
    flags = rate.dq if rate.has("dq") else np.zeros(values.shape, np.uint32)
    good = np.isfinite(values) & ((flags & np.uint32(1)) == 0)
    chosen = {}
    if good.any():
        ordered = np.where(good, values, -np.inf)
        chosen["brightest"] = np.unravel_index(int(np.argmax(ordered)), values.shape)
        distance = np.where(good, np.abs(values - np.median(values[good])), np.inf)
        chosen["median"] = np.unravel_index(int(np.argmin(distance)), values.shape)
    saturated = (flags & np.uint32(2)) != 0
    if saturated.any():
        chosen["saturated"] = np.unravel_index(int(np.argmax(saturated)), values.shape)
    return {name: (int(place[0]), int(place[1])) for name, place in chosen.items()}


def footprints(corners) -> tuple[str, str] | None:
    """Draw what products cover on the sky (dict of name to corners in degrees); None if there is nothing."""
    if not corners:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for name, polygon in corners.items():
        ra, dec = np.array([*polygon, polygon[0]]).T
        axes.plot(ra, dec, label=name if len(corners) <= _MOST_NAMES else None)
    first = np.array(next(iter(corners.values())))
    axes.invert_xaxis()
    axes.set_aspect(1 / max(0.05, float(np.cos(np.radians(first[:, 1].mean())))))
    axes.set_xlabel("RA, deg (ICRS)")
    axes.set_ylabel("Dec, deg (ICRS)")
    axes.ticklabel_format(useOffset=False)
    if len(corners) <= _MOST_NAMES:
        axes.legend(fontsize=7)
    # A narrow strip of the sky leaves most of the figure empty.
    return of_figure(figure, is_cropped=True), f"Footprints of {len(corners)} products on the sky"
