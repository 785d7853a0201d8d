"""Regroup exposures by source, under the documented name.

``from hexcal.exp_to_source import exp_to_source, multislit_to_container``.
"""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__, dict.fromkeys(("exp_to_source", "multislit_to_container"), "hexcal.models.exp_to_source")
)
