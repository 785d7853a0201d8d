"""Companions that are looked for in the whole pool, such as calibrations of the day before: they belong to no candidate, or to another one."""

from bisect import bisect_left, bisect_right
from collections import defaultdict

from hexcal.associations.grouping import Index
from hexcal.associations.within import Within, days_of

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
            key = rule.key(exposure, role)
            if key is not None and (self._limit is None or self._time(exposure) is not None):
                sets[self._shared(key)].append(exposure)
        self._index = Index(list(sets))
        self._sets = [sorted(one, key=self._time) if self._limit else one for one in sets.values()]
        self._times = [[self._time(one) for one in found] if self._limit else [] for found in self._sets]

    def _shared(self, key):
        return tuple(key[place] for place in self._places)

    def _time(self, exposure):
        return days_of(exposure, self._limit.attribute) if self._limit else None

    def near(self, science, key):
        numbers = self._index.agreeing(self._shared(key))
        if self._limit is None:
            return [exposure for number in numbers for exposure in self._sets[number]]
        time, found = self._time(science), []
        if time is None:
            return found
        reach = self._limit.days + _MARGIN
        for number in numbers:
            times = self._times[number]
            found += self._sets[number][bisect_left(times, time - reach) : bisect_right(times, time + reach)]
        return found
