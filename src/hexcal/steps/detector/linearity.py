"""Correct the counts for the non-linear response of the detector."""

import functools

import numpy as np

from hexcal.core import Step
from hexcal.errors import ReferenceError_
from hexcal.models import dqflags
from hexcal.models.dqflags import group, pixel
from hexcal.steps.detector.flags import add_flags
from hexcal.steps.detector.zero_frame import correct_zero_frame

_ROWS = 32
"""Rows whose coefficients are in memory at one time, per thread: 1.3 MB for five coefficients of 2048 columns, so that
they stay in the cache.
"""


class LinearityStep(Step):
    """Correct every group for the non-linear response of its pixel."""

    alias = "linearity"
    reference_types = ("linearity",)
    reads_ahead = {"linearity": ("dq",)}
    input_model = "RampModel"
    by_integration = True

    def process(self, ramp, references):
        reference = references.linearity.cutout(ramp)
        if reference.shape[0] < 2:
            raise ReferenceError_(
                f"the linearity polynomial needs at least the orders 0 and 1, COEFFS has {reference.shape[0]} plane",
                where=str(reference.path),
            )
        no_correction = dqflags.of(ramp.observatory).get("NO_LIN_CORR", 0)
        how = ramp.pixeldq, functools.partial(reference.read, "coeffs"), reference.dq, no_correction
        correct_linearity(ramp.data, ramp.groupdq, *how)
        correct_zero_frame(ramp, lambda data, group_dq: correct_linearity(data, group_dq, *how))
        return ramp


def correct_linearity(
    data, group_dq, pixel_dq, read_coefficients, reference_dq, no_correction=pixel.NO_LIN_CORR, threads=None
):
    """Replace each value F by ``c0 + c1 F + c2 F^2 + ... + cn F^n``, in place.

    Not corrected: groups flagged SATURATED; pixels that the reference flags NO_LIN_CORR, that have a NaN among their
    coefficients, or a linear coefficient of 0 (a pixel that was never fitted). Such pixels, but not saturated groups,
    are flagged NO_LIN_CORR.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags; only read.
    pixel_dq : uint32 array (ny, nx)
        Gets the flags of the reference, and NO_LIN_CORR.
    read_coefficients : callable
        ``read_coefficients(index)`` gives part of the (ncoeffs, ny, nx) coefficients, plane = order, as a contiguous
        float32 array: they are five times the size of an image, and never needed as a whole.
    reference_dq : uint32 array (ny, nx) or None
        Flags of the reference, in master bits.
    no_correction : int
        The flag NO_LIN_CORR; 0 where an observatory has none.
    threads : int, optional
        Default: the number of the run.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section linearity. That a linear coefficient of 0 means "not corrected", and
    the evaluation in float32 from the highest order down, are those of the reference implementation.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.linearity import linearize

    add_flags(pixel_dq, reference_dq, threads)

    def correct(first_row, last_row):
        for first in range(first_row, last_row, _ROWS):
            last = min(first + _ROWS, last_row)
            coefficients = read_coefficients(np.s_[:, first:last])
            flags = None if reference_dq is None else reference_dq[first:last]
            uncorrected = without_correction(coefficients, flags, no_correction)
            pixel_dq[first:last][uncorrected] |= np.uint32(no_correction)
            linearize(first, last, data, group_dq, coefficients, first, uncorrected, group.SATURATED)

    run_bands(correct, data.shape[2], threads=threads)


def without_correction(coefficients, reference_dq, no_correction):
    """Return which pixels the reference gives no correction for.

    Parameters
    ----------
    coefficients : float32 array (ncoeffs, rows, nx)
        Plane = order.
    reference_dq : uint32 array (rows, nx) or None
        Flags in master bits.
    no_correction : int
        The flag NO_LIN_CORR, or 0.

    Returns
    -------
    bool array (rows, nx)
    """
    uncorrected = coefficients[1] == 0
    for plane in coefficients:
        uncorrected |= np.isnan(plane)
    if reference_dq is not None:
        uncorrected |= (reference_dq & np.uint32(no_correction)) != 0
    return uncorrected
