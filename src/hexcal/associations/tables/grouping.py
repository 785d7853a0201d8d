"""The fast way from exposures to associations: exposures are put together by what a rule asks for, not tried one against another.

The science exposures of a rule are sorted into sets by the values they share. A value that is not given goes with any other, so that an exposure may be in
several sets; exposures with more values given come first, so that the order of the pool does not matter.
"""

from collections import defaultdict

from hexcal.associations.tables.preference import chosen


def groups(rule, taken, around=None):
    """Put exposures together by a rule.

    Parameters
    ----------
    rule : Rule
    taken : list of (Exposure, list of str)
        Exposures and the roles that the rule has for them.
    around : Companions, optional
        Exposures of the whole pool that may be companions.

    Returns
    -------
    list of list of (Exposure, str)
        Members and roles of each association that has all that it needs.
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
        sets = [([one], one[2]) for one in science]
    else:
        sets = _sets(science)
    join = _Joiner(others)
    made = []
    for members, key in sets:
        found = join.matching(key) + (around.of(members[0][0], key) if around else [])
        companions = [one for one in found if all(one[0] is not member[0] for member in members)]
        if rule.alone:
            science_exposure = members[0][0]
            related = [one for one in companions if _related(rule, science_exposure, one)]
            companions = chosen(rule, science_exposure, related)
        group = complete_members(
            rule, [(exposure, role.partition(":")[0]) for exposure, role, _ in members + companions]
        )
        if len(group) >= rule.least and all(any(role == needed for _, role in group) for needed in rule.needs):
            made.append(group)
    return _without_companions(rule, made) if rule.elsewhere else made


def complete_members(rule, members):
    """Return members in order, science first, with those that the rule lists once more in another role.

    Parameters
    ----------
    rule : Rule
    members : list of (Exposure, str)
        Each once: rows of a pool with the same file name and role are one exposure.
    """
    once = {(exposure.name, role): (exposure, role) for exposure, role in reversed(members)}.values()
    again = [(exposure, role) for role, who in rule.also.items() for exposure, _ in once if who.holds(exposure)]
    return sorted(once, key=_by_role_and_name) + (sorted(again, key=_by_role_and_name) if len(again) > 1 else [])


def _without_companions(rule, made):
    """Leave out the associations of exposures that go along in others."""
    along = {id(exposure) for group in made for exposure, role in group if role in rule.elsewhere}
    return [group for group in made if id(group[0][0]) not in along]


def _by_role_and_name(member):
    exposure, role = member
    return role != "science", exposure.name, role


def _own(rule, roles):
    return roles if rule.alone else roles[:1]


def _companion(rule, roles):
    return [role for role in roles if role != "science"][:1] if rule.alone else roles[:1]


def _with_keys(rule, pairs):
    keyed = ((exposure, role, rule.key(exposure, role)) for exposure, role in pairs)
    return [one for one in keyed if one[2] is not None]


def _related(rule, science, companion):
    exposure, role, _ = companion
    return all(relation.holds(science, exposure) for relation in rule.related.get(role, ()))


def agree(one, two):
    """Whether two keys agree where both have a value."""
    return all(a is None or b is None or a == b for a, b in zip(one, two, strict=True))


def _sets(keyed):
    """Return the sets of exposures whose keys agree: (members, key) each."""
    whole = defaultdict(list)
    partial = []
    for one in keyed:
        (partial if None in one[2] else whole[one[2]]).append(one)
    sets = [(members, key) for key, members in whole.items()]
    partial.sort(key=lambda one: (one[2].count(None), [value or "" for value in one[2]]))
    index = _Index([key for _, key in sets])
    for one in partial:
        found = index.agreeing(one[2])
        for number in found:
            members, key = sets[number]
            members.append(one)
            if None in key:
                sets[number] = members, tuple(b if a is None else a for a, b in zip(key, one[2], strict=True))
                index.renew(number, sets[number][1])
        if not found:
            index.add(one[2])
            sets.append(([one], one[2]))
    return sets


class _Index:
    """Keys, found by the values that are given. Keys are kept apart by what they have values for: with those of one pattern, a key shares the same places."""

    def __init__(self, keys):
        self.keys = []
        self.numbers = defaultdict(dict)
        self.tables = defaultdict(dict)
        for key in keys:
            self.add(key)

    def add(self, key):
        self.keys.append(key)
        self._enter(len(self.keys) - 1)

    def renew(self, number, key):
        pattern = _given(self.keys[number])
        del self.numbers[pattern][number]
        for places, table in self.tables[pattern].items():
            del table[_at(self.keys[number], places)][number]
        self.keys[number] = key
        self._enter(number)

    def _enter(self, number):
        key = self.keys[number]
        pattern = _given(key)
        self.numbers[pattern][number] = None
        for places, table in self.tables[pattern].items():
            table[_at(key, places)][number] = None

    def agreeing(self, key):
        """Return the numbers of the keys that agree with one (sorted)."""
        found = []
        for pattern, numbers in self.numbers.items():
            places = tuple(place for place in pattern if key[place] is not None)
            table = self.tables[pattern].get(places)
            if table is None:
                table = self.tables[pattern][places] = defaultdict(dict)
                for number in numbers:
                    table[_at(self.keys[number], places)][number] = None
            found += table.get(_at(key, places), ())
        return sorted(found)


def _given(key):
    """The places of a key that have a value."""
    return tuple(place for place, value in enumerate(key) if value is not None)


def _at(key, places):
    return tuple([key[place] for place in places])


class _Joiner:
    """Companions, found for the key of a set."""

    def __init__(self, others):
        self.others = others
        self.index = _Index([key for _, _, key in others])

    def matching(self, key):
        return [self.others[number] for number in self.index.agreeing(key)] if self.others else []
