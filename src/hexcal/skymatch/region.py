"""Part of skymatch under its documented name: Polygon."""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Polygon": "hexcal.steps.image.sky_interface",
    },
)
