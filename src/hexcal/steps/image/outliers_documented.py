"""Functions of outlier detection under their documented names."""

import numpy as np

from hexcal.errors import InputError
from hexcal.steps.image import resampling
from hexcal.steps.image.outliers_images import Limits, flag_outliers


def flag_cr(sci_image, blot_image, snr="5.0 4.0", scale="1.2 0.7", backg=0.0, resample_data=True):
    """Flag what differs from the median of all exposures, in ``sci_image.dq``.

    Parameters
    ----------
    sci_image : ImageModel
        An exposure; its DQ gets OUTLIER and DO_NOT_USE.
    blot_image : ImageModel or array (ny, nx)
        The median, interpolated to the pixels of the exposure.
    snr, scale : str
        Two numbers each: the limits of the first pass, and those beside a detection.
    backg : float
        Background of the exposure that is not in the median.
    resample_data : bool
        False for images that lie on the grid of the median: the first limit of `snr` holds alone.

    Returns
    -------
    int
        Number of pixels flagged.

    Raises
    ------
    InputError
        If the two are not of one shape.
    """
    expected = np.ascontiguousarray(getattr(blot_image, "data", blot_image), np.float32)
    if expected.shape != sci_image.shape:
        raise InputError(f"image and median must have one shape, got {sci_image.shape} and {expected.shape}")
    pairs = [tuple(float(word) for word in str(text).split()) for text in (snr, scale)]
    if any(len(pair) != 2 for pair in pairs):
        raise InputError(f"snr and scale must be two numbers each, got {snr!r} and {scale!r}")
    limits = Limits(pairs[0], pairs[1])
    if not resample_data:
        limits = Limits((pairs[0][0], pairs[0][0]), (0.0, 0.0), 0)
    level = resampling.level_of(sci_image) + backg
    return flag_outliers(sci_image.data, sci_image.err, sci_image.dq, expected, limits, level)


def abs_deriv(array):
    """Return the largest absolute difference of each pixel to its four neighbours (float32 array (ny, nx)).

    NaN ones do not count.
    """
    array = np.asarray(array, np.float32)
    result = np.zeros_like(array)
    for axis in (0, 1):
        steps = np.abs(np.diff(array, axis=axis))
        low, high = [slice(None)] * 2, [slice(None)] * 2
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        for part in (tuple(low), tuple(high)):
            result[part] = np.fmax(result[part], steps)
    return result
