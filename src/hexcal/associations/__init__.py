"""Associations: which exposures belong together.

The documented names; each is imported when first used.
"""

from hexcal.lazy import lazy_names

# No module here may be called like one of the names: importing the module would put it in the place of the function.

_ROOM = __name__

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Association": f"{_ROOM}.classes.association",
        "AssociationError": f"{_ROOM}.exceptions",
        "AssociationNotAConstraint": f"{_ROOM}.exceptions",
        "AssociationNotValidError": f"{_ROOM}.exceptions",
        "AssociationPool": f"{_ROOM}.pool",
        "AssociationRegistry": f"{_ROOM}.classes.registry",
        "ListCategory": f"{_ROOM}.classes.queue",
        "Main": f"{_ROOM}.command",
        "ProcessItem": f"{_ROOM}.classes.queue",
        "ProcessList": f"{_ROOM}.classes.queue",
        "ProcessQueue": f"{_ROOM}.classes.queue",
        "ProcessQueueSorted": f"{_ROOM}.classes.queue",
        "RegistryMarker": f"{_ROOM}.classes.marker",
        "generate": f"{_ROOM}.generator",
        "libpath": f"{_ROOM}.rule_files",
        "load_asn": f"{_ROOM}.classes.registry",
        "main": f"{_ROOM}.command",
    },
)
