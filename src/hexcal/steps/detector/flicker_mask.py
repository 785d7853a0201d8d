"""Which pixels see no source, and what background they have: what the fit of flicker noise stands on."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from hexcal.errors import InputError

_CLIP, _ROUNDS = 3.0, 5
_BOX = (32, 32)


def draft_rate(data, group_dq, unusable):
    """Return the mean difference of unflagged neighbouring groups.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        At least two groups.
    group_dq : uint8 array (nints, ngroups, ny, nx)
    unusable : int
        A difference with one of these flags in either of its groups is left out.

    Returns
    -------
    float32 array (nints, ny, nx), DN per group
        NaN where no difference is left.
    """
    n_ints, n_groups, ny, nx = data.shape
    total, count = np.zeros((n_ints, ny, nx), np.float32), np.zeros((n_ints, ny, nx), np.uint16)
    for integration in range(n_ints):
        for number in range(1, n_groups):
            flags = group_dq[integration, number - 1 : number + 1] & unusable
            difference = data[integration, number] - data[integration, number - 1]
            good = ((flags[0] | flags[1]) == 0) & np.isfinite(difference)
            total[integration] += np.where(good, difference, 0)
            count[integration] += good
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / count


@dataclass(frozen=True)
class Distribution:
    """What is left of a set of values without those far from the median.

    Median, standard deviation, and root mean square deviation of those below it.
    """

    median: float
    sigma: float
    lower_sigma: float


def clipped(values, clip=_CLIP, rounds=_ROUNDS, by_lower_side=False):
    """Leave out values beyond `clip` sigma of the median, repeatedly.

    Parameters
    ----------
    values : float array
        NaN does not count.
    clip : float
        Sigma.
    rounds : int
        At most.
    by_lower_side : bool
        From the second round on, take for sigma the root mean square deviation of the values below the median: sources
        are above it.

    Returns
    -------
    Distribution
        Of NaN without any value.

    Notes
    -----
    The values are sorted once; each round is then two searches, and sums over what is left.
    """
    from hexcal.kernels.flicker import sums_between

    values = np.sort(values[np.isfinite(values)])
    if values.size == 0:
        return Distribution(np.nan, np.nan, np.nan)
    # Moments about a number within the distribution, in double precision: nothing cancels.
    zero = np.float64(values[values.size // 2])

    def middle_and_sigma(first, last):
        count = last - first
        middle = (np.float64(values[first + (count - 1) // 2]) + np.float64(values[first + count // 2])) / 2
        total, square = sums_between(first, last, values, zero)
        return middle, np.sqrt(max(square / count - (total / count) ** 2, 0.0))

    def below(first, middle):
        last = max(bisect_left(values, middle), first)
        square = sums_between(first, last, values, middle)[1]
        return np.sqrt(square / (last - first)) if last > first else 0.0

    first, last = 0, values.size
    middle, sigma = middle_and_sigma(first, last)
    for number in range(rounds):
        width = clip * (below(first, middle) if by_lower_side and number else sigma)
        cut = bisect_left(values, middle - width), bisect_right(values, middle + width)
        inner = max(cut[0], first), min(cut[1], last)
        if inner == (first, last) or inner[0] >= inner[1]:
            break
        first, last = inner
        middle, sigma = middle_and_sigma(first, last)
    return Distribution(float(middle), float(sigma), float(below(first, middle)))


def histogram_statistics(values):
    """Return center and width of the peak of the histogram of values, by the fit of a normal distribution: two floats.

    Sources skew the distribution to one side; the peak is of the background.
    """
    from scipy.optimize import curve_fit

    known = clipped(values)
    center, sigma = known.median, known.sigma
    if not sigma > 0:
        return center, sigma
    finite = values[np.isfinite(values)]
    counts, edges = np.histogram(finite, bins=200, range=(center - 4 * sigma, center + 4 * sigma))
    middle = (edges[1:] + edges[:-1]) / 2
    # Up to half the height on the far side, all of the near side: there are no negative sources.
    top = middle[np.argmax(counts)]
    inside = middle < top + sigma

    def normal(x, height, mean, width):
        return height * np.exp(-0.5 * ((x - mean) / width) ** 2)

    try:
        fitted, _ = curve_fit(normal, middle[inside], counts[inside], p0=(counts.max(), top, sigma))
    except RuntimeError:
        # The fit has no solution for a flat or two-peaked histogram; the clipped values are what is known then.
        return center, sigma
    return float(fitted[1]), float(abs(fitted[2]))


def source_free(rate, bad, n_sigma, histogram=False):
    """Return which pixels see no source: bool array like `rate`.

    Parameters
    ----------
    rate : float array (ny, nx)
        A rate, or a difference of groups.
    bad : bool array (ny, nx)
        Pixels that do not count.
    n_sigma : float
        Pixels further above the center of the distribution are taken for sources; those 3 sigma below it are bad.
    histogram : bool
        Center and width from a fit to the histogram.
    """
    good = ~bad & np.isfinite(rate)
    if histogram:
        center, sigma = histogram_statistics(rate[good])
    else:
        known = clipped(rate[good])
        center, sigma = known.median, known.sigma
    with np.errstate(invalid="ignore"):
        return good & (rate <= center + n_sigma * sigma) & (rate >= center - _CLIP * sigma)


def background_model(image, usable, box=None, threads=None):
    """Return a smooth background: medians in boxes, interpolated.

    Parameters
    ----------
    image : float32 array (ny, nx)
    usable : bool array (ny, nx)
        Pixels that see no source.
    box : sequence of 2 int, optional
        Size of a box (ny, nx), pixels; default 32.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    float32 array (ny, nx)
        Linear between the middles of the boxes, after a median over 3 x 3 boxes; boxes without usable pixels have the
        value of the nearest one.
    """
    from scipy.ndimage import distance_transform_edt, median_filter

    from hexcal.core.bands import run_bands
    from hexcal.kernels.flicker import box_medians

    ny, nx = image.shape
    height, width = box or _BOX
    if not (1 <= height <= ny and 1 <= width <= nx):
        raise InputError(
            f"background_box_size must be two numbers of pixels within the image of {ny} x {nx}, got {height}, {width}",
            where="background_box_size",
        )
    n_rows, n_columns = max(1, round(ny / height)), max(1, round(nx / width))
    rows, columns = (np.linspace(0, size, n + 1).astype(int) for size, n in ((ny, n_rows), (nx, n_columns)))
    coarse = np.empty((n_rows, n_columns))
    run_bands(box_medians, n_rows, image, usable, rows, columns, _CLIP, _ROUNDS, coarse, threads=threads)
    empty = np.isnan(coarse)
    if empty.all():
        return np.zeros_like(image)
    if empty.any():
        nearest = np.asarray(distance_transform_edt(empty, return_distances=False, return_indices=True))
        coarse = coarse[tuple(nearest)]
    coarse = median_filter(coarse, 3, mode="nearest").astype(np.float32)
    return _between(ny, n_rows) @ coarse @ _between(nx, n_columns).T


def _between(size, n_boxes):
    """Weights of the boxes for each pixel, by linear interpolation between the middles of boxes.

    Float32 (size, n_boxes).
    """
    place = np.clip((np.arange(size) + 0.5) / size * n_boxes - 0.5, 0, n_boxes - 1)
    lower = np.minimum(place.astype(int), max(n_boxes - 2, 0))
    weights = np.zeros((size, n_boxes), np.float32)
    weights[np.arange(size), lower] = 1 - (place - lower)
    if n_boxes > 1:
        weights[np.arange(size), lower + 1] = place - lower
    return weights
