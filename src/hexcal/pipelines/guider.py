"""calwebb_guider: raw exposures of the guider functions to calibrated count rates."""

from hexcal.core import Pipeline
from hexcal.steps.detector.dq_init import DQInitStep
from hexcal.steps.flux.flat_field import FlatFieldStep
from hexcal.steps.guider.guider_cds import GuiderCdsStep


class GuiderPipeline(Pipeline):
    """Calibrate one exposure of a guider function: identification, acquisition, track or fine guiding."""

    alias = "calwebb_guider"
    input_model = "GuiderRawModel"
    default_suffix = "cal"

    step_defs = {"dq_init": DQInitStep, "guider_cds": GuiderCdsStep, "flat_field": FlatFieldStep}

    def process(self, raw):
        """Return the count rates, one image per integration; one in all for identification."""
        return self.run_in_order(self.steps_for(raw), raw)
