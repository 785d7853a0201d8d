"""A picture of what becomes of dithered exposures: raw, calibrated, mosaic with its sources, and how right they are."""

from pathlib import Path
from typing import Any

import numpy as np

from hexcal.files.atomic import atomic
from hexcal.report.picture import show_rate


def from_raw_to_mosaic(path, raw, calibrated, mosaic, sources, errors):
    """Make a PNG of an exposure as it came, calibrated, and the mosaic with its catalogue.

    Below them are the errors of positions and fluxes.

    Parameters
    ----------
    path : path-like
        File to write.
    raw : float array (ny, nx), DN
        The last group of a ramp.
    calibrated : float array (ny, nx), MJy/sr
        The same exposure after stage 2.
    mosaic : float array, MJy/sr
        All exposures after stage 3.
    sources : tuple of arrays
        x, y (0-based pixels of the mosaic) and whether a true source is there.
    errors : dict of str to array
        ``east``, ``north`` (mas), ``flux`` (found / true) and ``true`` (Jy) of bright stars.

    Returns
    -------
    str
        The path.

    Raises
    ------
    ResourceError
        If the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(19, 11), dpi=100, layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 0.75))
    upper, lower = parts
    first, second, third = upper.subplots(1, 3)
    for axes, image, unit, title in (
        (first, raw, "DN", "One exposure: last group of the raw ramp"),
        (second, calibrated, "MJy/sr", "The same exposure after stages 1 and 2"),
        (third, mosaic, "MJy/sr", "All exposures after stage 3, with the catalogue"),
    ):
        show_rate(axes, np.asarray(image, float), unit)
        axes.set_title(title, fontsize=11)
    x, y, matched = sources
    for which, colour, label in ((matched, "#39d0ff", "a true source"), (~matched, "#ff5a5a", "no true source")):
        if np.any(which):
            third.scatter(
                x[which] + 1, y[which] + 1, s=90, facecolors="none", edgecolors=colour, linewidths=0.9, label=label
            )
    third.legend(fontsize=9, loc="upper right")
    positions, fluxes = lower.subplots(1, 2)
    _show_positions(positions, errors["east"], errors["north"])
    _show_fluxes(fluxes, errors["true"], errors["flux"])
    with atomic(path) as stream:
        figure.savefig(stream, format=Path(path).suffix.lstrip(".") or "png")
    return str(path)


def _show_positions(axes, east, north):
    axes.scatter(east, north, s=22, color="#7a3b8f")
    reach = 1.2 * max(np.abs(np.concatenate([east, north])).max(initial=0), 1)
    axes.set(xlim=(reach, -reach), ylim=(-reach, reach), xlabel="east (mas)", ylabel="north (mas)", aspect="equal")
    for draw in (axes.axhline, axes.axvline):
        draw(0, color="0.6", linewidth=0.8)
    axes.set_title("Catalogue − truth: positions of bright stars", fontsize=11)


def _show_fluxes(axes, true, ratio):
    axes.scatter(true * 1e6, 100 * (ratio - 1), s=22, color="#d0671f")
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set(xscale="log", xlabel="true flux (µJy)", ylabel="measured − true (%)")
    axes.set_title("Catalogue − truth: fluxes of bright stars", fontsize=11)
