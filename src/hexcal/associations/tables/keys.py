"""Keys, which are tuples of the values that exposures share: found by what they and another key both give."""

from collections import defaultdict


def agree(key, other):
    """Whether two keys agree where both have a value."""
    return all(a is None or b is None or a == b for a, b in zip(key, other, strict=True))


def filled(key, other):
    """Return a key with what it lacks and another one has."""
    return tuple(b if a is None else a for a, b in zip(key, other, strict=True))


class KeyIndex:
    """Keys by number, found by the values that are given; what is not given goes with anything.

    Most pools have a few patterns of what is given, however many keys: with the keys of one pattern, a key shares the
    same places.
    """

    def __init__(self, keys):
        self.keys = []
        self.numbers = defaultdict(dict)
        self.tables = defaultdict(dict)
        for key in keys:
            self.add(key)

    def add(self, key):
        """Add a key; it gets the next number."""
        self.keys.append(key)
        self._enter(len(self.keys) - 1)

    def renew(self, number, key):
        """Replace the key of a number."""
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
        agreeing = []
        for pattern, numbers in self.numbers.items():
            places = tuple(place for place in pattern if key[place] is not None)
            table = self.tables[pattern].get(places)
            if table is None:
                table = self.tables[pattern][places] = defaultdict(dict)
                for number in numbers:
                    table[_at(self.keys[number], places)][number] = None
            agreeing += table.get(_at(key, places), ())
        return sorted(agreeing)


def _given(key):
    """The places of a key that have a value."""
    return tuple(place for place, value in enumerate(key) if value is not None)


def _at(key, places):
    return tuple([key[place] for place in places])
