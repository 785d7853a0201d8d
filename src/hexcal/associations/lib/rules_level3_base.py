"""The base of the rules of level 3, under its documented name; see `hexcal.associations.level3`."""

from hexcal.associations.level3 import DMS_Level3_Base

__all__ = ["DMS_Level3_Base"]
