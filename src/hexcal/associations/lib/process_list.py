"""Lists and queues of items, under their documented name; see `hexcal.associations.queue`."""

from hexcal.associations.queue import ListCategory, ProcessItem, ProcessList, ProcessQueue, ProcessQueueSorted

__all__ = ["ListCategory", "ProcessItem", "ProcessList", "ProcessQueue", "ProcessQueueSorted"]
