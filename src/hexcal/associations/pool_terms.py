"""What the rules of an observatory ask of a pool, and which observatory a pool is of.

A module that an observatory names in its `association_rules` may hold a `PoolTerms` by the name ``POOL``, beside its
``RULE_SET``; the first one counts.
"""

import logging
from dataclasses import dataclass

from hexcal import observatories
from hexcal.associations import rule_files
from hexcal.associations.tables.facts import is_unset
from hexcal.errors import InputError, nearest

__all__ = ["PoolTerms", "check_pool", "observatory_of", "terms_of"]

_log = logging.getLogger("hexcal.associations")
_DEFAULT = "jwst"


@dataclass(frozen=True)
class PoolTerms:
    """What the rules of an observatory ask of a pool.

    Parameters
    ----------
    needed : tuple of str
        Columns without which no association can be made; ``a|b``: one of them.
    kind, kinds : str, frozenset of str
        Column that says what an exposure is, and its values that the rules know, in lower case; none: any.
    observation : tuple of str
        Keywords that name the observation of an exposure; the first that has a value counts.
    has_strays : bool
        Exposures may belong to no observation, such as calibrations of the day.
    """

    needed: tuple = ("filename",)
    kind: str = "exp_type"
    kinds: frozenset = frozenset()
    observation: tuple = ("observtn",)
    has_strays: bool = False


def terms_of(observatory):
    """Return what the rules of an observatory (str) ask of a pool (`PoolTerms`)."""
    terms = (getattr(module, "POOL", None) for module in rule_files.of_observatory(observatory))
    return next((entry for entry in terms if isinstance(entry, PoolTerms)), PoolTerms())


def observatory_of(pool, default=_DEFAULT):
    """Return the observatory of a pool by its column TELESCOP, `default` if it has none (str).

    Raises InputError if it holds exposures of several observatories, or of one that is not known.
    """
    telescopes, instruments = (_column(pool, name) for name in ("telescop", "instrume"))
    names = {}
    for telescope, instrument in dict.fromkeys(zip(telescopes, instruments, strict=True)):
        if telescope:
            names.setdefault(_named(telescope, instrument, pool).name, telescope)
    if len(names) > 1:
        raise InputError(
            f"the pool has exposures of {len(names)} observatories: {', '.join(sorted(names))}",
            where=f"{pool.meta['pool_file']}, column TELESCOP",
            hint="make a pool for each, or name the one whose rules are to be used: --observatory NAME",
        )
    return next(iter(names), default)


def _column(pool, wanted):
    """The values of a column, in small letters and empty where they are not set (list of str)."""
    column = next((name for name in pool.colnames if name.lower() == wanted), None)
    if column is None:
        return [""] * len(pool)
    values = [str(value).strip().lower() for value in pool[column]]
    return ["" if value in ("--", "none") or is_unset(value) else value for value in values]


def _named(telescope, instrument, pool):
    try:
        return observatories.of_header({"TELESCOP": telescope, "INSTRUME": instrument})
    except InputError as error:
        raise InputError(error.message, where=f"{pool.meta['pool_file']}, column TELESCOP", hint=error.hint) from error


def check_pool(pool, terms):
    """Refuse a pool of which nothing can be made; warn of exposures that no rule can know, and of repeated ones.

    Raises InputError if it has no exposure, lacks a column that is needed, or has no exposure of a known type.
    """
    columns = {name.lower() for name in pool.colnames}
    pool.require([_present(name.split("|"), columns) for name in terms.needed])
    if terms.kinds:
        _check_kinds(pool, terms)
    repeated = pool.duplicates()
    if repeated:
        name, rows = next(iter(repeated.items()))
        message = "%s: %d files are listed more than once, such as %s in rows %s"
        _log.warning(message, pool.name, len(repeated), name, _rows(rows))


def _present(names, columns):
    """The first of some columns that is there; all of them as one text where none is, so that the error names them."""
    return next((name for name in names if name in columns), " or ".join(names))


def _check_kinds(pool, terms):
    strange = {}
    for row, item in enumerate(pool.exposures(), start=1):
        if item[terms.kind] not in terms.kinds:
            strange.setdefault(item[terms.kind], []).append(f"row {row}: {item['filename']}")
    if sum(map(len, strange.values())) == len(pool):
        name = next(iter(strange))
        guess = nearest(name, terms.kinds)
        raise InputError(
            f"none of the exposures has a known type; '{name}' is not one",
            where=f"{pool.name}, column {terms.kind.upper()}, {strange[name][0]}",
            hint=f"did you mean '{guess}'?" if guess else "correct the pool",
        )
    if strange:
        where = [
            f"'{name}' ({rows[0]}{f' and {len(rows) - 1} more' if len(rows) > 1 else ''})"
            for name, rows in strange.items()
        ]
        _log.warning(
            "%s: no rule knows these exposure types, they are in no association: %s", pool.name, "; ".join(where)
        )


def _rows(rows):
    numbers = [str(row + 1) for row in rows]
    return ", ".join(numbers if len(numbers) < 6 else [*numbers[:5], "..."])
