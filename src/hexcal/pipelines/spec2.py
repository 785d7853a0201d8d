"""calwebb_spec2: count rates of spectra to calibrated, rectified and extracted spectra."""

from hexcal.core import Role, StepParameters, blocks, parameter
from hexcal.core.blockwise import BlocksDisagree
from hexcal.errors import HexcalError, ParameterError
from hexcal.pipelines.exposure_pipeline import ExposurePipeline
from hexcal.pipelines.spec2_blocks import in_blocks
from hexcal.pipelines.spec2_modes import OFF_BY_DEFAULT, mode_of, name_of_cube, steps_of
from hexcal.steps.detector.clean_flicker_noise import CleanFlickerNoiseStep
from hexcal.steps.detector.nsclean import NSCleanStep
from hexcal.steps.flux.background import BackgroundStep
from hexcal.steps.flux.barshadow import BarShadowStep
from hexcal.steps.flux.flat_field import FlatFieldStep
from hexcal.steps.flux.fringe import FringeStep
from hexcal.steps.flux.imprint import ImprintStep
from hexcal.steps.flux.pathloss import PathLossStep
from hexcal.steps.flux.photom import PhotomStep
from hexcal.steps.flux.residual_fringe import ResidualFringeStep
from hexcal.steps.flux.straylight import StraylightStep
from hexcal.steps.spectrum.adaptive_trace_model import AdaptiveTraceModelStep
from hexcal.steps.spectrum.badpix_selfcal import BAD_PIXEL, BadpixSelfcalStep
from hexcal.steps.spectrum.cube_build import CubeBuildStep
from hexcal.steps.spectrum.extract_1d import Extract1dStep
from hexcal.steps.spectrum.extract_2d import Extract2dStep
from hexcal.steps.spectrum.master_background_mos import MasterBackgroundMosStep
from hexcal.steps.spectrum.pixel_replace import PixelReplaceStep
from hexcal.steps.spectrum.resample_spec import ResampleSpecStep
from hexcal.steps.spectrum.srctype import SourceTypeStep
from hexcal.steps.spectrum.targ_centroid import TargCentroidStep
from hexcal.steps.spectrum.wavecorr import WavecorrStep
from hexcal.steps.wcs.assign_wcs import AssignWcsStep
from hexcal.steps.wcs.msa_flagging import MSAFlagOpenStep

_RATES = ("ImageModel", "IFUImageModel", "CubeModel")
_ON_IMAGES = ("assign_wcs", "clean_flicker_noise", "bkg_subtract")
"""What comes before the whole image of the low-resolution spectrometer of MIRI becomes a slit."""
_SERIES = ("bots", "lrs_slitless")
"""Modes whose integrations pass in blocks where there are many."""
_SPECTRA = ("adaptive_trace_model", "pixel_replace", "resample_spec", "cube_build", "extract_1d")
"""What comes after the calibrated exposure."""


