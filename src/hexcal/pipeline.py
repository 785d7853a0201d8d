"""Pipelines, by their documented class names: ``from hexcal.pipeline import Detector1Pipeline``.

Each is imported when first used.
"""

from hexcal.lazy import lazy_names
from hexcal.pipelines import ALIASES, FORMER

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Pipeline": "hexcal.core.pipeline",
        **{place.partition(":")[2]: place for place in ALIASES.values()},
        **{name: ALIASES[alias] for name, alias in FORMER.items() if name.isidentifier() and name.endswith("Pipeline")},
    },
)
