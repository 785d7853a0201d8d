"""Constraints, under their documented name; see `hexcal.associations.constraints`."""

from hexcal.associations.constraints import (
    AttrConstraint,
    Constraint,
    ConstraintTrue,
    SimpleConstraint,
    SimpleConstraintABC,
)

__all__ = ["AttrConstraint", "Constraint", "ConstraintTrue", "SimpleConstraint", "SimpleConstraintABC"]
