"""Part of skymatch under its documented name: SkyStats."""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "SkyStats": "hexcal.steps.image.sky_interface",
    },
)
