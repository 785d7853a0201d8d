"""calwebb_detector1: raw ramps to count-rate images."""

from hexcal.core import Pipeline, StepParameters, blocks, parameter
from hexcal.core.blockwise import BlocksDisagree
from hexcal.errors import InputError
from hexcal.models.scratch import Scratch
from hexcal.models.streamed import Streamed, with_streamed
from hexcal.steps.detector.charge_migration import ChargeMigrationStep
from hexcal.steps.detector.clean_flicker_noise import CleanFlickerNoiseStep
from hexcal.steps.detector.dark_current import DarkCurrentStep
from hexcal.steps.detector.dq_init import DQInitStep
from hexcal.steps.detector.emicorr import EmiCorrStep
from hexcal.steps.detector.firstframe import FirstFrameStep
from hexcal.steps.detector.gain_scale import GainScaleStep
from hexcal.steps.detector.group_scale import GroupScaleStep
from hexcal.steps.detector.ipc import IPCStep
from hexcal.steps.detector.jump import JumpStep
from hexcal.steps.detector.lastframe import LastFrameStep
from hexcal.steps.detector.linearity import LinearityStep
from hexcal.steps.detector.persistence import PersistenceStep
from hexcal.steps.detector.picture_frame import PictureFrameStep
from hexcal.steps.detector.ramp_fit import RampFitStep
from hexcal.steps.detector.refpix import RefPixStep
from hexcal.steps.detector.reset import ResetStep
from hexcal.steps.detector.rscd import RscdStep
from hexcal.steps.detector.saturation import SaturationStep
from hexcal.steps.detector.superbias import SuperBiasStep


