"""Corrections of the WCS by hand, under their documented names: ``adjust_wcs``, ``transfer_wcs_correction``."""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "adjust_wcs": "hexcal.steps.image.wcs_corrections",
        "transfer_wcs_correction": "hexcal.steps.image.wcs_corrections",
    },
)
