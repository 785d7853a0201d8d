"""The flux calibration of spectra: which factor belongs to which pixel, mode by mode."""

import numpy as np

from hexcal.core import SkipStep
from hexcal.errors import InputError
from hexcal.steps.flux.conversion import ARCSEC2, MICROJANSKY_PER_ARCSEC2
from hexcal.steps.flux.nirspec_flat import wavelengths_of
from hexcal.steps.flux.planes import planes_of, scale
from hexcal.steps.flux.spectral_response import (
    POINT_UNIT,
    Sensitivity,
    area_of,
    areas_of_slices,
    between_slices,
    mrs_sensitivity,
    response_of,
    sensitivity_at,
    setting,
)
from hexcal.steps.spectrum.parts import SkipPart, correct_parts

_COUNT_RATE = "DN/s"
_SELECTORS = {
    "NRS_FIXEDSLIT": ("filter", "grating", "slit"),
    "NRS_BRIGHTOBJ": ("filter", "grating", "slit"),
    "NRS_MSASPEC": ("filter", "grating"),
    "NRS_IFU": ("filter", "grating"),
    "MIR_LRS-FIXEDSLIT": ("filter", "subarray"),
    "MIR_LRS-SLITLESS": ("filter", "subarray"),
    "NRC_WFSS": ("filter", "pupil", "order"),
    "NRC_TSGRISM": ("filter", "pupil", "order"),
    "NIS_WFSS": ("filter", "pupil", "order"),
}
"""Exposure type -> columns by which a row of the table is chosen."""
_NIRSPEC_SLITS = ("NRS_FIXEDSLIT", "NRS_BRIGHTOBJ", "NRS_MSASPEC")


class SpectralConversion:
    """The conversion of one exposure.

    Parameters
    ----------
    step : PhotomStep
        Its parameters count.
    model : DataModel
        The exposure; changed in place.
    references : References
        photom, and area where there is one.
    """

    def __init__(self, step, model, references):
        self.step, self.model, self.parameters, self.log = step, model, step.parameters, step.log
        self.kind = model.meta.exposure.type
        self.photom = references.photom
        self.area = references.area if "area" in references else None

    def convert(self):
        """Convert all parts; those that cannot be are left as they are.

        Raises
        ------
        SkipStep
            If there is none that can.
        InputError
            For modes that are not here.
        """
        if self.kind == "NIS_SOSS":
            raise InputError(
                "the flux calibration of SOSS spectra (EXP_TYPE NIS_SOSS) is not in this version of Hexcal",
                where=str(self.model.path or "EXP_TYPE"),
                hint="skip=true leaves the step out",
            )
        if self.kind != "MIR_MRS" and self.kind not in _SELECTORS:
            raise SkipStep(f"there are no conversion factors for EXP_TYPE {self.kind}", is_expected=True)
        correct_parts(self.model, self._convert_part, self.log)

    def _convert_part(self, part):
        if self.kind == "MIR_MRS":
            follows = self.parameters.mrs_time_correction and self.parameters.apply_time_correction
            sensitivity = mrs_sensitivity(part, self.photom, follows, self.log)
        elif self.kind == "NRS_IFU":
            sensitivity = self._of_ifu(part)
        elif self.kind in _NIRSPEC_SLITS:
            sensitivity = self._of_slit(part)
        else:
            sensitivity = sensitivity_at(wavelengths_of(part), self._response(part))
        self._apply(part, sensitivity)

    def _response(self, part):
        settings = {name: setting(self.model, part, name) for name in _SELECTORS[self.kind]}
        return response_of(self.photom, settings, self.model, self.parameters.apply_time_correction)

    def _of_slit(self, part):
        """The conversion of a slit of NIRSpec; of the primary one with a point source both factors are kept."""
        response, area = self._response(part), area_of(self.area, part, self.kind)
        wavelength = wavelengths_of(part)
        is_point = (self.parameters.source_type or part.get_meta("source_type")) == "POINT"
        if not is_point and area is None:
            raise SkipPart("there is no area reference, by which the flux of an extended source is divided")
        if is_point and self._is_primary(part) and area is not None:
            uniform = sensitivity_at(wavelengths_of(part, uncorrected=True), response, area)
            part.photom_point = np.nan_to_num(response.at(wavelength), nan=0.0).astype(np.float32)
            part.photom_uniform = uniform.factor.astype(np.float32)
        converted = sensitivity_at(wavelength, response, None if is_point else area)
        if not is_point:
            return converted
        return Sensitivity(converted.factor, converted.dq, converted.scalar, POINT_UNIT, area)

    def _is_primary(self, part):
        primary = self.model.get_meta("meta.instrument.fixed_slit")
        return self.kind == "NRS_FIXEDSLIT" and part.get_meta("name") == primary

    def _of_ifu(self, part):
        from hexcal.steps.wcs.spectral import ifu_wavelengths, slice_numbers

        if self.area is None:
            raise SkipPart("there is no area reference, by which the flux is divided")
        wavelength, slice_number = ifu_wavelengths(part), slice_numbers(part)
        area = areas_of_slices(self.area, slice_number)
        return between_slices(sensitivity_at(wavelength, self._response(part), area), wavelength)

    def _apply(self, part, sensitivity):
        factor, inverse = sensitivity.factor, self.parameters.inverse
        part.dq |= sensitivity.dq
        if inverse:
            factor = np.divide(1.0, factor, out=np.zeros_like(factor), where=factor != 0)
        scale(planes_of(part), factor)
        if part is self.model and self.kind not in (*_NIRSPEC_SLITS, "NRS_IFU"):
            self.step.add_areas(part, self.photom, self.area)
        photometry = part.meta.photometry
        if sensitivity.scalar is not None:
            photometry.conversion_megajanskys = sensitivity.scalar
            photometry.conversion_microjanskys = sensitivity.scalar * MICROJANSKY_PER_ARCSEC2
        if sensitivity.pixel_area is not None:
            photometry.pixelarea_steradians = sensitivity.pixel_area
            photometry.pixelarea_arcsecsq = sensitivity.pixel_area / ARCSEC2
        part.meta.bunit_data = part.meta.bunit_err = _COUNT_RATE if inverse else sensitivity.unit
