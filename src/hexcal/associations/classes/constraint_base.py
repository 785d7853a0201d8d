"""Constraints without parts: what they have in common, and the plain ones."""

from typing import Any

from hexcal.associations.classes.queue import ListCategory, ProcessList
from hexcal.associations.exceptions import AssociationError

__all__ = ["ConstraintTrue", "SimpleConstraint", "SimpleConstraintABC", "once_more"]


class SimpleConstraintABC:
    """What all constraints without parts have in common.

    They match `value` (None: anything), and `matched` is the result of the last check.

    By `name` a constraint is found in a `Constraint`, and shown. `init` (dict) has names and values of parameters,
    which win over those given by keyword; further ones become attributes.
    """

    name: str | None
    value: Any
    matched: bool
    _shown = ("name", "value")

    def __init__(self, init=None, value=None, name=None, **kwargs):
        vars(self).update(kwargs, value=value, name=name, matched=False)
        if init is not None:
            if not isinstance(init, dict):
                raise AssociationError(f"'init' of {type(self).__name__} must be a dict of parameters, not {init!r}")
            vars(self).update(init)

    def check_and_set(self, item):
        """Check an item, which fixes a wildcard: returns whether it matches, and a list of `ProcessList`."""
        self.matched = True
        return True, []

    @property
    def dup_names(self):
        """Constraints that share a name (dict of str to list): none in a constraint without parts."""
        return {}

    @property
    def id(self):
        """Class and name (str)."""
        return f"{type(self).__name__}:{self.name}"

    def get_all_attr(self, attribute):
        """Return ``[(constraint, value)]`` of an attribute (else AttributeError), empty if it is None."""
        value = getattr(self, attribute)
        return [] if value is None else [(self, value)]

    def copy(self):
        """Return a constraint that changes independently."""
        other = object.__new__(type(self))
        for name, value in vars(self).items():
            # What holds state is copied; functions, and the association they are bound to, are shared.
            vars(other)[name] = value.copy() if isinstance(value, set | list | dict) else value
        return other

    def __str__(self):
        return f"{type(self).__name__}({ {name: getattr(self, name) for name in self._shown} })"

    def __repr__(self):
        return f"{type(self).__name__}({vars(self)})"


class ConstraintTrue(SimpleConstraintABC):
    """A constraint that always matches."""


class SimpleConstraint(SimpleConstraintABC):
    """Compare a value of an item.

    Parameters
    ----------
    init : dict, optional
        Names and values of the other parameters.
    sources : function, optional
        ``sources(item)`` gives the value to compare; without it, the item itself is compared.
    force_unique : bool
        After a match the value must be what was matched.
    test : function, optional
        ``test(value, of_item)`` tells whether it matches; without it they must be equal. A value of None always
        matches.
    reprocess_on_match, reprocess_on_fail : bool
        Process the item again if it matches, or does not.
    work_over : ListCategory
        What it is compared with then.
    reprocess_rules : list of type, optional
        Rules for that; None: the rule that the constraint belongs to; empty: all rules.
    **kwargs
        `value` and `name`.
    """

    def __init__(
        self,
        init=None,
        sources=None,
        force_unique=True,
        test=None,
        reprocess_on_match=False,
        reprocess_on_fail=False,
        work_over=ListCategory.BOTH,
        reprocess_rules=None,
        **kwargs,
    ):
        self.sources = sources
        self.force_unique = force_unique
        self.test = test
        self.reprocess_on_match = reprocess_on_match
        self.reprocess_on_fail = reprocess_on_fail
        self.work_over = work_over
        self.reprocess_rules = reprocess_rules
        super().__init__(init=init, **kwargs)

    def check_and_set(self, item):
        """See `SimpleConstraintABC.check_and_set`."""
        try:
            value = item if self.sources is None else self.sources(item)
        except KeyError as error:
            raise AssociationError(
                f"constraint '{self.name}' asks for {error}, which an item does not have",
                hint="use item.get(...) in its `sources`, or add the column to the pool",
            ) from error
        self.matched = bool(self.value is None or (self.test or self.eq)(self.value, value))
        if self.matched and self.force_unique:
            self.value = value
        return self.matched, once_more(self, item)

    def eq(self, value1, value2):
        """Whether two values are equal."""
        return value1 == value2


def once_more(constraint, item):
    """What a constraint asks to process again after its check."""
    if constraint.reprocess_on_match if constraint.matched else constraint.reprocess_on_fail:
        return [ProcessList([item], constraint.reprocess_rules, constraint.work_over, False, [constraint])]
    return []
