"""Selectors whose rules lie on one line: dates, versions, numbers."""

import bisect
import re
from typing import Any

from hexcal.references.conditioning import UNDEFINED
from hexcal.references.dates import parse_date
from hexcal.references.selectors import NoMatch, Refused, follow

_VERSION = re.compile(r"\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?")


_LIMIT = re.compile(r"\s*([<=])\s*(\S+)\s*")


class _Ordered:
    """A selector whose rules lie on one line (dates, versions, numbers).

    Parameters
    ----------
    rules : sequence of (key, object)
        Place on the line; name of a file or a selector.
    parameters : tuple of str
        Names.

    Raises
    ------
    ValueError
        If a key cannot be placed.
    """

    name = ""

    # Methods of the subclasses: place of a key on the line, place of an exposure, number of the rule for a place.
    place: Any
    position: Any
    index: Any

    def __init__(self, rules, parameters):
        self.parameters = parameters
        placed = [(self.place(key), node) for key, node in rules]
        # At the same place the last by name holds, as in CRDS.
        placed.sort(key=lambda rule: (rule[0], rule[1] if isinstance(rule[1], str) else ""))
        self.rules = placed
        self.places = [place for place, _ in placed]

    @classmethod
    def merged(cls, selectors):
        """Return one selector with the rules of several."""
        merged = cls((), selectors[0].parameters)
        rules = [rule for selector in selectors for rule in selector.rules]
        rules.sort(key=lambda rule: (rule[0], rule[1] if isinstance(rule[1], str) else ""))
        merged.rules, merged.places = rules, [place for place, _ in rules]
        return merged

    def choose(self, values):
        """Return the name of a file for conditioned values (parameter -> str).

        Raises
        ------
        NoMatch
        """
        return follow([self.rules[self.index(self.position(values))][1]], values)

    def _at_or_before(self, position, text):
        index = bisect.bisect_right(self.places, position) - 1
        if index < 0:
            earliest = f", the first is {self.places[0]}" if self.places else ""
            raise NoMatch(f"no rule is for {text} or before{earliest}")
        return index

    def _single(self, values):
        return values.get(self.parameters[0], UNDEFINED) if self.parameters else UNDEFINED

    def _number(self, values):
        text = self._single(values)
        try:
            return float(text)
        except ValueError:
            raise Refused(f"{self.parameters[0]} must be a number, it is {text or 'blank'}") from None


def date_of(parameters, values):
    """Return the date and time of an exposure from conditioned values (datetime).

    Raises
    ------
    Refused
        If one of the parameters is not set, or together they are no date.
    """
    parts = [values.get(parameter, UNDEFINED) for parameter in parameters]
    for parameter, part in zip(parameters, parts, strict=True):
        if part == UNDEFINED:
            raise Refused(f"{parameter} is not set")
    try:
        return parse_date(" ".join(parts))
    except (ValueError, OverflowError) as error:
        raise Refused(f"{' and '.join(parameters)} are no date: {error}") from None


class UseAfter(_Ordered):
    """Chooses the rule with the latest date not after the exposure."""

    name = "UseAfter"

    @staticmethod
    def place(key):
        """Return the date as text: CRDS compares dates of rules as text, so that ``T`` comes after a blank."""
        return str(key)

    def position(self, values):
        """Return the date of the exposure as text."""
        return str(date_of(self.parameters, values))

    def index(self, position):
        """Return the number of the rule for a date."""
        return self._at_or_before(position, position)


class ClosestTime(_Ordered):
    """Chooses the rule with the date closest to the exposure; of two equally close the earlier."""

    name = "ClosestTime"

    @staticmethod
    def place(key):
        """Return the date."""
        return parse_date(str(key))

    def position(self, values):
        """Return the date of the exposure."""
        return date_of(self.parameters, values)

    def index(self, position):
        """Return the number of the rule for a date."""
        return _closest(self.places, position)


class GeometricallyNearest(_Ordered):
    """Chooses the rule with the number closest to the parameter; of two equally close the smaller."""

    name = "GeometricallyNearest"

    @staticmethod
    def place(key):
        """Return the number."""
        return float(key)

    def position(self, values):
        """Return the number in the exposure."""
        return self._number(values)

    def index(self, position):
        """Return the number of the rule for a value."""
        return _closest(self.places, position)


class VersionAfter(_Ordered):
    """Chooses the rule with the greatest version not above that of the exposure.

    Versions are up to three numbers, what follows them is not read.
    """

    name = "VersionAfter"

    @staticmethod
    def place(key):
        """Return the version as a tuple of three int."""
        match = _VERSION.match(str(key))
        if not match:
            raise ValueError(f"not a version: {key}")
        return tuple(int(part or 0) for part in match.groups())

    def position(self, values):
        """Return the version in the exposure."""
        text = self._single(values)
        try:
            return self.place(text)
        except ValueError:
            raise Refused(f"{self.parameters[0]} must be a version, it is {text or 'blank'}") from None

    def index(self, position):
        """Return the number of the rule for a version."""
        return self._at_or_before(position, ".".join(map(str, position)))


class SelectVersion(_Ordered):
    """Chooses the first rule whose limit the number in the exposure keeps, else ``default``.

    The number must be below the limit of ``<limit``, and not above that of ``=limit``.
    """

    name = "SelectVersion"

    @staticmethod
    def place(key):
        """Return (limit, whether the limit itself belongs to the rule)."""
        if str(key).strip().lower() == "default":
            return float("inf"), True
        match = _LIMIT.fullmatch(str(key))
        if not match:
            raise ValueError(f"not a limit: {key}; a limit is written <3.1, =3.1 or default")
        return float(match.group(2)), match.group(1) == "="

    def position(self, values):
        """Return the number in the exposure."""
        return self._number(values)

    def index(self, position):
        """Return the number of the rule for a value."""
        for number, (limit, included) in enumerate(self.places):
            if position < limit or (included and position == limit):
                return number
        raise NoMatch(f"no rule is for {position}, and there is no default")


def _closest(places, position):
    if not places:
        raise NoMatch("there are no rules")
    return min(range(len(places)), key=lambda number: abs(places[number] - position))


ORDERED = {kind.name: kind for kind in (UseAfter, ClosestTime, GeometricallyNearest, VersionAfter, SelectVersion)}
