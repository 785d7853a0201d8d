"""calwebb_spec3: calibrated exposures of spectra to combined, rectified and extracted spectra and cubes."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hexcal.core import Pipeline, Role, StepParameters
from hexcal.errors import HexcalError, InputError
from hexcal.models.container import ModelContainer
from hexcal.pipelines.spec2_modes import OFF_BY_DEFAULT, name_of_cube
from hexcal.steps.image.outlier_detection import OutlierDetectionStep
from hexcal.steps.spectrum.adaptive_trace_model import AdaptiveTraceModelStep
from hexcal.steps.spectrum.combine_1d import Combine1dStep
from hexcal.steps.spectrum.cube_build import CubeBuildStep
from hexcal.steps.spectrum.extract_1d import Extract1dStep
from hexcal.steps.spectrum.master_background import BACKGROUND_HINT, MasterBackgroundStep
from hexcal.steps.spectrum.mrs_imatch import MRSIMatchStep
from hexcal.steps.spectrum.pixel_replace import PixelReplaceStep
from hexcal.steps.spectrum.resample_spec import ResampleSpecStep
from hexcal.steps.spectrum.spectral_leak import SpectralLeakStep
from hexcal.steps.wcs.assign_mtwcs import AssignMTWcsStep

_EXPOSURES = ("ImageModel", "IFUImageModel", "SlitModel", "MultiSlitModel")
_SPECTRA = ("MultiSpecModel", "MRSMultiSpecModel")
_BY_SOURCE = ("fs", "mos")
_ON_EXPOSURES = ("mrs_imatch", "outlier_detection", "adaptive_trace_model", "pixel_replace")
_TABLE = """
assign_mtwcs           fs mos ifu lrs mrs
master_background      fs     ifu lrs mrs
mrs_imatch                            mrs
outlier_detection      fs mos ifu lrs mrs
adaptive_trace_model   fs mos ifu lrs mrs
pixel_replace          fs mos ifu lrs mrs
resample_spec          fs mos     lrs
cube_build                    ifu     mrs
extract_1d             fs mos ifu lrs mrs
spectral_leak                         mrs
"""
_MODES = {
    "NRS_FIXEDSLIT": "fs",
    "NRS_MSASPEC": "mos",
    "NRS_IFU": "ifu",
    "MIR_LRS-FIXEDSLIT": "lrs",
    "MIR_MRS": "mrs",
}
_LATER = ("NIS_SOSS", "NIS_WFSS", "NRC_WFSS", "MIR_WFSS")


class Spec3Pipeline(Pipeline):
    """Combine exposures of spectra: subtract background, flag outliers, rectify, extract.

    Slits of NIRSpec are regrouped by source: each source is a product of its own, with ``s`` and its number in the name
    (for fixed slits, the number of the slit), and what one source lacks does not stop the others. Exposures of
    integral-field units are combined to cubes, those of the low-resolution spectrometer to one rectified spectrum.

    Spectra without slits (NIS_SOSS, NIS_WFSS, NRC_WFSS) are refused until a later version.
    """

    alias = "calwebb_spec3"
    roles = (
        Role("science", _EXPOSURES, many=True, other_names=("sci",)),
        Role("background", _SPECTRA, many=True, required=False, other_names=("bkg",), hint=BACKGROUND_HINT),
    )
    product_is_model = False
    saves_products_of = ("outlier_detection", "resample_spec", "cube_build", "extract_1d", "spectral_leak")

    class Parameters(StepParameters):
        """No parameters of its own."""

    step_defs = {
        "assign_mtwcs": AssignMTWcsStep,
        "master_background": MasterBackgroundStep,
        "mrs_imatch": MRSIMatchStep,
        "outlier_detection": OutlierDetectionStep,
        "adaptive_trace_model": AdaptiveTraceModelStep,
        "pixel_replace": PixelReplaceStep,
        "resample_spec": ResampleSpecStep,
        "cube_build": CubeBuildStep,
        "extract_1d": Extract1dStep,
        "spectral_leak": SpectralLeakStep,
        "combine_1d": Combine1dStep,
    }

    def suffix_for(self, model):
        """``x1d``."""
        return "x1d"

    def steps_for(self, model):
        """The steps that these exposures need, in order.

        Raises
        ------
        InputError
            For images, time series, and modes that are not combined.
        """
        moving = str(model.get_meta("meta.target.type") or "").lower() == "moving"
        return [
            self.steps[name] for name in steps_of(model) if name in self.steps and (moving or name != "assign_mtwcs")
        ]

    def process(self, science, background):
        """Return the extracted spectra of all sources (list); what they are made of is saved beside them."""
        science.check()
        mode = self._mode(science)
        with science.borrowed(0, changed=False) as first:
            steps = {step.name: step for step in self.steps_for(first)}
            missing = [name for name in steps_of(first) if name not in self.steps and name not in OFF_BY_DEFAULT]
        if missing:
            self.log.warning("This version has no step %s: the result is NOT corrected by them", ", ".join(missing))
        if "assign_mtwcs" in steps:
            science = self.assign_mtwcs.run(science)
        if "master_background" in steps and (len(background) or self.master_background.user_background):
            science = self.master_background.run(science, background)
        if mode in _BY_SOURCE:
            return self._sources(science, steps)
        return self._combined(science, steps, None, self._save_exposures)

    def _mode(self, science):
        """The mode of the exposures; those of slits must also be of one grating and filter."""
        modes, gratings = {}, {}
        for index, exposure in enumerate(science.each()):
            name, instrument = science.name_of(index), exposure.meta.instrument
            mode = mode_of(exposure)
            modes.setdefault(mode, name)
            if mode in _BY_SOURCE:
                gratings.setdefault(f"{instrument.grating}-{instrument.filter}", name)
        for what, values in (("mode", modes), ("grating and filter", gratings)):
            if len(values) > 1:
                raise InputError(
                    f"exposures of one {what} are combined; found: {', '.join(values)}",
                    where=", ".join(values.values()),
                    hint=f"give each {what} a product of its own in the association",
                )
        return next(iter(modes))

    def _sources(self, science, steps):
        """Combine each source by itself."""
        from hexcal.models.exp_to_source import exp_to_source, source_product_name

        sources, results, failures = exp_to_source(science), [], []
        self.log.info("%d exposures, %d sources", len(science), len(sources))
        product = Path(self.make_output_path(suffix="cal")).stem.removesuffix("_cal")
        for source_id in list(sources):
            # What a source has read is forgotten with it.
            source = sources.pop(source_id)
            name = source_product_name(product, source_id, source.exposures[0].name)
            failure = None
            with nullcontext() if self.context is None else self.context.apart():
                self._save(source, "cal", name)
                exposures = ModelContainer(list(source.exposures))
                try:
                    results += self._combined(
                        exposures, steps, name, lambda _, kept=(source, name): self._save_source(*kept)
                    )
                except HexcalError as error:
                    failure = error
            if failure is not None:
                self.log.error("Source %s is left out: %s", source_id, failure)
                failures.append(failure)
        if not results and failures:
            raise failures[0]
        return results

    def _combined(self, exposures, steps, name, save_flagged):
        """Combine the exposures of one product; returns its spectra (list)."""
        for step in (steps[each] for each in steps if each in _ON_EXPOSURES):
            exposures = step.run(exposures)
            if step.name == "outlier_detection" and step.last_status == "COMPLETE" and (self.saves or step.saves):
                save_flagged(exposures)
        rectified: list[Any] = []
        for step in (steps[each] for each in steps if each in ("resample_spec", "cube_build")):
            if step.parameters.skip:
                continue
            rectified = _each(step.run(exposures))
            if step.last_status == "COMPLETE":
                for product in rectified:
                    is_cube = step.name == "cube_build"
                    base = name_of_cube(product) if is_cube else name
                    self._save(product, "s3d" if is_cube else "s2d", base, step)
        return self._spectra(rectified or _each(exposures), steps, name)

    def _spectra(self, rectified, steps, name):
        if "extract_1d" not in steps or steps["extract_1d"].parameters.skip:
            self.log.info("There are no spectra without the step extract_1d")
            return rectified
        step, spectra = steps["extract_1d"], []
        for product in rectified:
            base = name_of_cube(product) if product.model_type == "IFUCubeModel" else name
            for extracted in _each(step.run(product)):
                if step.last_status == "COMPLETE":
                    spectra.append((extracted, base))
        if "spectral_leak" in steps and spectra:
            # It changes the spectrum of one band by that of another.
            steps["spectral_leak"].run(ModelContainer([extracted for extracted, _ in spectra]))
        for extracted, base in spectra:
            self._save(extracted, "x1d", base, step)
        return [extracted for extracted, _ in spectra]

    def _save(self, model, suffix, name, step=None):
        """Save a product, if the pipeline saves what it makes, or the step that made it is asked to."""
        if step is None or not (step.parameters.output_dir or step.parameters.output_file):
            self.save_model(model, suffix, basepath=name, force=step is not None and step.saves)
            return
        step.context = self.context
        try:
            step.save_model(model, suffix, basepath=name)
        finally:
            step.context = None

    def _save_source(self, source, name):
        """Save a source in all its exposures with their flags."""
        source.meta.cal_step.outlier_detection = "COMPLETE"
        self._save(source, "crf", name, self.outlier_detection)

    def _save_exposures(self, exposures):
        """Save the exposures with their flags, named after themselves and the association."""
        identity = exposures.asn_table.get("asn_id") if exposures.asn_table else None
        for index, exposure in enumerate(exposures.each()):
            stem = Path(exposure.get_meta("meta.filename") or exposures.name_of(index)).name
            root = stem.removesuffix(".gz").removesuffix(".fits").rsplit("_", 1)[0]
            base = root if not identity or root.endswith(f"_{identity}") else f"{root}_{identity}"
            self._save(exposure, "crf", base, self.outlier_detection)


def steps_of(model):
    """Return the names of the steps that exposures of a mode get, in order (list of str).

    Raises
    ------
    InputError
        As `mode_of`.
    """
    mode = mode_of(model)
    return [name for name, *modes in map(str.split, _TABLE.strip().splitlines()) if mode in modes]


def mode_of(model):
    """Return the mode of an exposure: fs, mos, ifu (NIRSpec), lrs, mrs (MIRI).

    Raises
    ------
    InputError
        For images, time series, and modes that are not combined.
    """
    exposure_type, where = model.meta.exposure.type, str(model.path or "EXP_TYPE")
    if exposure_type in _LATER:
        raise InputError(
            f"calwebb_spec3 of this version does not combine spectra without slits: {exposure_type}",
            where=where,
            hint=f"it combines {', '.join(_MODES)}",
        )
    if exposure_type not in _MODES:
        fact = model.observatory.exposure_fact
        other = fact(exposure_type, "stage3") or fact(exposure_type, "stage3_tso") if exposure_type else ""
        raise InputError(
            f"calwebb_spec3 is for spectra; this exposure is of the type {exposure_type}",
            where=where,
            hint=f"calwebb_{other} is for this type" if other else f"it combines {', '.join(_MODES)}",
        )
    if model.is_tso:
        raise InputError("time series go through calwebb_tso3, not through calwebb_spec3", where=where)
    return _MODES[exposure_type]


def _each(result):
    return list(result) if isinstance(result, list | tuple | ModelContainer) else [result]
