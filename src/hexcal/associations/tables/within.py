"""Companions that must have been taken close in time to the science exposure: `within` in the tables of rules."""

from hexcal.errors import InputError, ParameterError

__all__ = ["Within", "days_of", "nearest", "within"]


class Within:
    """A limit in time between the science exposure and a companion, before or after; of those inside, all or the nearest.

    Attributes
    ----------
    attribute : str
        Column or fact that holds the time in days, such as MJD.
    days : float
        Longest time between them.
    nearest : int or None
        How many are taken at most; None: all.
    text : str
        The condition as one reads it.
    """

    __slots__ = ("attribute", "attributes", "days", "nearest", "reason", "text")

    def __init__(self, attribute, days, nearest, reason):
        self.attribute, self.days, self.nearest, self.reason = attribute, days, nearest, reason
        self.attributes = (attribute,)
        counted = f", the nearest {nearest}" if nearest else ""
        self.text = f"{attribute} within {_length(days)}{counted}" + (f" ({reason})" if reason else "")

    def holds(self, science, other):
        """Whether two `Exposure` are close enough; both must have a time."""
        apart = self.apart(science, other)
        return apart is not None and apart <= self.days

    def apart(self, science, other):
        """Return the time between two `Exposure` in days (float), or None if one has none."""
        one, two = days_of(science, self.attribute), days_of(other, self.attribute)
        return None if one is None or two is None else abs(one - two)


def within(attribute, *, days=0, hours=0, minutes=0, nearest=None, reason=""):
    """Require that a companion was taken within some time of the science exposure, before or after it.

    Parameters
    ----------
    attribute : str
        Column of the pool, or fact, that holds the time in days, such as MJD.
    days, hours, minutes : float
        Together the longest time between them; exactly this long is near enough.
    nearest : int, optional
        Take no more than this many for the role (whatever follows a colon in its name), the nearest in time; of equally near ones those whose file
        names come first. Default: all.
    reason : str
        Why this long, and why this many.

    Returns
    -------
    Within

    Raises
    ------
    ParameterError
        If the time is not positive, or `nearest` is not at least 1.
    """
    longest = days + hours / 24 + minutes / 1440
    if not 0 < longest < float("inf"):
        raise ParameterError(
            f"a limit in time must be positive, got {longest} days", where=f"within('{attribute}')", hint="hours=12"
        )
    if nearest is not None and nearest < 1:
        raise ParameterError(f"nearest must be at least 1, got {nearest}", where=f"within('{attribute}')")
    return Within(attribute, longest, nearest, reason)


def days_of(exposure, attribute):
    """Return the time of an `Exposure` in days (float), or None if it has none.

    Raises
    ------
    InputError
        If what stands there is no number.
    """
    text = exposure.values.get(attribute)
    if text is None:
        return None
    try:
        days = float(text)
    except ValueError:
        days = float("nan")
    if days != days or abs(days) == float("inf"):
        raise InputError(
            f"the time must be a number of days, it is '{text}'",
            where=f"{exposure.name}, {attribute.upper()}",
            hint="correct the pool, for example to 60827.33, or leave the value out",
        )
    return days


def nearest(rule, science, companions):
    """Leave out companions beyond the number that the rule takes of the nearest.

    Parameters
    ----------
    rule : Rule
    science : Exposure
    companions : list of tuple
        Exposure and role first; all fulfil what the rule relates them by.

    Returns
    -------
    list of tuple
        In the order in which they were.
    """
    limits = {role: limit for role, relations in rule.related.items() for limit in relations if _is_counted(limit)}
    by_role = {}
    for place, (exposure, role, *_) in enumerate(companions):
        if role in limits:
            entry = limits[role].apart(science, exposure), exposure.name, place
            by_role.setdefault(role.partition(":")[0], []).append((entry, limits[role].nearest))
    left_out = set()
    for found in by_role.values():
        found.sort(key=lambda one: one[0])
        left_out |= {place for (_, _, place), _ in found[found[0][1] :]}
    return [one for place, one in enumerate(companions) if place not in left_out]


def _is_counted(relation):
    return isinstance(relation, Within) and relation.nearest is not None


def _length(days):
    length, unit = (days, "d") if days >= 2 else (days * 24, "h") if days >= 1 / 24 else (days * 1440, "min")
    return f"{length:.6g} {unit}"
