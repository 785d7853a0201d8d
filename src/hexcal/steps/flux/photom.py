"""Convert count rates to surface brightness or flux."""

from functools import partial
from typing import Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError, ReferenceError_
from hexcal.steps.flux.conversion import GENERIC, MICROJANSKY_PER_ARCSEC2, Conversion, find_row, mid_time_of, with_time
from hexcal.steps.flux.planes import planes_of, scale

_COUNT_RATE, _SURFACE_BRIGHTNESS = "DN/s", "MJy/sr"
_AREAS = {"pixelarea_steradians": "PIXAR_SR", "pixelarea_arcsecsq": "PIXAR_A2"}
_SELECTORS = {
    "FGS": (),
    "MIRI": ("filter", "subarray"),
    "NIRCAM": ("filter", "pupil"),
    "NIRISS": ("filter", "pupil"),
}
"""Instrument -> columns by which the row of an image is found in the table of conversion factors."""


class PhotomStep(Step):
    """Convert count rates to surface brightness (MJy/sr), and those of point sources in NIRSpec slits to flux (MJy).

    Images: the conversion factor is found in the table of the photom reference by the filter, and the pupil or the
    subarray. It multiplies the data and errors, and its square the variances; it is written as PHOTMJSR and, per square
    arcsecond, PHOTUJA2. The map of pixel areas goes into the product (AREA), and the nominal pixel area into PIXAR_SR
    and PIXAR_A2. Images of NIRSpec are left as they are: there is no table for them.

    Spectra: the row is found by filter and grating, slit or order, and its relative response taken at the wavelength of
    each pixel; beyond its ends pixels are DO_NOT_USE. NIRSpec slits: MJy, which for other than point sources is divided
    by the area of a pixel. The primary slit with a point source keeps both factors (PHOTOM_PS, PHOTOM_UN). NIRSpec IFU:
    MJy/sr by the area of each slice. MIRI MRS: the factor of each pixel. A slit without a row is left as it is.

    Spectra of NIRISS SOSS are refused until a later version.
    """

    alias = "photom"
    by_integration = True
    reference_types = ("photom", "area")
    input_model = ("ImageModel", "CubeModel", "MultiSlitModel", "SlitModel", "IFUImageModel")

    class Parameters(StepParameters):
        """Which way, and what counts."""

        inverse: bool = parameter(False, "Divide instead of multiplying: undo the conversion.")
        source_type: Literal["POINT", "EXTENDED"] | None = parameter(
            None,
            "Take all sources in NIRSpec slits to be of this type. All else is surface brightness whatever its sources "
            "are.",
        )
        mrs_time_correction: bool = parameter(
            True, "Correct spectra of MIRI MRS for the loss of sensitivity with time. Only for MRS."
        )
        apply_time_correction: bool = parameter(
            True, "Correct the conversion factor for the time of the exposure, where the reference has coefficients."
        )
        pixel_area_from: Literal["photom", "area"] = parameter(
            "photom",
            "Reference that gives PIXAR_SR and PIXAR_A2; the other one where it has none.",
        )

    def references_needed(self, model):
        """Both; NIRSpec has no conversion factors for images."""
        return self.reference_types if model.meta.instrument.name in _SELECTORS or _is_spectrum(model) else ()

    def is_optional(self, reference_type):
        """The map of pixel areas may be missing."""
        return reference_type == "area"

    def process(self, model, references):
        if _is_spectrum(model):
            from hexcal.steps.flux.spectral_photom import SpectralConversion

            SpectralConversion(self, model, references).convert()
            return model
        instrument = model.meta.instrument.name
        if instrument not in _SELECTORS:
            raise SkipStep(f"there are no conversion factors for images of {instrument or 'an unnamed instrument'}")
        conversion = self._conversion(model, references.photom)
        area = references.area if "area" in references else None
        self.add_areas(model, references.photom, area)
        factor = conversion.factor
        scale(planes_of(model), 1 / factor if self.parameters.inverse else factor)
        model.meta.photometry.conversion_megajanskys = factor
        model.meta.photometry.conversion_microjanskys = factor * MICROJANSKY_PER_ARCSEC2
        model.meta.bunit_data = model.meta.bunit_err = _COUNT_RATE if self.parameters.inverse else _SURFACE_BRIGHTNESS
        self.log.info("PHOTMJSR: %.6g MJy/sr per DN/s", factor)
        return model

    def _conversion(self, model, reference):
        """The factor for an exposure; `SkipStep` where the table has none."""
        where = str(reference.path or "a reference in memory")
        table, selectors = getattr(reference, "phot_table", None), _SELECTORS[model.meta.instrument.name]
        if table is None:
            raise ReferenceError_(
                f"a photom reference with a table PHOTOM is required, the file is a {reference.model_type} without one",
                where=where,
                hint="give one of this instrument and mode with override_photom",
            )
        values = {name: self._setting(model, name) for name in selectors}
        row = find_row(table, values, where) if selectors else min(len(table), 1) - 1
        if row is None and "subarray" in values:
            row = find_row(table, {**values, "subarray": GENERIC}, where)
        if row is None or row < 0:
            setting = ", ".join(f"{name} {value}" for name, value in values.items())
            raise SkipStep(f"the photom reference has no row for {setting or 'the exposure'}: {where}")
        factor = float(table[row]["photmjsr"])
        if not self.parameters.apply_time_correction:
            return Conversion(factor, row)
        conversion = with_time(reference, row, factor, partial(mid_time_of, model))
        if conversion.time_correction != 1:
            self.log.info(
                "Change of the sensitivity with time: conversion factor times %.6g", conversion.time_correction
            )
        return conversion

    def _setting(self, model, name):
        """What the header says of the filter, the pupil or the subarray."""
        path = "meta.subarray.name" if name == "subarray" else f"meta.instrument.{name}"
        value = model.get_meta(path)
        if value is None:
            raise InputError(
                f"the conversion factor is chosen by the {name}, and the header does not name it ({name.upper()})",
                where=str(model.path or "model in memory"),
                hint=f"set the keyword {name.upper()}",
            )
        return value

    def add_areas(self, model, photom, area):
        """Put the map of pixel areas and the nominal pixel area into a model."""
        if area is not None:
            model.area = np.array(area.cutout(model).data, np.float32)
        order = [photom, area] if self.parameters.pixel_area_from == "photom" else [area, photom]
        for name, keyword in _AREAS.items():
            values = [source.get_meta(f"meta.photometry.{name}") for source in order if source is not None]
            value = next((value for value in values if value is not None), None)
            if value is None:
                self.log.warning("%s is in none of the references, and will be missing from the product", keyword)
            model.set_meta(f"meta.photometry.{name}", value)


def _is_spectrum(model):
    return model.observatory.exposure_fact(model.meta.exposure.type, "stage2") == "spec2"
