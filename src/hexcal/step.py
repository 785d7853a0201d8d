"""Steps, by their documented class names: ``from hexcal.step import JumpStep``. Each is imported when first used."""

from hexcal.lazy import lazy_names
from hexcal.steps import ALIASES

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Step": "hexcal.core.step",
        "SkipStep": "hexcal.core.skip",
        "Pipeline": "hexcal.core.pipeline",
        "StepParameters": "hexcal.core.parameters",
        "parameter": "hexcal.core.parameters",
        **{place.partition(":")[2]: place for place in ALIASES.values()},
    },
)
