"""The rules of level 2 as classes: one association, with one product, for each exposure to calibrate."""

from hexcal.associations import listed
from hexcal.associations.by_table import TableAssociation, classes_of, names_of
from hexcal.associations.classes.marker import RegistryMarker
from hexcal.associations.rules.jwst_level2 import RULE_SET
from hexcal.associations.rules.jwst_pool import POOL
from hexcal.associations.validation import STAGE_2

__all__ = ["CLASSES", "POOL", "SCHEMA", "DMSLevel2bBase"]

SCHEMA = RegistryMarker.schema(STAGE_2)


class DMSLevel2bBase(TableAssociation):
    """Base of the rules of level 2."""

    schema_file = STAGE_2
    rule_set = RULE_SET

    def _add_items(self, items, **kwargs):
        listed.add_each(self, items, **kwargs)


CLASSES = classes_of(RULE_SET, DMSLevel2bBase, __name__)
__getattr__, __dir__ = names_of(CLASSES, __name__)
