"""Base of the rules of both stages, under its documented name; see `hexcal.associations.classes.dms`."""

from hexcal.associations.classes.dms import (
    ACID,
    Constraint_TargetAcq,
    Constraint_TSO,
    Constraint_WFSC,
    DMSAttrConstraint,
    DMSBaseMixin,
    Member,
)

__all__ = [
    "ACID",
    "Constraint_TSO",
    "Constraint_TargetAcq",
    "Constraint_WFSC",
    "DMSAttrConstraint",
    "DMSBaseMixin",
    "Member",
]
