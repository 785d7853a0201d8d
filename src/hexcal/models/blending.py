"""The metadata of a product that is made of several exposures.

Values that follow from theirs by rules, and a table (HDRTAB) of theirs.

The rules are a table of the observatory, ``blend_rules.tsv``.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from hexcal.errors import unknown_name

_WORST_TOLERANCE = "outside calibration tolerance"
MULTIPLE, UNCLEAR = "MULTIPLE", "?"


def _same_or(other):
    return lambda values: values[0] if all(value == values[0] for value in values) else other


def _tolerance(values):
    """A wheel was within its tolerance in all exposures, or it was not."""
    return _WORST_TOLERANCE if _WORST_TOLERANCE in values else values[0]


RULES: dict[str, Callable[[list], Any]] = {
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "float_one": lambda values: 1.0,
    "int_one": lambda values: 1,
    "zero": lambda values: 0,
    "multi": _same_or(MULTIPLE),
    "multi?": _same_or(UNCLEAR),
    "mean": lambda values: float(np.mean(values)),
    "sum": lambda values: np.sum(values).item(),
    "max": max,
    "min": min,
    "stddev": lambda values: float(np.std(values)),
    "mintime": min,
    "maxtime": max,
    "mindate": min,
    "maxdate": max,
    "mindatetime": min,
    "maxdatetime": max,
    "wheeltol": _tolerance,
}
"""What becomes of the values of all exposures that have one (a list, in their order). Dates and times are ISO 8601
texts.
"""


def function_of(rule):
    """Return the function of a rule.

    Raises
    ------
    ParameterError
        If there is no such rule; carries the nearest name.
    """
    if rule not in RULES:
        raise unknown_name("rule of blending", rule, RULES)
    return RULES[rule]


class Blender:
    """Collects the metadata of exposures, one after the other.

    Parameters
    ----------
    ignore : iterable of str
        Paths (``meta.instrument.filter``), or branches, whose values are not blended: those of the product stay.
    rules : dict of str to str, optional
        Path -> rule; default those of the observatory of the first exposure.
    """

    def __init__(self, ignore: Iterable[str] = (), rules: dict[str, str] | None = None):
        self._ignore, self._rules, self._rows = tuple(ignore), rules, []
        self._model: Any = None

    def add(self, model) -> None:
        """Note the values of an exposure; the model is not kept."""
        if self._model is None:
            self._model = type(model)()
            self._model.observatory = model.observatory
        if self._rules is None:
            self._rules = model.observatory.blend_rules
        values = ((path, _plain(model.get_meta(path))) for path in self._rules)
        self._rows.append({path: value for path, value in values if value is not None})

    @property
    def count(self) -> int:
        """Number of exposures."""
        return len(self._rows)

    def values(self) -> dict[str, Any]:
        """Return the blended values by path, of what at least one exposure has."""
        blended = {}
        for path, rule in (self._rules or {}).items():
            present = [row[path] for row in self._rows if path in row]
            if present and not self._is_ignored(path):
                blended[path] = function_of(rule)(present)
        return blended

    def _is_ignored(self, path):
        return any(path == name or path.startswith(f"{name}.") for name in self._ignore)

    def blend(self, product) -> None:
        """Put the blended values into a product."""
        for path, value in self.values().items():
            product.set_unchecked(path, value)

    def table(self) -> np.ndarray | None:
        """Return the table HDRTAB: a row for each exposure, a column for each keyword that at least one of them has.

        None if there is no such keyword.
        """
        columns = []
        for path in self._rules or {}:
            row = self._model.keywords.of_path(path, self._model.model_type)
            if row is not None and any(path in values for values in self._rows):
                columns.append((row.keyword, _column([values.get(path) for values in self._rows])))
        if not columns:
            return None
        table = np.zeros(len(self._rows), [(name, values.dtype) for name, values in columns])
        for name, values in columns:
            table[name] = values
        return table


def _plain(value):
    """A number, truth value or text; None for anything else."""
    return value if isinstance(value, str | int | float | bool) else None


def _column(values):
    """Return the values of a column; what is missing is NaN, an empty text, or false."""
    present = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in present):
        return np.array([("" if value is None else str(value)).encode("ascii", "replace") for value in values])
    if all(isinstance(value, bool) for value in present):
        return np.array([bool(value) for value in values])
    if all(isinstance(value, int) for value in present) and len(present) == len(values):
        return np.array(values, np.int64)
    return np.array([np.nan if value is None else float(value) for value in values])
