"""Rules of level 3, under their documented name; see `hexcal.associations.level3`."""

from hexcal.associations import level3
from hexcal.associations.level3 import DMS_Level3_Base

__all__ = ["DMS_Level3_Base", *level3.CLASSES]

globals().update(level3.CLASSES)
