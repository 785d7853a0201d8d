"""Associations of level 2 merged: one of each type, rule and candidate, with a product for each exposure."""

from hexcal.associations.by_table import TableAssociation
from hexcal.associations.generator import numbered


def merged(associations):
    """Merge associations whose rule makes one for each exposure.

    Parameters
    ----------
    associations : list of Association

    Returns
    -------
    list of Association
        Numbered anew; the first of each that were merged holds the products of all.
    """
    first = {}
    kept = []
    for association in associations:
        if not (
            isinstance(association, TableAssociation) and association.table is not None and association.table.alone
        ):
            kept.append(association)
            continue
        key = association["program"], association["asn_id"], association["asn_type"], association["asn_rule"]
        if key in first:
            first[key].take(association)
        else:
            first[key] = association
            kept.append(association)
    return numbered(kept)
