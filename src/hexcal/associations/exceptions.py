"""What can be wrong with an association, a rule or a constraint."""

from hexcal.models.association_check import AssociationError, AssociationNotValidError

__all__ = ["AssociationError", "AssociationNotAConstraint", "AssociationNotValidError"]


class AssociationNotAConstraint(AssociationError, KeyError):
    """There is no constraint of this name."""
