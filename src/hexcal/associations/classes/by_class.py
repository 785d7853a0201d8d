"""Generating associations by the rules that users write as classes: item by item."""

import traceback
from collections import defaultdict
from pathlib import Path

from hexcal.associations.classes.by_queue import finalized, generate_by_queue
from hexcal.associations.exceptions import AssociationError
from hexcal.associations.tables.facts import Exposure
from hexcal.errors import HexcalError

__all__ = ["of_classes", "rule_error"]

_PACKAGE = str(Path(__file__).parent.parent)


def of_classes(items, rules, version_id, pool_name, *, finalize=True, candidates=None, whole=False, prefixes=None):
    """Return the associations of a pool by rules that are classes; AssociationError says in which line a rule fails.

    Without `prefixes`, which are put before the names of the rules for candidates and for the whole programme, the pool
    is taken as a whole, without regard to candidates.
    """
    if not rules:
        return []
    if prefixes is None:
        return _generated(items, rules, version_id, pool_name, finalize)
    labelled = []
    for candidate, part in _parts(items, candidates).items():
        for association in _generated(part, rules, version_id, pool_name, finalize):
            if hasattr(association, "acid"):
                association.acid = candidate
            labelled.append((prefixes[0], association))
    if whole:
        have = {(type(association), frozenset(association.item_names)) for _, association in labelled}
        for association in _generated(items, rules, version_id, pool_name, finalize):
            if (type(association), frozenset(association.item_names)) not in have:
                labelled.append((prefixes[1], association))
    for prefix, association in labelled:
        association["asn_rule"] = f"{prefix}_{association['asn_rule']}"
    return [association for _, association in labelled]


def _generated(items, rules, version_id, pool_name, finalize):
    try:
        associations = generate_by_queue(items, rules, version_id)
        associations = finalized(associations, rules) if finalize else associations
    except HexcalError:
        raise
    except Exception as error:
        raise rule_error(error) from error
    for association in associations:
        if association.get("asn_pool") == "none":
            association["asn_pool"] = pool_name
    return associations


def rule_error(error):
    """Return the error that code of a user ends with as an `AssociationError` that says where."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)]
    place = f"{own[-1].filename}, line {own[-1].lineno}, in {own[-1].name}" if own else None
    return AssociationError(
        f"a rule failed: {type(error).__name__}: {error}", where=place, hint="correct the rule; nothing was written"
    )


def _parts(items, wanted):
    """The rows of each candidate, which name this candidate only."""
    parts = defaultdict(list)
    for item in items:
        for candidate in Exposure(item).candidates:
            if wanted is None or candidate[0] in wanted:
                parts[candidate].append({**item, "asn_candidate": str(candidate)})
    return parts
