"""Divide images by the flat field."""

from dataclasses import dataclass

import numpy as np

from hexcal.core import Step, StepParameters, parameter
from hexcal.models.dqflags import pixel
from hexcal.references.bundle import References

_ROWS = 64
"""Rows of an image that are worked on at one time, per thread, so that they stay in the cache."""
_VALUES = 2**17
"""Values of all images together that are worked on at one time."""
_NO_FLAT_FIELD, _DO_NOT_USE = np.uint32(pixel.NO_FLAT_FIELD), np.uint32(pixel.DO_NOT_USE)


class FlatFieldStep(Step):
    """Divide by the flat field, and carry its errors and flags along."""

    alias = "flat_field"
    reference_types = ("flat",)
    input_model = ("ImageModel", "CubeModel", "IFUImageModel", "GuiderCalModel")

    class Parameters(StepParameters):
        """Which flat field, and which way."""

        user_supplied_flat: str | None = parameter(
            None, "Flat field file of the user, instead of the reference that the rules choose."
        )
        inverse: bool = parameter(False, "Multiply by the flat field instead, to take back the division.")

    def references_needed(self, model):
        """None where the user gives a file."""
        return () if self.parameters.user_supplied_flat else self.reference_types

    def process(self, model, references):
        flat = self._flat(model, references).cutout(model)
        values, flags = usable_flat(flat.data, flat.dq)
        errors = np.zeros_like(values) if flat.err is None else flat.err
        self.log.info("%d of %d pixels have no flat field", np.count_nonzero(flags & _NO_FLAT_FIELD), flags.size)
        model.dq |= flags
        if model.is_guiding:
            flatten(Planes(model.data, model.err), values, errors, self.parameters.inverse)
            return model
        model.var_flat = np.zeros(model.shape, np.float32)
        planes = Planes(model.data, model.err, model.dq, model.var_flat, _variances(model))
        flatten(planes, values, errors, self.parameters.inverse)
        return model

    def _flat(self, model, references):
        given = self.parameters.user_supplied_flat
        return References({"flat": self.make_input_path(given)}, model).flat if given else references.flat


def _variances(model):
    return tuple(array for array in (model.var_poisson, model.var_rnoise) if array is not None)


@dataclass(frozen=True)
class Planes:
    """What a flat field changes: arrays (..., ny, nx), all of one shape.

    Attributes
    ----------
    data, err : float32 array
        Values and their standard deviations.
    dq : uint32 array, optional
        Flags; a guider exposure has none of each integration.
    var_flat : float32 array, optional
        Gets the variance from the errors of the flat field.
    variances : tuple of float32 arrays
        The variances of which, with `var_flat`, ERR is the square root.
    """

    data: np.ndarray
    err: np.ndarray
    dq: np.ndarray | None = None
    var_flat: np.ndarray | None = None
    variances: tuple = ()


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

    ``SCI / F``, variances ``/ F^2``, ``VAR_FLAT = (SCI / F)^2 ERR_F^2`` with SCI divided already, ``ERR = sqrt(sum of the variances)``. Where there are no
    variances ERR is divided as the data are, and VAR_FLAT added to its square; that of a guider exposure (without flags per integration) is not divided, as
    the documents say. A pixel that is NaN in one plane, or DO_NOT_USE, becomes NaN in all, and DO_NOT_USE.

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
    JWST pipeline documentation 1.13.5, sections flat_field and error propagation. What they do not say is as measured of the reference implementation.
    """
    from hexcal.core import run_bands

    def flatten_rows(first_row, last_row):
        for first in range(first_row, last_row, _ROWS):
            rows = slice(first, min(first + _ROWS, last_row))
            factor = flat[rows] if inverse else 1 / flat[rows]
            relative = np.zeros_like(factor) if inverse else factor * flat_err[rows]
            for part in _parts(planes.data.shape, rows):
                _flatten_part(planes, part, factor, relative)

    run_bands(flatten_rows, flat.shape[0], threads=threads)


def _parts(shape, rows):
    """Indices of these rows of all images, of as many images at a time as make a good block."""
    if len(shape) == 2:
        return [(rows,)]
    n_images = max(1, _VALUES // ((rows.stop - rows.start) * shape[-1]))
    return [(slice(first, first + n_images), rows) for first in range(0, shape[0], n_images)]


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
    _leave_out(changed, None if planes.dq is None else planes.dq[part])


def _leave_out(arrays, dq):
    """Make pixels NaN in all arrays that are so in one, or are not to be used."""
    bad = np.isnan(arrays[0])
    for array in arrays[1:]:
        bad |= np.isnan(array)
    if dq is not None:
        bad |= dq & _DO_NOT_USE != 0
        dq[bad] |= _DO_NOT_USE
    for array in arrays:
        array[bad] = np.nan
