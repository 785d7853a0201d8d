"""The rules of level 3 of release 3.0.0 as classes."""

from hexcal.associations.by_table import classes_of, names_of
from hexcal.associations.level3 import SCHEMA, DMS_Level3_Base
from hexcal.associations.rules.jwst_3_level3 import RULE_SET

__all__ = ["CLASSES", "SCHEMA"]

CLASSES = classes_of(RULE_SET, DMS_Level3_Base, __name__)
__getattr__, __dir__ = names_of(CLASSES, __name__)
