"""How a step runs: parameters, references, hooks, logging, names, row bands, provenance."""

from hexcal.core.bands import run_bands
from hexcal.core.parameters import MaximumCores, StepParameters, parameter
from hexcal.core.pipeline import Pipeline
from hexcal.core.registry import StepTable
from hexcal.core.roles import Role
from hexcal.core.skip import SkipStep
from hexcal.core.step import Step

__all__ = [
    "MaximumCores",
    "Pipeline",
    "Role",
    "SkipStep",
    "Step",
    "StepParameters",
    "StepTable",
    "parameter",
    "run_bands",
]
