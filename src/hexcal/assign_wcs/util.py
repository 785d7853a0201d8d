"""Approximation of a WCS by FITS keywords, under its documented name: ``update_fits_wcsinfo``."""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {"update_fits_wcsinfo": "hexcal.steps.wcs.sip"})
