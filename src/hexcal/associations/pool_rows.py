"""Rows of a pool made from the headers of exposures, without the tables of astropy, which are slow to load."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from hexcal import observatories
from hexcal.associations.pool_terms import terms_of
from hexcal.errors import InputError

IN_MEMORY = "in-memory"
NULL = "null"
"""What stands in an item where the pool says nothing."""

# What rules ask for and most headers do not have -> value where neither the caller nor the header says otherwise.
ADDED: Mapping[str, str] = MappingProxyType({"dms_note": "", "is_imprt": "f", "pntgtype": "science"})
_NOT_COLUMNS = {"", "comment", "history"}


@dataclass(frozen=True)
class PoolRows:
    """The exposures of a pool and their header values, as the generator reads them.

    Attributes
    ----------
    rows : list of dict of str to str
        All with the same names (lower case); values as the headers have them, ``null`` for no value.
    name : str
        What the generator calls the pool.
    """

    rows: list[dict[str, str]]
    name: str = IN_MEMORY

    def exposures(self) -> list[dict[str, str]]:
        """Return the rows as items of the generator: values in lower case."""
        return [{name: value.lower() or NULL for name, value in row.items()} for row in self.rows]

    def written_names(self) -> dict[str, str]:
        """Return the file names that were not written in lower case: name in lower case -> name as written."""
        return not_lower(row["filename"] for row in self.rows)


def not_lower(names: Any) -> dict[str, str]:
    """Return those of some names that are not in lower case: name in lower case -> name as written."""
    return {name.lower(): str(name) for name in names if isinstance(name, str) and name != name.lower()}


def rows_of_headers(
    headers: Iterable[tuple[str, Mapping[str, Any]]], candidates=(), added: Mapping[str, str] = ADDED
) -> PoolRows:
    """Make rows of a pool from headers that have been read.

    Parameters
    ----------
    headers : iterable of (str, Mapping)
        Name of the file, and its primary header.
    candidates : list of (str, str)
        Candidates that every exposure belongs to besides its observation.
    added : Mapping of str to str
        Values of the columns that most headers do not have.

    Returns
    -------
    PoolRows
    """
    target_ids, rows = {}, []
    for name, header in headers:
        row = {key.lower(): _text(header[key]) for key in header if key.lower() not in _NOT_COLUMNS}
        row["filename"] = name
        row["asn_candidate"] = _all_candidates(row, name, list(candidates))
        targets = [row[key] for key in ("targname", "targprop") if row.get(key, NULL).lower() not in ("", NULL)]
        row["targetid"] = str(target_ids.setdefault(targets[0] if targets else NULL, len(target_ids) + 1))
        for key, value in added.items():
            row[key] = row[key] if key in row and value == ADDED[key] else value
        row["is_imprt"] = {"true": "t", "false": "f"}.get(row["is_imprt"].lower(), row["is_imprt"])
        rows.append(row)
    names = sorted(set().union(*rows))
    return PoolRows([{name: row.get(name, NULL) for name in names} for row in rows])


def _text(value):
    # A card of astropy without a value; a plan made of headers alone does not load astropy.io.fits.
    is_undefined = type(value).__name__ == "Undefined"
    return NULL if is_undefined or value is None else str(value)


def _all_candidates(row: Mapping[str, str], name, candidates):
    """Return the observation and the other candidates as a pool has them (str)."""
    terms = _terms(*(row.get(name, NULL).strip().lower() for name in ("telescop", "instrume")))
    numbers = [row[keyword] for keyword in terms.observation if row.get(keyword, NULL).lower() not in (NULL, "")]
    if not numbers and not terms.has_strays:
        raise InputError(
            f"the header does not say which observation the exposure belongs to ({terms.observation[0].upper()})",
            where=name,
        )
    own = [(f"o{number.zfill(3)}", "observation") for number in numbers[:1]]
    return str([*own, *candidates]) if own or candidates else NULL


@cache
def _terms(telescope, instrument):
    """What the rules of an observatory ask of a pool; those of JWST where the telescope is not known."""
    try:
        return terms_of(observatories.of_header({"TELESCOP": telescope, "INSTRUME": instrument}, default="jwst").name)
    except InputError:
        return terms_of("jwst")
