"""Why exposures of a pool are together in associations, or not, by rules that are tables; for rules that are classes see `explain_class`."""

from dataclasses import replace
from typing import Any

from hexcal.associations import explain_class
from hexcal.associations.generator import by_kind, candidates_of, generate_for_candidates
from hexcal.associations.tables.search import exposures_of, search
from hexcal.errors import InputError, ParameterError, nearest, unknown_name

__all__ = ["Explainer"]


class Explainer:
    """Answers questions about the exposures of a pool.

    Parameters
    ----------
    pool : AssociationPool
        The exposures.
    rules : AssociationRegistry
        The rules.
    candidate : str, optional
        Look only at associations of this candidate.

    Attributes
    ----------
    exposures : list of Exposure
    associations : list of Association
        All that the generator makes.
    """

    def __init__(self, pool, rules, candidate=None):
        if candidate is not None and candidate not in candidates_of(pool):
            raise unknown_name("candidate", candidate, candidates_of(pool), where=pool.name)
        self.pool, self.candidate = pool, candidate
        self.tables: dict[str, Any]
        self.tables, self.classes = by_kind(rules)
        self._wanted = None if candidate is None else frozenset([candidate])
        rule_sets = {id(rule.rule_set): rule.rule_set for rule in self.tables.values()}
        self.exposures = exposures_of(pool.exposures(), list(rule_sets.values()))
        self.associations = generate_for_candidates(pool, rules, candidates=self._wanted, discover=candidate is None)

    # ---- what is asked about

    def exposure(self, text):
        """Return the exposure whose file name is `text`, or the only one that has it in its name (`Exposure`).

        Raises
        ------
        ParameterError
            If there is none (says the nearest names), or there are several.
        """
        text = text.lower()
        names = [one.name for one in self.exposures]
        found = [one for one in self.exposures if one.name == text] or [
            one for one in self.exposures if text in one.name
        ]
        if not found:
            where = self.pool.name
            guess = nearest(text, names)
            hint = f"did you mean '{guess}'?" if guess else f"the pool has {', '.join(names[:3])} ..."
            raise ParameterError(f"no exposure has '{text}' in its name", where=where, hint=hint)
        if len({one.name for one in found}) > 1:
            several = ", ".join(one.name for one in found[:6]) + (" ..." if len(found) > 6 else "")
            raise ParameterError(
                f"{len(found)} exposures have '{text}' in their names: {several}", hint="give more of it"
            )
        return found[0]

    def rule(self, name):
        """Return the full name of a rule, of which ``Asn_`` may be left out."""
        known = [*self.tables, *self.classes]
        for full in (name, f"Asn_{name}"):
            match = next((one for one in known if one.lower() == full.lower()), None)
            if match:
                return match
        raise unknown_name("rule", name, known)

    # ---- answers

    def one(self, exposure) -> dict[str, Any]:
        """Return all associations of an exposure, and the rules that nearly take it (dict)."""
        near, taken = [], []
        for name in self.tables:
            missed = self._missed(name, exposure)
            if not missed:
                taken.append(name)
            elif len(missed) == 1 and not missed[0].startswith("exp_type "):
                near.append({"rule": name, "lacks": missed[0]})
        idle = [
            {"rule": name, "reasons": self._why_not(name, [exposure])}
            for name in taken
            if not self._together(name, [exposure])
        ]
        return {
            "exposures": [exposure.name],
            "candidates": [list(one) for one in exposure.candidates],
            "associations": self._of(self.associations, [exposure]),
            "without_association": idle,
            "nearly": near,
        }

    def by_rule(self, exposure, name) -> dict[str, Any]:
        """Return what a rule asks of an exposure, and what of it holds (dict)."""
        answer = {
            "exposures": [exposure.name],
            "candidates": [list(one) for one in exposure.candidates],
            "rule": name,
            "associations": self._of(self._together(name, [exposure]), [exposure]),
        }
        if name in self.classes:
            return answer | explain_class.of_one(self.classes[name], exposure, self.candidate)
        table = self.tables[name].table
        return answer | {
            "type": table.type,
            "text": table.text,
            "roles": [_role(role, who, exposure) for role, who in table.members.items()],
            "same": [
                {"text": same.text, "value": same.value(exposure), "required": not same.optional} for same in table.same
            ],
            "needs": list(table.needs),
            "missed": self._missed(name, exposure),
            "reasons": []
            if answer["associations"] or self._missed(name, exposure)
            else self._why_not(name, [exposure]),
        }

    def two(self, one, two, name=None) -> dict[str, Any]:
        """Return why two exposures are together, and why they are not, for each rule that takes both, or for one rule (dict)."""
        if one is two:
            raise InputError("two different exposures are needed", where=one.name)
        apart, elsewhere = [], []
        for rule in [name] if name else self.tables:
            if rule in self.classes or self._together(rule, [one, two]):
                continue
            missed = [self._missed(rule, one), self._missed(rule, two)]
            if not any(missed):
                apart.append(
                    {"rule": rule, "roles": self._roles(rule, one, two), "reasons": self._why_not(rule, [one, two])}
                )
            elif name or not all(missed):
                elsewhere.append({"rule": rule, "missed": missed})
        for rule in [name] if name in self.classes else () if name else self.classes:
            if not self._together(rule, [one, two]):
                apart.append({"rule": rule, **explain_class.of_two(self.classes[rule], one, two, self.candidate)})
        together = self._together(name, [one, two]) if name else self.associations
        return {
            "exposures": [one.name, two.name],
            "candidates": [[list(pair) for pair in exposure.candidates] for exposure in (one, two)],
            "together": self._of(together, [one, two]),
            "apart": apart,
            "one_only": elsewhere,
        }

    # ---- associations

    def _together(self, rule, exposures):
        """The associations of a rule that have all of some exposures."""
        names = {one.name for one in exposures}
        return [one for one in self.associations if _plain(one["asn_rule"]) == rule and names <= one.item_names]

    def _of(self, associations, exposures):
        names = [one.name for one in exposures]
        return [
            {
                "name": one.asn_name,
                "rule": one["asn_rule"],
                "type": one["asn_type"],
                "candidate": one.get("asn_id"),
                "product": one["products"][0]["name"] if one.get("products") else None,
                "roles": [_roles_in(one, name) for name in names],
            }
            for one in associations
            if set(names) <= one.item_names
        ]

    # ---- reasons

    def _missed(self, name, exposure):
        """What a rule asks of an exposure and does not find, for the role that it misses least; empty: the rule takes it."""
        table = self.tables[name].table
        roles = table.roles(exposure)
        if roles:
            return (
                []
                if any(table.key(exposure, role) is not None for role in roles)
                else _lacking(table, exposure, roles[0])
            )
        return min(
            (_failing(who, exposure) + _lacking(table, exposure, role) for role, who in table.members.items()), key=len
        )

    def _roles(self, name, *exposures):
        return [self.tables[name].table.roles(exposure) for exposure in exposures]

    def _search(self, name, exposures, change=None, accepts=None, everything=False):
        """Associations of a rule, or of one that asks less, that have all of some exposures."""
        rule_set, table = self.tables[name].rule_set, self.tables[name].table
        asked = replace(rule_set, rules=(replace(table, **(change or {})),), accepts=accepts or rule_set.accepts)
        found = search(self.exposures, [asked], self._wanted, self.candidate is None, everything)
        wanted = {id(one) for one in exposures}
        return [one for one in found if wanted <= {id(exposure) for exposure, _ in one.members}]

    def _why_not(self, name, exposures):
        """Why a rule that takes some exposures makes no association with all of them (list of str): the rule is eased until it would."""
        table = self.tables[name].table
        loose = {"needs": (), "least": 1, "elsewhere": ()}
        found = self._search(name, exposures)
        if found:
            return [self._repeated(one) for one in found]
        found = self._search(name, exposures, accepts=_anything)
        if found:
            names = dict.fromkeys(_candidate_text(one.candidate) for one in found)
            return [f"these rules make no such association for candidate {one}" for one in names]
        found = self._search(name, exposures, loose, _anything)
        if found:
            return _incomplete(table, found)
        if len(exposures) == 2:
            reasons = _between(table, *exposures)
            if reasons:
                shared = {*exposures[0].candidates} & {*exposures[1].candidates}
                return (
                    reasons
                    if shared or _is_sought_anywhere(table, *exposures)
                    else [*reasons, self._no_candidate(exposures)]
                )
        if self._search(name, exposures, loose, _anything, everything=True):
            return [self._no_candidate(exposures)]
        if len(exposures) == 1:
            return [
                f"it goes along only, as {_and(table.roles(exposures[0]))}: no science exposure shares what is required"
                + (", or others are nearer in time or preferred" if table.related else "")
            ]
        return ["other exposures keep them apart: those that have more values given, are nearer in time, or preferred"]

    def _repeated(self, found):
        product = found.said["products"][0]
        members = {exposure.name for exposure, _ in found.members}
        same = [one for one in self.associations if one["asn_type"] == found.rule.type and members <= one.item_names]
        same = same or [
            one
            for one in self.associations
            if one["asn_type"] == found.rule.type and one["products"][0]["name"] == product["name"]
        ]
        kept = f": {same[0].asn_name} ({same[0]['asn_rule']}) has it" if same else ""
        return f"what {_candidate_text(found.candidate)} has is left out as a repetition{kept}"

    def _no_candidate(self, exposures):
        of = [", ".join(identifier for identifier, _ in one.candidates) or "none" for one in exposures]
        if self.candidate:
            return f"not both belong to candidate {self.candidate}: {' and '.join(of)}"
        if len(exposures) == 1:
            return f"it belongs to no candidate that the rule is tried on: {of[0]}"
        return f"no candidate in common: {' and '.join(of)}"


