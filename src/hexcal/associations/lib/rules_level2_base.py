"""The base of the rules of level 2, under its documented name; see `hexcal.associations.level2`."""

from hexcal.associations.level2 import DMSLevel2bBase

__all__ = ["DMSLevel2bBase"]
