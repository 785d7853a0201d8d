"""Made by tools/type_doors.py (make format)."""

from hexcal.associations.classes.association import Association as Association
from hexcal.associations.classes.marker import RegistryMarker as RegistryMarker
from hexcal.associations.classes.queue import ListCategory as ListCategory
from hexcal.associations.classes.queue import ProcessItem as ProcessItem
from hexcal.associations.classes.queue import ProcessList as ProcessList
from hexcal.associations.classes.queue import ProcessQueue as ProcessQueue
from hexcal.associations.classes.queue import ProcessQueueSorted as ProcessQueueSorted
from hexcal.associations.classes.registry import AssociationRegistry as AssociationRegistry
from hexcal.associations.classes.registry import load_asn as load_asn
from hexcal.associations.command import Main as Main
from hexcal.associations.command import main as main
from hexcal.associations.exceptions import AssociationNotAConstraint as AssociationNotAConstraint
from hexcal.associations.generator import generate as generate
from hexcal.associations.pool import AssociationPool as AssociationPool
from hexcal.associations.rule_files import libpath as libpath
from hexcal.models.association_check import AssociationError as AssociationError
from hexcal.models.association_check import AssociationNotValidError as AssociationNotValidError

__all__ = [
    "Association",
    "AssociationError",
    "AssociationNotAConstraint",
    "AssociationNotValidError",
    "AssociationPool",
    "AssociationRegistry",
    "ListCategory",
    "Main",
    "ProcessItem",
    "ProcessList",
    "ProcessQueue",
    "ProcessQueueSorted",
    "RegistryMarker",
    "generate",
    "libpath",
    "load_asn",
    "main",
]
