"""Slits of NIRSpec, under their documented names.

``from hexcal.assign_wcs.nirspec import nrs_wcs_set_input, nrs_ifu_wcs, get_open_slits, get_spectral_order_wrange``.
"""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    dict.fromkeys(
        ("get_open_slits", "get_spectral_order_wrange", "nrs_ifu_wcs", "nrs_wcs_set_input"),
        "hexcal.steps.wcs.nirspec_documented",
    ),
)
