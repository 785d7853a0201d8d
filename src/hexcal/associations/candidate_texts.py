"""The texts by which a pool says to which candidates an exposure belongs, looked at before anything is generated."""

import logging

from hexcal.associations.tables.facts import is_unset
from hexcal.errors import InputError
from hexcal.python_texts import literal

__all__ = ["check_candidates"]

_log = logging.getLogger("hexcal.associations")
_FORM = "a list of pairs, such as [('o001', 'observation'), ('c1000', 'background')]"


def check_candidates(pool):
    """Refuse texts of candidates that look like a list and are none; warn of those that do not look like a list."""
    column = next((name for name in pool.colnames if name.lower() == "asn_candidate"), None)
    if column is None:
        return
    rows = {}
    for row, text in enumerate(map(str, pool[column]), start=1):
        rows.setdefault(text, row)
    not_lists = []
    for text, row in rows.items():
        problem = None if is_unset(text) else _problem(text)
        if problem:
            raise InputError(
                f"{_FORM} is required, {problem}: {text[:60]}{'...' if len(text) > 60 else ''}",
                where=f"{pool.meta['pool_file']}, row {row}, column ASN_CANDIDATE",
                hint="correct the pool",
            )
        if not is_unset(text) and not text.lstrip().startswith(("[", "(")):
            not_lists.append(f"row {row}: {text[:40]}")
    if not_lists:
        message = "%s: %d texts in ASN_CANDIDATE are not lists; each is taken as one candidate (%s)"
        _log.warning(message, pool.name, len(not_lists), not_lists[0])


def _problem(text):
    """What is wrong with a text, or None."""
    if not text.lstrip().startswith(("[", "(")):
        return None
    try:
        listed = literal(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return "this cannot be read"
    for candidate in listed if isinstance(listed, list) else [listed]:
        if isinstance(candidate, list):
            return "a list is inside the list"
        parts = [part for part in candidate if isinstance(part, str) and part] if isinstance(candidate, tuple) else ()
        if isinstance(candidate, tuple) and not len(parts) == len(candidate) == 2:
            return "one is not a pair of identifier and type"
        if not isinstance(candidate, tuple | str) or not candidate:
            return f"one is {candidate!r:.30}"
    return None
