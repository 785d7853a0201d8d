"""Correct spectra for the light that does not pass the slit."""

from typing import Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import ReferenceError_
from hexcal.steps.flux import pathloss_curves as curves
from hexcal.steps.flux.nirspec_flat import wavelengths_of
from hexcal.steps.flux.planes import planes_of, scale
from hexcal.steps.spectrum.parts import SkipPart, correct_parts, name_of_part

_NIRSPEC = ("NRS_FIXEDSLIT", "NRS_MSASPEC", "NRS_IFU")
_MIRI, _SOSS = "MIR_LRS-FIXEDSLIT", "NIS_SOSS"


class PathLossStep(Step):
    """Correct spectra for the light that does not pass the slit, and for what is lost behind it.

    NIRSpec (fixed slits, slitlets, IFU): the throughput at the place of a point source in its slit, and that of a
    uniform source, at the wavelength of each pixel. Both go into the product (PATHLOSS_PS, PATHLOSS_UN), and the data
    are divided by that of their source type. Of slitlets the entry of one or of three shutters is taken, by the
    shutters beside that of the source. A source outside of its slit: the slit is left as it is.

    MIRI LRS (fixed slit): point sources are multiplied by the correction at the place of the target in the slit, for a
    target outside of it by that at its centre. NIRISS SOSS: each column is divided by the correction for the position
    of the pupil wheel.
    """

    alias = "pathloss"
    reference_types = ("pathloss",)
    input_model = ("MultiSlitModel", "SlitModel", "IFUImageModel", "ImageModel", "CubeModel")

    class Parameters(StepParameters):
        """Which way, and where the source is."""

        inverse: bool = parameter(False, "Undo the correction instead of applying it.")
        source_type: Literal["POINT", "EXTENDED"] | None = parameter(
            None, "Take all sources to be of this type, whatever the header says. Only for NIRSpec."
        )
        user_slit_loc: float | None = parameter(
            None,
            "Where the target is across the slit: distance from its centre along the dispersion. Only for MIRI LRS.",
            unit="arcsec",
        )

    def references_needed(self, model):
        """None for exposures that need no correction."""
        return self.reference_types if model.meta.exposure.type in (*_NIRSPEC, _MIRI, _SOSS) else ()

    def process(self, model, references):
        kind = model.meta.exposure.type
        if kind in _NIRSPEC:
            return self._nirspec(model, references.pathloss)
        if kind == _MIRI:
            return self._lrs(model, references.pathloss)
        if kind == _SOSS:
            return self._soss(model, references.pathloss)
        raise SkipStep(f"there is no correction for EXP_TYPE {kind}", is_expected=True)

    def _nirspec(self, model, reference):
        apertures = curves.apertures_of(reference)

        def correct(part):
            is_point = self._is_point(part, model)
            point, uniform = curves.of_nirspec(part, model, apertures, lambda text: self._tell(part, model, text))
            wavelength = wavelengths_of(part)
            # A uniform source has no place in its slit: where wavecorr has moved the wavelengths of a fixed slit, it
            # has those of the slit's centre.
            is_fixed = model.meta.exposure.type == "NRS_FIXEDSLIT"
            moved = is_fixed and is_point and part.get_meta("wavelength_corrected")
            centred = wavelengths_of(part, uncorrected=True) if moved else wavelength
            part.pathloss_point = curves.at(wavelength, point).astype(np.float32)
            part.pathloss_uniform = curves.at(centred, uniform).astype(np.float32)
            if part.is_ifu:
                part.wavelength = wavelength.astype(np.float32)
            else:
                part.pathloss_correction_type = "POINT" if is_point else "UNIFORM"
            loss = part.pathloss_point if is_point else part.pathloss_uniform
            self._apply(part, loss, divide=True)

        correct_parts(model, correct, self.log)
        return model

    def _is_point(self, part, model):
        given = self.parameters.source_type
        stored = model.meta.target.source_type if part.is_ifu else part.get_meta("source_type")
        return (given or stored) == "POINT"

    def _tell(self, part, model, text):
        self.log.warning("%s: %s", name_of_part(part, model), text)

    def _lrs(self, model, reference):
        if (model.get_meta("source_type") or model.meta.target.source_type) != "POINT":
            raise SkipStep("the source of an LRS spectrum must be a point source to be corrected")
        across = self.parameters.user_slit_loc
        try:
            curve = curves.of_lrs(model, reference, across, self.log)
        except SkipPart as skipped:
            raise SkipStep(str(skipped)) from None
        model.pathloss_point = curves.at(wavelengths_of(model), curve).astype(np.float32)
        self._apply(model, model.pathloss_point, divide=False)
        return model

    def _soss(self, model, reference):
        position = model.meta.instrument.pupil_position
        if position is None:
            raise SkipStep("the header does not give the position of the pupil wheel (PWCPOS)")
        by_column = curves.of_soss(model, reference, float(position), self.log)
        ny, nx = model.shape[-2:]
        model.pathloss_point = np.broadcast_to(by_column, (ny, nx)).astype(np.float32)
        self._apply(model, model.pathloss_point, divide=True)
        return model

    def _apply(self, part, loss, divide):
        """Divide or multiply by a correction; the other way round with `inverse`."""
        if np.isfinite(loss).sum() == 0:
            self.log.warning("The correction has no value at any wavelength of %s", name_of_part(part))
        if (loss == 0).any():
            raise ReferenceError_(
                "the throughput must not be 0 at the place of the source",
                hint="give another one with override_pathloss",
            )
        scale(planes_of(part), 1 / loss.astype(np.float64) if divide != self.parameters.inverse else loss)
