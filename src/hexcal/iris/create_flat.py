"""A flat field from exposures of a lamp."""

from hexcal import datamodels
from hexcal.core import Pipeline, Role
from hexcal.iris.combine_frames import CombineFramesStep
from hexcal.iris.dark_sub import DarkSubtractionStep
from hexcal.iris.normalize import NormalizeStep


class CreateFlatfield(Pipeline):
    """Make a flat field: dark of each frame, the frames combined, divided by their median."""

    alias = "iris_create_flat"
    default_suffix = "flat"
    roles = (Role("flat", "IRISImageModel", many=True, other_names=("science", "sci")),)
    prefetch_references = False
    step_defs = {"dark_sub": DarkSubtractionStep, "combine_frames": CombineFramesStep, "normalize": NormalizeStep}
    step_defaults = {"normalize": {"method": "median"}}
    other_step_names = {"dark_current": "dark_sub"}

    def process(self, flat):
        """Return the flat field, as a list of one: what the documents promise."""
        for index in range(len(flat)):
            flat.give_back(index, model=self.dark_sub.run(flat.borrow(index)))
        frame = self.normalize.run(self.combine_frames.run(flat) if len(flat) > 1 else flat.borrow(0))
        reference = datamodels.IRISFlatModel(frame.data, err=frame.err, dq=frame.dq)
        reference.update(frame)
        reference.meta.reftype = "FLAT"
        return [reference]
