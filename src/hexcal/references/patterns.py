"""One value of a rule: what it matches, and how much a match counts.

===================  ==========================================================================  ======
value of the rule    matches                                                                     counts
===================  ==========================================================================  ======
``N/A``              every value                                                                 0
``ANY``, ``*``       every value                                                                 1
``A|B*``             one of the alternatives; ``*``, ``?`` and ``[...]`` are wild cards          1
``NOT pattern``      what the pattern does not match, or matches with 0                          1
``(regex)``          what the regular expression matches at its beginning                        1
``{text}``           this text, whatever characters it has                                       1
``# > 5 AND < 9 #``  numbers in these bounds                                                     1
``BETWEEN a b``      numbers from a to below b                                                   1
other                this value                                                                  1
===================  ==========================================================================  ======

A value of the exposure that is ``N/A`` matches every pattern and counts 0; ``ANY`` in the exposure matches every
pattern but a NOT.
"""

import operator
import re
from fnmatch import translate
from typing import Any

from hexcal.references.conditioning import ANY, NOT_APPLICABLE, condition

_BOUND = re.compile(r"\s*(<=|>=|<|>)\s*([-+.\dE]+)\s*")
_COMPARE = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
_WILD = re.compile(r"[*?\[]")


class Pattern:
    """A value of a rule, ready to be compared.

    Parameters
    ----------
    text : str
        As it stands in the mapping, after substitution.
    respell : bool
        Whether a single number is brought into the spelling of `conditioning.condition`; CRDS does not do so after NOT.

    Attributes
    ----------
    text : str
        What was given.
    literals : frozenset of str or None
        The values matched, if they can be listed.
    counts : int
        Weight of a match.
    negated : bool
        Whether it begins with NOT: then ANY in the exposure does not match.
    elements : tuple of str
        The alternatives.

    Raises
    ------
    ValueError
        If the pattern is not well formed.
    """

    __slots__ = ("_matches", "counts", "elements", "literals", "negated", "text")

    def __init__(self, text, respell=True):
        self.text = text
        self.literals, self.counts, self.negated, self._matches = None, 1, False, None
        stripped = text.strip()
        value = condition(text)
        self.elements: tuple[Any, ...] = (value,)
        if value in (ANY, NOT_APPLICABLE) and "|" not in stripped:
            self.counts = 0 if value == NOT_APPLICABLE else 1
        elif value.startswith("NOT "):
            self.negated = True
            inner = Pattern(value[4:], respell=False)
            self._matches = lambda given: inner.weight(given) != 1
        elif _between(stripped, "(", ")"):
            expression = _compile(stripped[1:-1])
            self._matches = lambda given: expression.match(given) is not None
        elif _between(stripped, "{", "}"):
            self.literals = frozenset((stripped[1:-1],))
        elif _between(stripped, "#", "#"):
            self._matches = _relation(value[1:-1])
        elif value.startswith("BETWEEN"):
            self._matches = _range(value)
        elif "|" in stripped or "*" in stripped:
            self.elements = _alternatives(stripped)
            if any(_WILD.search(element) for element in self.elements):
                expression = _compile("|".join(translate(element) for element in self.elements))
                self._matches = lambda given: expression.match(given) is not None
            else:
                self.literals = frozenset(self.elements)
        else:
            self.literals = frozenset((value if respell else stripped,))

    def weight(self, value):
        """Return how much the match with a conditioned value counts, 0 or 1, or None if it does not match."""
        if value == NOT_APPLICABLE:
            return 0
        if self.literals is not None:
            return 1 if value == ANY or value in self.literals else None
        if self._matches is None or (value == ANY and not self.negated):
            return self.counts
        return 1 if self._matches(value) else None

    @property
    def is_closed(self):
        """Whether the values that may occur are those listed.

        Then a value of the exposure that is not among them is refused before any match.
        """
        if any(element == ANY or element.startswith((NOT_APPLICABLE, "NOT")) for element in self.elements):
            return False
        value = self.text.strip()
        enclosed = any(_between(value, *ends) for ends in ("()", "{}", "##"))
        return not enclosed and not condition(value).startswith("BETWEEN")


def _between(text, first, last):
    return len(text) > 1 and text.startswith(first) and text.endswith(last)


def _alternatives(text) -> tuple[Any, ...]:
    # A bar at the end, as in the P_ keywords of reference files, adds no empty alternative.
    parts = [part for part in text.split("|") if part.strip()]
    return tuple(condition(part) for part in parts) or ("",)


def _compile(expression):
    try:
        return re.compile(expression)
    except re.error as error:
        raise ValueError(f"not a regular expression: {expression} ({error})") from error


def _relation(text):
    """Return a function that tells whether a number is within ``> 5 AND < 9``.

    OR binds more closely than AND, as in CRDS.
    """
    groups = [[_bound(bound) for bound in group.split(" OR ")] for group in text.split(" AND ")]

    def matches(given):
        return all(any(within(given) for within in group) for group in groups)

    return matches


def _bound(text):
    text = text.strip()
    if text.startswith("NOT "):
        inner = _bound(text[4:])
        return lambda given: not inner(given)
    match = _BOUND.fullmatch(text)
    if not match:
        raise ValueError(f"not a bound: '{text}'; a bound is written like < 5 or >= 5")
    compare, limit = _COMPARE[match.group(1)], float(match.group(2))

    def within(given):
        number = _number(given)
        return number is not None and compare(number, limit)

    return within


def _range(text):
    try:
        _, low, high = text.split()
        low, high = float(low), float(high)
    except ValueError as error:
        raise ValueError(f"not a range: '{text}'; it is written BETWEEN low high") from error
    if low > high:
        raise ValueError(f"not a range: '{text}', its lower bound is above its upper")

    def within(given):
        number = _number(given)
        return number is not None and low <= number < high

    return within


def _number(text):
    try:
        return float(text)
    except ValueError:
        return None
