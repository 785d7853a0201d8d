"""Correct the wavelengths of point sources that are not centred in their slit."""

from hexcal.core import SkipStep, Step
from hexcal.errors import ReferenceError_
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.spectrum.parts import SkipPart, correct_parts, name_of_part, parts_of
from hexcal.steps.wcs.reference_transforms import content_of

_TYPES = ("NRS_FIXEDSLIT", "NRS_MSASPEC", "NRS_BRIGHTOBJ")
_SHUTTERS = "MOS"
"""Name of the aperture of all shutters in the reference file."""


class WavecorrStep(Step):
    """Correct wavelengths for the place of a point source across its slit, which shifts its light in wavelength.

    For point sources (SRCTYPE) in micro-shutters, in the fixed slit with the target (FXD_SLIT) and of bright objects.
    The place is SRCXPOS, 0 at the centre, -0.5 and 0.5 at the edges of the slit. The WCS of the slit gets a frame
    ``wavecorr_frame`` between slit_frame and msa_frame, with the corrected wavelengths, and WAVELENGTH is computed
    anew. WAVECOR says of each slit whether it was corrected.
    """

    alias = "wavecorr"
    by_integration = True
    input_model = ("MultiSlitModel", "SlitModel")
    reference_types = ("wavecorr",)

    def references_needed(self, model):
        """None for exposures of other types."""
        return self.reference_types if model.meta.exposure.type in _TYPES else ()

    def process(self, model, references):
        from hexcal.steps.spectrum import wavelength_zero

        exposure_type = model.meta.exposure.type
        if exposure_type not in _TYPES:
            raise SkipStep(f"wavelengths of {exposure_type} are not corrected", is_expected=True)
        apertures = content_of(references.wavecorr, "apertures", "wavecorr")
        if not apertures:
            raise ReferenceError_(
                "a WAVECORR file with 'apertures' is required", where=str(references.wavecorr.path or "WAVECORR")
            )
        for part in parts_of(model):
            part.wavelength_corrected = False

        def correct(part):
            self._require(part, model)
            table = _table_of(apertures, part)
            wavelength_zero.correct(part, table)
            part.wavelength_corrected = True
            self.log.info("%s: source at %.3f of the slit's width", name_of_part(part, model), part.source_xpos)

        correct_parts(model, correct, self.log)
        return model

    def _require(self, part, model):
        """Raise SkipPart if the source of a slit is none to correct."""
        if part.source_type != "POINT":
            raise SkipPart(f"its source is {part.source_type or 'of unknown type'}, not POINT", is_expected=True)
        primary = model.meta.instrument.fixed_slit
        if model.meta.exposure.type == "NRS_FIXEDSLIT" and part.name != primary:
            raise SkipPart(f"the target is in {primary}", is_expected=True)
        if part.source_xpos is None:
            raise SkipPart("the place of its source is not known (SRCXPOS)")
        if wcs_of(part) is None:
            raise SkipPart("it has no WCS")


def _table_of(apertures, part):
    """The table of a slit: zero points by wavelength (metres) and place of the source."""
    named = {str(aperture["aperture_name"]): aperture for aperture in apertures}
    aperture = named.get(str(part.name)) or named.get(_SHUTTERS)
    if aperture is None:
        raise SkipPart(f"the WAVECORR file has {', '.join(named)}, not this slit")
    return aperture["zero_point_offset"]
