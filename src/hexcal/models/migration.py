"""Products whose tables have the columns of an earlier release: found, and given the columns of today."""

import numpy as np

from hexcal.errors import InputError
from hexcal.models.fits_table import structured
from hexcal.models.layout import Table
from hexcal.models.parts import Parts

FORMER_COLUMNS = {"ERROR": "FLUX_ERROR", "BERROR": "BKGD_ERROR"}
"""Names that columns of extracted spectra had before the variances came, and what they are called now."""

_MIGRATED = ("spec_table",)
"""Tables that steps of later stages read, so that their columns must be those of today."""


def former_tables(model):
    """Return the tables of a model that lack documented columns.

    Parameters
    ----------
    model : DataModel
        Of any class.

    Returns
    -------
    list of (DataModel, Table, list of str)
        The model or the part of it that holds the table, the table, and the columns that it lacks.
    """
    former = []
    for holder in [model, *(model.parts() if isinstance(model, Parts) else ())]:
        for name in _MIGRATED:
            spec = holder.specs.get(name)
            table = getattr(holder, name) if isinstance(spec, Table) and spec.columns else None
            absent = [] if table is None else _absent(spec, table)
            if absent:
                former.append((holder, spec, absent))
    return former


def require_current(model):
    """Raise InputError if a table of a model lacks documented columns, as those of earlier releases do."""
    for _, spec, absent in former_tables(model):
        raise InputError(
            f"Column names don't match schema: {spec.hdu} has no column {', '.join(absent)}",
            where=str(model.path or type(model).__name__),
            hint="a product of an earlier release is brought up to date by: migrate_data FILE --in-place",
        )


def migrate(model):
    """Give the tables of a model the documented columns, in their order.

    Columns under a former name keep their values; those that the file does not have are NaN (flags: 0), since nothing
    is known about them. Further columns stay, behind the documented ones.

    Parameters
    ----------
    model : DataModel
        Changed in place.

    Returns
    -------
    int
        How many tables were changed.
    """
    former = former_tables(model)
    for holder, spec, _ in former:
        setattr(holder, spec.name, _migrated(spec, getattr(holder, spec.name)))
    if former:
        model.add_history_entry(f"migrate_data of Hexcal gave {len(former)} tables the columns of today")
    return len(former)


def _absent(spec, table):
    present = {name.upper() for name in table.dtype.names}
    return [name for name, *_ in spec.columns if name.upper() not in present]


def _migrated(spec, table):
    values = structured(table)
    stored = {FORMER_COLUMNS.get(name.upper(), name.upper()): name for name in values.dtype.names or ()}
    documented = [column[0].upper() for column in spec.columns]
    others = [name for key, name in stored.items() if key not in documented]
    new = np.zeros(len(values), [*spec.columns, *((name, values.dtype[name]) for name in others)])
    for column, name in zip(documented, [column[0] for column in spec.columns], strict=True):
        if column in stored:
            new[name] = values[stored[column]]
        elif new.dtype[name].kind == "f":
            new[name] = np.nan
    for name in others:
        new[name] = values[name]
    return new
