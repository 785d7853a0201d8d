"""Models that observatories declare in tables, each made into a class when first asked for.

The tables are described in `hexcal.observatories.model_tables`.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from hexcal import observatories
from hexcal.errors import InputError, unknown_name
from hexcal.models import datamodel, parts, reference, science
from hexcal.models.datamodel import DataModel
from hexcal.models.layout import Array, Table, image, whole

_SHAPES = {"whole": whole, "image": image}
_TREE_MODEL = "hexcal.models.single:TreeModel"


class Declared(Mapping):
    """The classes that an observatory declares: name -> subclass of `DataModel`.

    Parameters
    ----------
    observatory : Observatory
        Whose tables.
    """

    def __init__(self, observatory):
        self.observatory = observatory
        self._rows = {row.name: row for row in observatory.models}
        self._classes = {}

    def __getitem__(self, name):
        if name not in self._classes:
            self._classes[name] = self._class(self._rows[name])
        return self._classes[name]

    def __contains__(self, name):
        return name in self._rows

    def __iter__(self):
        return iter(self._rows)

    def __len__(self):
        return len(self._rows)

    def of_reference_type(self, reference_type):
        """Return the class of a type of reference file, or None."""
        row = next((row for row in self._rows.values() if row.reftype == reference_type), None)
        return self[row.name] if row else None

    def _class(self, row):
        observatory = self.observatory
        start = [("meta.telescope", observatory.telescope)]
        if len(observatory.instruments) == 1:
            start.append(("meta.instrument.name", observatory.instruments[0]))
        if row.reftype:
            start.append(("meta.reftype", row.reftype.upper()))
        content = {
            "__doc__": row.comment,
            # The public door, where it is found by its name (also when a model crosses processes).
            "__module__": "hexcal.datamodels",
            "layout": tuple(_specification(array) for array in row.arrays if array.hdu),
            "of_tree": tuple(array.name for array in row.arrays if array.dtype == "tree"),
            "default_observatory": observatory.name,
            "starts_with": tuple(start),
        }
        for array in row.arrays:
            if array.shape == "primary":
                content["primary"] = array.name
            if array.dtype.startswith("parts:"):
                content["parts_name"] = array.name
                content["part_class"] = self._named(array.dtype.partition(":")[2], row)
        return type(row.name, (self._named(row.base, row),), content)

    def _named(self, name, row):
        """Return a class by its name, for a row that extends it or has parts of it."""
        where = f"models of the observatory '{self.observatory.name}', {row.name}"
        place, _, own = (_TREE_MODEL if name == "TreeModel" else name).rpartition(":")
        if place:
            try:
                cls = getattr(import_module(place), own)
            except (ImportError, AttributeError) as error:
                raise InputError(f"the class {name} cannot be found: {error}", where=where) from error
        elif name in self._rows and name != row.name:
            cls = self[name]
        else:
            cls = _built_in().get(name)
            if cls is None:
                known = [*_built_in(), *self._rows]
                raise unknown_name("model to extend", name, known, where=where, error=InputError)
        if not (isinstance(cls, type) and issubclass(cls, DataModel)):
            raise InputError(f"{name} must be a subclass of DataModel", where=where)
        return cls


def _specification(array):
    if array.dtype == "table":
        columns = tuple((column.name, column.dtype, column.shape) for column in array.columns)
        units = tuple((column.name.upper(), column.unit) for column in array.columns if column.unit)
        return Table(array.name, array.hdu, columns, units, array.other_hdus)
    shape = _SHAPES.get(array.shape)
    others = array.other_hdus
    return Array(array.name, array.hdu, array.dtype, array.dimensions, array.fill, shape, other_hdus=others)


@cache
def _built_in():
    return {
        name: value
        for module in (datamodel, parts, science, reference)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, DataModel)
    }


@cache
def classes(observatory):
    """Return the classes that an observatory declares (`Declared`).

    One that shares the tables of another has the classes of that one.
    """
    owner = observatories.owner_of_tables(observatory)
    return Declared(observatory) if owner is observatory else classes(owner)


def primary_hdus(observatory):
    """Return how the primary array of an exposure may be called in the files of an observatory.

    A list of str; PRIMARY and numbers are left out.
    """
    names = ["SCI"]
    if observatory.name != DataModel.default_observatory:
        for row in classes(observatory).observatory.models:
            names += [hdu for array in row.arrays if array.shape == "primary" for hdu in (array.hdu, *array.other_hdus)]
    return [name for name in dict.fromkeys(names) if name != "PRIMARY" and not name.isdigit()]


class _Everywhere(Mapping):
    """The classes that any observatory declares; the first of a name counts."""

    def __iter__(self):
        return iter(dict.fromkeys(name for each in self._all() for name in each))

    def __len__(self):
        return len(list(iter(self)))

    def __getitem__(self, name):
        for each in self._all():
            if name in each:
                return each[name]
        raise KeyError(name)

    def _all(self):
        first = DataModel.default_observatory
        known = sorted(observatories.everywhere(), key=lambda observatory: observatory.name != first)
        return (classes(observatory) for observatory in known)


def everywhere():
    """Return the classes that any observatory declares: mapping of name to class; the first of a name counts."""
    return _Everywhere()


def reference_class(observatory, reference_type):
    """Return the class of a type of reference file: the observatory's own, else Hexcal's, else None.

    Parameters
    ----------
    observatory : Observatory
        Of the exposure.
    reference_type : str
        Such as "dark".
    """
    return classes(observatory).of_reference_type(reference_type) or reference.BY_TYPE.get(reference_type)


def class_of_dimensions(observatory, ndim):
    """Return the class that an observatory declares for exposures of a number of dimensions, or None.

    Those of JWST have classes in `science`.
    """
    if observatory.name == DataModel.default_observatory:
        return None
    for cls in classes(observatory).values():
        if not issubclass(cls, reference.ReferenceFileModel) and cls.primary and ndim in cls.specs[cls.primary].ndim:
            return cls
    return None
