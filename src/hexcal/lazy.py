"""Public names that are imported when first used, so that ``hexcal --help`` does not wait for numpy, astropy and numba."""

import importlib
from typing import Any


def lazy_names(module, table, others=None):
    """Make ``__getattr__``, ``__dir__`` and ``__all__`` of a module whose names live elsewhere.

    Parameters
    ----------
    module : str
        Name of the module, for messages.
    table : dict
        Public name -> "package.module" (same name there), "package.module:other_name", or "package.module:" for the module itself.
    others : str, optional
        "package.module:function" that returns further names, found at run time, with what they stand for (dict). Asked only for a name that is not
        in the table.

    Returns
    -------
    tuple
        (``__getattr__``, ``__dir__``, ``__all__``).
    """

    def further():
        place, _, function = others.partition(":")
        return getattr(importlib.import_module(place), function)()

    def get(name) -> Any:
        if name not in table:
            found = {} if others is None or name.startswith("_") else further()
            if name in found:
                return found[name]
            # An AttributeError is what `hasattr` and `from ... import` expect; the text carries the nearest name.
            if name.startswith("_"):
                raise AttributeError(f"module {module!r} has no attribute {name!r}")
            documented = importlib.import_module("hexcal.observatories.documented")
            raise AttributeError(str(documented.unknown_public_name(name, [*table, *found], module)))
        place, _, other = table[name].partition(":")
        found = importlib.import_module(place)
        return found if table[name].endswith(":") else getattr(found, other or name)

    return get, lambda: sorted({*table, *(further() if others else ())}), sorted(table)
