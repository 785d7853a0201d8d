"""Rules of level 3, under their documented name; see `hexcal.associations.level3`."""

from hexcal.associations import level3
from hexcal.associations.by_table import names_of
from hexcal.associations.level3 import DMS_Level3_Base

__all__ = ["DMS_Level3_Base", *level3.CLASSES]

__getattr__, __dir__ = names_of(level3.CLASSES, __name__)
