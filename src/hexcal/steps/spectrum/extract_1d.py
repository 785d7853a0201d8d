"""Extract one-dimensional spectra."""

from typing import Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError, ParameterError, ReferenceError_
from hexcal.models.container import ModelContainer
from hexcal.steps.spectrum import covariance, unseen
from hexcal.steps.spectrum import spectrum_product as products
from hexcal.steps.spectrum.aperture_correction import apply_correction, find_correction
from hexcal.steps.spectrum.apertures import Choices
from hexcal.steps.spectrum.box_extraction import BRIGHTNESS_UNIT, FLUX_UNIT, mean_wavelengths
from hexcal.steps.spectrum.extraction_reference import ApertureEntry, read_reference
from hexcal.steps.spectrum.optimal_product import optimal
from hexcal.steps.spectrum.parts import SkipPart, name_of_part, parts_of
from hexcal.steps.spectrum.slit_extraction import (
    extracted,
    flag_unseen,
    source_aperture,
    turned,
    uses_source_position,
    weights_of,
)
from hexcal.steps.spectrum.slit_resampling import dispersion_axis
from hexcal.steps.spectrum.source_place import place_of_middle, scale_along

_LATER = {"NIS_SOSS": "spectra of NIRISS SOSS, whose orders overlap"}
_WHOLE_CUTOUTS = ("NIS_WFSS", "NRC_WFSS")
"""No extract1d reference: all of the cutout is the source."""
_LEANING = ("MIR_LRS-SLITLESS",)
"""Exposure types whose traces lean, and that are extracted as they are."""
_IN_ARCSEC = 3600.0


