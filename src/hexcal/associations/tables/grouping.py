"""The fast way from exposures to associations.

Exposures are put together by what a rule asks for, not tried one against another.

The science exposures of a rule are sorted into sets by the values they share. A value that is not given goes with any
other, so that an exposure may be in several sets; exposures with more values given come first, so that the order of the
pool does not matter.
"""

from collections import defaultdict

from hexcal.associations.tables.keys import KeyIndex, filled
from hexcal.associations.tables.preference import chosen


def groups(rule, taken, around=None):
    """Put exposures together by a rule.

    Members and roles of each association that has all that it needs (list of list of (Exposure, str)).

    `taken` are exposures and the roles that the rule has for them; `around` (Companions) those of the whole pool that
    may be companions.
    """
    science = _with_keys(rule, [(exposure, "science") for exposure, roles in taken if "science" in _own(rule, roles)])
    others = _with_keys(
        rule,
        [
            (exposure, role)
            for exposure, roles in taken
            for role in _companion(rule, roles)
            if role != "science" and role not in rule.anywhere
        ],
    )
    if rule.alone:
        sets = [([member], member[2]) for member in science]
    else:
        sets = _sets(science)
    index = KeyIndex([key for _, _, key in others])
    associations = []
    for members, key in sets:
        near = [others[number] for number in index.agreeing(key)] + (around.of(members[0][0], key) if around else [])
        companions = [companion for companion in near if all(companion[0] is not member[0] for member in members)]
        if rule.alone:
            science_exposure = members[0][0]
            related = [companion for companion in companions if _related(rule, science_exposure, companion)]
            companions = chosen(rule, science_exposure, related)
        group = complete_members(
            rule, [(exposure, role.partition(":")[0]) for exposure, role, _ in members + companions]
        )
        if len(group) >= rule.least and all(any(role == needed for _, role in group) for needed in rule.needs):
            associations.append(group)
    return _without_companions(rule, associations) if rule.elsewhere else associations


def complete_members(rule, members):
    """Return members, science first, rows of a pool that repeat once, and `also` of the rule in another role."""
    single = {(exposure.name, role): (exposure, role) for exposure, role in reversed(members)}.values()
    again = [(exposure, role) for role, who in rule.also.items() for exposure, _ in single if who.holds(exposure)]
    return sorted(single, key=_by_role_and_name) + (sorted(again, key=_by_role_and_name) if len(again) > 1 else [])


def _without_companions(rule, groups):
    """Leave out the associations of exposures that go along in others."""
    along = {id(exposure) for group in groups for exposure, role in group if role in rule.elsewhere}
    return [group for group in groups if id(group[0][0]) not in along]


def _by_role_and_name(member):
    exposure, role = member
    return role != "science", exposure.name, role


def _own(rule, roles):
    return roles if rule.alone else roles[:1]


def _companion(rule, roles):
    return [role for role in roles if role != "science"][:1] if rule.alone else roles[:1]


def _with_keys(rule, pairs):
    keyed = ((exposure, role, rule.key(exposure, role)) for exposure, role in pairs)
    return [member for member in keyed if member[2] is not None]


def _related(rule, science, companion):
    exposure, role, _ = companion
    return all(relation.holds(science, exposure) for relation in rule.related.get(role, ()))


def _sets(keyed):
    """Return the sets of exposures whose keys agree: (members, key) each."""
    whole = defaultdict(list)
    partial = []
    for member in keyed:
        (partial if None in member[2] else whole[member[2]]).append(member)
    sets = [(members, key) for key, members in whole.items()]
    partial.sort(key=lambda member: (member[2].count(None), [value or "" for value in member[2]]))
    index = KeyIndex([key for _, key in sets])
    for member in partial:
        agreeing = index.agreeing(member[2])
        for number in agreeing:
            members, key = sets[number]
            members.append(member)
            if None in key:
                sets[number] = members, filled(key, member[2])
                index.renew(number, sets[number][1])
        if not agreeing:
            index.add(member[2])
            sets.append(([member], member[2]))
    return sets
