"""What is still to be matched against which rules: items, lists of items, and the queue in which the lists wait."""

from collections import deque
from collections.abc import Mapping
from enum import Enum

__all__ = ["ListCategory", "ProcessItem", "ProcessList", "ProcessQueue", "ProcessQueueSorted"]


class ListCategory(Enum):
    """What the items of a list are compared with; lists are taken in the order of the values."""

    RULES = 0
    BOTH = 1
    EXISTING = 2
    NONSCIENCE = 3


class ProcessItem:
    """An item that can stand in a set, whatever it is: anything that can be compared for equality."""

    __slots__ = ("obj",)

    def __init__(self, obj):
        self.obj = obj

    @classmethod
    def to_process_items(cls, iterable):
        """Yield each object of an iterable as `ProcessItem`."""
        return map(cls, iterable)

    def __eq__(self, other):
        return isinstance(other, ProcessItem) and self.obj == other.obj

    def __hash__(self):
        try:
            return hash(self.obj)
        except TypeError:
            # Equal dictionaries have equal names and values in any order; what cannot be hashed deeper down is left to
            # the comparison.
            if isinstance(self.obj, Mapping):
                return hash(frozenset((name, str(value)) for name, value in self.obj.items()))
            return hash(type(self.obj))

    def __repr__(self):
        return f"ProcessItem({self.obj!r})"


class ProcessList:
    """Items, and what they are to be compared with.

    Parameters
    ----------
    items, rules : list, optional
        The items, and the rules to try; None or empty: all rules.
    work_over : ListCategory
        RULES and BOTH: existing associations, then rules that make new ones. EXISTING and NONSCIENCE: existing
        associations only.
    only_on_match : bool
        The list counts only if all that was asked of the item that brought it up is fulfilled.
    trigger_constraints, trigger_rules : iterable, optional
        Constraints and rules that asked for it.
    """

    def __init__(
        self,
        items=None,
        rules=None,
        work_over=ListCategory.BOTH,
        only_on_match=False,
        trigger_constraints=None,
        trigger_rules=None,
    ):
        self.items = items
        self.rules = rules
        self.work_over = work_over
        self.only_on_match = only_on_match
        self.trigger_constraints = set(trigger_constraints or ())
        self.trigger_rules = set(trigger_rules or ())

    @property
    def hash(self):
        """What lists that are treated alike have in common: rules, `work_over`, `only_on_match` (tuple)."""
        return (tuple(self.rules or ()), self.work_over, self.only_on_match)

    def update(self, process_list, full=False):
        """Add items and triggers of another list; if `full`, take over rules, `work_over` and `only_on_match`."""
        self.items = [*(self.items or ()), *(process_list.items or ())]
        self.trigger_constraints |= process_list.trigger_constraints
        self.trigger_rules |= process_list.trigger_rules
        if full:
            self.rules = list(dict.fromkeys([*(self.rules or ()), *(process_list.rules or ())]))
            self.work_over = process_list.work_over
            self.only_on_match = process_list.only_on_match

    def __repr__(self):
        return f"ProcessList({len(self.items or ())} items, {self.work_over.name}, rules={self.rules!r})"


class ProcessQueue(deque):
    """A queue that may grow while it is iterated over; iterating empties it."""

    def __iter__(self):
        while self:
            yield self.popleft()


class ProcessQueueSorted:
    """Lists in the order RULES, BOTH, EXISTING, NONSCIENCE; may grow while it is iterated over.

    Lists that are treated alike are joined, and an item that waits already is not added again.
    """

    def __init__(self, init=None):
        self._waiting = {category: {} for category in ListCategory}
        self.extend(init or ())

    def extend(self, process_lists):
        """Add lists."""
        for new in process_lists:
            waiting = self._waiting[ListCategory(new.work_over)]
            joined, seen = waiting.setdefault(new.hash, (_without_items(new), set()))
            fresh = []
            for item in new.items or ():
                key = ProcessItem(item)
                if key not in seen:
                    seen.add(key)
                    fresh.append(item)
            triggers = {"trigger_constraints": new.trigger_constraints, "trigger_rules": new.trigger_rules}
            joined.update(ProcessList(fresh, **triggers))

    def __iter__(self):
        while self:
            waiting = next(lists for lists in self._waiting.values() if lists)
            process_list, _ = waiting.pop(next(iter(waiting)))
            yield process_list

    def __len__(self):
        return sum(len(lists) for lists in self._waiting.values())


def _without_items(process_list):
    return ProcessList([], process_list.rules, process_list.work_over, process_list.only_on_match)
