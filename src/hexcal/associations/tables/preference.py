"""Which companions a rule takes in the end: those that it prefers, and of these the nearest in time."""

from hexcal.associations.tables.within import Within

__all__ = ["chosen", "nearest"]


def chosen(rule, science, companions):
    """Leave out companions to which the rule prefers others, and those beyond the number of the nearest that it takes.

    Companions are tuples that begin with exposure and role, and fulfil what the rule relates them by; they stay in
    order.
    """
    for role, relations in rule.related.items():
        for relation in relations:
            if relation.prefers:
                companions = _preferred(role, relation, science, companions)
    return nearest(rule, science, companions)


def _preferred(role, relation, science, companions):
    best = {id(exposure) for exposure, sort, *_ in companions if sort == role and relation.prefers(science, exposure)}
    return [companion for companion in companions if not best or companion[1] != role or id(companion[0]) in best]


def nearest(rule, science, companions):
    """Leave out companions beyond the number that the rule takes of the nearest."""
    limits = {role: limit for role, relations in rule.related.items() for limit in relations if _is_counted(limit)}
    by_role = {}
    for place, (exposure, role, *_) in enumerate(companions):
        if role in limits:
            entry = limits[role].apart(science, exposure), exposure.name, place
            by_role.setdefault(role.partition(":")[0], []).append((entry, limits[role].nearest))
    left_out = set()
    for entries in by_role.values():
        entries.sort(key=lambda entry: entry[0])
        left_out |= {place for (_, _, place), _ in entries[entries[0][1] :]}
    return [companion for place, companion in enumerate(companions) if place not in left_out]


def _is_counted(relation):
    return isinstance(relation, Within) and relation.nearest is not None
