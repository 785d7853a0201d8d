"""Which of several associations that repeat one another are kept."""

from collections import defaultdict

from hexcal.associations.tables.search import WHOLE


def prune(groups):
    """Leave out what repeats another association; returns a list of `Found` in the order of names.

    Of associations with the same members, the one of the last candidate is kept: an observation rather than a wider
    candidate. Of several that calibrate the same exposure alike, the one of the last rule is kept
    (``Asn_Lv2ImageSpecial`` rather than ``Asn_Lv2Image``), and none whose members are all in another one. What is found
    in the whole programme is kept only where no candidate has it. Where the set of rules says so (`fullest`), only
    those with the most members are kept of all whose product has the same name.
    """
    groups = sorted(
        groups,
        key=lambda group: (group.candidate or ("", ""), group.rule.name, group.product, sorted(group.files)),
    )
    kept = {}
    for group in groups:
        own = group.rule.alone and (group.rule.name, group.candidate)
        key = group.candidate is WHOLE, group.files, own
        if group.candidate is not WHOLE or key not in kept or _is_of_later_rule(group, kept[key]):
            kept[key] = group
    of_candidates = _without_lesser([group for key, group in kept.items() if not key[0]])
    have = {group.files for group in of_candidates}
    return of_candidates + [
        group for group in _fullest([group for key, group in kept.items() if key[0]]) if group.files not in have
    ]


def _is_of_later_rule(group, other):
    return group.rule_set.fullest and group.rule.name != other.rule.name


def _without_lesser(groups):
    """Leave out repetitions, and associations that another one makes needless."""
    last = {group.files: group for group in groups if group.rule_set.fullest}
    groups = [group for group in groups if not (group.rule_set.fullest and group is not last[group.files])]
    return _fullest(_without_parts(_without_repetitions(groups)))


def _fullest(groups):
    """Leave out associations with fewer members than another of the same product, where the rule set says so."""
    most = defaultdict(int)
    for group in groups:
        most[group.product] = max(most[group.product], len(group.files))
    return [group for group in groups if not group.rule_set.fullest or len(group.files) == most[group.product]]


def _without_repetitions(groups):
    """Leave out repetitions among associations that calibrate the same exposure.

    For each that repeats the one looked at, the first that is left.

    Full frames of a coronagraphic PSF star are the only case of one observation in which the first is not the repeated
    one: then ``Asn_Lv2CoronAsRate`` goes, which has other products of the same exposures as members. Release 1.13.4 of
    the original does so.
    """
    alike = defaultdict(list)
    for group in groups:
        if group.rule.alone and not group.rule_set.fullest:
            alike[group.product, frozenset(exposure.name for exposure, _ in group.members)].append(group)
    left_out = set()
    for repeating in alike.values():
        rest = list(repeating)
        for group in reversed(repeating):
            place = next((number for number, other in enumerate(rest) if other is group), 0)
            repeated = sum(other.files == group.files for other in rest[:place])
            left_out.update(id(other) for other in rest[:repeated])
            del rest[:repeated]
    return [group for group in groups if id(group) not in left_out]


def _without_parts(groups):
    """Leave out associations that calibrate an exposure with some of the members of another one."""
    products = defaultdict(list)
    for group in groups:
        if group.rule.alone:
            products[group.product].append(group.files)
    return [
        group
        for group in groups
        if not (group.rule.alone and any(group.files < other for other in products[group.product]))
    ]
