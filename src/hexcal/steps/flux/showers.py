"""The extended light of cosmic-ray showers on MIRI MRS detectors, by the pixels between the slices."""

from typing import NamedTuple

import numpy as np

from hexcal.models.dqflags import pixel

_LEFT_OUT = np.uint32(pixel.DO_NOT_USE | pixel.REFERENCE_PIXEL)
_REACH = 4.0
"""Reach of the smoothing, in standard deviations of the wider direction."""


class Limits(NamedTuple):
    """Percentiles of the pixels between the slices; those outside are left out."""

    low: float
    high: float


def shower_model(image, dq, between, widths, limits):
    """Return the light of showers at all pixels, interpolated from those between the slices.

    Parameters
    ----------
    image : float32 array (ny, nx)
        Count rates, DN/s; NaN does not count.
    dq : uint32 array (ny, nx)
        Flags; DO_NOT_USE and REFERENCE_PIXEL do not count.
    between : bool array (ny, nx)
        Pixels between the slices.
    widths : (float, float)
        Standard deviations of the Gaussian along rows and along columns, pixels.
    limits : Limits
        Which of them count.

    Returns
    -------
    float32 array (ny, nx) or None
        DN/s; 0 where no pixel that counts is within reach. None if there is none at all.

    Notes
    -----
    JWST pipeline documentation, straylight, "Residual Shower Correction". Beyond the edges of the detector there is no
    shower, as in release 3.0.0: the model falls to 0 there.
    """
    counts = between & np.isfinite(image) & (dq & _LEFT_OUT == 0)
    if not counts.any():
        return None
    low, high = np.percentile(image[counts].astype(np.float64), [limits.low, limits.high])
    counts &= (image >= low) & (image <= high)
    reach = int(np.ceil(_REACH * max(widths)))
    light = _smoothed(np.where(counts, image, 0.0).astype(np.float64), widths, reach, 0.0)
    weight = _smoothed(counts.astype(np.float64), widths, reach, 1.0)
    known = weight > np.finfo(np.float64).tiny
    return np.where(known, light / np.where(known, weight, 1.0), 0.0).astype(np.float32)


def _smoothed(values, widths, reach, beyond):
    """Sum of values weighted by a Gaussian; `beyond` is what is outside of the edges."""
    from scipy.ndimage import correlate1d

    for axis, width in ((1, widths[0]), (0, widths[1])):
        distance = np.arange(-reach, reach + 1)
        kernel = np.exp(-0.5 * (distance / width) ** 2)
        values = correlate1d(values, kernel / kernel.sum(), axis=axis, mode="constant", cval=beyond)
    return values
