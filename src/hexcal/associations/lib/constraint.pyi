"""Made by tools/type_doors.py (make format)."""

from hexcal.associations.classes.attr_constraint import AttrConstraint as AttrConstraint
from hexcal.associations.classes.constraint_base import ConstraintTrue as ConstraintTrue
from hexcal.associations.classes.constraint_base import SimpleConstraint as SimpleConstraint
from hexcal.associations.classes.constraint_base import SimpleConstraintABC as SimpleConstraintABC
from hexcal.associations.classes.constraints import Constraint as Constraint

__all__ = [
    "AttrConstraint",
    "Constraint",
    "ConstraintTrue",
    "SimpleConstraint",
    "SimpleConstraintABC",
]
