"""Made by tools/type_doors.py (make format)."""

from hexcal.associations.classes.rule_classes import DMS_Level3_Base as DMS_Level3_Base

__all__ = [
    "DMS_Level3_Base",
]
