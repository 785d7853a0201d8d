"""Which of several associations that repeat one another are kept."""

from collections import defaultdict

from hexcal.associations.tables.search import WHOLE


def prune(found):
    """Leave out what repeats another association; returns a list of `Found` in the order of names.

    Of associations with the same members, the one of the last candidate is kept: an observation rather than a wider candidate. Of several that
    calibrate the same exposure alike, the one of the last rule is kept (``Asn_Lv2ImageSpecial`` rather than ``Asn_Lv2Image``), and none whose members are
    all in another one. What is found in the whole programme is kept only where no candidate has it. Where the set of rules says so (`fullest`), only those
    with the most members are kept of all whose product has the same name.
    """
    found = sorted(
        found,
        key=lambda one: (one.candidate or ("", ""), one.rule.name, one.said["products"][0]["name"], sorted(one.files)),
    )
    kept = {}
    for one in found:
        own = one.rule.alone and (one.rule.name, one.candidate)
        key = one.candidate is WHOLE, one.files, own
        if one.candidate is not WHOLE or key not in kept or _is_of_later_rule(one, kept[key]):
            kept[key] = one
    of_candidates = _without_lesser([one for key, one in kept.items() if not key[0]])
    have = {one.files for one in of_candidates}
    return of_candidates + [
        one for one in _fullest([one for key, one in kept.items() if key[0]]) if one.files not in have
    ]


def _is_of_later_rule(one, other):
    return one.rule_set.fullest and one.rule.name != other.rule.name


def _without_lesser(found):
    """Leave out repetitions, and associations that another one makes needless."""
    last = {one.files: one for one in found if one.rule_set.fullest}
    found = [one for one in found if not (one.rule_set.fullest and one is not last[one.files])]
    return _fullest(_without_parts(_without_repetitions(found)))


def _fullest(found):
    """Leave out associations with fewer members than another one whose product has the same name, where the set of rules says so."""
    most = defaultdict(int)
    for one in found:
        most[_product(one)] = max(most[_product(one)], len(one.files))
    return [one for one in found if not one.rule_set.fullest or len(one.files) == most[_product(one)]]


def _without_repetitions(found):
    """Leave out repetitions among associations that calibrate the same exposure: for each that repeats the one looked at, the first that is left.

    Full frames of a coronagraphic PSF star are the only case of one observation in which the first is not the repeated one: then
    ``Asn_Lv2CoronAsRate`` goes, which has other products of the same exposures as members. Release 1.13.4 of the original does so.
    """
    alike = defaultdict(list)
    for one in found:
        if one.rule.alone and not one.rule_set.fullest:
            alike[_product(one), frozenset(exposure.name for exposure, _ in one.members)].append(one)
    left_out = set()
    for several in alike.values():
        rest = list(several)
        for one in reversed(several):
            place = next((number for number, other in enumerate(rest) if other is one), 0)
            repeated = sum(other.files == one.files for other in rest[:place])
            left_out.update(id(other) for other in rest[:repeated])
            del rest[:repeated]
    return [one for one in found if id(one) not in left_out]


def _without_parts(found):
    """Leave out associations that calibrate an exposure with some of the members of another one."""
    products = defaultdict(list)
    for one in found:
        if one.rule.alone:
            products[_product(one)].append(one.files)
    return [
        one for one in found if not (one.rule.alone and any(one.files < other for other in products[_product(one)]))
    ]


def _product(found):
    return found.said["products"][0]["name"]
