"""Companions that must have been taken close in time to the science exposure: `within` in the tables of rules."""

from hexcal.errors import InputError, ParameterError

__all__ = ["Within", "days_of", "within"]


class Within:
    """A limit in time between the science exposure and a companion; of those inside, all or the `nearest` few."""

    prefers = None

    def __init__(self, attribute, days, nearest, reason):
        self.attribute, self.days, self.nearest = attribute, days, nearest
        self.attributes = (attribute,)
        counted = f", the nearest {nearest}" if nearest else ""
        self.text = f"{attribute} within {_length(days)}{counted}" + (f" ({reason})" if reason else "")

    def holds(self, science, other):
        """Whether two `Exposure` are close enough; both must have a time."""
        apart = self.apart(science, other)
        return apart is not None and apart <= self.days

    def apart(self, science, other):
        """Return the time between two `Exposure` in days (float), or None if one has none."""
        times = days_of(science, self.attribute), days_of(other, self.attribute)
        return None if times[0] is None or times[1] is None else abs(times[0] - times[1])


def within(attribute, *, days=0, hours=0, minutes=0, nearest=None, reason=""):
    """Require that a companion was taken within some time of the science exposure, before or after it.

    Parameters
    ----------
    attribute : str
        Column of the pool, or fact, that holds the time in days, such as MJD.
    days, hours, minutes : float
        Together the longest time between them; exactly this long is near enough.
    nearest : int, optional
        Take no more than this many for the role (whatever follows a colon in its name), the nearest in time; of equally
        near ones those whose file names come first. Default: all.
    reason : str
        Why this long, and why this many.
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
    """Return the time of an `Exposure` in days (float), None if it has none; raises InputError if it is no number."""
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


def _length(days):
    length, unit = (days, "d") if days >= 2 else (days * 24, "h") if days >= 1 / 24 else (days * 1440, "min")
    return f"{length:.6g} {unit}"
