"""The rules of level 2 of release 3.0.0 as classes."""

from hexcal.associations.by_table import classes_of, names_of
from hexcal.associations.level2 import SCHEMA, DMSLevel2bBase
from hexcal.associations.rules.jwst_3_level2 import RULE_SET
from hexcal.associations.rules.jwst_pool import POOL

__all__ = ["CLASSES", "POOL", "SCHEMA"]

CLASSES = classes_of(RULE_SET, DMSLevel2bBase, __name__)
__getattr__, __dir__ = names_of(CLASSES, __name__)
