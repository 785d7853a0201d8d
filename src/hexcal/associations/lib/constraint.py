"""Constraints, under their documented name; see `hexcal.associations.classes.constraints`."""

from hexcal.associations.classes.constraints import (
    AttrConstraint,
    Constraint,
    ConstraintTrue,
    SimpleConstraint,
    SimpleConstraintABC,
)

__all__ = ["AttrConstraint", "Constraint", "ConstraintTrue", "SimpleConstraint", "SimpleConstraintABC"]
