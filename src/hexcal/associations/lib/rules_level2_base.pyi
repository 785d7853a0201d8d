"""Made by tools/type_doors.py (make format)."""

from hexcal.associations.classes.rule_classes import DMSLevel2bBase as DMSLevel2bBase

__all__ = [
    "DMSLevel2bBase",
]