class Spec2Pipeline(ExposurePipeline):
    """Calibrate spectra, rectify and extract them.

    Each product of an association has one science member, and the exposures of background and imprint that belong to
    it. The calibrated exposure (`_cal`, `_calints`) is the result. The rectified one (`_s2d`, or a cube `_s3d`) and its
    spectra (`_x1d`, `_x1dints`) are for a quick look, and made where products are saved; where they cannot be made,
    the calibrated exposure is saved before the run fails. Many integrations of time series (NRS_BRIGHTOBJ,
    MIR_LRS-SLITLESS) pass in blocks where the product is saved, so that the memory does not grow with their number.

    Which steps an exposure gets depends on its type (EXP_TYPE; of lamps of NIRSpec, on OPMODE and LAMP too). Spectra
    without slits (NIS_SOSS, NIS_WFSS, NRC_WFSS, NRC_TSGRISM) are refused until a later version.
    """

    alias = "calwebb_spec2"
    roles = (
        Role("science", _RATES, other_names=("sci",)),
        Role("background", _RATES, many=True, required=False, other_names=("bkg",)),
        Role("imprint", _RATES, many=True, required=False),
        Role("selfcal", _RATES, many=True, required=False),
        Role("target_acquisition", "ImageModel", required=False),
        Role("sourcecat", required=False),
        Role("direct_image", required=False),
        Role("segmap", required=False),
    )

    class Parameters(StepParameters):
        """Parameters of the pipeline itself."""

        save_bsub: bool = parameter(
            False, "Write the exposure after the background is subtracted, with suffix _bsub or _bsubints."
        )
        fail_on_exception: bool = parameter(
            True, "End with the first product of the association that fails; otherwise go on with the next."
        )
        save_wfss_esec: bool = parameter(
            False, "Write slitless exposures in electrons per second. They are not calibrated in this version."
        )

    step_defs = {
        "assign_wcs": AssignWcsStep,
        "badpix_selfcal": BadpixSelfcalStep,
        "clean_flicker_noise": CleanFlickerNoiseStep,
        "msa_flagging": MSAFlagOpenStep,
        "nsclean": NSCleanStep,
        "imprint_subtract": ImprintStep,
        "bkg_subtract": BackgroundStep,
        "extract_2d": Extract2dStep,
        "srctype": SourceTypeStep,
        "targ_centroid": TargCentroidStep,
        "master_background_mos": MasterBackgroundMosStep,
        "wavecorr": WavecorrStep,
        "straylight": StraylightStep,
        "flat_field": FlatFieldStep,
        "fringe": FringeStep,
        "pathloss": PathLossStep,
        "barshadow": BarShadowStep,
        "photom": PhotomStep,
        "residual_fringe": ResidualFringeStep,
        "adaptive_trace_model": AdaptiveTraceModelStep,
        "pixel_replace": PixelReplaceStep,
        "resample_spec": ResampleSpecStep,
        "cube_build": CubeBuildStep,
        "extract_1d": Extract1dStep,
    }
    step_defaults = {"clean_flicker_noise": {"skip": True}, "cube_build": {"output_type": "multi"}}

    def suffix_for(self, model):
        """``cal``, or ``calints`` for an image per integration."""
        return "calints" if _is_cube(model) else "cal"

    def extra_products(self):
        """The rectified exposure and its spectra, and the exposure without its background."""
        after = {"resample_spec": ("s2d",), "cube_build": ("s3d",), "extract_1d": ("x1d", "x1dints")}
        wanted = [name for name, step in self.steps.items() if name in after and not step.parameters.skip]
        names = [suffix for name in wanted for suffix in after[name]] if self.saves else []
        names += ["bsub", "bsubints"] if self.save_bsub else []
        return [{"suffix": name} for name in names]

    def steps_for(self, model):
        """The steps that this exposure needs, in order.

        Raises
        ------
        InputError
            For an exposure of images, or of a mode that is not calibrated.
        ParameterError
            If the product of an exposure without slits is asked for.
        """
        if self.save_wfss_esec:
            raise ParameterError(
                "save_wfss_esec is for exposures without slits, which this version does not calibrate",
                where=self.where,
                hint="leave it out",
            )
        return [self.steps[name] for name in steps_of(model) if name in self.steps]

    def process(self, science, background, imprint, selfcal, target_acquisition, sourcecat, direct_image, segmap):
        """Return the calibrated exposure; what is made of it is saved beside it."""
        steps = self.steps_for(science)
        self._tell_missing(science)
        exposure = science
        if mode_of(science) in _SERIES and _is_cube(science):
            exposure, steps = self.assign_wcs.run(science), [step for step in steps if step is not self.assign_wcs]
            result = self._in_blocks(exposure, steps, {"targ_centroid": (target_acquisition,)})
            if result is not None:
                return result
        for step in (step for step in steps if step.name not in _SPECTRA):
            exposure = self.as_part(exposure, step)
            if step.name == "badpix_selfcal":
                exposure = self._without_bad_pixels(exposure, background, selfcal)
            elif step.name == "targ_centroid":
                exposure = step.run(exposure, target_acquisition=target_acquisition)
            elif step.name == "imprint_subtract":
                exposure = self._without_imprint(exposure, background, imprint)
            elif step.name == "bkg_subtract":
                exposure = self._without_background(exposure, background)
            else:
                exposure = step.run(exposure)
        try:
            self._make_spectra(exposure, [step for step in steps if step.name in _SPECTRA])
        except HexcalError:
            self._deliver(exposure)
            raise
        return exposure

    def _in_blocks(self, exposure, steps, others):
        """The calibrated exposure, its integrations worked on some at a time; None if they are to be kept together."""
        parts = blocks.parts_of_rates(self, steps, exposure, self._reason_for_whole(), blocks.SPECTRA_BYTES)
        if not parts:
            return None
        corrections = [step for step in steps if step.name not in _SPECTRA]
        after = [step for step in steps if step.name in _SPECTRA]
        try:
            calibrated, spectra, failure = in_blocks(self, corrections, after, exposure, others, parts)
        except BlocksDisagree as reason:
            self.log.info("All integrations are processed together after all: %s", reason)
            return None
        if failure is not None:
            self._deliver(calibrated)
            raise failure
        if spectra is not None:
            self._save(spectra, "x1dints")
        return calibrated

    def _deliver(self, calibrated):
        """Save the calibrated exposure, which is good although its spectra cannot be made."""
        self.log.error("The spectra cannot be made, for the reason below; the calibrated exposure is saved")
        self.save_model(calibrated)

    def _reason_for_whole(self):
        """Why the integrations are not worked on in blocks; None for no reason of the pipeline itself."""
        if not self.saves or self.parent is not None or self.post_hooks:
            return "the product is not only written"
        if self.output_ext.lstrip(".") not in ("fits", "fits.gz"):
            return f"products in {self.output_ext} are written as a whole"
        return None

    def as_part(self, exposure, step):
        """Return an exposure as a step takes it: spectra of MIRI LRS are slits as large as the image, once they are."""
        is_whole = mode_of(exposure) in ("lrs", "lrs_slitless") and step.name not in _ON_IMAGES
        return _as_slit(exposure) if is_whole else exposure

    def _tell_missing(self, exposure):
        names = [name for name in steps_of(exposure) if name not in self.steps and name not in OFF_BY_DEFAULT]
        if names:
            self.log.warning("This version has no step %s: the result is NOT corrected by them", ", ".join(names))

    def _without_bad_pixels(self, exposure, background, selfcal):
        """The exposure with the bad pixels that it shows by itself flagged, in its backgrounds too."""
        step = self.badpix_selfcal
        exposure = step.run(exposure, background, selfcal)
        if step.last_status == "COMPLETE":
            for other in background.each(changed=("dq",)):
                other.dq[..., step.bad_pixels] |= BAD_PIXEL
        return exposure

    def _without_imprint(self, exposure, background, imprint):
        """The exposure less the imprint of the closed shutters, and the same for its backgrounds, if there is any."""
        if not len(imprint):
            return exposure
        for index in range(len(background)):
            with background.borrowed(index) as other:
                self.imprint_subtract.run(other, imprint)
        return self.imprint_subtract.run(exposure, imprint)

    def _without_background(self, exposure, background):
        """The exposure less its background exposures, if there are any; otherwise the step is not attempted."""
        if not len(background) and not self.bkg_subtract.bkg_list:
            return exposure
        exposure = self.bkg_subtract.run(exposure, background)
        if self.save_bsub:
            self._save(exposure, "bsubints" if _is_cube(exposure) else "bsub", force=True)
        return exposure

    def _make_spectra(self, calibrated, steps):
        """Save the rectified exposure and its spectra, where somebody asks for them."""
        if not self.saves and not any(
            step.saves or step.parameters.pre_hooks or step.parameters.post_hooks for step in steps
        ):
            return
        result = calibrated
        for step in steps:
            if step.parameters.skip:
                step.run(result)
            elif step.name in ("adaptive_trace_model", "pixel_replace"):
                # The calibrated exposure is a product as it is.
                result = step.run(result.copied(shares_wcs=True) if result is calibrated else result)
            elif step.name == "extract_1d":
                self._extract(result, "x1dints" if _is_cube(calibrated) else "x1d")
            else:
                result = step.run(result)
                if step.last_status == "COMPLETE":
                    self._save_each(result, "s3d" if step.name == "cube_build" else "s2d")

    def _extract(self, rectified, suffix):
        """Extract the spectra of what was rectified, of each cube by itself."""
        products = _each(rectified)
        for product in products:
            spectra = self.extract_1d.run(product)
            if self.extract_1d.last_status == "COMPLETE":
                base = None if len(products) == 1 else name_of_cube(product)
                self._save(spectra, suffix, basepath=base)

    def _save_each(self, rectified, suffix):
        products = _each(rectified)
        for product in products:
            self._save(product, suffix, basepath=None if len(products) == 1 else name_of_cube(product))

    def _save(self, model, suffix, force=False, basepath=None):
        """Save a product, unless the step that has made it has written it under the same name."""
        from hexcal.files import gate

        if not gate.is_written(self.make_output_path(basepath=basepath, suffix=suffix, model=model)):
            self.save_model(model, suffix, force=force, basepath=basepath)


def _as_slit(exposure):
    """The exposure as a slit that is as large as itself: spectra without cutouts are slits, too."""
    from hexcal.models.science import SlitModel

    if isinstance(exposure, SlitModel):
        return exposure
    slit = SlitModel(exposure)
    slit.xstart, slit.ystart = exposure.get_meta("meta.subarray.xstart"), exposure.get_meta("meta.subarray.ystart")
    slit.ysize, slit.xsize = exposure.shape[-2:]
    return slit


def _each(result):
    from hexcal.models.container import ModelContainer

    return list(result) if isinstance(result, list | tuple | ModelContainer) else [result]


def _is_cube(model):
    return model is not None and model.shape is not None and len(model.shape) == 3
