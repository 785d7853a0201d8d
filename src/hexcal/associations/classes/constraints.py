"""Conditions on items, for rules that are written as Python classes.

A constraint with a wildcard value becomes fixed when it first matches: from then on the value must be that of the first
item. An association works on its own copy, so that the rule itself never changes.
"""

from hexcal.associations.classes.attr_constraint import AttrConstraint
from hexcal.associations.classes.constraint_base import ConstraintTrue, SimpleConstraint, SimpleConstraintABC, once_more
from hexcal.associations.classes.queue import ListCategory
from hexcal.associations.exceptions import AssociationError, AssociationNotAConstraint
from hexcal.errors import nearest

__all__ = ["AttrConstraint", "Constraint", "ConstraintTrue", "SimpleConstraint", "SimpleConstraintABC"]


class Constraint:
    """Several constraints together.

    Parameters
    ----------
    init : constraint or list of constraints, optional
        The parts. A `Constraint` alone gives all that it has.
    reduce : function, optional
        ``reduce(item, constraints)`` returns whether the item matches, and what to process again: `all` (the default),
        `any`, `notall`, `notany`, or your own.
    name : str, optional
        By which it is found and shown.
    reprocess_on_match, reprocess_on_fail : bool
        Process the item again if it matches, or does not.
    work_over : ListCategory
        What it is compared with then; and the pass on which the constraint can match at all, if it is asked about one
        pass.
    reprocess_rules : list of type, optional
        Rules for processing again; None: the rule that the constraint belongs to; empty: all rules.

    Attributes
    ----------
    constraints : list
        The parts.
    matched : bool
        Result of the last check.
    """

    def __init__(
        self,
        init=None,
        reduce=None,
        name=None,
        reprocess_on_match=False,
        reprocess_on_fail=False,
        work_over=ListCategory.BOTH,
        reprocess_rules=None,
    ):
        self.constraints = []
        self.reduce = self.all if reduce is None else reduce
        self.name = name
        self.reprocess_on_match = reprocess_on_match
        self.reprocess_on_fail = reprocess_on_fail
        self.work_over = work_over
        self.reprocess_rules = reprocess_rules
        self.matched = False
        if isinstance(init, Constraint):
            vars(self).update(vars(init.copy()))
        elif init is not None:
            for part in init if isinstance(init, list | tuple) else [init]:
                self.append(part)

    def append(self, constraint):
        """Add a part."""
        if isinstance(constraint, type) or not hasattr(constraint, "check_and_set"):
            raise AssociationError(
                f"a part of a Constraint must be a SimpleConstraint, AttrConstraint or Constraint, not {constraint!r}",
                where=None if self.name is None else f"Constraint '{self.name}'",
            )
        self.constraints.append(constraint)

    def check_and_set(self, item, work_over=ListCategory.BOTH):
        """Check an item against all parts, in one pass; returns whether it matches, and a list of `ProcessList`."""
        if ListCategory.BOTH not in (work_over, self.work_over) and work_over != self.work_over:
            return False, []
        self.matched, again = self.reduce(item, self.constraints)
        return self.matched, [*again, *once_more(self, item)]

    @staticmethod
    def all(item, constraints):
        """Match if all parts match, and there is one.

        A part that fails without anything to process again ends it. If others fail, only what they ask to process again
        is kept.
        """
        passed, failed, some_failed = [], [], False
        for constraint in constraints:
            matched, again = constraint.check_and_set(item)
            if matched:
                passed += again
            elif again:
                failed += again
                some_failed = True
            else:
                return False, []
        if some_failed or not constraints:
            return False, failed
        return True, passed

    @staticmethod
    def any(item, constraints):
        """Match if a part matches; the first that does decides, the others are not looked at."""
        failed = []
        for constraint in constraints:
            matched, again = constraint.check_and_set(item)
            if matched:
                return True, again
            failed += again
        return False, failed

    @staticmethod
    def notall(item, constraints):
        """Match if not all parts match."""
        matched, again = Constraint.all(item, constraints)
        return not matched, again

    @staticmethod
    def notany(item, constraints):
        """Match if no part matches."""
        matched, again = Constraint.any(item, constraints)
        return not matched, again

    def copy(self):
        """Return a tree of constraints that changes independently."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other.constraints = [part.copy() for part in self.constraints]
        return other

    @property
    def id(self):
        """Class and name (str)."""
        return f"{type(self).__name__}:{self.name}"

    @property
    def dup_names(self):
        """Names that several constraints of the tree have (dict of str to list of constraints)."""
        by_name = {}
        for constraint in self._tree():
            by_name.setdefault(constraint.name, []).append(constraint)
        return {name: same for name, same in by_name.items() if name is not None and len(same) > 1}

    def get_all_attr(self, attribute):
        """Return an attribute (else AttributeError) of all constraints of the tree.

        (constraint, value), without None.
        """
        having = [constraint for constraint in self._tree() if hasattr(constraint, attribute)]
        if not having:
            raise AttributeError(f"no constraint of '{self.id}' has the attribute '{attribute}'")
        values = ((constraint, getattr(constraint, attribute)) for constraint in having)
        return [(constraint, value) for constraint, value in values if value is not None]

    def _tree(self):
        """Yield this constraint and all below it, each before its parts."""
        yield self
        for part in self.constraints:
            if isinstance(part, Constraint):
                yield from part._tree()
            else:
                yield part

    def __getitem__(self, name):
        below = [constraint for constraint in self._tree() if constraint is not self]
        for constraint in below:
            if constraint.name == name:
                return constraint
        names = sorted({str(constraint.name) for constraint in below if constraint.name is not None})
        guess = nearest(name, names)
        raise AssociationNotAConstraint(
            f"there is no constraint '{name}'",
            where=self.id,
            hint=f"did you mean '{guess}'?" if guess else f"one of: {', '.join(names)}" if names else None,
        )

    def __iter__(self):
        return iter(self.constraints)

    def __str__(self):
        parts = (
            constraint
            for constraint in self._tree()
            if not isinstance(constraint, Constraint) and constraint.name is not None
        )
        return "\n".join(str(part) for part in parts)

    def __repr__(self):
        reduce = getattr(self.reduce, "__name__", repr(self.reduce))
        return f"{type(self).__name__}(name={self.name}).{reduce}({self.constraints})"
