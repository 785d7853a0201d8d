"""Read-outs of stripes: which lines of the detector the lines of an image are.

A multistripe read-out skips lines. It reads MSTR_RD1 lines from the first one of the detector, skips MSTR_SK1, and then
reads stripes of MSTR_RD2 lines, MSTR_SK2 apart, until the image is full. With MSTR_RPT it begins anew with the first
lines before each stripe: then it goes on to the next stripe with MSTR_ILV, and without it reads the first stripe again.
Lines count in the direction of the slow read-out. Superstripes (SSTR_NST) move their stripes, not the first lines, by
SSTR_STP after each integration (`superstripes`).

Keywords: JWST keyword dictionary (archive.stsci.edu/jwst/keyword). That MSTR_ILV says nothing without MSTR_RPT, and
that SUBSTRT does not say where the first line is, is as in the reference implementation 3.0.0.
"""

import numpy as np

from hexcal.errors import InputError


def is_striped(exposure):
    """Whether an exposure was read out in stripes."""
    subarray = exposure.meta.subarray
    return any(getattr(subarray, name, None) for name in ("multistripe_reads2", "num_superstripe"))


def slow_axis(exposure):
    """Return the axis of the image along which its lines follow each other, -2 or -1, and whether against it."""
    slowaxis = exposure.meta.subarray.slowaxis
    if slowaxis is None:
        slowaxis = exposure.observatory.detector(exposure.meta.instrument.detector).slowaxis
    return (-2 if abs(slowaxis) == 2 else -1), slowaxis < 0


def lines_read(exposure, n_detector):
    """Return which lines of the detector an exposure has, in the order of the image.

    Parameters
    ----------
    exposure : ExposureModel
        Of stripes.
    n_detector : int
        Lines of the detector.

    Returns
    -------
    int array (nlines,)
        Coordinates, from 0, along the axis of `slow_axis`; a line may be there several times.

    Raises
    ------
    InputError
        If the keywords do not fit the image, or lead out of the detector.
    """
    subarray, where = exposure.meta.subarray, str(exposure.path or "MSTR_RD1 ...")
    axis, backwards = slow_axis(exposure)
    n_lines = exposure.shape[axis]
    first, stripe_size = np.arange(subarray.multistripe_reads1 or 0), subarray.multistripe_reads2 or 0
    if exposure.superstripe is not None and (not stripe_size or first.size + stripe_size != n_lines):
        raise InputError(
            f"superstripes must have one stripe each, of MSTR_RD1 + MSTR_RD2 = {first.size + stripe_size} lines; the "
            f"image has {n_lines}",
            where=where,
            hint="read-outs of several stripes at each place, or without MSTR_RD2, cannot be calibrated",
        )
    moved = (exposure.superstripe or 0) * (subarray.superstripe_step or 0)
    stripe = first.size + (subarray.multistripe_skips1 or 0) + moved + np.arange(stripe_size)
    step = stripe.size + (subarray.multistripe_skips2 or 0)
    if subarray.repeat_stripe:
        moves = step if subarray.interleave_reads1 else 0
        n_stripes = -(-n_lines // (first.size + stripe.size))
        parts = [part for k in range(n_stripes) for part in (first, stripe + k * moves)]
    else:
        n_stripes = -(-(n_lines - first.size) // stripe.size)
        parts = [first, *(stripe + k * step for k in range(n_stripes))]
    lines = np.concatenate(parts)
    if lines.size != n_lines or lines.max() >= n_detector:
        raise InputError(
            f"the stripes of the header have {lines.size} lines, up to line {lines.max() + 1} of the detector; the "
            f"image has {n_lines}, the detector {n_detector}",
            where=where,
            hint="MSTR_RD1, MSTR_SK1, MSTR_RD2, MSTR_SK2, MSTR_RPT and MSTR_ILV say which lines are read",
        )
    return n_detector - 1 - lines[::-1] if backwards else lines
