"""Lists and queues of items, under their documented name; see `hexcal.associations.classes.queue`."""

from hexcal.associations.classes.queue import ListCategory, ProcessItem, ProcessList, ProcessQueue, ProcessQueueSorted

__all__ = ["ListCategory", "ProcessItem", "ProcessList", "ProcessQueue", "ProcessQueueSorted"]
