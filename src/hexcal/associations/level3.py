"""The rules of level 3 as classes: exposures of one target through one optical path, or of a target and its reference."""

from hexcal.associations import listed
from hexcal.associations.by_table import TableAssociation, classes_of, names_of
from hexcal.associations.classes.marker import RegistryMarker
from hexcal.associations.rules.jwst_level3 import RULE_SET
from hexcal.associations.validation import STAGE_3

SCHEMA = RegistryMarker.schema(STAGE_3)


class DMS_Level3_Base(TableAssociation):
    """Base of the rules of level 3."""

    schema_file = STAGE_3
    rule_set = RULE_SET

    def __init__(self, version_id=None):
        super().__init__(version_id=version_id)
        pool = self.data.pop("asn_pool")
        self.data.update(target="none", asn_pool=pool)  # in the order of the original's files

    def _add_items(self, items, **kwargs):
        listed.add_together(self, items, **kwargs)


CLASSES = classes_of(RULE_SET, DMS_Level3_Base, __name__)
__getattr__, __dir__ = names_of(CLASSES, __name__)
