"""Which of several associations that repeat one another are kept."""

from collections import defaultdict

from hexcal.associations.search import WHOLE


def prune(found):
    """Leave out what repeats another association.

    Of associations of one rule with the same members, the one of the last candidate is kept: an observation rather than a wider candidate. Of associations
    that make the same product, one whose members are all in another one is left out. What is found in the whole programme is kept only where no candidate
    has it.

    Parameters
    ----------
    found : list of Found

    Returns
    -------
    list of Found
        In the order of names.
    """
    found = sorted(
        found,
        key=lambda one: (one.candidate or ("", ""), one.rule.name, one.said["products"][0]["name"], sorted(one.files)),
    )
    kept = {}
    for one in found:
        kept[one.candidate is WHOLE, one.rule.name, one.files] = one
    of_candidates = _without_parts([one for (whole, _, _), one in kept.items() if not whole])
    have = {(one.rule.type, one.files) for one in of_candidates}
    return of_candidates + [
        one for (whole, _, files), one in kept.items() if whole and (one.rule.type, files) not in have
    ]


def _without_parts(found):
    """Leave out associations whose members are some of those of another one that makes the same product."""
    products = defaultdict(list)
    for one in found:
        if one.rule.alone:
            products[one.rule.type, one.said["products"][0]["name"]].append(one.files)
    return [
        one
        for one in found
        if not one.rule.alone
        or not any(one.files < other for other in products[one.rule.type, one.said["products"][0]["name"]])
    ]
