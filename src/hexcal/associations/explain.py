"""Why exposures of a pool are together, or not, by rules that are tables; for classes see `explain_class`."""

from dataclasses import replace
from typing import Any

from hexcal.associations import explain_class
from hexcal.associations.generator import by_kind, candidates_of, generate_for_candidates, rule_sets_of
from hexcal.associations.tables.search import exposures_of, search
from hexcal.errors import InputError, ParameterError, nearest, unknown_name

__all__ = ["Explainer"]


class Explainer:
    """Answers questions about the exposures of a pool by some rules; with a candidate, only about its associations."""

    def __init__(self, pool, rules, candidate=None):
        if candidate is not None and candidate not in candidates_of(pool):
            raise unknown_name("candidate", candidate, candidates_of(pool), where=pool.name)
        self.pool, self.candidate = pool, candidate
        self.tables: dict[str, Any]
        self.tables, self.classes = by_kind(rules)
        self._wanted = None if candidate is None else frozenset([candidate])
        self.exposures = exposures_of(pool.exposures(), rule_sets_of(self.tables))
        self.associations = generate_for_candidates(pool, rules, candidates=self._wanted, discover=candidate is None)

    # ---- what is asked about

    def exposure(self, text):
        """Return the exposure with a file name, or the only one that has `text` in its name; else ParameterError."""
        text = text.lower()
        names = [exposure.name for exposure in self.exposures]
        matching = [exposure for exposure in self.exposures if exposure.name == text]
        matching = matching or [exposure for exposure in self.exposures if text in exposure.name]
        if not matching:
            guess = nearest(text, names)
            hint = f"did you mean '{guess}'?" if guess else f"the pool has {', '.join(names[:3])} ..."
            raise ParameterError(f"no exposure has '{text}' in its name", where=self.pool.name, hint=hint)
        if len({exposure.name for exposure in matching}) > 1:
            some = ", ".join(exposure.name for exposure in matching[:6]) + (" ..." if len(matching) > 6 else "")
            message = f"{len(matching)} exposures have '{text}' in their names: {some}"
            raise ParameterError(message, hint="give more of the name")
        return matching[0]

    def rule(self, name):
        """Return the full name of a rule, of which ``Asn_`` may be left out."""
        known = {full.lower(): full for full in (*self.tables, *self.classes)}
        for full in (name.lower(), f"asn_{name.lower()}"):
            if full in known:
                return known[full]
        raise unknown_name("rule", name, known.values())

    # ---- answers

    def one(self, exposure) -> dict[str, Any]:
        """Return all associations of an exposure, and the rules that nearly take it (dict)."""
        missed = {name: self._missed(name, exposure) for name in self.tables}
        return {
            **_asked(exposure),
            "associations": self._of(self.associations, [exposure]),
            "without_association": [
                {"rule": name, "reasons": self._why_not(name, [exposure])}
                for name, lacks in missed.items()
                if not lacks and not self._together(name, [exposure])
            ],
            "nearly": [
                {"rule": name, "lacks": lacks[0]}
                for name, lacks in missed.items()
                if len(lacks) == 1 and not lacks[0].startswith("exp_type ")
            ],
        }

    def by_rule(self, exposure, name) -> dict[str, Any]:
        """Return what a rule asks of an exposure, and what of it holds (dict)."""
        associations = self._of(self._together(name, [exposure]), [exposure])
        answer = {**_asked(exposure), "rule": name, "associations": associations}
        if name in self.classes:
            return answer | explain_class.of_one(self.classes[name], exposure, self.candidate)
        table, missed = self.tables[name].table, self._missed(name, exposure)
        return answer | {
            "type": table.type,
            "text": table.text,
            "roles": [_role(role, who, exposure) for role, who in table.members.items()],
            "same": [
                {"text": same.text, "value": same.value(exposure), "required": not same.optional} for same in table.same
            ],
            "needs": list(table.needs),
            "missed": missed,
            "reasons": [] if associations or missed else self._why_not(name, [exposure]),
        }

    def two(self, first, second, name=None) -> dict[str, Any]:
        """Return why two exposures are together or not, for each rule that takes both, or for one rule (dict)."""
        if first is second:
            raise InputError("two different exposures are needed", where=first.name)
        both, apart, elsewhere = [first, second], [], []
        names = [name] if name else [*self.tables, *self.classes]
        for rule in names:
            if self._together(rule, both):
                continue
            if rule in self.classes:
                apart.append({"rule": rule, **explain_class.of_two(self.classes[rule], both, self.candidate)})
                continue
            missed = [self._missed(rule, exposure) for exposure in both]
            if not any(missed):
                roles = [self.tables[rule].table.roles(exposure) for exposure in both]
                apart.append({"rule": rule, "roles": roles, "reasons": self._why_not(rule, both)})
            elif name or not all(missed):
                elsewhere.append({"rule": rule, "missed": missed})
        return {
            "exposures": [exposure.name for exposure in both],
            "candidates": [[list(pair) for pair in exposure.candidates] for exposure in both],
            "together": self._of(self._together(name, both) if name else self.associations, both),
            "apart": apart,
            "one_only": elsewhere,
        }

    # ---- associations

    def _together(self, rule, exposures):
        """The associations of a rule that have all of some exposures."""
        names = {exposure.name for exposure in exposures}
        return [
            asn for asn in self.associations if _without_prefix(asn["asn_rule"]) == rule and names <= asn.item_names
        ]

    def _of(self, associations, exposures):
        names = [exposure.name for exposure in exposures]
        return [
            {
                "name": association.asn_name,
                "rule": association["asn_rule"],
                "type": association["asn_type"],
                "candidate": association.get("asn_id"),
                "product": association["products"][0]["name"] if association.get("products") else None,
                "roles": [_roles_in(association, name) for name in names],
            }
            for association in associations
            if set(names) <= association.item_names
        ]

    # ---- reasons

    def _missed(self, name, exposure):
        """What a rule asks of an exposure and does not get, for the role that misses least; may be empty."""
        table = self.tables[name].table
        roles = table.roles(exposure)
        if any(table.key(exposure, role) is not None for role in roles):
            return []
        if roles:
            return _lacking(table, exposure, roles[0])
        lacks = (_failing(who, exposure) + _lacking(table, exposure, role) for role, who in table.members.items())
        return min(lacks, key=len)

    def _search(self, name, exposures, change=None, accepts=None, everything=False):
        """Groups that a rule, or one that asks less, makes with all of some exposures."""
        rule_set, table = self.tables[name].rule_set, self.tables[name].table
        changed_set = replace(rule_set, rules=(replace(table, **(change or {})),), accepts=accepts or rule_set.accepts)
        groups = search(self.exposures, [changed_set], self._wanted, self.candidate is None, everything)
        wanted = {id(exposure) for exposure in exposures}
        return [group for group in groups if wanted <= {id(exposure) for exposure, _ in group.members}]

    def _why_not(self, name, exposures):
        """Why a rule that takes some exposures makes no association with all of them: it is eased until it would."""
        table = self.tables[name].table
        loose = {"needs": (), "least": 1, "elsewhere": ()}
        if groups := self._search(name, exposures):
            return [self._repeated(group) for group in groups]
        if groups := self._search(name, exposures, accepts=_anything):
            names = dict.fromkeys(_candidate_text(group.candidate) for group in groups)
            return [f"these rules make no such association for candidate {candidate}" for candidate in names]
        if groups := self._search(name, exposures, loose, _anything):
            return _incomplete(table, groups)
        if len(exposures) == 2 and (reasons := _between(table, *exposures)):
            shared = {*exposures[0].candidates} & {*exposures[1].candidates}
            anywhere = any(role in table.anywhere for exposure in exposures for role in table.roles(exposure))
            return reasons if shared or anywhere else [*reasons, self._no_candidate(exposures)]
        if self._search(name, exposures, loose, _anything, everything=True):
            return [self._no_candidate(exposures)]
        if len(exposures) == 1:
            nearer = ", or others are nearer in time or preferred" if table.related else ""
            roles = " or ".join(table.roles(exposures[0]))
            return [f"it can only accompany others, as {roles}: no science exposure shares what is required{nearer}"]
        return ["other exposures keep them apart: those that have more values given, are nearer in time, or preferred"]

    def _repeated(self, group):
        members = {exposure.name for exposure, _ in group.members}
        of_type = [association for association in self.associations if association["asn_type"] == group.rule.type]
        same = [association for association in of_type if members <= association.item_names]
        same = same or [association for association in of_type if association["products"][0]["name"] == group.product]
        kept = f": {same[0].asn_name} ({same[0]['asn_rule']}) has it" if same else ""
        return f"what {_candidate_text(group.candidate)} has is left out as a repetition{kept}"

    def _no_candidate(self, exposures):
        names = [", ".join(name for name, _ in exposure.candidates) or "none" for exposure in exposures]
        if self.candidate:
            return f"not both belong to candidate {self.candidate}: {' and '.join(names)}"
        if len(exposures) == 1:
            return f"it belongs to no candidate that the rule is tried on: {names[0]}"
        return f"no candidate in common: {' and '.join(names)}"


