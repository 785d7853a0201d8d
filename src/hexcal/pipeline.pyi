"""Made by tools/type_doors.py (make format)."""

from hexcal.core.pipeline import Pipeline as Pipeline
from hexcal.pipelines.detector1 import Detector1Pipeline as Detector1Pipeline

__all__ = ['Detector1Pipeline', 'Pipeline']
