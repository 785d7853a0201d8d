"""What can be wrong with an association, a rule or a constraint."""

from hexcal.errors import InputError

__all__ = ["AssociationError", "AssociationNotAConstraint", "AssociationNotValidError"]


class AssociationError(InputError):
    """An association cannot be made, written or read, or a rule is not usable."""


class AssociationNotAConstraint(AssociationError, KeyError):
    """There is no constraint of this name."""


class AssociationNotValidError(AssociationError):
    """The data are not a valid association."""
