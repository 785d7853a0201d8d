"""Associations of level 2 merged: one of each type and candidate of a programme, with a product for each exposure."""

from collections import defaultdict

from hexcal.associations.by_table import TableAssociation
from hexcal.associations.generator import numbered


def merged(associations):
    """Merge associations whose rule makes one for each exposure.

    Parameters
    ----------
    associations : list of Association
        Those that are merged are changed.

    Returns
    -------
    list of Association
        Numbered anew; of those that were merged, one holds the products of all. Where they come from several rules, it has the name of the last one in the
        order of names, as the original's has.
    """
    groups = defaultdict(list)
    for association in associations:
        groups[_group(association)].append(association)
    kept = []
    for several in groups.values():
        first, *others = sorted(several, key=lambda one: one["asn_rule"], reverse=True)
        for other in others:
            first.take(other)
        kept.append(first)
    return numbered(kept)


def _is_single(association):
    """Whether its rule makes an association for each exposure."""
    return isinstance(association, TableAssociation) and association.table is not None and association.table.alone


def _group(association):
    """What is merged has this in common; an association that stays as it is has it alone."""
    if not _is_single(association):
        return id(association)
    return association["program"], association["asn_id"], association["asn_type"]
