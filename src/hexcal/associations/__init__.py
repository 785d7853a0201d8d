"""Associations: which exposures belong together.

The documented names; each is imported when first used.
"""

from hexcal.lazy import lazy_names

# No module here may be called like one of the names: importing the module would put it in the place of the function.

_ROOM = __name__

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Association": f"{_ROOM}.association",
        "AssociationError": f"{_ROOM}.exceptions",
        "AssociationNotAConstraint": f"{_ROOM}.exceptions",
        "AssociationNotValidError": f"{_ROOM}.exceptions",
        "AssociationPool": f"{_ROOM}.pool",
        "AssociationRegistry": f"{_ROOM}.registry",
        "ListCategory": f"{_ROOM}.queue",
        "Main": f"{_ROOM}.command",
        "ProcessItem": f"{_ROOM}.queue",
        "ProcessList": f"{_ROOM}.queue",
        "ProcessQueue": f"{_ROOM}.queue",
        "ProcessQueueSorted": f"{_ROOM}.queue",
        "RegistryMarker": f"{_ROOM}.marker",
        "generate": f"{_ROOM}.generator",
        "libpath": f"{_ROOM}.rule_files",
        "load_asn": f"{_ROOM}.serialize",
        "main": f"{_ROOM}.command",
    },
)
