"""What a picture consists of: views, one for each file, of panels; and what of a file is looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hexcal.errors import InputError, ParameterError, unknown_name

MOST_PANELS = 12
"""Slits or spectra that are drawn of one file, each in a panel of its own."""


@dataclass(frozen=True)
class Look:
    """What of a file is looked at, and how.

    Attributes
    ----------
    extension : str or None
        Extension or attribute of an image, column of a spectrum; None: the data, the flux.
    slit : str or None
        Name of a slit or spectrum, or the number of its source, slitlet or place in the file (from 1).
    integration : int or None
        Counted from 1; None: the first one of images, all of spectra.
    scale : str or None
        "linear" or "log"; None: images stretched by asinh, spectra linear.
    flags : tuple of str
        Names of the flags of pixels that are marked; "all" stands for any.
    """

    extension: str | None = None
    slit: str | None = None
    integration: int | None = None
    scale: str | None = None
    flags: tuple = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes
    ----------
    draw : callable
        Draws on the matplotlib Axes that it is given.
    width, height : float
        Inches.
    """

    draw: Callable[[Any], None]
    width: float
    height: float


@dataclass(frozen=True)
class View:
    """The panels of one file, one above the other, or beside each other.

    Attributes
    ----------
    title : str
    panels : list of Panel
    across : bool
        Whether the panels stand beside each other.
    note : str
        What is not shown, if anything.
    """

    title: str
    panels: list = field(default_factory=list)
    across: bool = False
    note: str = ""

    @property
    def size(self):
        """(width, height), inches."""
        widths, heights = [panel.width for panel in self.panels], [panel.height for panel in self.panels]
        return (sum(widths), max(heights)) if self.across else (max(widths), sum(heights))


def array_of(model, look, default="data"):
    """Return an array of a model by the name of its extension or attribute.

    Parameters
    ----------
    model : DataModel
    look : Look
    default : str
        Attribute, where `look` names none.

    Returns
    -------
    name : str
        Of the attribute.
    array : ndarray

    Raises
    ------
    ParameterError
        If the model has no array of that name; it tells those that it has.
    """
    from hexcal.models.layout import Array

    there = {name: spec for name, spec in model.specs.items() if isinstance(spec, Array) and model.has(name)}
    if look.extension is None:
        name = default if default in there else next(iter(there), None)
        if name is None:
            raise InputError(
                "this file holds no image or spectrum that can be drawn", where=_where(model),
                hint="`hexcal info FILE` shows what is in it",
            )  # fmt: skip
        return name, np.asarray(getattr(model, name))
    for name, spec in there.items():
        if look.extension.upper() in (name.upper(), *(hdu.upper() for hdu in spec.hdus)):
            return name, np.asarray(getattr(model, name))
    known = [spec.hdu for spec in there.values()]
    raise unknown_name("extension", look.extension, known, where=_where(model))


def unit_of(model, name, container=None):
    """Return the unit of an array: that of the data, where the header tells it, and nothing for flags and weights."""
    if name == "wavelength":
        return "µm"
    unit = model.get_meta(f"meta.bunit_{'err' if name.startswith(('err', 'var')) else 'data'}")
    if unit is None and container is not None:
        unit = container.get_meta("meta.bunit_data")
    if name.startswith("var_"):
        return f"({unit})²" if unit else ""
    return (unit or "") if name in ("data", "err", "slope") else ""


def require_integration(number, count, where):
    """Return the index (from 0) of an integration that is counted from 1; ParameterError if there is none."""
    if not 1 <= number <= count:
        raise ParameterError(f"there are integrations 1 to {count}, got {number}", where=str(where))
    return number - 1


def chosen_parts(parts, look, where):
    """Return the parts of a file that are looked at: all, or those of one name or number.

    Parameters
    ----------
    parts : list of DataModel
        Slits or spectra.
    look : Look
    where : str
        File, for the message.

    Returns
    -------
    list of DataModel

    Raises
    ------
    ParameterError
        If no part is called that.
    """
    if look.slit is None:
        return parts
    wanted = look.slit.upper()
    chosen = [part for part in parts if str(part.get_meta("name")).upper() == wanted]
    for number in ("source_id", "slitlet_id"):
        chosen = chosen or [part for part in parts if str(part.get_meta(number)) == look.slit]
    if not chosen and look.slit.isdigit() and 1 <= int(look.slit) <= len(parts):
        chosen = [parts[int(look.slit) - 1]]
    if not chosen:
        names = dict.fromkeys(name_of(part, number + 1) for number, part in enumerate(parts))
        raise unknown_name("slit", look.slit, names, where=where)
    return chosen


def name_of(part, number):
    """Return what a slit or spectrum is called in a picture; `number` is its place in the file."""
    return str(part.get_meta("name") or part.get_meta("source_id") or number)


def title_of(model, path):
    """Return the name of a file, and how it was taken."""
    from pathlib import Path

    places = ("instrument.name", "instrument.detector", "exposure.type", "instrument.filter", "instrument.grating")
    facts = [model.get_meta(f"meta.{place}") for place in places]
    target = model.get_meta("meta.target.catalog_name")
    text = " ".join(str(fact) for fact in facts if fact and fact != "N/A")
    return f"{Path(path).name}\n{text}{f', {target}' if target else ''}"


def _where(model):
    return str(model.path or model.model_type)
