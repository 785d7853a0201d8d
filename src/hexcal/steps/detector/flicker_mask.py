"""Which pixels see no source, and what background they have: what the fit of flicker noise stands on."""

from typing import Any

import numpy as np

from hexcal.errors import InputError

_CLIP, _ROUNDS = 3.0, 10
_BOX = (32, 32)


def draft_rate(data, group_dq, unusable):
    """Return the mean difference of unflagged neighbouring groups.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        At least two groups.
    group_dq : uint8 array (nints, ngroups, ny, nx)
    unusable : int
        A difference with one of these flags in its later group, or with any that is not a jump in its first one, is left out.

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


def clipped_statistics(values, clip=_CLIP):
    """Return median and standard deviation of values, without those beyond `clip` standard deviations, repeated: two floats."""
    values = values[np.isfinite(values)].astype(np.float64)
    if values.size == 0:
        return np.nan, np.nan
    for _ in range(_ROUNDS):
        center, sigma = np.median(values), values.std()
        kept = values[np.abs(values - center) <= clip * sigma]
        if kept.size == values.size or kept.size == 0:
            break
        values = kept
    return float(np.median(values)), float(values.std())


def histogram_statistics(values):
    """Return center and width of the peak of the histogram of values, by the fit of a normal distribution: two floats.

    Sources skew the distribution to one side; the peak is of the background.
    """
    from scipy.optimize import curve_fit

    center, sigma = clipped_statistics(values)
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
        Pixels further from the center of the distribution are taken for sources (or holes).
    histogram : bool
        Center and width from a fit to the histogram.
    """
    good = ~bad & np.isfinite(rate)
    statistics = histogram_statistics if histogram else clipped_statistics
    center, sigma = statistics(rate[good])
    with np.errstate(invalid="ignore"):
        return good & (np.abs(rate - center) <= n_sigma * sigma)


def background_model(image, usable, box=None):
    """Return a smooth background: medians in boxes, interpolated.

    Parameters
    ----------
    image : float32 array (ny, nx)
    usable : bool array (ny, nx)
        Pixels that see no source.
    box : sequence of 2 int, optional
        Size of a box (ny, nx), pixels; default 32.

    Returns
    -------
    float32 array (ny, nx)
        Linear between the middles of the boxes, after a median over 3 x 3 boxes; boxes without usable pixels have the value of the nearest one.
    """
    from scipy.ndimage import distance_transform_edt, map_coordinates, median_filter

    ny, nx = image.shape
    height, width = box or _BOX
    if not (1 <= height <= ny and 1 <= width <= nx):
        raise InputError(
            f"background_box_size must be two numbers of pixels within the image of {ny} x {nx}, got {height}, {width}",
            where="background_box_size",
        )
    n_rows, n_columns = max(1, round(ny / height)), max(1, round(nx / width))
    rows, columns = (np.linspace(0, size, n + 1).astype(int) for size, n in ((ny, n_rows), (nx, n_columns)))
    coarse = np.full((n_rows, n_columns), np.nan)
    for j in range(n_rows):
        for i in range(n_columns):
            part = np.s_[rows[j] : rows[j + 1], columns[i] : columns[i + 1]]
            coarse[j, i] = clipped_statistics(image[part][usable[part]])[0]
    if np.isnan(coarse).all():
        return np.zeros_like(image)
    if np.isnan(coarse).any():
        nearest: Any = distance_transform_edt(np.isnan(coarse), return_distances=False, return_indices=True)
        coarse = coarse[tuple(nearest)]
    coarse = median_filter(coarse, 3, mode="nearest")
    y = (np.arange(ny) + 0.5) / ny * n_rows - 0.5
    x = (np.arange(nx) + 0.5) / nx * n_columns - 0.5
    return map_coordinates(coarse, np.meshgrid(y, x, indexing="ij"), order=1, mode="nearest", output=np.float32)
