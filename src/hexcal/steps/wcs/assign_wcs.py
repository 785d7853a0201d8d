"""Find out where on the sky each pixel looks."""

from importlib import import_module
from typing import Literal

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError, ParameterError
from hexcal.models.stored_wcs import wcs_of as known_wcs
from hexcal.steps.wcs.footprint import footprint, s_region

_IMAGING, _NIRSPEC, _NIRSPEC_IMAGING = "imaging", "nirspec", "nirspec_imaging"
_MIRI_LRS = "miri_lrs"
_KINDS = {
    _IMAGING: "hexcal.steps.wcs.imaging",
    _MIRI_LRS: "hexcal.steps.wcs.miri_lrs",
    "miri_mrs": "hexcal.steps.wcs.miri_mrs",
    _NIRSPEC: "hexcal.steps.wcs.nirspec",
    _NIRSPEC_IMAGING: "hexcal.steps.wcs.nirspec_imaging",
}
"""Where the WCS of a kind of exposure (column ``wcs`` of the exposure types) is made: ``reference_types(model)``,
``wcs_of(model, references, log)``, and for spectra ``complete(model, references, log)``, which sets what goes with it.
"""
_FARTHEST_EDGE = 100
"""Heights of a slit from its centre, beyond which no edge is looked for."""


