"""Resampling from Python, under its documented names: ResampleData, OutputTooLargeError."""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "ResampleData": "hexcal.steps.image.resample_documented",
        "OutputTooLargeError": "hexcal.steps.image.output_size",
    },
)
