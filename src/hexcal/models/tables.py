"""Tables of reference files, read without the table machinery of astropy, which takes half a second to load."""

import weakref
from typing import Any

import numpy as np

_READ: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
"""Model: {attribute: table}."""


def table_of(model, name) -> Any:
    """Return a table of a reference file.

    Parameters
    ----------
    model : DataModel
        The file.
    name : str
        Attribute.

    Returns
    -------
    structured array or None
        Names of columns in small letters; texts may be bytes. Read once, not to be changed. None if there is no table.
    """
    known = _READ.setdefault(model, {})
    if name not in known or name in model.contents.arrays:
        # One that is in memory may have been replaced.
        table = model.plain_table(name) if name in getattr(model, "specs", ()) else getattr(model, name, None)
        if type(table) is np.ndarray and table.dtype.names:
            table = table.view(np.dtype([(field.lower(), *_of(table, field)) for field in table.dtype.names]))
        known[name] = table
    return known[name]


def _of(table, field):
    dtype = table.dtype[field]
    return (dtype.base, dtype.shape)