def _asked(exposure):
    return {"exposures": [exposure.name], "candidates": [list(pair) for pair in exposure.candidates]}


def _anything(candidate, members):
    return True


def _without_prefix(rule):
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
    return min(who.alternatives, key=lambda conditions: sum(not condition.holds(exposure) for condition in conditions))


def _failing(who, exposure):
    return [
        f"{condition.text}; it is {_value(exposure, condition.attribute)}"
        for condition in _nearest(who, exposure)
        if not condition.holds(exposure)
    ]


def _value(exposure, attribute):
    return exposure.values.get(attribute, "not given")


def _role(role, who, exposure):
    conditions = [
        {
            "text": condition.text,
            "found": exposure.values.get(condition.attribute),
            "holds": condition.holds(exposure),
        }
        for condition in _nearest(who, exposure)
    ]
    number = len(who.alternatives)
    return {"role": role, "holds": who.holds(exposure), "alternatives": number, "conditions": conditions}


def _lacking(table, exposure, role):
    free = table.free.get(role, ())
    return [
        f"{' or '.join(same.attributes)} is given; it is not"
        for same in table.same
        if not same.optional and same.text not in free and same.value(exposure) is None
    ]


def _incomplete(table, groups):
    reasons = []
    for group in groups:
        roles = {role for _, role in group.members}
        lacks = [f"no {needed}" for needed in table.needs if needed not in roles]
        if len(group.members) < table.least:
            lacks.append(f"{len(group.members)} of at least {table.least} exposures")
        lacks = lacks or [f"its exposure goes along as {' or '.join(table.elsewhere)} elsewhere"]
        reasons.append(f"in {_candidate_text(group.candidate)} there is {', '.join(lacks)}")
    return list(dict.fromkeys(reasons))


