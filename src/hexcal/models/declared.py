"""Models that observatories declare in tables (see `hexcal.observatories.model_tables`), made into classes when first asked for."""

from functools import cache
from importlib import import_module

from hexcal import observatories
from hexcal.errors import InputError, unknown_name
from hexcal.models import datamodel, reference, science
from hexcal.models.datamodel import DataModel
from hexcal.models.layout import Array, image, whole

_SHAPES = {"whole": whole, "image": image}


@cache
def classes(observatory):
    """Return the classes that an observatory declares: dict of name to subclass of `DataModel`.

    Parameters
    ----------
    observatory : Observatory
        Whose tables.

    Raises
    ------
    InputError
        If a model extends a class that there is not.
    """
    made = {}
    for row in observatory.models:
        made[row.name] = _class(row, observatory, made)
    return made


def _class(row, observatory, known):
    arrays = tuple(
        Array(array.name, array.hdu, array.dtype, array.dimensions, array.fill, _SHAPES.get(array.shape))
        for array in row.arrays
    )
    start = [("meta.telescope", observatory.telescope)]
    if len(observatory.instruments) == 1:
        start.append(("meta.instrument.name", observatory.instruments[0]))
    if row.reftype:
        start.append(("meta.reftype", row.reftype.upper()))
    content = {
        "__doc__": row.comment,
        # The public door, where it is found by its name (also when a model crosses processes).
        "__module__": "hexcal.datamodels",
        "layout": arrays,
        "default_observatory": observatory.name,
        "starts_with": tuple(start),
    }
    for array in row.arrays:
        if array.shape == "primary":
            content["primary"] = array.name
    return type(row.name, (_base(row, observatory, known),), content)


def _base(row, observatory, known):
    where = f"models of the observatory '{observatory.name}', {row.name}"
    place, _, name = row.base.rpartition(":")
    if place:
        try:
            found = getattr(import_module(place), name)
        except (ImportError, AttributeError) as error:
            raise InputError(f"the class {row.base} cannot be found: {error}", where=where) from error
    else:
        built_in = {
            name: value
            for module in (datamodel, science, reference)
            for name, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, DataModel)
        }
        found = {**built_in, **known}.get(row.base)
        if found is None:
            raise unknown_name("model to extend", row.base, [*built_in, *known], where=where, error=InputError)
    if not (isinstance(found, type) and issubclass(found, DataModel)):
        raise InputError(f"{row.base} must be a subclass of DataModel", where=where)
    return found


def everywhere():
    """Return the classes that any observatory declares: dict of name to class; the first of a name counts."""
    found = {}
    for name in observatories.names():
        for model, cls in classes(observatories.get(name)).items():
            found.setdefault(model, cls)
    return found


def reference_class(observatory, reference_type):
    """Return the class of a type of reference file: the observatory's own, else Hexcal's, else None.

    Parameters
    ----------
    observatory : Observatory
        Of the exposure.
    reference_type : str
        Such as "dark".
    """
    for row in observatory.models:
        if row.reftype == reference_type:
            return classes(observatory)[row.name]
    return reference.BY_TYPE.get(reference_type)


def class_of_dimensions(observatory, ndim):
    """Return the class that an observatory declares for exposures of a number of dimensions, or None."""
    for cls in classes(observatory).values():
        if not issubclass(cls, reference.ReferenceModel) and cls.primary and ndim in cls._layout[cls.primary].ndim:
            return cls
    return None
