"""Made by tools/type_doors.py (make format)."""

from hexcal.associations.classes.dms import ACID as ACID
from hexcal.associations.classes.dms import Constraint_TSO as Constraint_TSO
from hexcal.associations.classes.dms import Constraint_TargetAcq as Constraint_TargetAcq
from hexcal.associations.classes.dms import Constraint_WFSC as Constraint_WFSC
from hexcal.associations.classes.dms import DMSAttrConstraint as DMSAttrConstraint
from hexcal.associations.classes.dms import DMSBaseMixin as DMSBaseMixin
from hexcal.associations.classes.dms import Member as Member

__all__ = [
    "ACID",
    "Constraint_TSO",
    "Constraint_TargetAcq",
    "Constraint_WFSC",
    "DMSAttrConstraint",
    "DMSBaseMixin",
    "Member",
]
