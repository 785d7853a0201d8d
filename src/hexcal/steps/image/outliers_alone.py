"""Cosmic rays where there is only one exposure.

Told from stars by their sharpness, which the rest of the image teaches.
"""

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.models.dqflags import pixel
from hexcal.steps.image.local_sky import local_sky
from hexcal.steps.image.outliers_images import FLAGS

_SNR = 10.0
"""Pixels so many errors above the sky are looked at: noise must not look sharp."""
_SEVERAL, _LEAST_SAMPLE = 3, 200
_SHARE, _MARGIN = 0.995, 0.05
_LOWEST = (0.75, 0.85)
"""Less than this is no limit: of straight and of oblique sharpness."""
_LEAST_LIKE = 0.7


def flag_alone(data, errors, dq, number, threads=None):
    """Flag pixels that only one exposure sees, and that are sharper than stars, in place.

    How sharp stars are is taken from the same image, where several exposures agree that there is no cosmic ray: the
    limits are what 99.5 % of its bright pixels do not reach, with a margin; one for neighbours at the sides of a pixel,
    and one for those at its corners, which tells tracks like stairs, whose pixels have about the same light. In images
    whose stars are as sharp as cosmic rays nothing is flagged. Pixels beside a flagged one with about its light (0.7 to
    1.4 of it) are of the same track, whose corners are not sharp. What is bright is bright against the sky around it:
    the sky of the mid-infrared slopes by more than its noise.

    Parameters
    ----------
    data, errors : float32 array (ny, nx)
        An image and its standard deviations.
    dq : uint32 array (ny, nx)
        Its flags, after the comparison with other exposures; gets OUTLIER and DO_NOT_USE.
    number : float32 array (ny, nx)
        How many exposures each pixel was compared with, with its own; NaN: none.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    int
        Number of pixels flagged.
    float or None
        The limit of neighbours at the sides; None if too few bright pixels are seen by several exposures to find it.
    """
    from hexcal.kernels.sharpness import sharpness

    usable = np.isfinite(data) & ((dq & pixel.DO_NOT_USE) == 0)
    sky = local_sky(data, usable)
    if sky is None:
        return 0, None
    net = np.where(usable, data - sky, np.float32(np.nan))
    straight, oblique = np.empty(data.shape, np.float32), np.empty(data.shape, np.float32)
    run_bands(sharpness, data.shape[0], net, errors, _SNR, straight, oblique, threads=threads)
    is_known = usable & (number >= _SEVERAL)
    known = [sharp[is_known & np.isfinite(sharp)] for sharp in (straight, oblique)]
    if min(values.size for values in known) < _LEAST_SAMPLE:
        return 0, None
    limits = [
        max(float(np.quantile(values, _SHARE)), lowest) + _MARGIN for values, lowest in zip(known, _LOWEST, strict=True)
    ]
    alone = usable & ~(number > 1)
    is_sharp = (straight > limits[0]) | _without_brighter(alone & (oblique > limits[1]), net)
    is_bright = np.isfinite(straight) | np.isfinite(oblique)
    hits = _with_tracks(alone & is_sharp, alone & is_bright, net)
    dq[hits] |= FLAGS
    return int(np.count_nonzero(hits)), limits[0]


def _without_brighter(chosen, light):
    """The chosen pixels that have no neighbour that is much brighter: in the corners of a star's wings there is one."""
    y, x = np.nonzero(chosen)
    padded = np.pad(light, 1, constant_values=np.nan)
    around = [padded[y + j, x + i] for j in range(3) for i in range(3)]
    result = np.zeros(chosen.shape, bool)
    result[y, x] = light[y, x] > _LEAST_LIKE * np.fmax.reduce(around)
    return result


def _with_tracks(hits, bright, light):
    """The pixels found and those bright ones beside them that have about as much light."""
    from scipy.ndimage import maximum_filter

    most = maximum_filter(np.where(hits, light, np.float32(0)), 3)
    return hits | (bright & (most > 0) & (light > _LEAST_LIKE * most) & (light < most / _LEAST_LIKE))
