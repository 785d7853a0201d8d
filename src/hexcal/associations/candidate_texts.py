"""The texts by which a pool says to which candidates an exposure belongs, looked at before anything is generated."""

import ast
import logging

from hexcal.associations.tables.facts import is_unset
from hexcal.errors import InputError

__all__ = ["check_candidates"]

_log = logging.getLogger("hexcal.associations")
_FORM = "a list of pairs, such as [('o001', 'observation'), ('c1000', 'background')]"


def check_candidates(pool):
    """Refuse texts of candidates that look like a list and are none, with the first row that has one; warn of those that do not look like a list."""
    column = next((name for name in pool.colnames if name.lower() == "asn_candidate"), None)
    if column is None:
        return
    rows = {}
    for row, text in enumerate(map(str, pool[column]), start=1):
        rows.setdefault(text, row)
    plain = []
    for text, row in rows.items():
        problem = None if is_unset(text) else _problem(text)
        if problem:
            raise InputError(
                f"{_FORM} is required, {problem}: {text[:60]}{'...' if len(text) > 60 else ''}",
                where=f"{pool.meta['pool_file']}, row {row}, column ASN_CANDIDATE",
                hint="correct the pool",
            )
        if not is_unset(text) and not text.lstrip().startswith(("[", "(")):
            plain.append(f"row {row}: {text[:40]}")
    if plain:
        _log.warning(
            "%s: %d texts in ASN_CANDIDATE are not lists; each is taken as one candidate (%s)",
            pool.name,
            len(plain),
            plain[0],
        )


def _problem(text):
    """What is wrong with a text, or None."""
    if not text.lstrip().startswith(("[", "(")):
        return None
    try:
        found = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return "this cannot be read"
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, list):
            return "a list is inside the list"
        if isinstance(one, tuple) and not (len(one) == 2 and all(isinstance(part, str) and part for part in one)):
            return "one is not a pair of identifier and type"
        if not isinstance(one, tuple | str) or not one:
            return f"one is {one!r:.30}"
    return None
