"""Read-out processing: ramps to frames."""

from hexcal.core import Pipeline
from hexcal.iris.bias_sub import BiasSubtractionStep
from hexcal.iris.dq_init import IrisDQInitStep
from hexcal.iris.nonlin_corr import NonlinearCorrectionStep
from hexcal.iris.ramp_fit import IrisRampFitStep


class Stage1Pipeline(Pipeline):
    """Make a frame of rates out of the reads of a detector: flags, bias, non-linearity, fit of the ramps."""

    alias = "iris_stage1"
    default_suffix = "rop"
    step_defs = {
        "dq_init": IrisDQInitStep,
        "bias_sub": BiasSubtractionStep,
        "nonlin_corr": NonlinearCorrectionStep,
        "ramp_fit": IrisRampFitStep,
    }
    other_step_names = {
        "nonlincorr": "nonlin_corr",
        "nonlinear_correction": "nonlin_corr",
        "readoutsamp": "ramp_fit",
        "bias": "bias_sub",
        "bias_correction": "bias_sub",
    }
    input_model = "IRISRampModel"

    def process(self, ramp):
        return self.run_in_order(self.steps_for(ramp), ramp)
