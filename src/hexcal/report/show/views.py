"""Which view a file has, and the picture of several files side by side."""

import os
from pathlib import Path

from hexcal.errors import InputError, ParameterError
from hexcal.files.atomic import atomic
from hexcal.report.show.cubes import cube_view
from hexcal.report.show.images import image_view
from hexcal.report.show.slits import is_rectified, slit_view, slits_view
from hexcal.report.show.spectra import spectra_view, time_series_view

FORMATS = ("png", "pdf", "svg", "jpg")
_DPI = 110
_TITLE = 0.7
"""Inches for the title of a file."""
_MOST_INCHES = 200


_TAKEN_BY = {
    "slit": ((slits_view, spectra_view, time_series_view), "files of slits and spectra"),
    "flags": ((image_view, slits_view, slit_view), "images and slits"),
    "integration": ((image_view, slits_view, slit_view, time_series_view), "images and spectra of integrations"),
}


def view_of(path, look):
    """Return the view of a file, by what it is.

    Parameters
    ----------
    path : path-like
        A product or reference file.
    look : Look

    Returns
    -------
    View

    Raises
    ------
    InputError
        If it holds nothing that can be drawn.
    ParameterError
        If what `look` names is not in it.
    """
    from hexcal.models.open import open as open_model

    if Path(path).suffix.lower() == ".json":
        raise InputError("only images and spectra can be drawn, this is neither", where=str(path))
    model = open_model(path)
    draw = _drawing(model)
    for option, (takers, what) in _TAKEN_BY.items():
        if getattr(look, option) and draw not in takers:
            raise ParameterError(f"--{option} is for {what}, this is of class {model.model_type}", where=str(path))
    return draw(model, path, look)


def _drawing(model):
    part = getattr(model, "part_class", None)
    if "spec_table" in (part.specs if part is not None else model.specs):
        return time_series_view if _is_time_series(model) else spectra_view
    if part is not None:
        return slits_view
    if model.model_type == "IFUCubeModel":
        return cube_view
    if model.model_type in ("SlitModel", "SlitDataModel") or (
        is_rectified(model) and "wavelength" in model.specs and model.has("wavelength")
    ):
        return slit_view
    return image_view


def _is_time_series(model):
    """Whether the spectra are those of integrations."""
    if model.model_type.startswith("TSO"):
        return True
    return bool(getattr(model, "is_tso", False)) and hasattr(model, "parts") and len(model.parts()) > 1


def picture(paths, output, look):
    """Draw files side by side.

    Parameters
    ----------
    paths : list of path-like
    output : path-like
        Picture; its ending says the format.
    look : Look

    Returns
    -------
    str
        The path of the picture.

    Raises
    ------
    ParameterError
        For an ending that no format has, or a name that a file does not know.
    InputError
        If a file holds nothing that can be drawn, or is the one to be written.
    ResourceError
        If the picture cannot be written.
    """
    ending = Path(output).suffix.lstrip(".").lower()
    if ending not in FORMATS:
        raise ParameterError(
            f"a picture ends with {', '.join('.' + each for each in FORMATS)}, got '{Path(output).name}'",
            where="--output",
        )
    figure = figure_of([view_of(path, look) for path in paths])
    with atomic(output) as stream:
        figure.savefig(stream, format=ending)
    return os.fspath(output)


def figure_of(views):
    """Return the matplotlib Figure of some views, beside each other."""
    from matplotlib.figure import Figure

    widths, heights = [view.size[0] for view in views], [view.size[1] for view in views]
    shrink = min(1.0, _MOST_INCHES / sum(widths), _MOST_INCHES / max(heights))
    size = (shrink * sum(widths), shrink * max(heights) + _TITLE)
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    parts = figure.subfigures(1, len(views), width_ratios=widths, squeeze=False)[0]
    for part, view in zip(parts, views, strict=True):
        part.suptitle(view.title + (f"\n({view.note})" if view.note else ""), fontsize=11)
        count = len(view.panels)
        shape = (1, count) if view.across else (count, 1)
        ratios = {"width_ratios" if view.across else "height_ratios": [
            panel.width if view.across else panel.height for panel in view.panels
        ]}  # fmt: skip
        for axes, panel in zip(part.subplots(*shape, squeeze=False, **ratios).ravel(), view.panels, strict=True):
            panel.draw(axes)
    return figure
