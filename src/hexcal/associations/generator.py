"""Generating associations: which exposures of a pool belong together by the rules of a registry.

Rules that are tables are searched all at once (`hexcal.associations.tables.search`); rules that users write as classes
are tried item by item (`hexcal.associations.classes.by_class`).
"""

from collections import defaultdict
from dataclasses import replace

from hexcal.associations.classes.association import version_text
from hexcal.associations.classes.by_class import of_classes
from hexcal.associations.classes.rule_classes import TableAssociation
from hexcal.associations.result import GeneratedAssociation
from hexcal.associations.tables.pruning import prune
from hexcal.associations.tables.search import WHOLE, exposures_of, search

__all__ = ["by_kind", "candidates_of", "generate", "generate_for_candidates"]


def generate(pool, rules, version_id=None, finalize=True):
    """Generate the associations of a pool as a whole, without regard to candidates.

    Parameters
    ----------
    pool : AssociationPool or list of dict
        Exposures.
    rules : AssociationRegistry
        Rules.
    version_id : str, True or None
        Identifier of the version; True: the time now.
    finalize : bool
        Complete associations, and leave out what is not complete.

    Returns
    -------
    list of Association
    """
    items, version_id = _items(pool), version_text(version_id)
    tables, others = by_kind(rules)
    kept = [item for item in items if _globally_allowed(item, tables)]
    associations = _of_tables(kept, tables, version_id, _name(pool), everything=True, candidates=frozenset())
    associations += of_classes(items, others, version_id, _name(pool), finalize=finalize)
    return numbered(associations)


def generate_for_candidates(
    pool,
    rules,
    version_id=None,
    finalize=True,
    candidates=None,
    discover: bool | str = True,
    prefixes=("candidate", "discover"),
):
    """Generate the associations of the candidates of a pool, and of the programme as a whole.

    Without repetitions, numbered by type and candidate.

    The first four parameters are those of `generate`. `candidates` (list of str) limits it to these; `prefixes` are put
    before the names of the rules for candidates and for the whole programme. `discover`: also what belongs together in
    the whole programme and in no candidate; "only": nothing but this, for which rule sets with `candidates_apart` look
    at no candidate.
    """
    items, version_id = _items(pool), version_text(version_id)
    tables, others = by_kind(rules)
    wanted = None if candidates is None else frozenset(candidates)
    apart = discover == "only" and any(rule.rule_set.candidates_apart for rule in tables.values())
    how = {"whole": bool(discover), "prefixes": prefixes}
    of_these = frozenset() if apart else wanted
    associations = numbered(
        _of_tables(items, tables, version_id, _name(pool), candidates=of_these, **how)
        + of_classes(items, others, version_id, _name(pool), finalize=finalize, candidates=wanted, **how)
    )
    if discover == "only":
        return [association for association in associations if association["asn_rule"].startswith(prefixes[1])]
    return associations


def candidates_of(pool):
    """Return the candidates of a pool: identifier -> types (dict of str to set of str)."""
    kinds = defaultdict(set)
    for exposure in exposures_of(_items(pool), []):
        for name, kind in exposure.candidates:
            kinds[name].add(kind)
    return dict(kinds)


def numbered(associations):
    """Number associations of one type and candidate from 1, in the order in which they are."""
    numbers = defaultdict(int)
    for association in associations:
        if hasattr(association, "sequence"):
            key = association["program"], association["asn_id"], association["asn_type"]
            numbers[key] += 1
            association.sequence = numbers[key]
    return associations


def _items(pool):
    """The exposures; those whose file names are not in lower case have them as written besides."""
    if not hasattr(pool, "exposures"):
        return list(pool)
    items, written = pool.exposures(), pool.written_names()
    for item in items if written else ():
        if item["filename"] in written:
            item["file_as_written"] = written[item["filename"]]
    return items


def _name(pool):
    return getattr(pool, "name", "none")


def by_kind(rules):
    """Return the rules of a registry that are tables (dict of str to type), and a registry of the others."""
    tables = {name: rule for name, rule in rules.items() if issubclass(rule, TableAssociation) and rule.is_table()}
    others = rules.copy_of([name for name in rules if name not in tables])
    return tables, others


def rule_sets_of(tables):
    """Return the rule sets of some rules, those of users included, each with just these rules (list of RuleSet)."""
    by_set = defaultdict(list)
    for rule in tables.values():
        by_set[id(rule.rule_set)].append(rule)
    return [
        replace(
            rules[0].rule_set,
            rules=tuple(rule.table for rule in rules),
            whole=rules[0].rule_set.whole_of([rule.table for rule in rules]),
        )
        for rules in by_set.values()
    ]


def _of_tables(items, tables, version_id, pool_name, *, everything=False, whole=False, candidates=None, prefixes=None):
    names, rule_sets = {rule.table: name for name, rule in tables.items()}, rule_sets_of(tables)
    associations = []
    for group in prune(search(exposures_of(items, rule_sets), rule_sets, candidates, whole, everything)):
        prefix = "" if prefixes is None else f"{prefixes[group.candidate is WHOLE]}_"
        associations.append(GeneratedAssociation(group, prefix + names[group.rule], version_id, pool_name))
    return associations


def _globally_allowed(item, tables):
    constraint = next((rule.GLOBAL_CONSTRAINT for rule in tables.values()), None)
    return constraint is None or constraint.copy().check_and_set(item)[0]
