"""The rules of IRIS as classes: one association, with one product, for each science exposure."""

from hexcal.associations import listed
from hexcal.associations.by_table import TableAssociation, classes_of, names_of
from hexcal.associations.classes.marker import RegistryMarker
from hexcal.associations.rules.iris import POOL, RULE_SET
from hexcal.associations.validation import STAGE_2

__all__ = ["CLASSES", "POOL", "SCHEMA", "IRISAssociation"]

SCHEMA = RegistryMarker.schema(STAGE_2)


class IRISAssociation(TableAssociation):
    """Base of the rules of IRIS."""

    schema_file = STAGE_2
    NAME_PREFIX = "tmt"

    @staticmethod
    def program_of(exposure):
        """Return the programme as it is written: it need not be a number."""
        return exposure.values.get("program", "noprogram")

    def _add_items(self, items, **kwargs):
        listed.add_each(self, items, **kwargs)


CLASSES = classes_of(RULE_SET, IRISAssociation, __name__)
__getattr__, __dir__ = names_of(CLASSES, __name__)