def _between(table, first, second):
    """What keeps two exposures apart that a rule takes, by the values they have."""
    if not table.alone:
        return _unlike(table, first, table.roles(first)[0], second, table.roles(second)[0])
    reasons = []
    for science, other in ((first, second), (second, first)):
        if "science" not in table.roles(science):
            continue
        companion = next((role for role in table.roles(other) if role != "science"), None)
        if companion is None:
            reasons.append(f"{other.name} can only be science, and each science exposure makes its own association")
            continue
        unlike = _unlike(table, science, "science", other, companion)
        reasons += [f"with {science.name} as science: {text}" for text in unlike]
    neither = "science" not in table.roles(first) + table.roles(second)
    return reasons or ["neither can be science"] * neither


def _unlike(table, first, role_of_first, second, role_of_second):
    free = {*table.free.get(role_of_first, ()), *table.free.get(role_of_second, ())}
    reasons = []
    for same in table.same:
        values = same.value(first), same.value(second)
        if same.text not in free and None not in values and values[0] != values[1]:
            reasons.append(f"{' or '.join(same.attributes)} must be the same: {values[0]} and {values[1]}")
    for relation in table.related.get(role_of_second, ()):
        if not relation.holds(first, second):
            given = [" ".join(_value(exposure, name) for name in relation.attributes) for exposure in (first, second)]
            reasons.append(f"{role_of_second} must have {relation.text}: {given[0]} and {given[1]}")
    return reasons


def _candidate_text(candidate):
    return "the whole programme" if candidate is None else f"{candidate[0]} ({candidate[1] or 'no type'})"