class AssignWcsStep(Step):
    """Assign the WCS: the transforms from pixels to the sky; ``meta.wcs`` gives an object of gwcs.

    It stands in the ASDF extension of the product; S_REGION holds the outline of the exposure on the sky. Exposures
    that do not see the sky (darks, flats of lamps) are left as they are, SKIPPED.

    Images of FGS, MIRI, NIRCam and NIRISS: through the frames detector, v2v3, v2v3vacorr (corrected for velocity
    aberration) and world; FITS keywords of the SCI header approximate it (`sip_approx`).

    Spectra of NIRSpec (fixed slits, micro-shutters, integral-field unit, bright objects, lamps): one WCS holds all
    slits that fall on the detector, through the frames detector, sca, gwa, slit_frame, (slicer,) msa_frame, oteip,
    v2v3, v2v3vacorr and world, with a bounding box for each; its third input is the number of the slit. Open shutters
    are read from the MSA metadata file. Images of NIRSpec go through the mirror to the plane of the shutters.
    Wavelengths are barycentric; DISPAXIS is 1. Without a slit on the detector the run ends with status 64.

    Spectra of MIRI, of the low-resolution spectrometer with and without slit and of the medium-resolution one: the
    frame alpha_beta (along and across the slit or slice, arcsec) is between detector and v2v3, and wavelengths go with
    the positions. They are corrected to the barycentre by VELOSYS. DISPAXIS is 2. Products of the low-resolution
    spectrometer hold the wavelengths of all pixels besides (extension WAVELENGTH); `lrs_wavelengths` says whether the
    table of wavelengths is smoothed.
    """

    alias = "assign_wcs"
    by_integration = True
    input_model = ("ImageModel", "CubeModel", "IFUImageModel")
    reference_types = (
        "distortion",
        "filteroffset",
        "specwcs",
        "regions",
        "wavelengthrange",
        "camera",
        "collimator",
        "disperser",
        "fore",
        "fpa",
        "msa",
        "ote",
        "ifupost",
        "ifufore",
        "ifuslicer",
        "chromcorr",
    )

    class Parameters(StepParameters):
        """How good the approximation by FITS keywords is."""

        sip_approx: bool = parameter(True, "Approximate the WCS of an image by FITS keywords (SIP).")
        sip_max_pix_error: float = parameter(
            0.1, "Largest error of the approximation; not looked at where sip_degree is given.", unit="pixel", gt=0
        )
        sip_degree: int | None = parameter(
            None, "Degree of its polynomials; None: the lowest that is accurate enough.", ge=1, le=6
        )
        sip_max_inv_pix_error: float = parameter(
            0.1, "Largest error of the way back; not looked at where sip_inv_degree is given.", unit="pixel", gt=0
        )
        sip_inv_degree: int | None = parameter(
            None, "Degree of its polynomials for the way back; None: the lowest that is accurate enough.", ge=1, le=6
        )
        sip_npoints: int = parameter(12, "Points along each axis that the approximation is fitted to.", ge=3)
        slit_y_low: float = parameter(
            -0.55, "Lower edge of a slit or shutter of NIRSpec, in units of its height from its centre."
        )
        slit_y_high: float = parameter(
            0.55, "Upper edge of a slit or shutter of NIRSpec, in units of its height from its centre."
        )
        nrs_ifu_slice_wcs: bool = parameter(
            True,
            "The WCS of the integral-field unit of NIRSpec holds its slices one by one, as that of slits does; else a "
            "map of the frame (REGIONS) says which slice a pixel belongs to, and the WCS takes pixels of the frame.",
        )
        lrs_wavelengths: Literal["smoothed", "table"] = parameter(
            "smoothed",
            "Wavelengths of the low-resolution spectrometer of MIRI: a smooth curve through the table of its specwcs "
            "file (smoothed), or the table itself, linear between its rows (table).",
        )

    def require_parameters(self):
        """A slit has its lower edge below its upper one, and both near it."""
        low, high = self.parameters.slit_y_low, self.parameters.slit_y_high
        if not -_FARTHEST_EDGE <= low < high <= _FARTHEST_EDGE:
            raise ParameterError(
                f"slit_y_low must be less than slit_y_high, both from {-_FARTHEST_EDGE} to {_FARTHEST_EDGE} heights "
                f"of a slit, got {low:g} and {high:g}",
                where="slit_y_low, slit_y_high",
                hint="slit_y_low=-0.55 slit_y_high=0.55",
            )

    def references_needed(self, model):
        """Those of the kind of exposure; none where there is nothing to do."""
        kind = _kind_of(model)
        return import_module(_KINDS[kind]).reference_types(model) if kind in _KINDS else ()

    def is_optional(self, reference_type):
        """Without offsets of the filters they are 0; the chromatic correction is younger than other files."""
        return reference_type in ("filteroffset", "chromcorr")

    def process(self, model, references):
        kind = _kind_of(model)
        exposure_type = model.meta.exposure.type
        if exposure_type is None:
            raise InputError(
                "EXP_TYPE is needed to know which transforms an exposure has, and is not set",
                where=str(model.path or "model in memory"),
            )
        if not kind:
            raise SkipStep(f"an exposure of type {exposure_type} is not mapped to the sky", is_expected=kind == "")
        if kind not in _KINDS:
            raise InputError(
                f"Hexcal does not yet assign the WCS of exposures of type {exposure_type}",
                where=str(model.path or "model in memory"),
                hint="it does so for images, and for spectra of MIRI and NIRSpec",
            )
        makes = import_module(_KINDS[kind])
        model.meta.wcs = makes.wcs_of(model, references, self.log, **self._options(kind))
        if kind not in (_IMAGING, _NIRSPEC_IMAGING):
            makes.complete(model, references, self.log)
            return model
        self._set_region(model)
        if self.parameters.sip_approx:
            self._approximate(model)
        return model

    def _options(self, kind):
        if kind == _MIRI_LRS:
            return {"is_smoothed": self.parameters.lrs_wavelengths == "smoothed"}
        if kind != _NIRSPEC:
            return {}
        edges = (self.parameters.slit_y_low, self.parameters.slit_y_high)
        return {"edges": edges, "by_slice": self.parameters.nrs_ifu_slice_wcs}

    def _set_region(self, model):
        region = s_region(footprint(model))
        if region is None:
            self.log.warning("A corner of the image does not see the sky: S_REGION is not set")
        else:
            model.meta.wcsinfo.s_region = region
            self.log.info("S_REGION: %s", region)

    def _approximate(self, model):
        from hexcal.steps.wcs import sip

        wanted = {
            "max_pix_error": self.parameters.sip_max_pix_error,
            "degree": self.parameters.sip_degree,
            "max_inv_pix_error": self.parameters.sip_max_inv_pix_error,
            "inv_degree": self.parameters.sip_inv_degree,
        }
        try:
            header = sip.approximation(
                known_wcs(model), sip.reference_pixel(model), npoints=self.parameters.sip_npoints, **wanted
            )
        except InputError as error:
            self.log.warning("The FITS keywords of the WCS are not updated: %s", error.message)
            return
        sip.set_keywords(model, header)
        missed = sip.missed_accuracy(header, **wanted)
        if missed:
            self.log.warning("The FITS keywords approximate the WCS less well than asked for: %s", missed)


def _kind_of(model):
    """Which transforms an exposure has: a kind; "" for one that does not see the sky; None where that is not known."""
    kind = model.observatory.exposure_fact(model.meta.exposure.type, "wcs")
    is_undispersed = kind == _NIRSPEC and model.meta.instrument.grating == "MIRROR"
    return _NIRSPEC_IMAGING if is_undispersed else kind
