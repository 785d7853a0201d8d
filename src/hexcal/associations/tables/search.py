"""What belongs together in a pool by tables of rules, for each candidate and in the whole programme."""

from collections import defaultdict
from typing import NamedTuple

from hexcal.associations.tables.companions import Companions
from hexcal.associations.tables.facts import UNREAD, Exposure
from hexcal.associations.tables.grouping import groups
from hexcal.associations.tables.table import Rule, RuleSet

__all__ = ["WHOLE", "Found", "exposures_of", "search"]

WHOLE = None
"""The candidate that stands for the whole programme."""


class Found(NamedTuple):
    """Members that belong together."""

    rule_set: RuleSet
    rule: Rule
    candidate: tuple | None
    members: list
    said: dict

    @property
    def files(self):
        """File names and roles of the members (frozenset of (str, str))."""
        return frozenset((member["expname"], member["exptype"]) for member in self.said["products"][0]["members"])

    @property
    def product(self):
        """Name of the product (str)."""
        return self.said["products"][0]["name"]


def exposures_of(items, rule_sets):
    """Return the rows of a pool (list of dict), prepared for some sets of rules (list of Exposure)."""
    exposures = [Exposure(item) for item in items]
    for facts in {rule_set.facts for rule_set in rule_sets}:
        for exposure in exposures:
            exposure.values.update(facts(exposure.values))
    return exposures


def search(exposures, rule_sets, candidates=None, whole=True, everything=False):
    """Find what belongs together (list of Found), by all rules of some sets.

    `candidates` (set of str) limits the search to these. With `whole` it goes through the whole programme, too, without
    regard to candidates, by the rules that are meant for it; with `everything`, by all rules.
    """
    acquisitions = _acquisitions(exposures)
    by_type = defaultdict(list)
    for exposure in exposures:
        by_type[exposure.values.get("exp_type")].append(exposure)
    groups_of_all = []
    for rule_set in rule_sets:
        for rule in rule_set.rules:
            types = rule.exposure_types()
            suited = exposures if types is None else [exposure for name in types for exposure in by_type.get(name, ())]
            taken = [(exposure, roles) for exposure in suited if (roles := rule.roles(exposure))]
            around = Companions(rule, taken) if rule.anywhere else None
            for candidate, part in _parts(
                rule, taken, candidates, everything or (whole and rule.name in rule_set.whole)
            ).items():
                for members in groups(rule, part, around):
                    members += _acquired(acquisitions, members, candidate) if rule.acquisitions else []
                    if everything or rule_set.accepts(candidate, members):
                        groups_of_all.append(
                            Found(rule_set, rule, candidate, members, rule_set.describe(rule, members, candidate))
                        )
    return groups_of_all


def _parts(rule, taken, candidates, whole):
    """The exposures of each candidate, and of the whole programme."""
    parts = defaultdict(list)
    for entry in taken:
        for candidate in entry[0].candidates:
            if candidates is not None and candidate[0] not in candidates:
                continue
            # A text that is no list of candidates counts only where the whole programme is not looked through.
            if (candidate[1] in rule.candidates or not rule.candidates) and not (whole and candidate[1] == UNREAD):
                parts[candidate].append(entry)
    if whole and taken:
        parts[WHOLE] = taken
    return parts


def _acquisitions(exposures):
    acquired = defaultdict(list)
    for exposure in exposures:
        if exposure.values.get("kind") == "target_acquisition":
            acquired[_observation(exposure)].append(exposure)
    return acquired


def _observation(exposure):
    # In one observation, an instrument may take exposures in parallel: the target is that of the other one.
    return tuple(exposure.values.get(name) for name in ("program", "obs_num", "instrume"))


def _acquired(acquisitions, members, candidate):
    """Target acquisitions of the observations of some members, and of their candidate."""
    have = {id(exposure) for exposure, _ in members}
    observations = sorted({_observation(exposure) for exposure, _ in members}, key=str)
    acquired = {
        exposure.name: (exposure, "target_acquisition")
        for observation in observations
        for exposure in sorted(acquisitions.get(observation, ()), key=lambda exposure: exposure.name)
        if id(exposure) not in have and (candidate is WHOLE or candidate in exposure.candidates)
    }
    return list(acquired.values())
