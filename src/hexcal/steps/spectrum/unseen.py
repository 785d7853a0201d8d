"""How much of the light in an aperture is not seen: beside the field, beyond the torn ends of a band, or on bad pixels.

An aperture is cut into parts, each at one distance from the source: sectors of the rings of a circle, pixels along a
slit. How the light is shared among them changes little with wavelength (circles grow as images do), so it is taken
from all wavelengths together; each one lacks the light of what it does not see.
"""

import numpy as np
from scipy.ndimage import maximum_filter1d

from hexcal.models.dqflags import pixel
from hexcal.steps.spectrum.apertures import MEDIAN, POLYNOMIAL, share_inside

RINGS, SECTORS = 10, 8
"""Parts of the radius and of the circumference of a circle."""
_WHOLE = 0.999
"""A part of the aperture of which so much is seen tells how bright it is."""


def unseen_light(sums, seen, whole, distances):
    """Return which share of the light is not seen at each wavelength.

    Parameters
    ----------
    sums : float64 array (n, parts)
        Light in what is seen of each part of the aperture, at each wavelength, less a background.
    seen, whole : float64 array (n, parts)
        Area of each part that is seen, and all of it.
    distances : int array (parts,)
        From the source, in steps: 0, 1, ...

    Returns
    -------
    float64 array (n,)
        0 to 1; 1 where nothing is seen. A part that is never seen is taken to be as bright as those at the same
        distance, or else the next ones towards the source; where there is no light, the area counts.
    """
    brightness = _brightness(sums, seen, whole, distances)
    if not (brightness > 0).any():
        brightness = np.ones(whole.shape[1])
    total = whole @ brightness
    missing = np.clip(whole - seen, 0, None) @ brightness
    share = np.divide(missing, total, out=np.ones(len(total)), where=total > 0)
    share[seen.sum(axis=1) <= 0] = 1.0
    return share


def _brightness(sums, seen, whole, distances):
    """Brightness of each part, in an unknown unit, at least 0: its median where (nearly) all of it is seen."""
    result = np.full(whole.shape[1], np.nan)
    is_seen = seen >= _WHOLE * whole
    # The source is not as bright at all wavelengths: the same ones for all parts, if there are any.
    complete = is_seen.all(axis=1)
    is_seen = is_seen & complete[:, None] if complete.any() else is_seen
    for part in range(whole.shape[1]):
        used = is_seen[:, part] & (seen[:, part] > 0)
        if used.any():
            result[part] = max(float(np.median(sums[used, part] / seen[used, part])), 0.0)
    level = 0.0
    for distance in range(distances.max() + 1):
        ring = distances == distance
        known = ring & np.isfinite(result)
        level = float(result[known].mean()) if known.any() else level
        result[ring & np.isnan(result)] = level
    return result


def of_slit(data, aperture, background):
    """Return which share of the light in the aperture of a slit is not seen.

    Pixels along the slit that no wavelength sees, and what lies beside the slit, do not count: the aperture is smaller
    by them everywhere, and so is the size for which the aperture correction is made.

    Parameters
    ----------
    data : float32 array (nints, ny, nx)
        Dispersed along the last axis; what is not seen is NaN.
    aperture : Aperture
        Its regions of the source.
    background : float64 array (nints, nx)
        Level that is subtracted.

    Returns
    -------
    float64 array (nints, nx)
        As of `unseen_light`.
    """
    area = share_inside(aperture.lower, aperture.upper, data.shape[1])
    middle = (aperture.lower.min(axis=0) + aperture.upper.max(axis=0)) / 2
    offset = np.rint(np.arange(data.shape[1])[:, None] - middle).astype(int)
    finite = np.isfinite(data)
    share = np.zeros((len(data), data.shape[2]))
    # Most columns have no hole.
    for number in np.flatnonzero((~finite & (area > 0)).any(axis=(1, 2))):
        light = np.where(finite[number], data[number] - background[number], 0.0)
        share[number] = unseen_light(*_by_offset(light, finite[number], area, offset))
    return share


def _by_offset(light, finite, area, offset):
    """Sums, seen and whole areas (nx, parts) by the place of pixels beside the source; distances of the parts."""
    places = np.arange(offset[area > 0].min(), offset[area > 0].max() + 1)
    result = np.zeros((3, area.shape[1], len(places)))
    for number, place in enumerate(places):
        here = np.where(offset == place, area, 0.0)
        result[:, :, number] = [(values * here).sum(axis=0) for values in (light, finite, np.ones(1))]
    ever = (result[1] > 0).any(axis=0)
    sums, seen, whole = result[:, :, ever]
    return sums, seen, whole, np.abs(places[ever])


def background_of_slit(data, aperture):
    """Return whether enough of the background of a slit is seen for its fit: bool array (nints, nx); None without one.

    Parameters
    ----------
    data, aperture
        As of `of_slit`.
    """
    if not aperture.has_background:
        return None
    area = share_inside(aperture.background_lower, aperture.background_upper, data.shape[1])
    seen = np.isfinite(data)
    if aperture.smoothing > 1:
        seen = maximum_filter1d(seen, int(aperture.smoothing), axis=2, mode="constant")
    is_median = aperture.fit == MEDIAN
    needed = aperture.order if aperture.fit == POLYNOMIAL else 0
    return (seen & (area > (_WHOLE if is_median else 0.0))).sum(axis=1) > needed


def flag(dq, share, limit, has_background=None):
    """Flag DO_NOT_USE, in place, wavelengths that lack light, or whose background is not seen.

    Parameters
    ----------
    dq : uint32 array (n,)
        Flags of a spectrum.
    share : float64 array (n,)
        Of the light that is not seen.
    limit : float
        The share that is allowed.
    has_background : bool array (n,), optional
        Whether a background that is to be subtracted is seen.

    Returns
    -------
    int
        Number of wavelengths that are flagged, and were not.
    """
    lacks = share > limit
    if has_background is not None:
        lacks |= ~has_background
    new = int(np.count_nonzero(lacks & (dq & pixel.DO_NOT_USE == 0)))
    dq[lacks] |= np.uint32(pixel.DO_NOT_USE)
    return new


def tell(number, limit, log):
    """Say how many wavelengths are flagged."""
    if number:
        log.info(
            "%d wavelengths lack more than %g %% of the light or their background: DO_NOT_USE", number, 100 * limit
        )
