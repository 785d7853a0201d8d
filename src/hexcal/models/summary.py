"""What a model is, in a few lines: for ``hexcal info`` and for notebooks."""

from typing import NamedTuple

from hexcal.models import meta
from hexcal.models.datamodel import DataModel
from hexcal.models.layout import Array

_FACTS = {
    "telescope": (
        "meta.telescope",
        "meta.instrument.name",
        "meta.instrument.detector",
        "meta.instrument.filter",
        "meta.instrument.pupil",
    ),
    "exposure": ("meta.exposure.type", "meta.exposure.readpatt", "meta.subarray.name"),
    "date": ("meta.observation.date", "meta.observation.time"),
    "reference": ("meta.reftype", "meta.pedigree", "meta.useafter"),
}


class Content(NamedTuple):
    """One array or table of a model."""

    name: str
    """Attribute of the model."""
    hdu: str
    """Name of the extension."""
    dtype: str
    """Type of an array as numpy writes it ("f4"), or "table"."""
    size: str
    """Shape, or number of rows."""


def facts(model: DataModel) -> dict[str, str]:
    """Return telescope and mode, exposure, date, and what kind of reference it is, as far as the model says it.

    Parameters
    ----------
    model : DataModel

    Returns
    -------
    dict of str to str
        Label -> values.
    """
    values = {label: [model.get_meta(path) for path in paths] for label, paths in _FACTS.items()}
    texts = {label: [str(value) for value in words if value is not None] for label, words in values.items()}
    return {label: " ".join(words) for label, words in texts.items() if words}


def contents(model: DataModel) -> list[Content]:
    """Return the arrays and tables of a model; arrays are not read for it."""
    return [_content(model, name, spec) for name, spec in model.specs.items() if model.has(name)]


def _content(model, name, spec):
    if isinstance(spec, Array):
        return Content(name, spec.hdu, spec.dtype, str(model.shape_of(name)))
    return Content(name, spec.hdu, "table", f"{len(getattr(model, name))} rows")


def steps(model: DataModel) -> dict[str, str]:
    """Return the steps that were run on the data: name -> status, in lower case."""
    entries = meta.walk(model.branch("meta.cal_step"))
    return {step: status.lower() for step, status in entries if isinstance(status, str)}