def _anything(candidate, members):
    return True


def _plain(rule):
    """The name of a rule without what the generator puts before it."""
    return rule.split("_", 1)[1] if rule.startswith(("candidate_", "discover_")) else rule


def _roles_in(association, name):
    """The roles of an exposure in an association."""
    if hasattr(association, "exposures"):
        return sorted({role for exposure, role in association.exposures if exposure.name == name})
    stem = name.rpartition("_")[0] or name
    members = (member for product in association.get("products", ()) for member in product["members"])
    return sorted({member["exptype"] for member in members if member["expname"].startswith(stem)})


def _nearest(who, exposure):
    """The alternative of some conditions that an exposure misses least."""
    return min(who.alternatives, key=lambda every: sum(not one.holds(exposure) for one in every))


def _failing(who, exposure):
    return [
        f"{one.text}; it is {_value(exposure, one.attribute)}"
        for one in _nearest(who, exposure)
        if not one.holds(exposure)
    ]


def _value(exposure, attribute):
    return exposure.values.get(attribute, "not given")


def _role(role, who, exposure):
    conditions = [
        {"text": one.text, "found": exposure.values.get(one.attribute), "holds": one.holds(exposure)}
        for one in _nearest(who, exposure)
    ]
    return {
        "role": role,
        "holds": who.holds(exposure),
        "alternatives": len(who.alternatives),
        "conditions": conditions,
    }


