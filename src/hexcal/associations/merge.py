"""Associations of level 2 merged: one of each type and candidate of a programme, with a product for each exposure."""

from collections import defaultdict

from hexcal.associations.generator import numbered
from hexcal.associations.result import degraded_status


def merged(associations):
    """Return the associations, with those merged whose rule makes one for each exposure, numbered anew.

    One of those that are merged holds the products of all. Where they come from several rules, it has the name of the
    last one in the order of names, as the original's has.
    """
    groups = defaultdict(list)
    for association in associations:
        groups[_group(association)].append(association)
    kept = []
    for group in groups.values():
        first, *others = sorted(group, key=lambda association: association["asn_rule"], reverse=True)
        for other in others:
            _take(first, other)
        kept.append(first)
    return numbered(kept)


def _take(association, other):
    """Add the products of another association; products of the same name become one, with the members of both."""
    association.exposures = [*association.exposures, *other.exposures]
    products = {product["name"]: product for product in association["products"]}
    for product in other["products"]:
        own = products.setdefault(product["name"], {"name": product["name"], "members": []})
        own["members"] += [member for member in product["members"] if member not in own["members"]]
    association["products"] = list(products.values())
    association["degraded_status"] = degraded_status(association["products"])


def _group(association):
    """What is merged has this in common; an association that stays as it is has it alone."""
    rule = getattr(association, "table", None)
    if rule is None or not rule.alone:
        return id(association)
    return association["program"], association["asn_id"], association["asn_type"]
