"""Subtract the background that slitlets without a source have seen from all slitlets of an exposure."""

from pathlib import Path
from typing import Any

import numpy as np

from hexcal.core import Pipeline, SkipStep, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.models.science import MultiSlitModel
from hexcal.steps.flux.barshadow import BarShadowStep
from hexcal.steps.flux.flat_field import FlatFieldStep
from hexcal.steps.flux.nirspec_flat import wavelengths_of
from hexcal.steps.flux.pathloss import PathLossStep
from hexcal.steps.flux.photom import PhotomStep
from hexcal.steps.spectrum.background_spectrum import BackgroundSpectrum, smoothed
from hexcal.steps.spectrum.combine_1d import Combine1dStep, as_table, spectrum_of
from hexcal.steps.spectrum.extract_1d import Extract1dStep
from hexcal.steps.spectrum.pixel_replace import PixelReplaceStep
from hexcal.steps.spectrum.resample_spec import ResampleSpecStep

_FORWARDS = ("flat_field", "pathloss", "barshadow", "photom")
_SPECTRA = ("pixel_replace", "resample_spec", "extract_1d")
_OWN = ("skip", "save_results", "output_file", "output_dir", "suffix", "pre_hooks", "post_hooks", "inverse")
"""Parameters of a step that do not go over from the step of the same name in the pipeline."""
_NOT_CALIBRATED = pixel.DO_NOT_USE


