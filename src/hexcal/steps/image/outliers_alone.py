"""Cosmic rays where there is only one exposure.

Told from stars by their sharpness, which the rest of the image teaches.
"""

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.models.dqflags import pixel
from hexcal.steps.image.outliers_images import FLAGS

_SNR = 10.0
"""Pixels so many errors above the sky are looked at: noise must not look sharp."""
_SEVERAL, _LEAST_SAMPLE = 3, 200
_SHARE, _MARGIN, _LOWEST = 0.995, 0.05, 0.75
_LEAST_LIKE = 0.7


def flag_alone(data, errors, dq, number, threads=None):
    """Flag pixels that only one exposure sees, and that are sharper than stars, in place.

    How sharp stars are is taken from the same image, where several exposures agree that there is no cosmic ray: the
    limit is what 99.5 % of its bright pixels do not reach, with a margin. In images whose stars are as sharp as cosmic
    rays nothing is flagged. Pixels beside a flagged one with about its light (0.7 to 1.4 of it) are of the same track,
    whose corners are not sharp.

    Parameters
    ----------
    data, errors : float32 array (ny, nx)
        An image and its standard deviations.
    dq : uint32 array (ny, nx)
        Its flags, after the comparison with other exposures; gets OUTLIER and DO_NOT_USE.
    number : float32 array (ny, nx)
        How many exposures see each pixel; NaN: only this one.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    int
        Number of pixels flagged.
    float or None
        The limit; None if too few bright pixels are seen by several exposures to find it.
    """
    from hexcal.kernels.outliers import sharpness

    usable = np.isfinite(data) & ((dq & pixel.DO_NOT_USE) == 0)
    if not usable.any():
        return 0, None
    sharp = np.empty(data.shape, np.float32)
    sky = float(np.median(data[usable]))
    run_bands(sharpness, data.shape[0], data, errors, sky, _SNR, sharp, threads=threads)
    known = sharp[usable & (number >= _SEVERAL) & np.isfinite(sharp)]
    if known.size < _LEAST_SAMPLE:
        return 0, None
    limit = max(float(np.quantile(known, _SHARE)), _LOWEST) + _MARGIN
    alone = usable & ~(number > 1)
    hits = _with_tracks(alone & (sharp > limit), alone & np.isfinite(sharp), data - sky)
    dq[hits] |= FLAGS
    return int(np.count_nonzero(hits)), limit


def _with_tracks(hits, bright, light):
    """The pixels found and those bright ones beside them that have about as much light."""
    from scipy.ndimage import maximum_filter

    most = maximum_filter(np.where(hits, light, np.float32(0)), 3)
    return hits | (bright & (most > 0) & (light > _LEAST_LIKE * most) & (light < most / _LEAST_LIKE))
