"""The selectors of an rmap: each chooses among its rules by one group of parameters.

A rule leads to the name of a file (or N/A, OMIT), or to another selector for the next group of parameters.
"""

from hexcal.references.conditioning import ANY, NOT_APPLICABLE, UNDEFINED, condition
from hexcal.references.patterns import Pattern


class NoMatch(Exception):
    """No rule applies to the exposure; the message says why. A rule of less weight may still apply."""


class Refused(NoMatch):
    """A value of the exposure is missing, is no date, or is none of those that may occur: the search ends."""


class Column:
    """All patterns for one parameter of a Match, compared at once.

    The rules that match are a set of bits: bit i stands for rule i.

    Parameters
    ----------
    parameter : str
        Name.
    patterns : list of Pattern
        One per rule.
    """

    def __init__(self, parameter, patterns):
        self.parameter = parameter
        self._all = (1 << len(patterns)) - 1
        self._zero = 0
        self._any = 0
        self._exact = {}
        self._others = []
        self._seen = {}
        closed = {}
        for number, pattern in enumerate(patterns):
            bit = 1 << number
            if pattern.literals is not None:
                for value in pattern.literals:
                    self._exact[value] = self._exact.get(value, 0) | bit
            elif pattern.counts == 0:
                self._zero |= bit
            elif pattern.elements == (ANY,):
                self._any |= bit
            else:
                self._others.append((bit, pattern))
            closed[pattern.text] = pattern
        is_closed = all(pattern.is_closed for pattern in closed.values())
        self.allowed = (
            frozenset(element for pattern in closed.values() for element in pattern.elements) if is_closed else None
        )

    def compare(self, value):
        """Return the numbers of rules that match a conditioned value (int, int).

        Of all, and of those for which the match counts.
        """
        chosen = self._seen.get(value)
        if chosen is None:
            if len(self._seen) > 4096:
                self._seen.clear()
            chosen = self._seen[value] = self._compare(value)
        return chosen

    def _compare(self, value):
        if value == NOT_APPLICABLE:
            return self._all, 0
        counting = self._any | self._exact.get(value, 0)
        others = 0
        for bit, pattern in self._others:
            others |= bit
            if pattern.weight(value):
                counting |= bit
        if value == ANY:
            counting |= self._all & ~others & ~self._zero
        return counting | self._zero, counting

    def check(self, value):
        """Refuse a value that is none of those the rules know, if they know all."""
        if self.allowed is not None and value not in self.allowed and value not in (ANY, NOT_APPLICABLE):
            known = ", ".join(sorted(self.allowed)[:8]) + (", ..." if len(self.allowed) > 8 else "")
            raise Refused(f"{self.parameter} is {value}, the rules know {known}")


class Match:
    """Chooses the rule whose patterns match all parameters, with the greatest weight.

    Rules of the same weight are taken together: their dates are merged. If the rules of the greatest weight lead
    nowhere (the exposure is earlier than all their dates), those of the next weight are tried.

    Parameters
    ----------
    rules : sequence of (tuple of str, object)
        Patterns per parameter; name of a file or a selector.
    parameters : tuple of str
        Names.
    substitutions : dict
        Parameter -> {value in the mapping: pattern that stands for it}.

    Raises
    ------
    ValueError
        If a rule has another number of patterns than there are parameters, or a pattern is not well formed.
    """

    name = "Match"

    def __init__(self, rules, parameters, substitutions=None):
        self.parameters = parameters
        self.substitutions = substitutions or {}
        self.rules = []
        known = {}
        for key, node in rules:
            texts = key if isinstance(key, tuple) else (key,)
            if len(texts) != len(parameters):
                raise ValueError(
                    f"the rule {key!r} has {len(texts)} values for the {len(parameters)} parameters {parameters}"
                )
            patterns = []
            for parameter, text in zip(parameters, texts, strict=True):
                text = self.substitutions.get(parameter, {}).get(text, text)
                if text not in known:
                    known[text] = Pattern(str(text))
                patterns.append(known[text])
            self.rules.append((tuple(patterns), node))
        self.columns = [
            Column(parameter, [patterns[number] for patterns, _ in self.rules])
            for number, parameter in enumerate(parameters)
        ]

    def choose(self, values):
        """Return the name of a file for conditioned values (parameter -> str).

        Raises
        ------
        NoMatch
        """
        ranked = self.ranked(values)
        if not ranked:
            raise NoMatch("no rule matches all parameters")
        failure = None
        for _, numbers in ranked:
            try:
                return follow([self.rules[number][1] for number in numbers], values)
            except Refused:
                raise
            except NoMatch as error:
                failure = failure or error
        assert failure is not None  # `ranked` is not empty here
        raise failure

    def ranked(self, values):
        """Return the rules that match, by weight from the greatest: list of (weight, list of rule numbers)."""
        matching, counting = (1 << len(self.rules)) - 1, []
        for column in self.columns:
            value = values.get(column.parameter, UNDEFINED)
            column.check(self._substituted(column.parameter, value))
            matches, counts = column.compare(value)
            matching &= matches
            counting.append(counts)
        by_weight = {}
        while matching:
            number = (matching & -matching).bit_length() - 1
            matching &= matching - 1
            by_weight.setdefault(sum(counts >> number & 1 for counts in counting), []).append(number)
        return sorted(by_weight.items(), reverse=True)

    def _substituted(self, parameter, value):
        table = self.substitutions.get(parameter)
        return condition(table[value]) if table and value in table else value


def follow(nodes, values):
    """Go on with what rules of the same weight lead to: one file, or selectors whose rules are taken together.

    Raises
    ------
    NoMatch
        Also if the rules name different files without dates to decide between them.
    """
    first = nodes[0]
    if all(isinstance(node, str) for node in nodes):
        if len(set(nodes)) > 1:
            raise Refused(f"ambiguous: rules of the same weight name {', '.join(sorted(set(nodes)))}")
        return first
    if len(nodes) > 1:
        if len({type(node) for node in nodes}) > 1 or isinstance(first, Match):
            kinds = ", ".join(sorted({node if isinstance(node, str) else node.name for node in nodes}))
            raise Refused(f"ambiguous: rules of the same weight lead to {kinds}, which cannot be taken together")
        first = first.merged(nodes)
    return first.choose(values) if hasattr(first, "choose") else first