class Detector1Pipeline(Pipeline):
    """Correct the detector signal of one exposure and fit its ramps: raw ramps in, count-rate images out."""

    alias = "calwebb_detector1"
    input_model = ("RampModel", "GuiderRawModel")
    default_suffix = "rate"
    keeps_to_memory = True

    class Parameters(StepParameters):
        """Parameters of the pipeline itself."""

        save_calibrated_ramp: bool = parameter(False, "Write the ramp as it is after the jump step, with suffix _ramp.")
        maximum_memory: str | None = parameter(
            None,
            "Memory that the run may take, such as 2GB; many integrations pass in smaller blocks. Default: "
            "that of the run.",
        )

    step_defs = {
        "group_scale": GroupScaleStep,
        "dq_init": DQInitStep,
        "emicorr": EmiCorrStep,
        "saturation": SaturationStep,
        "ipc": IPCStep,
        "superbias": SuperBiasStep,
        "refpix": RefPixStep,
        "rscd": RscdStep,
        "firstframe": FirstFrameStep,
        "lastframe": LastFrameStep,
        "linearity": LinearityStep,
        "persistence": PersistenceStep,
        "dark_current": DarkCurrentStep,
        "reset": ResetStep,
        "charge_migration": ChargeMigrationStep,
        "jump": JumpStep,
        "picture_frame": PictureFrameStep,
        "clean_flicker_noise": CleanFlickerNoiseStep,
        "ramp_fit": RampFitStep,
        "gain_scale": GainScaleStep,
    }

    step_defaults = {"ipc": {"skip": True}}

    def suffix_for(self, model):
        """``rate``; without the fit the product is a ramp, and called so."""
        return "ramp" if self.ramp_fit.skip else self.default_suffix

    def setup_output(self, model):
        """Set the suffix of the product of a model: ``rate`` after the ramp fit, ``ramp`` without it.

        A run does so itself; scripts for the original may ask for it.
        """
        self.suffix = self.default_suffix if model.meta.cal_step.ramp_fit == "COMPLETE" else "ramp"

    def extra_products(self):
        """The calibrated ramp, and the rates per integration."""
        rateints = [{"suffix": "rateints"}] if self.saves and not self.ramp_fit.skip else []
        return rateints + ([{"suffix": "ramp"}] if self.save_calibrated_ramp else [])

    def corrections(self, ramp):
        """Steps before the ramp fit, in order."""
        return self._corrections_of_miri(ramp) if ramp.is_miri else self._corrections_of_near_infrared(ramp)

    def _corrections_of_miri(self, ramp):
        order = (
            self.group_scale,
            self.dq_init,
            self.emicorr,
            self.saturation,
            self.ipc,
            self.firstframe,
            self.lastframe,
            self.reset,
            self.linearity,
            self.rscd,
            self.dark_current,
            self.refpix,
            self.jump,
            self.clean_flicker_noise,
        )
        # The samples that these steps flag are wanted in a time series.
        left_out = (self.firstframe, self.lastframe, self.rscd) if ramp.is_tso else ()
        return tuple(step for step in order if step not in left_out)

    def _corrections_of_near_infrared(self, ramp):
        order = (
            self.group_scale,
            self.dq_init,
            self.saturation,
            self.ipc,
            self.superbias,
            self.refpix,
            self.linearity,
            self.persistence,
            self.dark_current,
            self.charge_migration,
            self.jump,
            self.picture_frame,
            self.clean_flicker_noise,
        )
        left_out = [self.persistence, self.charge_migration] if ramp.is_tso else []
        if ramp.meta.instrument.name != "NIRSPEC":
            left_out.append(self.picture_frame)
        elif not self.persistence.persistence_time:
            # It has no references of traps, and the documents leave the step out.
            left_out.append(self.persistence)
        return tuple(step for step in order if step not in left_out)

    def steps_for(self, model):
        """All steps that this exposure needs, in order; InputError for a guider exposure, which has no ramps to fit."""
        if model.is_guiding:
            raise InputError(
                f"{model.meta.exposure.type} exposures go through calwebb_guider, not through {self.alias}",
                where=str(model.path or "EXP_TYPE"),
                hint=f"hexcal run calwebb_guider {model.path or 'FILE'}",
            )
        return [*self.corrections(model), self.ramp_fit, self.gain_scale]

    def process(self, ramp):
        """Return the rate image; the rates per integration are saved beside it."""
        parts = blocks.parts_of(self, self.steps_for(ramp), ramp, self._reason_for_whole())
        if parts:
            try:
                return self._in_blocks(ramp, parts)
            except BlocksDisagree as reason:
                self.log.info("All integrations are processed together after all: %s", reason)
        return self._whole(ramp)

    def _reason_for_whole(self):
        """Why an exposure is not worked on in blocks of integrations; None for no reason of the pipeline itself."""
        if self.save_calibrated_ramp or self.ramp_fit.skip:
            return "the calibrated ramp is a product"
        if self.saves and self.output_ext.lstrip(".") not in ("fits", "fits.gz"):
            return f"products in {self.output_ext} are written as a whole"
        return None

    def _in_blocks(self, ramp, parts):
        """As `_whole`, block after block."""
        with Scratch() as scratch:
            fit = self.ramp_fit.in_blocks(scratch, keep=self.saves)
            with blocks.BlockRun(self, parts) as run:
                for block in self._corrected(run, ramp, scratch):
                    run.step(self.ramp_fit, block, process=fit.add)
                rate = run.closing(self.ramp_fit, lambda: fit.rate(ramp))
                rateints = self._streamed(run, fit.rateints(ramp), scratch) if self.saves else None
            if rateints is not None:
                self.save_model(rateints, "rateints")
        ramp.close()
        return self.gain_scale.run(rate)

    def _corrected(self, run, ramp, scratch):
        """Yield the blocks as all steps before the fit leave them.

        Where jumps are looked for in all integrations, they wait before it.
        """
        steps = self.corrections(ramp)
        if self.jump.parameters.skip or not self.jump.gathers(ramp):
            for block in run.blocks(ramp):
                yield run.in_order(steps, block)
            return
        at = steps.index(self.jump)
        jumps = self.jump.all_in_blocks(scratch)
        for block in run.blocks(ramp):
            run.step(self.jump, run.in_order(steps[:at], block), process=jumps.add)
        run.closing(self.jump, jumps.find)
        for block in run.blocks(ramp, jumps.block):
            block = run.step(self.jump, block, process=jumps.finish)
            yield run.in_order(steps[at + 1 :], block)

    def _streamed(self, run, parts, scratch):
        """Scale the rates of each block, and let them wait for the product."""
        product, arrays = None, {}
        while (part := run.closing(self.ramp_fit, lambda: next(parts, None))) is not None:
            part = run.step(self.gain_scale, part)
            for name in part.loaded():
                if name not in ("int_times", "int_times_stripe"):
                    arrays.setdefault(name, Streamed(scratch, f"rateints_{name}")).append(getattr(part, name))
            product = product or part
        return with_streamed(product, arrays)

    def _whole(self, ramp):
        """Pass all integrations through the steps together."""
        ramp = self.run_in_order(self.corrections(ramp), ramp)
        if self.save_calibrated_ramp:
            self.save_model(ramp, "ramp", force=True)
        if self.ramp_fit.skip:
            return ramp
        self.ramp_fit.uses_up_ramp = self._is_ramp_its_own()
        rate, rateints = self.ramp_fit.run(ramp)
        ramp.close()
        self.save_model(self.gain_scale.run(rateints), "rateints")
        return self.gain_scale.run(rate)

    def _is_ramp_its_own(self):
        """Whether nobody else can have kept the ramp, or an array of it: no hook, and no step of a user's."""
        steps = (self, *self.steps.values())
        return all(type(step).__module__.startswith("hexcal.") for step in steps) and not any(
            step.parameters.pre_hooks or step.parameters.post_hooks for step in steps
        )