def _lacking(table, exposure, role):
    free = table.free.get(role, ())
    return [
        f"{' or '.join(same.attributes)} is given; it is not"
        for same in table.same
        if not same.optional and same.text not in free and same.value(exposure) is None
    ]


def _incomplete(table, found):
    reasons = []
    for one in found:
        roles = {role for _, role in one.members}
        lacks = [f"no {needed}" for needed in table.needs if needed not in roles]
        if len(one.members) < table.least:
            lacks.append(f"{len(one.members)} of at least {table.least} exposures")
        lacks = lacks or [f"its exposure goes along as {_and(table.elsewhere)} elsewhere"]
        reasons.append(f"in {_candidate_text(one.candidate)} there is {', '.join(lacks)}")
    return list(dict.fromkeys(reasons))


def _between(table, one, two):
    """What keeps two exposures apart that a rule takes, by the values they have."""
    if not table.alone:
        return _unlike(table, one, table.roles(one)[0], two, table.roles(two)[0])
    reasons = []
    for science, other in ((one, two), (two, one)):
        companion = next((role for role in table.roles(other) if role != "science"), None)
        if "science" not in table.roles(science):
            continue
        if companion is None:
            reasons.append(
                f"{other.name} can be science only, and each science exposure makes an association of its own"
            )
            continue
        reasons += [
            f"with {science.name} as science: {text}" for text in _unlike(table, science, "science", other, companion)
        ]
    return reasons or ["neither can be science"] * ("science" not in table.roles(one) + table.roles(two))


def _unlike(table, one, role_one, two, role_two):
    free = {*table.free.get(role_one, ()), *table.free.get(role_two, ())}
    reasons = []
    for same in table.same:
        values = same.value(one), same.value(two)
        if same.text not in free and None not in values and values[0] != values[1]:
            reasons.append(f"{' or '.join(same.attributes)} must be the same: {values[0]} and {values[1]}")
    for relation in table.related.get(role_two, ()):
        if not relation.holds(one, two):
            given = [" ".join(_value(which, name) for name in relation.attributes) for which in (one, two)]
            reasons.append(f"{role_two} must have {relation.text}: {given[0]} and {given[1]}")
    return reasons


def _is_sought_anywhere(table, *exposures):
    """Whether one of them is a companion wherever it belongs."""
    return any(role in table.anywhere for one in exposures for role in table.roles(one))


def _candidate_text(candidate):
    return "the whole programme" if candidate is None else f"{candidate[0]} ({candidate[1] or 'no type'})"


def _and(names):
    return " or ".join(names)
