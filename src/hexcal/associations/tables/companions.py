"""Companions that are looked for in the whole pool, such as calibrations of the day before: they belong to no candidate, or to another one."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from operator import itemgetter

from hexcal.associations.tables.within import Within, days_of

# Times are kept as days: rounding must not leave out an exposure at the very limit, which the rule itself decides.
_MARGIN = 1e-6


class Companions:
    """The exposures of a pool that may be companions, wherever they belong, by what they share and by time.

    Parameters
    ----------
    rule : Rule
        Its `anywhere` names the roles.
    taken : list of (Exposure, list of str)
        Exposures and the roles that the rule has for them.
    """

    def __init__(self, rule, taken):
        by_role = defaultdict(list)
        for exposure, roles in taken:
            role = next((role for role in roles if role != "science"), None)
            if role in rule.anywhere:
                by_role[role].append(exposure)
        self._roles = [_OfRole(rule, role, exposures) for role, exposures in by_role.items()]

    def of(self, science, key):
        """Return those that may go with a science exposure: (Exposure, role, None) each.

        Parameters
        ----------
        science : Exposure
        key : tuple of str or None
            What it brings of what members share.
        """
        return [(exposure, one.role, None) for one in self._roles for exposure in one.near(science, key)]


class _OfRole:
    """The exposures of one role, by the part of the key that the role shares; each set in the order of time."""

    def __init__(self, rule, role, exposures):
        self.role = role
        free = rule.free.get(role, ())
        self._places = [place for place, same in enumerate(rule.same) if same.text not in free]
        self._limit = next((one for one in rule.related.get(role, ()) if isinstance(one, Within)), None)
        sets = defaultdict(list)
        for exposure in exposures:
            key, time = rule.key(exposure, role), self._time(exposure)
            if key is not None and time is not None:
                sets[self._shared(key)].append((time, exposure))
        self._index = _Agreeing(list(sets))
        self._sets = [sorted(one, key=itemgetter(0)) for one in sets.values()]

    def _shared(self, key):
        return tuple(key[place] for place in self._places)

    def _time(self, exposure):
        return 0.0 if self._limit is None else days_of(exposure, self._limit.attribute)

    def near(self, science, key):
        """Return those that agree with a key, no farther in time than the limit (list of Exposure)."""
        time, found = self._time(science), []
        if time is None:
            return found
        reach = _MARGIN if self._limit is None else self._limit.days + _MARGIN
        for number in self._index.numbers(self._shared(key)):
            dated = self._sets[number]
            first = bisect_left(dated, time - reach, key=itemgetter(0))
            last = bisect_right(dated, time + reach, key=itemgetter(0))
            found += [exposure for _, exposure in dated[first:last]]
        return found


class _Agreeing:
    """Keys, found by what they and another key both give; what is not given goes with anything.

    Most pools have a few patterns of what is given, however many keys: each has a table of its own.
    """

    def __init__(self, keys):
        self._by_pattern = defaultdict(list)
        for number, key in enumerate(keys):
            self._by_pattern[_given(key)].append((number, key))
        self._tables = {}

    def numbers(self, key):
        """Return the numbers of the keys that agree with one (sorted)."""
        given, found = _given(key), []
        for pattern in self._by_pattern:
            both = tuple(place for place in pattern if place in given)
            found += self._table(pattern, both).get(tuple(key[place] for place in both), ())
        return sorted(found)

    def _table(self, pattern, both):
        if (pattern, both) not in self._tables:
            table = self._tables[pattern, both] = defaultdict(list)
            for number, key in self._by_pattern[pattern]:
                table[tuple(key[place] for place in both)].append(number)
        return self._tables[pattern, both]


def _given(key):
    return tuple(place for place, value in enumerate(key) if value is not None)
