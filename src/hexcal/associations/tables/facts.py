"""What rules want to know of one exposure of a pool: its values, and the candidates it belongs to."""

from hexcal.associations.exposure_roles import INVALID_VALUES
from hexcal.python_texts import literal

__all__ = ["Exposure", "is_unset"]

_UNSET = frozenset(text.lower() for text in INVALID_VALUES if text is not None)
# A pool made of headers says true (TSOVISIT, BKGDTARG) where the observatory's pools say t.
_TRUTH = {"true": "t"}
UNREAD = "unread"
"""Type of the candidate that a text is which is no list of candidates."""


def is_unset(value):
    """Whether the text of a pool means that there is no value: blank, null, f, n, n/a, --, false (bool)."""
    return value is None or value in _UNSET


class Exposure:
    """One row of a pool (lower-case columns and values), prepared for rules.

    `values` are the columns that have a value, and the facts that rules ask for, such as ``kind`` or ``is_tso``;
    `candidates` are identifier and type of the candidates the exposure belongs to, such as ``("o001", "observation")``.
    """

    __slots__ = ("candidates", "item", "values")

    def __init__(self, item):
        self.item = item
        self.values = {name: _TRUTH.get(value, value) for name, value in item.items() if value not in _UNSET}
        self.candidates = candidates(self.values.get("asn_candidate"))

    @property
    def name(self):
        """File name of the exposure."""
        return self.item.get("filename", "")

    @property
    def file_name(self):
        """File name of the exposure as it is written on the disk: items are in lower case."""
        return self.item.get("file_as_written", self.name)

    def __repr__(self):
        return f"Exposure({self.name})"


def candidates(text):
    """Return the candidates of a text such as ``[('o001', 'observation')]``; other texts are a candidate each."""
    if text is None:
        return ()
    try:
        listed = literal(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ((text, UNREAD),)
    listed = listed if isinstance(listed, list) else [listed]
    return tuple(dict.fromkeys(map(_pair, listed)))


def _pair(candidate):
    if isinstance(candidate, tuple) and len(candidate) == 2:
        return str(candidate[0]), str(candidate[1])
    return str(candidate), ""
