"""Part of skymatch under its documented name: match."""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {"match": "hexcal.steps.image.sky_images"})
