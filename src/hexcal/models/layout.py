"""The declarative part of a model: which arrays and tables it has, in which HDU, of which type and shape."""

from dataclasses import dataclass

import numpy as np

from hexcal.errors import InputError
from hexcal.models import exact


@dataclass(frozen=True)
class Array:
    """One array of a model; the attribute of that name on the model.

    Parameters
    ----------
    name : str
        Attribute name.
    hdu : str
        EXTNAME in the FITS file; ``PRIMARY``, or the number of an HDU that has no name (``1``).
    dtype : str
        numpy type in memory, such as "f4"; also the type on disk.
    ndim : tuple of int
        Allowed numbers of dimensions; empty for any.
    fill : number or None
        When the file has no such HDU: None means that the attribute is None; a number means a documented array that
        always exists, made at first access with this value.
    shape_of : callable, optional
        Shape of the filled array, computed from the shape of the primary array.
    or_wider : bool
        Values that `dtype` cannot hold keep the type that they have (raw data of simulators are floats); otherwise they
        are refused.
    """

    name: str
    hdu: str
    dtype: str = "f4"
    ndim: tuple = ()
    fill: float | None = None
    shape_of: object = None
    or_wider: bool = False
    other_hdus: tuple = ()
    """Other spellings of `hdu` that files have; the one found is the one written."""

    hdus = property(lambda self: (self.hdu, *self.other_hdus), doc="All spellings of the name of the HDU.")

    def typed(self, values, what):
        """Return values as the type of this array, contiguous.

        Parameters
        ----------
        values : ndarray
            Of any type of numbers.
        what : str
            Model and attribute, for the message.

        Raises
        ------
        NotRepresentable
            If the type cannot hold a value; carries what it would become.
        """
        try:
            return exact.as_type(values, self.dtype, what)
        except exact.NotRepresentable:
            if not self.or_wider:
                raise
            return np.ascontiguousarray(values, values.dtype.newbyteorder("="))


@dataclass(frozen=True)
class Table:
    """One table of a model: a structured array as astropy reads it.

    Parameters
    ----------
    name : str
        Attribute name.
    hdu : str
        EXTNAME in the FITS file.
    columns : tuple of (name, dtype)
        Columns that the documents name; empty when they name none. Only used to make a new table.
    units: tuple of (name, unit)
        Units of columns, as in TUNIT; given to a table that is set and has none.
    """

    name: str
    hdu: str
    columns: tuple = ()
    units: tuple = ()
    other_hdus: tuple = ()

    hdus = property(lambda self: (self.hdu, *self.other_hdus), doc="All spellings of the name of the HDU.")

    def with_units(self, table):
        """Return a table as it is kept: with the documented units where it has none of its own (then a FITS_rec)."""
        units = dict(self.units)
        if not any(units.get(name.upper()) for name in table.dtype.names):
            return table
        from astropy.io import fits

        if not isinstance(table, fits.FITS_rec):
            table = fits.FITS_rec.from_columns(fits.ColDefs(table))
        for column in table.columns or ():
            if not column.unit and units.get(column.name.upper()):
                column.unit = units[column.name.upper()]
        return table


def whole(shape):
    """Shape of the primary array itself."""
    return shape


def image(shape):
    """Shape of one image: the last two axes."""
    return shape[-2:]


class ArrayAttribute:
    """Descriptor: reads the array at first access, checks dimensions and type on assignment."""

    def __init__(self, spec):
        self.spec = spec
        self.__doc__ = f"{spec.dtype} array of extension {spec.hdu}."

    def __get__(self, model, owner=None):
        if model is None:
            return self
        value = model.contents.arrays.get(self.spec.name)
        return model.load_array(self.spec) if value is None else value

    def __set__(self, model, value):
        spec = self.spec
        if value is None:
            model.contents.arrays[spec.name] = None
            model.contents.removed.add(spec.hdu)
            return
        value = np.asarray(value)
        if spec.ndim and value.ndim not in spec.ndim:
            expected = " or ".join(str(n) for n in spec.ndim)
            raise InputError(
                f"{type(model).__name__}.{spec.name} must have {expected} dimensions, got shape {value.shape}",
                hint="axes are (nints, ngroups, ny, nx) for ramps, (nints, ny, nx) for cubes, (ny, nx) for images",
            )
        model.contents.arrays[spec.name] = spec.typed(value, f"{type(model).__name__}.{spec.name}")
        model.contents.removed.discard(spec.hdu)


class TableAttribute:
    """Descriptor: reads the table at first access."""

    def __init__(self, spec):
        self.spec = spec
        self.__doc__ = f"Table of extension {spec.hdu}."

    def __get__(self, model, owner=None):
        if model is None:
            return self
        value = model.contents.arrays.get(self.spec.name)
        if type(value) is np.ndarray and self.spec.units:
            value = model.contents.arrays[self.spec.name] = self.spec.with_units(value)
        return model.load_table(self.spec) if value is None else value

    def __set__(self, model, value):
        spec = self.spec
        if value is None:
            model.contents.arrays[spec.name] = None
            model.contents.removed.add(spec.hdu)
            return
        if not hasattr(value, "dtype"):
            value = np.array([tuple(row) for row in value], dtype=list(spec.columns))
        if value.dtype.names is None:
            raise InputError(
                f"{type(model).__name__}.{spec.name} must be a table (structured array), got {value.dtype}"
            )
        # A plain array gets its units when it is asked for, or written: most tables are only written.
        model.contents.arrays[spec.name] = value if type(value) is np.ndarray else spec.with_units(value)
        model.contents.removed.discard(spec.hdu)
