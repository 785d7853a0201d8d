"""Made by tools/type_doors.py (make format)."""

from hexcal.associations.classes.queue import ListCategory as ListCategory
from hexcal.associations.classes.queue import ProcessItem as ProcessItem
from hexcal.associations.classes.queue import ProcessList as ProcessList
from hexcal.associations.classes.queue import ProcessQueue as ProcessQueue
from hexcal.associations.classes.queue import ProcessQueueSorted as ProcessQueueSorted

__all__ = [
    "ListCategory",
    "ProcessItem",
    "ProcessList",
    "ProcessQueue",
    "ProcessQueueSorted",
]
