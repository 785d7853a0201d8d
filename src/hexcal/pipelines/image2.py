"""calwebb_image2: count rates of images to calibrated images."""

from typing import Any

from hexcal.core import Role, StepParameters, blocks, parameter
from hexcal.core.blockwise import BlocksDisagree
from hexcal.errors import InputError
from hexcal.models.scratch import Scratch
from hexcal.models.streamed import Streamed, with_streamed
from hexcal.pipelines.exposure_pipeline import ExposurePipeline
from hexcal.steps.flux.background import BackgroundStep
from hexcal.steps.flux.flat_field import FlatFieldStep
from hexcal.steps.flux.photom import PhotomStep
from hexcal.steps.image.resample import ResampleStep
from hexcal.steps.wcs.assign_wcs import AssignWcsStep

_RATES = ("ImageModel", "CubeModel")


class Image2Pipeline(ExposurePipeline):
    """Calibrate images: subtract background, assign sky coordinates, divide by the flat, convert to MJy/sr.

    Images that are no time series are resampled too, into a product for a quick look (`_i2d`) that later stages do not
    use; only where products are saved. Each product of an association has one science member, and the background
    exposures that belong to it.

    Many integrations pass in blocks where the product is saved, so that the memory does not grow with their number.
    """

    alias = "calwebb_image2"
    roles = (
        Role("science", _RATES, other_names=("sci",)),
        Role("background", _RATES, many=True, required=False, other_names=("bkg",)),
    )
    image_exptypes = ("MIR_IMAGE", "NRC_IMAGE", "NIS_IMAGE", "FGS_IMAGE")
    """Exposure types whose images are resampled."""

    class Parameters(StepParameters):
        """Parameters of the pipeline itself."""

        save_bsub: bool = parameter(
            False, "Write the exposure after the background is subtracted, with suffix _bsub or _bsubints."
        )

    step_defs = {
        "bkg_subtract": BackgroundStep,
        "assign_wcs": AssignWcsStep,
        "flat_field": FlatFieldStep,
        "photom": PhotomStep,
        "resample": ResampleStep,
    }

    def suffix_for(self, model):
        """``cal``, or ``calints`` for an image per integration."""
        return "calints" if _is_cube(model) else "cal"

    def extra_products(self):
        """The resampled image, and the exposure without its background."""
        resampled = [{"suffix": "i2d"}] if self.saves and not self.resample.skip else []
        return resampled + ([{"suffix": "bsub"}, {"suffix": "bsubints"}] if self.save_bsub else [])

    def steps_for(self, model):
        """The steps that this exposure needs, in order.

        Raises
        ------
        InputError
            For an exposure of spectra.
        """
        exposure_type = model.meta.exposure.type
        if model.observatory.exposure_fact(exposure_type, "stage2") == "spec2":
            raise InputError(
                f"{exposure_type} exposures go through calwebb_spec2, not through {self.alias}",
                where=str(model.path or "EXP_TYPE"),
                hint="calwebb_image2 is for images",
            )
        steps = [self.assign_wcs, self.flat_field, self.photom]
        if not model.is_tso:
            # The background of a time series is constant, and its subtraction would add noise.
            steps.insert(0, self.bkg_subtract)
        if self._is_resampled(model):
            steps.append(self.resample)
        return steps

    def _is_resampled(self, model):
        return model.meta.exposure.type in self.image_exptypes and not (model.is_tso or _is_cube(model))

    def process(self, science, background):
        """Return the calibrated exposure; the resampled image is saved beside it."""
        steps = self.steps_for(science)
        if _is_cube(science):
            if not self._has_background(background):
                steps = [step for step in steps if step is not self.bkg_subtract]
            parts = blocks.parts_of_rates(self, steps, science, self._reason_for_whole())
            if parts:
                try:
                    return self._in_blocks(steps, science, background, parts)
                except BlocksDisagree as reason:
                    self.log.info("All integrations are processed together after all: %s", reason)
        for step in steps:
            if step is self.bkg_subtract:
                science = self._subtracted(science, background)
            elif step is self.resample:
                self._resample(science)
            else:
                science = step.run(science)
        return science

    def _reason_for_whole(self):
        """Why the integrations are not worked on in blocks; None for no reason of the pipeline itself."""
        if not self.saves or self.parent is not None or self.post_hooks:
            return "the product is not only written"
        if self.save_bsub:
            return "the exposure without its background is a product"
        if self.output_ext.lstrip(".") not in ("fits", "fits.gz"):
            return f"products in {self.output_ext} are written as a whole"
        return None

    def _in_blocks(self, steps, science, background, parts):
        """Pass blocks of integrations through the steps; what they become waits in a scratch folder."""
        scratch, arrays, has_wcs = Scratch(), {}, False
        with blocks.BlockRun(self, parts) as run:
            for model in run.blocks(science):
                block: Any = model
                for step in steps:
                    others = (background,) if step is self.bkg_subtract else ()
                    # The exposure takes its metadata, and so its WCS, from the first block.
                    as_it_is = (lambda model, *_: model) if step is self.assign_wcs and has_wcs else None
                    block = run.step(step, block, *others, process=as_it_is)
                has_wcs = block.meta.cal_step.assign_wcs == "COMPLETE"
                for name in block.loaded():
                    if name == "area":
                        science.area = block.area
                    elif name in science.per_integration and name != "int_times":
                        arrays.setdefault(name, Streamed(scratch, name)).append(getattr(block, name))
        return with_streamed(science, arrays)

    def _has_background(self, background):
        return bool(len(background) or self.bkg_subtract.bkg_list)

    def _subtracted(self, science, background):
        """The exposure less its background exposures, if there are any; otherwise the step is not attempted."""
        if not self._has_background(background):
            return science
        science = self.bkg_subtract.run(science, background)
        if self.save_bsub:
            self.save_model(science, "bsubints" if _is_cube(science) else "bsub", force=True)
        return science

    def _resample(self, calibrated):
        """Save the resampled image of a calibrated one, where somebody asks for it."""
        step = self.resample
        if not (self.saves or step.saves or step.pre_hooks or step.post_hooks):
            return
        if calibrated.meta.cal_step.assign_wcs != "COMPLETE":
            self.log.warning(
                "Step resample skipped: the exposure has no coordinates, since assign_wcs was not complete"
            )
            return
        resampled = step.run(calibrated)
        if not step.skip:
            self.save_model(resampled, "i2d")


def _is_cube(model):
    return model is not None and model.shape is not None and len(model.shape) == 3
