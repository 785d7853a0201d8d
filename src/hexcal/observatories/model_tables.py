"""Models that an observatory declares: which classes there are, and their arrays and tables, as files in its folder.

``models.tsv``
    model, base, reftype, comment. `base` is the class that it extends: one of Hexcal's (``ExposureModel``,
    ``ReferenceModel``, ``ImageModel`` ...), a model of an earlier row, or ``package.module:Class`` of the plug-in's
    own. `reftype` is the type of reference file that it is the model of (empty: not a reference, or one of several
    models of its type). `comment` says what it is.
``model_arrays.tsv``
    model, name, hdu, dtype, dimensions, fill, shape. `hdu` is an EXTNAME, with other spellings that files have
    (``SCI|DATA``: the one found is the one written, new files get the first), ``PRIMARY``, or the number of an HDU
    without a name (``1``; these lie right behind the primary HDU). `dtype` is numpy's (``f4``), `dimensions` holds the
    allowed numbers of axes separated by ``|`` (empty: any). `fill` is the value of an array that always exists (empty:
    None if the file has none), `shape` its shape: ``whole`` (that of the primary array) or ``image`` (its last two
    axes); ``primary`` marks the primary array itself. What a model does not say is as in its base. Other values of
    `dtype`: ``table``; ``parts:Model`` (no HDU: a list of models of that class, whose extensions are numbered by
    EXTVER); ``tree`` (no HDU: kept in the ASDF tree).
``model_columns.tsv``
    model, table, column, dtype, unit: the columns of the tables; ``f8(3)`` is an array of three in each row. May be
    absent.
"""

import os
import re
from typing import NamedTuple

from hexcal.errors import InputError
from hexcal.observatories.tables import read_table

__all__ = ["ArrayRow", "ColumnRow", "ModelRow", "read_models"]

_SHAPES = ("", "primary", "whole", "image")
_DTYPE = re.compile(r"f[48]|[iu][1248]|table")
_WITHOUT_HDU = re.compile(r"tree|parts:\w+")
_COLUMN_DTYPE = re.compile(r"(f[48]|[iu][1248]|b1|S\d+)(\((\d+(?:,\d+)*)\))?")


class ColumnRow(NamedTuple):
    """One column of a table; `shape` is that of the array in each row, empty for a number or a text."""

    name: str
    dtype: str
    unit: str
    shape: tuple = ()


class ArrayRow(NamedTuple):
    """One array of a declared model."""

    name: str
    hdu: str
    dtype: str
    dimensions: tuple
    fill: float | None
    shape: str
    columns: tuple = ()
    other_hdus: tuple = ()


class ModelRow(NamedTuple):
    """One declared model, with its `ArrayRow` objects."""

    name: str
    base: str
    reftype: str
    comment: str
    arrays: tuple


def read_models(folder):
    """Read the tables of models of an observatory's folder.

    Parameters
    ----------
    folder : str
        Where ``models.tsv`` and ``model_arrays.tsv`` lie; without the first there are no models.

    Returns
    -------
    tuple of ModelRow

    Raises
    ------
    InputError
        If a table is not understood.
    """
    models = os.path.join(folder, "models.tsv")
    if not os.path.exists(models):
        return ()
    rows = read_table(models, ("model", "base", "reftype", "comment"))
    arrays = {name: [] for name, *_ in rows}
    columns = _columns(os.path.join(folder, "model_columns.tsv"))
    filename = os.path.join(folder, "model_arrays.tsv")
    for model, *row in read_table(filename, ("model", "name", "hdu", "dtype", "dimensions", "fill", "shape")):
        if model not in arrays:
            raise InputError(f"an array of '{model}', which is not in models.tsv", where=filename)
        array = _array(row, f"{filename}, {model}")
        _require_once(model, arrays[model], array, filename)
        arrays[model].append(array._replace(columns=tuple(columns.get((model, array.name), ()))))
    return tuple(ModelRow(name, base, reftype, comment, tuple(arrays[name])) for name, base, reftype, comment in rows)


def _require_once(model, earlier, array, filename):
    """Numbered HDUs follow one another from 1 on, and no two arrays lie in one HDU."""
    same = next((other for other in earlier if other.hdu == array.hdu and array.hdu), None)
    if same is not None:
        raise InputError(f"{same.name} and {array.name} of {model} are in the same HDU, {array.hdu}", where=filename)


def _columns(filename):
    columns = {}
    if os.path.exists(filename):
        for model, table, name, dtype, unit in read_table(filename, ("model", "table", "column", "dtype", "unit")):
            columns.setdefault((model, table), []).append(_column(name, dtype, unit, f"{filename}, {model}"))
    return columns


def _column(name, dtype, unit, where):
    match = _COLUMN_DTYPE.fullmatch(dtype)
    if match is None:
        raise InputError(
            f"'{dtype}' of the column {name} is not a type of column", where=where, hint="f4, S12, f8(3) ..."
        )
    return ColumnRow(name, match[1], unit, tuple(int(number) for number in match[3].split(",")) if match[3] else ())


def _array(row, where):
    name, hdus, dtype, dimensions, fill, shape = row
    hdu, *others = hdus.split("|")
    if others and any(text == "PRIMARY" or text.isdigit() for text in (hdu, *others)):
        raise InputError(f"PRIMARY and numbers of HDUs have no other spellings, {name} has '{hdus}'", where=where)
    if hdu == "0" or (hdu == "PRIMARY" and dtype == "table"):
        raise InputError(f"the primary HDU holds an image and is called PRIMARY, found {hdu!r} for {name}", where=where)
    try:
        allowed = tuple(int(number) for number in dimensions.split("|") if number)
        value = float(fill) if fill else None
    except ValueError as error:
        raise InputError(
            f"dimensions and fill of the array {name} must be numbers, found {dimensions!r} and {fill!r}", where=where
        ) from error
    if not (_DTYPE if hdu else _WITHOUT_HDU).fullmatch(dtype):
        raise InputError(f"'{dtype}' of the array {name} is not a type of number", where=where, hint="f4, u4 ...")
    if shape not in _SHAPES or bool(fill) != (shape in ("whole", "image")):
        raise InputError(
            f"an array that is filled needs the shape whole or image, {name} has fill {fill!r} and shape {shape!r}",
            where=where,
        )
    return ArrayRow(name, hdu, dtype, allowed, value, shape, other_hdus=tuple(others))
