"""Divide images and spectra by the flat field."""

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.references.bundle import References
from hexcal.steps.flux.nirspec_flat import interpolated_flat, reference_types_for, supplied_flats, wavelengths_of
from hexcal.steps.flux.planes import Planes, in_blocks, leave_out, planes_of
from hexcal.steps.spectrum.parts import SkipPart, correct_parts, name_of_part, parts_of

_NO_FLAT_FIELD, _DO_NOT_USE = np.uint32(pixel.NO_FLAT_FIELD), np.uint32(pixel.DO_NOT_USE)


class FlatFieldStep(Step):
    """Divide by the flat field, and carry its errors and flags along.

    The flat field of spectra of NIRSpec is put together for each pixel: fore optics, spectrograph and detector (fflat,
    sflat, dflat) have each an image, linear in wavelength between its planes, and a curve, averaged over the
    wavelengths that the pixel sees. One that is missing counts as 1. A pixel for which one of them has no value is
    flagged NO_FLAT_FIELD, UNRELIABLE_FLAT and DO_NOT_USE. The primary slit of a fixed-slit exposure with a point source
    keeps both flat fields, that of its source (FLATFIELD_PS, which is applied) and that of a uniform one, at the
    wavelengths of the slit's centre (FLATFIELD_UN). A slit for which a table has no row is left as it is, and the
    others go on (the original ends there).
    """

    alias = "flat_field"
    by_integration = True
    reference_types = ("flat", "fflat", "sflat", "dflat")
    input_model = ("ImageModel", "CubeModel", "IFUImageModel", "GuiderCalModel", "MultiSlitModel", "SlitModel")
    flat_suffix = "interpolatedflat"
    """Suffix of the flat field that was put together."""
    correction_pars = None
    """After a run on spectra of NIRSpec: ``{"flat": model}``, the flat field that was applied."""
    use_correction_pars = False
    """Whether to apply the flat field in `correction_pars` instead of making one."""
    adjustable = ("allow_hooks", "correction_pars", "use_correction_pars")

    class Parameters(StepParameters):
        """Which flat field, and which way."""

        save_interpolated_flat: bool = parameter(
            False,
            "Write the flat field that was put together for the wavelength of each pixel, "
            "with suffix _interpolatedflat. Only for spectra of NIRSpec.",
        )
        user_supplied_flat: str | None = parameter(
            None, "Flat field file of the user, instead of the reference that the rules choose."
        )
        inverse: bool = parameter(False, "Multiply by the flat field instead, to take back the division.")

    def references_needed(self, model):
        """The flat field; none where the user gives a file."""
        if self.parameters.user_supplied_flat or self.use_correction_pars:
            return ()
        return reference_types_for(model) if _is_interpolated(model) else ("flat",)

    def is_optional(self, reference_type):
        """Fore optics, spectrograph and detector may be missing, but not all of them."""
        return reference_type != "flat"

    def needs_all_integrations(self, model):
        """What is written beside the exposure is written once."""
        return "the flat field that was put together is saved" if self.parameters.save_interpolated_flat else None

    def skip_step(self, input_model):
        """Return a copy of an exposure that says that the step was skipped (S_FLAT); the exposure is closed."""
        result = input_model.copy()
        result.meta.cal_step.flat_field = "SKIPPED"
        input_model.close()
        return result

    def process(self, model, references):
        if _is_interpolated(model):
            return self._flatten_spectra(model, references)
        if self.parameters.save_interpolated_flat:
            self.log.info(
                "save_interpolated_flat: the flat field of this exposure is not interpolated, none is written"
            )
        flat = self._flat(model, references).cutout(model)
        values, flags = usable_flat(flat.data, flat.dq)
        errors = np.zeros_like(values) if flat.err is None else flat.err
        self.log.info("%d of %d pixels have no flat field", np.count_nonzero(flags & _NO_FLAT_FIELD), flags.size)
        model.dq |= flags
        if model.is_guiding:
            flatten(Planes(model.data, model.err), values, errors, self.parameters.inverse)
            return model
        model.var_flat = np.zeros(model.shape, np.float32)
        flatten(planes_of(model), values, errors, self.parameters.inverse)
        return model

    def _flat(self, model, references):
        given = self.parameters.user_supplied_flat
        return References({"flat": self.make_input_path(given)}, model).flat if given else references.flat

    def _flatten_spectra(self, model, references):
        """The flat field of NIRSpec spectra."""
        _require_parts(model)
        types = reference_types_for(model)
        if not types:
            raise SkipStep(f"no flat field is applied to EXP_TYPE {model.meta.exposure.type}", is_expected=True)
        parts = parts_of(model)
        given, chosen = self._given_flats(parts), {}
        if given is None:
            chosen = {name: getattr(references, name) for name in types if name in references}
            for name in types:
                if name not in chosen:
                    self.log.warning("There is no %s reference, it counts as 1", name)
            if not chosen:
                raise SkipStep(f"there is no {' and no '.join(types)} reference")
        applied = {}

        def correct(part):
            if given is not None:
                flat = given.get(id(part))
                if flat is None:
                    raise SkipPart("no flat field was made for it in the run before")
            else:
                flat = self.once(
                    name_of_part(part), lambda: interpolated_flat(part, model, chosen, wavelengths_of(part))
                )
                if _has_both(part, model):
                    uniform = interpolated_flat(part, model, chosen, wavelengths_of(part, uncorrected=True))
                    part.flatfield_point, part.flatfield_uniform = flat.data, uniform.data
            applied[id(part)] = flat
            part.dq |= flat.dq
            part.var_flat = np.zeros(part.shape, np.float32)
            flatten(planes_of(part), flat.data, flat.err, self.parameters.inverse)

        corrected = correct_parts(model, correct, self.log)
        self._keep(model, [(part, applied[id(part)]) for part in corrected])
        return model

    def _given_flats(self, parts):
        """The flats of the user or of a run before, by part; None if they are to be made."""
        source = self.parameters.user_supplied_flat
        if source:
            from hexcal.models.open import open as open_model

            flat = open_model(self.make_input_path(source))
        elif self.use_correction_pars:
            flat = (self.correction_pars or {}).get("flat")
            if flat is None:
                raise InputError(
                    "use_correction_pars needs the flat field of an earlier run, there is none",
                    where=self.where,
                    hint="run the step on the exposure first, or set correction_pars",
                )
            # Those of which none could be made were left out then, and are now.
            made = {slit.get_meta("name") for slit in parts_of(flat)}
            parts = [part for part in parts if part.get_meta("name") in made]
        else:
            return None
        return {id(part): each for part, each in zip(parts, supplied_flats(flat, parts), strict=True)}

    def _keep(self, model, flats):
        """Note what was applied, and save it where that is asked for."""
        from hexcal.steps.flux.flat_product import product_of

        product = product_of(model, flats)
        self.correction_pars = {"flat": product}
        if self.parameters.save_interpolated_flat and not self.parameters.user_supplied_flat:
            self.save_model(product, suffix=self.flat_suffix, force=True)

    def extra_products(self):
        """The flat field that was put together."""
        return [{"suffix": self.flat_suffix}] if self.parameters.save_interpolated_flat else []


