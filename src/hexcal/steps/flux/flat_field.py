"""Divide images by the flat field."""

import numpy as np

from hexcal.core import Step, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.references.bundle import References
from hexcal.steps.flux.planes import Planes, in_blocks, leave_out, planes_of

_NO_FLAT_FIELD, _DO_NOT_USE = np.uint32(pixel.NO_FLAT_FIELD), np.uint32(pixel.DO_NOT_USE)


class FlatFieldStep(Step):
    """Divide by the flat field, and carry its errors and flags along.

    All modes but the spectra of NIRSpec, whose flat field is put together from three references for the wavelength of
    each pixel: they are refused until a later version.
    """

    alias = "flat_field"
    reference_types = ("flat", "fflat", "sflat", "dflat")
    input_model = ("ImageModel", "CubeModel", "IFUImageModel", "GuiderCalModel")

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
        return () if self.parameters.user_supplied_flat or _is_interpolated(model) else ("flat",)

    def process(self, model, references):
        if _is_interpolated(model):
            raise InputError(
                f"the flat field of NIRSpec spectra (EXP_TYPE {model.meta.exposure.type}) is not in this version of "
                "Hexcal",
                where=str(model.path or "EXP_TYPE"),
                hint="skip=true leaves the step out",
            )
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


def _is_interpolated(model):
    """Whether the flat field of an exposure depends on the wavelength of each pixel: that of spectra of NIRSpec."""
    spectrum = model.observatory.exposure_fact(model.meta.exposure.type, "stage2") == "spec2"
    return spectrum and model.meta.instrument.name == "NIRSPEC"


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
