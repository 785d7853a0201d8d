"""The extract1d reference of slits: which part of a spectrum is extracted, and where its background is."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import ReferenceError_

_KEYS = (
    "xstart xstop ystart ystop extract_width src_coeff bkg_coeff independent_var smoothing_length bkg_fit bkg_order "
    "use_source_posn dispaxis subtract_background position_offset"
).split()
_NUMBERS = ("xstart", "xstop", "ystart", "ystop", "extract_width", "bkg_order", "smoothing_length", "spectral_order")
_ALLOWED = {"bkg_fit": ("poly", "mean", "median"), "independent_var": ("pixel", "wavelength"), "dispaxis": (1, 2)}
ANY = "ANY"
WILDCARD_ORDER = 1000
"""Spectral orders from here on stand for any order, in reference images."""


@dataclass(frozen=True)
class ApertureEntry:
    """An entry of the list ``apertures``: values as the file has them, None where it does not say.

    Attributes
    ----------
    values : dict
        By the documented names.
    image : float32 array (ny, nx), optional
        Instead of limits: 1 where the source is, -1 where its background is, 0 elsewhere.
    """

    values: dict = field(default_factory=dict)
    image: Any = None

    def __getattr__(self, name):
        if name.startswith("_") or name not in _KEYS:
            raise AttributeError(name)
        return self.values.get(name)


class ExtractionReference:
    """The apertures of an extract1d reference.

    Parameters
    ----------
    entries : list of (str, int or None, ApertureEntry)
        Name of the slit, spectral order, aperture; the first one that fits is taken.
    where : str
        The file, for messages.
    """

    def __init__(self, entries, where):
        self._entries, self.where = entries, where

    def find(self, name, order) -> ApertureEntry | None:
        """Return the aperture of a slit and a spectral order; None if there is none.

        Parameters
        ----------
        name : str or None
            Of the slit, or of the exposure type where there is one slit; None: any.
        order : int or None
            Spectral order.
        """
        for wanted, wanted_order, entry in self._entries:
            fits = wanted_order is None or order is None or wanted_order in (order,) or wanted_order >= WILDCARD_ORDER
            if fits and (name is None or str(wanted).upper() in (ANY, str(name).upper())):
                return entry
        return None


def read_reference(chosen) -> ExtractionReference:
    """Return the apertures of an extract1d reference: a JSON file, or reference images.

    Parameters
    ----------
    chosen : str or DataModel
        The file, or an open model.

    Raises
    ------
    ReferenceError_
        If it holds no apertures.
    """
    from hexcal.models import asdf_tree

    where = str(chosen if isinstance(chosen, str | Path) else getattr(chosen, "path", None) or "a model in memory")
    if isinstance(chosen, str | Path) and str(chosen).lower().endswith(".json"):
        return ExtractionReference(_of_list(asdf_tree.from_file(chosen), where), where)
    return ExtractionReference(_of_images(chosen, where), where)


def is_of_images(chosen):
    """Whether an extract1d reference of cubes holds images, and no circles (ASDF)."""
    if isinstance(chosen, str | Path):
        return str(chosen).lower().endswith((".fits", ".fits.gz"))
    return hasattr(chosen, "images")


def _of_list(content, where):
    """Entries of a JSON file."""
    listed = content.get("apertures") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise ReferenceError_(
            "an extract1d reference needs the list `apertures`", where=where, hint="`hexcal crds certify` says more"
        )
    entries = []
    for entry in listed:
        values = {name.lower(): value for name, value in entry.items()}
        if str(values.get("region_type") or "target").lower() != "target":
            continue
        for name in ("src_coeff", "bkg_coeff"):
            _require_pairs(values.get(name), name, where)
        _require_values(values, where)
        order = values.get("spectral_order")
        aperture = ApertureEntry({name: values.get(name) for name in _KEYS})
        entries.append((values.get("id", ANY), None if order is None else int(order), aperture))
    return entries


def _require_pairs(coefficients, name, where):
    if coefficients is None:
        return
    fits = isinstance(coefficients, list) and len(coefficients) > 0 and len(coefficients) % 2 == 0
    if not fits or not all(
        isinstance(polynomial, list) and len(polynomial) and all(map(_is_number, polynomial))
        for polynomial in coefficients
    ):
        raise ReferenceError_(
            f"{name} must be an even number of lists of coefficients (lower and upper limit of each region), "
            f"it is {coefficients}",
            where=where,
        )


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require_values(values, where):
    """What an entry says of limits and ways must be numbers and known words; ReferenceError_ names the entry."""
    wrong = None
    for name in _NUMBERS:
        if values.get(name) is not None and not _is_number(values[name]):
            wrong = f"{name} must be a number, it is {values[name]!r}"
    for name, allowed in _ALLOWED.items():
        value = values.get(name)
        if value is not None and (value.lower() if isinstance(value, str) else value) not in allowed:
            wrong = f"{name} must be {' or '.join(map(str, allowed))}, it is {value!r}"
    if _is_number(values.get("extract_width")) and values["extract_width"] <= 0:
        wrong = f"extract_width must be positive, it is {values['extract_width']}"
    if wrong:
        raise ReferenceError_(
            f"the aperture {values.get('id', ANY)} of the extract1d reference cannot be used: {wrong}",
            where=where,
            hint="correct the file, or give another one with override_extract1d",
        )


def _of_images(chosen, where):
    """Entries of reference images."""
    from hexcal.models.datamodel import DataModel
    from hexcal.models.open import open as open_model
    from hexcal.models.single import model_class

    model: Any = chosen if isinstance(chosen, DataModel) else open_model(chosen)
    if not hasattr(model, "images"):
        try:
            model = model_class("MultiExtract1dImageModel")(chosen)
        except (TypeError, ValueError) as error:
            raise ReferenceError_(
                "an extract1d reference is a JSON file, or holds images",
                where=where,
                hint="give another file with override_extract1d",
            ) from error
    entries = []
    for image in model.images:
        order = image.get_meta("spectral_order")
        entries.append((image.get_meta("name") or ANY, order, ApertureEntry({}, np.asarray(image.data, np.float32))))
    if not entries:
        raise ReferenceError_(
            "an extract1d reference is a JSON file, or holds at least one image; this file has none",
            where=where,
            hint="give another file with override_extract1d",
        )
    return entries