def _is_interpolated(model):
    """Whether the flat field of an exposure depends on the wavelength of each pixel: that of spectra of NIRSpec."""
    spectrum = model.observatory.exposure_fact(model.meta.exposure.type, "stage2") == "spec2"
    return spectrum and model.meta.instrument.name == "NIRSPEC"


def _require_parts(model):
    """Refuse a NIRSpec exposure whose slits have not been cut out."""
    if type(model).__name__ in ("MultiSlitModel", "SlitModel", "IFUImageModel") or model.is_ifu:
        return
    raise InputError(
        f"the slits of a NIRSpec spectrum (EXP_TYPE {model.meta.exposure.type}) must be cut out before they are "
        f"flattened; the input is a {type(model).__name__}",
        where=str(model.path or "model in memory"),
        hint="run the step extract_2d first",
    )


def _has_both(part, exposure):
    """Whether a slit is the primary one of a fixed-slit exposure, with a point source in it."""
    return (
        exposure.meta.exposure.type == "NRS_FIXEDSLIT"
        and part.get_meta("name") == exposure.get_meta("meta.instrument.fixed_slit")
        and part.get_meta("source_type") == "POINT"
    )


def usable_flat(flat, flat_dq=None):
    """Return a flat field by which all can be divided, and the flags that it gives to the data.

    Parameters
    ----------
    flat : float32 array (ny, nx)
        SCI of the reference.
    flat_dq : uint32 array (ny, nx), optional
        Its flags, in master bits.

    Returns
    -------
    values : float32 array (ny, nx)
        1 where the flat is NaN, 0, or flagged NO_FLAT_FIELD or DO_NOT_USE.
    flags : uint32 array (ny, nx)
        Those of the reference; NO_FLAT_FIELD and DO_NOT_USE where it is NaN, 0 or has no value.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section flat_field.
    """
    flags = np.zeros(flat.shape, np.uint32) if flat_dq is None else flat_dq.copy()
    missing = np.isnan(flat) | (flat == 0) | (flags & _NO_FLAT_FIELD != 0)
    flags[missing] |= _NO_FLAT_FIELD | _DO_NOT_USE
    return np.where(flags & _DO_NOT_USE != 0, np.float32(1), flat), flags


def flatten(planes, flat, flat_err, inverse=False, threads=None):
    """Divide by a flat field, in place.

    ``SCI / F``, variances ``/ F^2``, ``VAR_FLAT = (SCI / F)^2 ERR_F^2`` with SCI divided already, ``ERR = sqrt(sum of
    the variances)``. Where there are no variances ERR is divided as the data are, and VAR_FLAT added to its square;
    that of a guider exposure (without flags per integration) is not divided, as the documents say. A pixel that is NaN
    in one plane, or DO_NOT_USE, becomes NaN in all, and DO_NOT_USE.

    Parameters
    ----------
    planes : Planes
        The data.
    flat, flat_err : float32 array (ny, nx)
        The flat field and its standard deviation.
    inverse : bool
        Multiply instead; VAR_FLAT is then 0.
    threads : int, optional
        Default: the number of the run.

    Notes
    -----
    JWST pipeline documentation 1.13.5, sections flat_field and error propagation. What they do not say is as measured
    of the reference implementation.
    """

    def flatten_part(part, rows):
        factor = flat[rows] if inverse else 1 / flat[rows]
        relative = np.zeros_like(factor) if inverse else factor * flat_err[rows]
        _flatten_part(planes, part, factor, relative)

    in_blocks(planes.data.shape, flatten_part, threads)


def _flatten_part(planes, part, factor, relative):
    """Work on some rows of some images: multiply by `factor`; `relative` is the relative error of the flat field."""
    data, err = planes.data[part], planes.err[part]
    data *= factor
    of_flat = (data * relative) ** 2
    changed = [data, err]
    if planes.dq is None:
        total = err**2
    elif planes.variances:
        variances = [variance[part] for variance in planes.variances]
        for variance in variances:
            variance *= factor**2
        total, changed = sum(variances), [*changed, *variances]
    else:
        total = (err * factor) ** 2
    np.sqrt(total + of_flat, out=err)
    if planes.var_flat is not None:
        planes.var_flat[part] = of_flat
        changed.append(planes.var_flat[part])
    leave_out(changed, None if planes.dq is None else planes.dq[part])
