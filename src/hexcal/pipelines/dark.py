"""calwebb_dark: raw darks to ramps that are corrected as far as the dark current."""

from hexcal.core import Pipeline
from hexcal.steps.detector.dq_init import DQInitStep
from hexcal.steps.detector.emicorr import EmiCorrStep
from hexcal.steps.detector.firstframe import FirstFrameStep
from hexcal.steps.detector.group_scale import GroupScaleStep
from hexcal.steps.detector.ipc import IPCStep
from hexcal.steps.detector.lastframe import LastFrameStep
from hexcal.steps.detector.linearity import LinearityStep
from hexcal.steps.detector.refpix import RefPixStep
from hexcal.steps.detector.reset import ResetStep
from hexcal.steps.detector.rscd import RscdStep
from hexcal.steps.detector.saturation import SaturationStep
from hexcal.steps.detector.superbias import SuperBiasStep


class DarkPipeline(Pipeline):
    """Correct the ramps of a dark exposure by all steps that come before the dark current."""

    alias = "calwebb_dark"
    input_model = "RampModel"
    default_suffix = "dark"

    step_defs = {
        "group_scale": GroupScaleStep,
        "dq_init": DQInitStep,
        "emicorr": EmiCorrStep,
        "saturation": SaturationStep,
        "ipc": IPCStep,
        "superbias": SuperBiasStep,
        "refpix": RefPixStep,
        "reset": ResetStep,
        "rscd": RscdStep,
        "firstframe": FirstFrameStep,
        "lastframe": LastFrameStep,
        "linearity": LinearityStep,
    }

    step_defaults = {"ipc": {"skip": True}}

    def steps_for(self, model):
        """The steps before the dark current, in the order of the instrument."""
        if model.is_miri:
            order = (self.group_scale, self.dq_init, self.emicorr, self.saturation, self.ipc)
            return [*order, self.firstframe, self.lastframe, self.reset, self.linearity, self.rscd]
        order = (self.group_scale, self.dq_init, self.saturation, self.ipc)
        return [*order, self.superbias, self.refpix, self.linearity]

    def process(self, ramp):
        """Return the ramp; it has the shape of the raw exposure."""
        return self.run_in_order(self.steps_for(ramp), ramp)
