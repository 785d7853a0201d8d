"""Made by tools/type_doors.py (make format)."""

from hexcal.core.pipeline import Pipeline as Pipeline
from hexcal.pipelines.dark import DarkPipeline as DarkPipeline
from hexcal.pipelines.detector1 import Detector1Pipeline as Detector1Pipeline
from hexcal.pipelines.detector1 import Detector1Pipeline as SloperPipeline
from hexcal.pipelines.guider import GuiderPipeline as GuiderPipeline
from hexcal.pipelines.image2 import Image2Pipeline as Image2Pipeline
from hexcal.pipelines.image3 import Image3Pipeline as Image3Pipeline
from hexcal.pipelines.spec2 import Spec2Pipeline as Spec2Pipeline
from hexcal.pipelines.spec3 import Spec3Pipeline as Spec3Pipeline

__all__ = [
    "DarkPipeline",
    "Detector1Pipeline",
    "GuiderPipeline",
    "Image2Pipeline",
    "Image3Pipeline",
    "Pipeline",
    "SloperPipeline",
    "Spec2Pipeline",
    "Spec3Pipeline",
]