class MasterBackgroundMosStep(Pipeline):
    """Subtract the background that slitlets without a source have seen from all slitlets of NIRSpec.

    All slitlets are calibrated as if they were extended, and spectra extracted of those of the background (those whose
    source is called BKG). Their mean is interpolated to the wavelength of each pixel of all slitlets, and the
    corrections are taken back from it: photom, barshadow, pathloss, flat_field. What is left is subtracted from the
    slitlets as they came. Errors stay as they are.

    Its steps have the parameters of those of calwebb_spec2, which it is a part of.
    """

    alias = "master_background_mos"
    status = "master_background"
    input_model = ("MultiSlitModel",)
    prefetch_references = False
    correction_pars = None
    """After a run: ``{"masterbkg_1d": spectrum, "masterbkg_2d": slits}``, what was subtracted."""
    use_correction_pars = False
    """Whether to subtract what is in `correction_pars` instead of making it."""
    adjustable = ("allow_hooks", "prefetch_references", "correction_pars", "use_correction_pars")

    class Parameters(StepParameters):
        """Which background, and how spectra are combined."""

        sigma_clip: float | None = parameter(
            3.0,
            "Leave out fluxes that are farther from the median of their element than this many times the median of all "
            "such distances; None: none.",
            gt=0,
        )
        median_kernel: int = parameter(
            1, "Elements over whose median the background is smoothed; an even number is one less.", ge=1
        )
        force_subtract: bool = parameter(False, "Subtract although a background has been subtracted already.")
        save_background: bool = parameter(
            False, "Write the spectrum of the background (suffix masterbg) and what is subtracted (masterbg2d)."
        )
        user_background: Any = parameter(
            None, "File or model with one spectrum (x1d or c1d), instead of those of the slitlets."
        )
        inverse: bool = parameter(False, "Add the background instead, to take back the subtraction.")
        output_use_model: bool = parameter(True, "Take output names from the file name in each model.")

    step_defs = {
        "flat_field": FlatFieldStep,
        "pathloss": PathLossStep,
        "barshadow": BarShadowStep,
        "photom": PhotomStep,
        "pixel_replace": PixelReplaceStep,
        "resample_spec": ResampleSpecStep,
        "extract_1d": Extract1dStep,
    }

    def set_status(self, model, status):
        """Note how the step ended: other than a pipeline it has a status of its own."""
        model.set_meta("meta.cal_step.master_background", status)

    def extra_products(self):
        """The background."""
        return [{"suffix": suffix} for suffix in ("masterbg", "masterbg2d")] if self.save_background else []

    def process(self, model):
        """Return the slitlets, changed in place."""
        if model.meta.exposure.type != "NRS_MSASPEC":
            raise SkipStep(f"it is for slitlets of NIRSpec, EXP_TYPE is {model.meta.exposure.type}", is_expected=True)
        if model.get_meta("meta.cal_step.bkg_subtract") == "COMPLETE" and not self.force_subtract:
            raise SkipStep("a background is subtracted already (force_subtract=true subtracts this one too)", True)
        background = self._background(model)
        sign = 1 if self.inverse else -1
        for slit, level in zip(model.slits, background.slits, strict=True):
            slit.data += np.float32(sign) * level.data
            slit.dq |= level.dq
        return model

    def _background(self, model):
        """What is subtracted from each slitlet (MultiSlitModel)."""
        if self.use_correction_pars:
            if not self.correction_pars:
                raise InputError(
                    "use_correction_pars needs the background of an earlier run, there is none",
                    where=self.where,
                    hint="run the step on the exposure first, or set correction_pars",
                )
            return self.correction_pars["masterbkg_2d"]
        sky = [slit for slit in model.slits if is_background(slit)]
        if not sky and not self.user_background:
            raise SkipStep("there is no slitlet of the background, and user_background names no spectrum", True)
        self._take_over_parameters()
        calibrated = self._calibrated(model)
        if self.user_background:
            spectrum, product = self._of_user(model)
        else:
            spectrum, product = self._of_slitlets(model, calibrated)
        uncalibrated = self._uncalibrated(calibrated, spectrum)
        self.correction_pars = {"masterbkg_1d": product, "masterbkg_2d": uncalibrated}
        if self.save_background:
            if not self.user_background:
                self.save_model(product, "masterbg", force=True)
            self.save_model(uncalibrated, "masterbg2d", force=True)
        return uncalibrated

    def _take_over_parameters(self):
        """Give the steps what is set for those of the same name in the pipeline that this step is a part of."""
        others = self.parent.steps if self.parent is not None else {}
        for name, step in self.steps.items():
            other = others.get(name)
            if other is not None:
                values = {key: getattr(other.parameters, key) for key in other.sources if key not in _OWN}
                step.configure({"parameters": values}, source=f"{other.qualified_name}")

    def _calibrated(self, model):
        """All slitlets calibrated as if they were extended."""
        slits = _copied(model, model.slits)
        for name in ("pathloss", "barshadow", "photom"):
            self.steps[name].source_type = "EXTENDED"
        return self.run_in_order([self.steps[name] for name in _FORWARDS], slits)

    def _of_slitlets(self, model, calibrated):
        """The mean of the spectra of the slitlets of the background."""
        from hexcal.steps.spectrum.combining import combine

        slits = _copied(model, [slit for slit in calibrated.slits if is_background(slit)])
        for slit in slits.slits:
            slit.source_type = "EXTENDED"
            self.log.info("Background: slitlet %s (%s)", slit.name, slit.get_meta("source_name"))
        spectra = self.run_in_order([self.steps[name] for name in _SPECTRA], slits)
        weight = Combine1dStep().weights()(model)
        columns = combine([spectrum_of(part.spec_table, weight) for part in spectra.parts()], self.sigma_clip)
        usable = np.isfinite(columns["SURF_BRIGHT"])
        columns = {name: values[usable] for name, values in columns.items()}
        if not len(columns["WAVELENGTH"]):
            raise SkipStep("the slitlets of the background have no usable element")
        columns["SURF_BRIGHT"] = smoothed(columns["SURF_BRIGHT"], self.median_kernel)
        return BackgroundSpectrum(columns["WAVELENGTH"], columns["SURF_BRIGHT"]), _product(model, as_table(columns))

    def _of_user(self, model):
        """The spectrum of the user."""
        from hexcal.models.datamodel import DataModel
        from hexcal.models.open import open as open_model

        given = self.user_background
        source = given if isinstance(given, DataModel) else open_model(self.make_input_path(given))
        parts = [source] if source.model_type == "CombinedSpecModel" else list(getattr(source, "spec", None) or [])
        name = source.get_meta("meta.filename") or str(source.path or "")
        if len(parts) != 1:
            raise InputError(
                f"a background needs one spectrum; {len(parts)} are in the file", where=name, hint="give one of them"
            )
        self.log.info("Background: %s", name)
        model.set_meta("meta.background.master_background_file", Path(name).name)
        return BackgroundSpectrum.of(spectrum_of(parts[0].spec_table)), source

    def _uncalibrated(self, calibrated, spectrum):
        """The background in each slitlet, with the corrections taken back: counts as those of the exposure."""
        for slit in calibrated.slits:
            level, known = spectrum.at(wavelengths_of(slit))
            slit.data = level.astype(np.float32)
            slit.dq[~known] |= _NOT_CALIBRATED
        for name in ("photom", "barshadow", "pathloss"):
            self.steps[name].inverse = True
        self.flat_field.inverse, self.flat_field.use_correction_pars = True, True
        uncalibrated = self.run_in_order([self.steps[name] for name in reversed(_FORWARDS)], calibrated)
        self._leave_out_unflattened(uncalibrated)
        return uncalibrated

    def _leave_out_unflattened(self, background):
        """Nothing is subtracted from slitlets that have no flat field: what they count is not known."""
        flat = (self.flat_field.correction_pars or {}).get("flat")
        made = {slit.name for slit in flat.slits} if flat is not None else None
        for slit in background.slits:
            if made is not None and slit.name not in made:
                slit.data[...] = 0
                self.log.warning("No background is subtracted from slitlet %s: it has no flat field", slit.name)


def is_background(slit):
    """Whether a slitlet has no source (its source is called BKG)."""
    return "BKG" in str(slit.get_meta("source_name") or "").upper()


def _copied(model, slits):
    """Copies of slits in a product of their own; they share their WCS, which is not changed and slow to copy."""
    product = MultiSlitModel()
    product.update(model)
    copies = []
    for slit in slits:
        copy = slit.copied(shares_wcs=True)
        copy.contents.container = product
        copies.append(copy)
    product.slits = copies
    return product


def _product(model, table):
    """A background as a spectrum of its own."""
    from hexcal.models.single import model_class

    product: Any = model_class("MultiCombinedSpecModel")()
    product.update(model)
    part = product.new_part()
    part.spec_table = table
    product.spec = [part]
    return product
