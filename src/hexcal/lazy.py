"""Public names that are imported when first used.

So ``hexcal --help`` does not wait for numpy, astropy and numba.
"""

import importlib
from collections.abc import Callable
from typing import Any


def lazy_names(
    module: str, table: dict[str, str], others: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make ``__getattr__``, ``__dir__`` and ``__all__`` of a module whose names live elsewhere.

    Parameters
    ----------
    module : str
        Name of the module, for messages.
    table : dict
        Public name -> "package.module" (same name there), "package.module:other_name", or "package.module:" for the
        module itself.
    others : str, optional
        "package.module:function" that returns further names, found at run time, with what they stand for (dict). Asked
        only for a name that is not in the table.

    Returns
    -------
    tuple
        (``__getattr__``, ``__dir__``, ``__all__``).
    """

    def further() -> dict[str, Any]:
        if others is None:
            return {}
        place, _, function = others.partition(":")
        return getattr(importlib.import_module(place), function)()

    def get(name: str) -> Any:
        if name not in table:
            more = {} if name.startswith("_") else further()
            if name in more:
                return more[name]
            # An AttributeError is what `hasattr` and `from ... import` expect; the text carries the nearest name.
            if name.startswith("_"):
                raise AttributeError(f"module {module!r} has no attribute {name!r}")
            documented = importlib.import_module("hexcal.observatories.documented")
            raise AttributeError(str(documented.unknown_public_name(name, [*table, *more], module)))
        place, _, other = table[name].partition(":")
        home = importlib.import_module(place)
        return home if table[name].endswith(":") else getattr(home, other or name)

    return get, lambda: sorted({*table, *further()}), sorted(table)
