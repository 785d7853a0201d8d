"""Part of skymatch under its documented name: DataAccessor, NDArrayInMemoryAccessor, NDArrayMappedAccessor."""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "DataAccessor": "hexcal.steps.image.sky_interface",
        "NDArrayInMemoryAccessor": "hexcal.steps.image.sky_interface",
        "NDArrayMappedAccessor": "hexcal.steps.image.sky_interface",
    },
)
