"""Values, errors, variances and flags of an exposure, changed together block by block."""

from dataclasses import dataclass

import numpy as np

from hexcal.models.dqflags import pixel

_ROWS = 64
"""Rows of an image that are worked on at one time, per thread, so that they stay in the cache."""
_VALUES = 2**17
"""Values of all images together that are worked on at one time."""
_DO_NOT_USE = np.uint32(pixel.DO_NOT_USE)


@dataclass(frozen=True)
class Planes:
    """What a factor changes: arrays (..., ny, nx), all of one shape.

    Attributes
    ----------
    data, err : float32 array
        Values and their standard deviations.
    dq : uint32 array, optional
        Flags; a guider exposure has none of each integration.
    var_flat : float32 array, optional
        Variance from the errors of the flat field.
    variances : tuple of float32 arrays
        The other variances (Poisson and read noise).
    """

    data: np.ndarray
    err: np.ndarray
    dq: np.ndarray | None = None
    var_flat: np.ndarray | None = None
    variances: tuple = ()

    @property
    def all_variances(self):
        """The variances that there are, that of the flat field among them (tuple of float32 arrays)."""
        return self.variances if self.var_flat is None else (*self.variances, self.var_flat)


def planes_of(model):
    """Return the planes of an exposure (`Planes`); the arrays are those of the model."""
    variances = tuple(array for array in (model.var_poisson, model.var_rnoise) if array is not None)
    return Planes(model.data, model.err, model.dq, model.var_flat, variances)


def in_blocks(shape, work, threads=None):
    """Have work done on blocks of rows that fit into the cache, in threads.

    Parameters
    ----------
    shape : tuple of int
        Of the arrays: (ny, nx) or (nints, ny, nx).
    work : callable
        ``work(part, rows)``: `part` is the index of the block in an array of this shape, `rows` its rows in an image
        (slice).
    threads : int, optional
        Default: the number of the run.
    """
    from hexcal.core import run_bands

    def work_on_rows(first_row, last_row):
        for first in range(first_row, last_row, _ROWS):
            rows = slice(first, min(first + _ROWS, last_row))
            for part in _parts(shape, rows):
                work(part, rows)

    run_bands(work_on_rows, shape[-2], threads=threads)


def _parts(shape, rows):
    """Indices of these rows of all images, of as many images at a time as make a good block."""
    if len(shape) == 2:
        return [(rows,)]
    n_images = max(1, _VALUES // ((rows.stop - rows.start) * shape[-1]))
    return [(slice(first, first + n_images), rows) for first in range(0, shape[0], n_images)]


def scale(planes, factor, threads=None):
    """Multiply values and errors by a number or an image, and variances by its square, in place.

    A pixel that is NaN in one plane, or DO_NOT_USE, becomes NaN in all, and DO_NOT_USE.

    Parameters
    ----------
    planes : Planes
        The exposure.
    factor : float, or array (ny, nx)
        The number, or one for each pixel.
    threads : int, optional
        Default: the number of the run.
    """
    of_values, of_variances = np.asarray(factor, np.float32), np.empty(np.shape(factor), np.float32)
    # Squared before it is rounded, and no plane of float64 for it.
    np.multiply(factor, factor, out=of_variances, dtype=np.float64, casting="unsafe")

    def scale_part(part, rows):
        values = [planes.data[part], planes.err[part]]
        variances = [variance[part] for variance in planes.all_variances]
        for array in values:
            array *= of_values[rows] if of_values.ndim else of_values
        for array in variances:
            array *= of_variances[rows] if of_variances.ndim else of_variances
        leave_out([*values, *variances], None if planes.dq is None else planes.dq[part])

    in_blocks(planes.data.shape, scale_part, threads)


def leave_out(arrays, dq):
    """Make pixels NaN in all arrays that are so in one, or are not to be used.

    Parameters
    ----------
    arrays : list of float32 arrays
        All of one shape; changed in place.
    dq : uint32 array or None
        Flags; get DO_NOT_USE where a pixel is NaN.
    """
    bad = np.isnan(arrays[0])
    for array in arrays[1:]:
        bad |= np.isnan(array)
    if dq is not None:
        bad |= dq & _DO_NOT_USE != 0
        dq[bad] |= _DO_NOT_USE
    for array in arrays:
        array[bad] = np.nan
