"""Made by tools/type_doors.py (make format)."""

from hexcal.cli import script as cmdline
from hexcal.core.pipeline import Pipeline as JwstPipeline
from hexcal.core.pipeline import Pipeline as Pipeline
from hexcal.core.step import Step as JwstStep
from hexcal.core.step import Step as Step

__all__ = [
    "JwstPipeline",
    "JwstStep",
    "Pipeline",
    "Step",
    "cmdline",
]