class Extract1dStep(Step):
    """Extract spectra: one for each slit, integration, or cube.

    **Slits.** The aperture is a box of constant width, or polynomials of the pixel or of the wavelength, as the
    extract1d reference has it; without a reference it is the whole slit. For point sources it is moved to where the
    source is: from the position in the slit (NIRSpec; in spectra that are not rectified it follows the trace), from
    the dithered pointing (MIRI LRS), or from the target. What lies beside may be fitted for each column by a
    polynomial, its mean or its median, and subtracted. Pixels that the aperture cuts count in part. Errors are those
    of the sums, variances of a subtracted background included. A slit without an aperture in the reference, or whose
    aperture or wavelengths lie beside it, is left out with the reason, and the others go on.

    **Cubes.** The light of a point source is summed in a circle that changes with wavelength as the reference has it,
    less the mean in an annulus; of an extended source all of the cube is summed.

    **What is not seen.** NPIXELS counts the pixels that are summed; where a part of the aperture lies beside the field,
    beyond the torn ends of a band, or in bad pixels, the flux lacks its light, and the aperture correction does not
    know. ``unseen_limit`` flags DO_NOT_USE the wavelengths that lack more than this share of the light: how it is
    shared among the parts of the aperture (sectors of rings about a star, pixels along a slit) is taken from all
    wavelengths together. So it does where nothing of the background is seen, which is then 0.

    **Residual fringes** (``ifu_rfcorr``, MIRI MRS). Sine waves of the periods of the detectors (2.8 cm^-1) and, in
    channels 3 and 4, of a dichroic (0.38 cm^-1) are fitted to the spectrum together with a smooth continuum; columns
    RF_* are the spectrum without them, and FLUX stays. Each channel of a cube of several ones is fitted by itself.

    **Aperture correction.** The factor is interpolated in the apcorr reference, in wavelength and size (radius); it
    multiplies fluxes and errors of point sources.

    **Optimal extraction** (``extraction_type=optimal``, 3.0.0) fits the profile of the psf reference to each pixel in
    dispersion direction, with equal weights, together with a polynomial background where one is asked for; the profile
    is moved to where it fits best. The flux needs no aperture correction. Where another nod was subtracted, its
    negative image is looked for and fitted with the source (``model_nod_pair``).

    **Errors with covariance** (``covariance``). The pixels of rectified slits and of cubes share pixels of the
    exposures, so that the error of a sum is not that of independent pixels. Where resample_spec or cube_build have
    noted how they vary together (their parameter ``covariance``), the errors of spectra are those of the sum,
    background included, and the column CORRELATION has the correlation of the error with those at the next wavelengths,
    which sums over wavelengths need. ``ifu_covar_scale`` is not applied on top. Without it errors are those of
    independent pixels, as in the original.

    Time series give one spectrum for each integration, as the documents say, or one table row for each, as 3.0.0 does
    (``integrations_as``).
    """

    alias = "extract_1d"
    reference_types = ("extract1d", "apcorr", "psf")
    default_suffix = "x1d"
    relative_time = 2.0

    class Parameters(StepParameters):
        """Apertures, background, correction."""

        smoothing_length: int | None = parameter(
            None, "Pixels in dispersion direction that the background is averaged over; odd. Default: the reference."
        )
        bkg_fit: Literal["poly", "mean", "median"] | None = parameter(
            None, "How the background is fitted. Default: what the reference says, else poly."
        )
        bkg_order: int | None = parameter(
            None, "Order of the polynomial of the background. Default: the reference, else 0.", ge=0
        )
        bkg_sigma_clip: float = parameter(
            3.0, "Clipping of the background annulus of cubes, in standard deviations.", gt=0
        )
        log_increment: int = parameter(50, "Integrations after which the log says how far the work is; 0: never.")
        subtract_background: bool | None = parameter(
            None, "Whether the background is subtracted. Default: where the reference has one."
        )
        use_source_posn: bool | None = parameter(
            None, "Whether apertures are moved to the source. Default: for point sources that may be off centre."
        )
        follow_trace: bool = parameter(
            False,
            "Move the aperture of a point source to where it is at each wavelength, whatever use_source_posn says: in "
            "spectra of MIRI LRS without slit, which lean on the detector and are not rectified.",
        )
        position_offset: float = parameter(0.0, "Shift of the aperture along the slit.", unit="pixel")
        center_xy: list[float] | None = parameter(
            None, "Centre of the aperture in cubes, x, y, 0-based.", min_length=2, max_length=2
        )
        apply_apcorr: bool = parameter(True, "Apply the aperture correction.")
        ifu_autocen: bool = parameter(False, "Centre the aperture on the brightest source of the cube.")
        ifu_rfcorr: bool = parameter(
            False,
            "Take residual fringes out of spectra of cubes of MIRI MRS: adds the columns RF_FLUX, RF_SURF_BRIGHT and "
            "RF_BACKGROUND.",
        )
        ifu_set_srctype: Literal["POINT", "EXTENDED"] | None = parameter(
            None, "Take the source of cubes of MIRI MRS to be of this type."
        )
        ifu_rscale: float | None = parameter(
            None, "Radius in cubes of MIRI MRS, in units of the FWHM; the reference has 2.", ge=0.5, le=3
        )
        ifu_covar_scale: float = parameter(
            1.0, "Factor of the errors of spectra of cubes, for the covariance between spaxels.", gt=0
        )
        covariance: bool = parameter(
            False,
            "Errors of spectra of resampled slits and cubes include how their pixels vary together, instead of "
            "ifu_covar_scale; resample_spec and cube_build note it with their parameter covariance.",
        )
        clipped_area: Literal["counted", "left_out"] = parameter(
            "counted",
            "Whether spaxels that are clipped from the background annulus of cubes count in its area, as in the "
            "original, or not.",
        )
        unseen_limit: float | None = parameter(
            None,
            "Wavelengths at which more than this share of the light of the aperture is not seen (beside the field, "
            "beyond the torn ends of a band, bad pixels), or nothing of its background, are flagged DO_NOT_USE. "
            "Default: only those at which nothing is seen.",
            ge=0,
            lt=1,
        )
        extraction_type: Literal["box", "optimal"] | None = parameter(
            "box", "Sum over the aperture, or fit of the profile of a point source. None: what the references allow."
        )
        optimize_psf_location: bool = parameter(
            True, "Move the profile of an optimal extraction to where it fits best."
        )
        model_nod_pair: bool = parameter(
            True,
            "Fit the negative image that a subtracted nod leaves together with the source, in optimal extractions.",
        )
        save_profile: bool = parameter(False, "Write the profiles of an optimal extraction (_profile).")
        save_scene_model: bool = parameter(False, "Write what was fitted in an optimal extraction (_scene_model).")
        save_residual_image: bool = parameter(False, "Write what an optimal extraction leaves (_residual).")
        integrations_as: Literal["spectra", "rows"] = parameter(
            "spectra", "Spectra of a time series as a table each, or as rows of one table (3.0.0)."
        )

    def is_optional(self, reference_type):
        """Without a reference all of the slit is extracted, without aperture correction."""
        return True

    def references_needed(self, model):
        """The profile only where it may be used."""
        is_slit = not model.is_ifu and model.model_type != "IFUCubeModel"
        wants_profile = self.parameters.extraction_type != "box" and is_slit
        return self.reference_types if wants_profile else ("extract1d", "apcorr")

    def needs_all_integrations(self, model):
        """A profile is moved to where it fits best in all of them."""
        return None if self.parameters.extraction_type == "box" else "a profile may be fitted to all integrations"

    def extra_products(self):
        """The images of an optimal extraction."""
        given = self.parameters
        wanted = (("profile", given.save_profile), ("scene_model", given.save_scene_model))
        wanted = (*wanted, ("residual", given.save_residual_image))
        return [{"suffix": suffix} for suffix, is_wanted in wanted if is_wanted and given.extraction_type != "box"]

    def suffix_for(self, model):
        """`_x1dints` for spectra of integrations."""
        spectra = getattr(model, "spec", None) or []
        has_integrations = model is not None and model.model_type == "TSOMultiSpecModel"
        return "x1dints" if has_integrations or any(part.get_meta("int_num") for part in spectra) else "x1d"

    def require_parameters(self):
        """The background is smoothed about each pixel."""
        length = self.parameters.smoothing_length
        if length is not None and (length < 1 or length % 2 == 0):
            raise ParameterError(f"smoothing_length must be an odd number, got {length}", where="smoothing_length")

    def process(self, model, references):
        if isinstance(model, ModelContainer):
            return [self._of_exposure(member, references) for member in model]
        return self._of_exposure(model, references)

    def _of_exposure(self, model, references):
        kind = model.meta.exposure.type
        if kind in _LATER:
            raise InputError(
                f"the extraction of {_LATER[kind]} is not in this version of Hexcal",
                where=str(model.path or "EXP_TYPE"),
                hint="skip=true leaves the step out",
            )
        if model.is_ifu or model.model_type == "IFUCubeModel":
            from hexcal.steps.spectrum.cube_extraction import extract_cube

            return extract_cube(model, self, references)
        if not hasattr(model, "data") and not hasattr(model, "slits"):
            raise InputError(
                f"spectra are extracted from images, slits and cubes, the input is a {model.model_type}",
                where=str(model.path or model.meta.filename or "a model in memory"),
                hint="give the calibrated or rectified exposure (_cal, _s2d, _s3d)",
            )
        return self._of_slits(model, references)

    def _of_slits(self, model, references):
        slits = parts_of(model)
        if model.meta.exposure.type == "NRS_FIXEDSLIT" and any(len(slit.shape or ()) == 3 for slit in slits):
            raise SkipStep("rates of integrations of NIRSpec fixed slits are not extracted")
        reference = None
        if "extract1d" in references and model.meta.exposure.type not in _WHOLE_CUTOUTS:
            reference = read_reference(references.chosen["extract1d"])
        in_rows = self.parameters.integrations_as == "rows" and any(len(slit.shape or ()) == 3 for slit in slits)
        product = products.new_product(model, "TSOMultiSpecModel" if in_rows else "MultiSpecModel")
        spectra = []
        for slit in slits:
            name = name_of_part(slit, model)
            try:
                spectra += self._of_slit(slit, model, reference, references, product, in_rows)
            except (SkipPart, InputError) as reason:
                if len(slits) == 1:
                    raise SkipStep(str(reason)) from reason
                self.log.warning("Not extracted: %s: %s", name, reason)
        if not spectra:
            raise SkipStep("no slit can be extracted")
        product.spec = spectra
        times = model.plain_table("int_times") if "int_times" in model.specs and len(slits) == 1 else None
        if times is not None:
            product.int_times = times
        return product

    def _of_slit(self, slit, model, reference, references, product, in_rows):
        """The spectra of a slit: one, or one for each integration."""
        given, kind = self.parameters, model.meta.exposure.type
        self.log.info("Extracting %s", name_of_part(slit, model))
        if slit.data is None or len(slit.shape or ()) not in (2, 3):
            raise SkipPart("it has no image")
        name = slit.get_meta("name") or kind
        order = slit.get_meta("meta.wcsinfo.spectral_order")
        entry = self._entry(reference, name, order, kind)
        dispaxis = entry.dispaxis or dispersion_axis(slit, name_of_part(slit, model))
        view = turned(slit, dispaxis)
        source_type = slit.get_meta("source_type") or model.get_meta("meta.target.source_type")
        wanted = given.use_source_posn if reference is not None else bool(given.use_source_posn)
        use_position = entry.image is None and uses_source_position(wanted, entry, kind, source_type)
        follows = given.follow_trace and entry.image is None and kind in _LEANING and source_type == "POINT"
        choices = Choices(given.smoothing_length, given.bkg_fit, given.bkg_order, given.subtract_background)
        aperture = source_aperture(
            slit, model, entry, view, choices, use_position, given.position_offset, self.log, follows
        )
        units = self._unit(slit, model), self._pixel_area(slit, model)
        if self._is_optimal(references, entry):
            spectra, aperture, weights = optimal(slit, model, self, references.psf, view, aperture, units)
            self._include_covariance(spectra, slit, view, lambda: weights)
        else:
            waves = mean_wavelengths(view.wavelengths, aperture)
            spectra = extracted(view, aperture, waves, *units, entry.image)
            self._include_covariance(spectra, slit, view, lambda: weights_of(view, aperture, entry.image))
            if given.unseen_limit is not None and entry.image is None:
                number = flag_unseen(spectra, view, aperture, *units, given.unseen_limit)
                unseen.tell(number, given.unseen_limit, self.log)
            self._correct(spectra, aperture, waves, slit, model, name, source_type, references)
        about = (
            slit,
            model,
            name,
            1 if order is None else order,
            aperture,
            dispaxis,
            place_of_middle(slit, aperture, dispaxis),
        )
        if view.data.shape[0] == 1 and len(slit.shape) == 2:
            return [_described(product, products.spectrum_table(spectra[0], aperture), about)]
        times = products.times_of(model, len(spectra))
        if in_rows:
            segment = model.get_meta("meta.exposure.segment_number") or 1
            table = products.table_of_rows(spectra, times, segment, aperture.first, aperture.last)
            return [_described(product, table, about)]
        return self._of_integrations(spectra, times, aperture, product, about)

    def _of_integrations(self, spectra, times, aperture, product, about):
        """A spectrum of each integration, with its times."""
        parts, model, increment = [], about[1], self.parameters.log_increment
        for number, (columns, time) in enumerate(zip(spectra, times, strict=True), self.passed(len(spectra)) + 1):
            part = _described(product, products.spectrum_table(columns, aperture), about)
            products.note_times(part, time, model)
            parts.append(part)
            if increment > 0 and number % increment == 0:
                self.log.info("%d integrations done", number)
        return parts

    def _include_covariance(self, spectra, slit, view, weights):
        """Let the errors of the spectrum of a rectified slit include how its pixels vary together."""
        if not self.parameters.covariance or len(view.data) > 1:
            return
        if covariance.has_neighbours(slit):
            covariance.include(spectra[0], slit, view.dispaxis, view.variances, weights())
        elif slit.get_meta("meta.cal_step.resample") == "COMPLETE" or slit.wht is not None:
            self.log.warning(
                "How the pixels of %s vary together is not noted (resample_spec.covariance): errors are those of "
                "independent pixels",
                name_of_part(slit),
            )

    def _is_optimal(self, references, entry):
        """Whether a profile is fitted."""
        kind = self.parameters.extraction_type
        if kind == "optimal" and "psf" not in references:
            raise ReferenceError_(
                "optimal extraction needs a psf reference",
                where="psf",
                hint="--override_psf=FILE, or --extraction_type=box",
            )
        return kind != "box" and "psf" in references and entry.image is None

    def _entry(self, reference, name, order, kind):
        """The aperture of the reference; all of the slit where there is none."""
        if reference is None:
            self.log.info("No extract1d reference: all of the slit is extracted")
            return ApertureEntry()
        entry = reference.find(name, order) or reference.find(kind, order)
        if entry is None and name == kind:
            # The whole detector has no name that an aperture could have.
            entry = reference.find(None, order)
        if entry is None:
            raise SkipPart(f"{reference.where} has no aperture for {name}, order {order}")
        return entry

    def _unit(self, slit, model):
        unit = self._unit_of(slit, model)
        if unit not in (FLUX_UNIT, BRIGHTNESS_UNIT):
            self.log.warning("The flux is not calibrated (unit %s): the spectrum has the unit of the data", unit)
        return unit

    def _unit_of(self, slit, model):
        return slit.get_meta("meta.bunit_data") or model.get_meta("meta.bunit_data")

    def _pixel_area(self, slit, model):
        area = slit.get_meta("meta.photometry.pixelarea_steradians")
        area = model.get_meta("meta.photometry.pixelarea_steradians") if area is None else area
        if area is None:
            if self._unit_of(slit, model) == BRIGHTNESS_UNIT:
                self.log.warning("PIXAR_SR is missing: FLUX, of surface brightness, is NaN")
            return float("nan")
        return float(area)

    def _correct(self, spectra, aperture, waves, slit, model, name, source_type, references):
        """Apply the aperture correction to the spectra of a point source."""
        if not self.parameters.apply_apcorr or source_type != "POINT" or "apcorr" not in references:
            return
        correction = find_correction(references.chosen["apcorr"], model, name, self.log)
        if correction is None:
            return
        low, high = aperture.limits
        middle = (low + high) / 2
        scale = scale_along(slit, aperture) * _IN_ARCSEC if correction.in_arcsec else 1.0
        factors = {}
        for columns in spectra:
            # As in the original: a pixel that does not count makes the aperture smaller.
            size = columns["NPIXELS"] * scale
            factor = factors.get(size.tobytes())
            if factor is None:
                factor = factors[size.tobytes()] = correction.at(waves, size, abs(middle - round(middle)))
            apply_correction(columns, factor)
        self.log.info("Aperture correction: %.4f (median)", float(np.nanmedian(next(iter(factors.values())))))


def _described(product, table, about):
    """A spectrum of a product, with its table and what is known of it (`about`: as for `spectrum_product.describe`)."""
    part = product.new_part()
    part.spec_table = table
    products.describe(part, *about)
    return part
