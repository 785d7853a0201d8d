"""Part of skymatch under its documented names: images, groups of them, and where their arrays wait."""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "SkyImage": "hexcal.steps.image.sky_images",
        "SkyGroup": "hexcal.steps.image.sky_images",
        "DataAccessor": "hexcal.steps.image.sky_interface",
        "NDArrayInMemoryAccessor": "hexcal.steps.image.sky_interface",
        "NDArrayMappedAccessor": "hexcal.steps.image.sky_interface",
    },
)
