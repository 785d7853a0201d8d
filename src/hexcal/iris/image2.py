"""Frames of the imager to calibrated frames."""

from hexcal.core import Pipeline, Role, StepParameters, parameter
from hexcal.iris.assign_wcs import IrisAssignWcsStep
from hexcal.iris.background import CalculateBackgroundImagerStep, SubtractBackgroundImagerStep
from hexcal.iris.dark_sub import DarkSubtractionStep
from hexcal.iris.flat_field import IrisFlatFieldStep
from hexcal.iris.parse_subarrays import ParseSubarrayMapStep
from hexcal.iris.sky_sub import SkySubtractionImagerStep


class ImagerStage2Pipeline(Pipeline):
    """Calibrate a frame of the imager: subarrays, dark, flat field, sky, world coordinates.

    With sky frames their average is subtracted, after dark and flat field of their own (of frames that had them, not
    again); without any, the background of the frame itself. (Releases up to 2024 subtract the sky frame first: a raw
    one takes its dark along, which is then subtracted twice.)
    """

    alias = "iris_image2"
    default_suffix = "cal"
    roles = (
        Role("science", "IRISImageModel", other_names=("sci",)),
        Role("sky", "IRISImageModel", many=True, required=False, other_names=("background", "bkg")),
    )
    not_built = ("photom", "resample", "gain_corr", "distortion")
    other_step_names = {
        "parse_subarray_map": "parse_subarrays",
        "dark_current": "dark_sub",
        "detflat": "flat_field",
        "bkg_subtract": "sky_sub",
        "calc_background": "background_calc",
    }

    class Parameters(StepParameters):
        """Parameters of the pipeline itself."""

        save_bsub: bool = parameter(False, "Write the frame after the sky is subtracted, with suffix _bsub.")

    step_defs = {
        "parse_subarrays": ParseSubarrayMapStep,
        "dark_sub": DarkSubtractionStep,
        "flat_field": IrisFlatFieldStep,
        "sky_sub": SkySubtractionImagerStep,
        "background_calc": CalculateBackgroundImagerStep,
        "background_sub": SubtractBackgroundImagerStep,
        "assign_wcs": IrisAssignWcsStep,
    }

    def extra_products(self):
        """The frame without its sky."""
        return [{"suffix": "bsub"}] if self.save_bsub else []

    def process(self, science, sky):
        """Return the calibrated frame, as a list: what the documents promise, also for one."""
        science = self._flattened(self.parse_subarrays.run(science))
        science = self._with_sky_frames(science, sky) if len(sky) or self.sky_sub.bkg_list else self._alone(science)
        if self.save_bsub:
            self.save_model(science, "bsub", force=True)
        science = self.assign_wcs.run(science)
        science.meta.data_level = 2
        return [science]

    def _flattened(self, frame):
        """A frame after those of dark and flat field that it did not have before."""
        for step in (self.dark_sub, self.flat_field):
            if frame.get_meta(f"meta.cal_step.{step.status}") == "COMPLETE":
                self.log.info("%s of %s was done before", step.name, frame.meta.filename or "the frame")
            else:
                frame = step.run(frame)
        return frame

    def _with_sky_frames(self, science, sky):
        if not self.sky_sub.skip:
            for index in range(len(sky)):
                sky.give_back(index, model=self._flattened(sky.borrow(index)))
        return self.sky_sub.run(science, sky)

    def _alone(self, science):
        """The frame less its own background."""
        if self.sky_sub.skip:
            return self.sky_sub.run(science)
        is_measured = not (self.background_sub.background or self.background_calc.skip or self.background_sub.skip)
        background = self.background_calc.run(science) if is_measured else None
        return self.background_sub.run(science, background)
