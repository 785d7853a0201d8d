"""Rules of level 2, under their documented name; see `hexcal.associations.level2`."""

from hexcal.associations import level2
from hexcal.associations.by_table import names_of
from hexcal.associations.level2 import DMSLevel2bBase

__all__ = ["DMSLevel2bBase", *level2.CLASSES]

__getattr__, __dir__ = names_of(level2.CLASSES, __name__)
