"""Companions that are looked for in the whole pool, whatever their candidate.

Such as calibrations of the day before.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from operator import itemgetter

from hexcal.associations.tables.keys import KeyIndex
from hexcal.associations.tables.within import Within, days_of

# Times are kept as days: rounding must not leave out an exposure at the very limit, which the rule itself decides.
_MARGIN = 1e-6


class Companions:
    """The exposures of a pool that may be companions by the `anywhere` of a rule, by what they share and by time."""

    def __init__(self, rule, taken):
        by_role = defaultdict(list)
        for exposure, roles in taken:
            role = next((role for role in roles if role != "science"), None)
            if role in rule.anywhere:
                by_role[role].append(exposure)
        self._roles = [_OfRole(rule, role, exposures) for role, exposures in by_role.items()]

    def of(self, science, key):
        """Return those that may go with a science exposure with some key: (Exposure, role, None) each."""
        return [(exposure, of_role.role, None) for of_role in self._roles for exposure in of_role.near(science, key)]


class _OfRole:
    """The exposures of one role, by the part of the key that the role shares; each set in the order of time."""

    def __init__(self, rule, role, exposures):
        self.role = role
        free = rule.free.get(role, ())
        self._places = [place for place, same in enumerate(rule.same) if same.text not in free]
        self._limit = next((limit for limit in rule.related.get(role, ()) if isinstance(limit, Within)), None)
        sets = defaultdict(list)
        for exposure in exposures:
            key, time = rule.key(exposure, role), self._time(exposure)
            if key is not None and time is not None:
                sets[self._shared(key)].append((time, exposure))
        self._index = KeyIndex(sets)
        self._sets = [sorted(dated, key=itemgetter(0)) for dated in sets.values()]

    def _shared(self, key):
        return tuple(key[place] for place in self._places)

    def _time(self, exposure):
        return 0.0 if self._limit is None else days_of(exposure, self._limit.attribute)

    def near(self, science, key):
        """Return those that agree with a key, no farther in time than the limit (list of Exposure)."""
        time, companions = self._time(science), []
        if time is None:
            return companions
        reach = _MARGIN if self._limit is None else self._limit.days + _MARGIN
        for number in self._index.agreeing(self._shared(key)):
            dated = self._sets[number]
            first = bisect_left(dated, time - reach, key=itemgetter(0))
            last = bisect_right(dated, time + reach, key=itemgetter(0))
            companions += [exposure for _, exposure in dated[first:last]]
        return companions
