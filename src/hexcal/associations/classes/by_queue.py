"""The generator for rules written as classes.

Each item is tried on the associations that exist, then on the rules that could make new ones.

An item may ask to be processed again: with one element of a list in place of the list, or after others. Lists of such
items wait in a queue.
"""

from hexcal.associations.classes.association import version_text
from hexcal.associations.classes.queue import ListCategory, ProcessItem, ProcessList, ProcessQueueSorted
from hexcal.associations.exceptions import AssociationError

__all__ = ["finalized", "generate_by_queue", "match_member"]

# An honest rule settles in a few rounds; a rule whose associations never accept the item that made them does not.
_MOST_ROUNDS = 100


def generate_by_queue(items, rules, version_id=None):
    """Put items together by rules, in the order in which they come; associations are not finalized (list)."""
    version_id = version_text(version_id)
    associations, rounds = [], {}
    queue = ProcessQueueSorted([ProcessList(list(items))])
    first = True
    for waiting in queue:
        allowed = set(waiting.rules or rules.values())
        new_rules = waiting.work_over in (ListCategory.RULES, ListCategory.BOTH)
        for item in waiting.items:
            if not first and not _worthwhile(item, waiting, rounds, associations):
                continue
            existing = [association for association in associations if type(association) in allowed]
            joined, again = match_member(item, existing)
            # What only existing associations ask for comes to nothing: they were all looked at.
            if new_rules:
                begun, more = rules.match(item, version_id, allow=allowed, ignore=joined)
                associations += begun
                queue.extend(map(_after_existing, [*again, *more]))
        first = False
    return associations


def match_member(item, associations):
    """Try an item on associations; returns those that take it or have it already, and a list of `ProcessList`."""
    joined, reprocess = [], []
    for association in associations:
        matches, again = association.add(item)
        reprocess += again
        if matches:
            joined.append(association)
    return joined, reprocess


def finalized(associations, rules):
    """Return the associations that are complete: by callbacks for ``finalize`` if there are any, else by their own."""
    if rules.callback.registry.get("finalize"):
        return rules.callback.reduce("finalize", associations)
    return [complete for association in associations for complete in association.finalize() or ()]


def _after_existing(process_list):
    """Rules are tried after existing associations, or they would begin again what exists: RULES is the same as BOTH."""
    if process_list.work_over is ListCategory.RULES:
        process_list.work_over = ListCategory.BOTH
    return process_list


def _worthwhile(item, waiting, rounds, associations):
    """Whether processing an item again can change anything: only if associations have grown since then."""
    key = (ProcessItem(item), waiting.hash)
    state = sum(association.additions for association in associations)
    seen, last = rounds.get(key, (0, None))
    if last == state:
        return False
    if seen == _MOST_ROUNDS:
        rules = waiting.trigger_rules or waiting.rules or ()
        names = ", ".join(sorted(rule.__name__ for rule in rules)) or "the rules"
        raise AssociationError(
            f"{names} sent an item back {seen} times: {item!r:.120}",
            hint="an association must accept the item that made it (is_item_member), and not ask for it each time",
        )
    rounds[key] = (seen + 1, state)
    return True
