"""Showers: events of cosmic rays that raise hundreds of pixels by less than a jump.

Only the neighbourhood of a pixel shows them.
"""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import helper, kernel
from hexcal.kernels.jump_differences import JUMP_DET, UNUSABLE, variance_of_reads
from hexcal.kernels.regions import CENTER_X, CENTER_Y, MAJOR, MINOR, flag_ellipse, in_ellipse
from hexcal.kernels.selection import median_of

NOTHING = np.uint8(0)
SATURATED = np.uint8(2)
NO_DIFFERENCE = UNUSABLE | JUMP_DET
"""A difference with one of these flags in either of its groups does not count, unless jumps are counted."""


class ShowerTest(NamedTuple):
    """What a shower is, and what is flagged around it.

    threshold : sigma, least mean of the absolute ratio in a ring around a pixel
    inner, outer : pixels, radii of the ring
    least_area : pixels
    expand_ratio : factor on the minor semi-axis of the region; the major one grows by as many pixels
    largest_radius : pixels, bound of the semi-axes of what is flagged
    largest_excess : DN, in a group; a region with more on the mean is no shower
    groups_after : number of later groups that are flagged as well
    jump_limit : sigma, most that the difference into a jump counts; 0: neither it nor the next one counts
    """

    threshold: float
    inner: float
    outer: float
    least_area: float
    expand_ratio: float
    largest_radius: float
    largest_excess: float
    groups_after: int
    jump_limit: float


@helper
def can_count(early, late, jump_limit, as_typical):
    """Whether a difference between samples with these flags counts, for the median of the pixel or in the ring."""
    if jump_limit == 0.0:
        return (early | late) & NO_DIFFERENCE == 0
    return (early | late) & UNUSABLE == 0 and not (as_typical and late & JUMP_DET != 0)


@kernel
def ring_offsets(inner, outer):
    """Offsets (y, x) of the pixels between two radii, both included; int64 (n, 2)."""
    reach = int(np.floor(outer))
    offsets = np.empty(((2 * reach + 1) ** 2, 2), np.int64)
    n = 0
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            if inner * inner <= y * y + x * x <= outer * outer:
                offsets[n, 0], offsets[n, 1] = y, x
                n += 1
    return offsets[:n]


@helper
def counting_differences(samples, first, last, y, x, jump_limit, differences):
    """Write the differences of a pixel that count, electrons, one after the other; their number."""
    data, group_dq, gain = samples.data, samples.group_dq, samples.gain[y, x]
    n = 0
    for i in range(first, last):
        for k in range(1, data.shape[1]):
            if can_count(group_dq[i, k - 1, y, x], group_dq[i, k, y, x], jump_limit, True):
                step = data[i, k, y, x] * gain - data[i, k - 1, y, x] * gain
                if np.isfinite(step):
                    differences[n] = step
                    n += 1
    return n


@kernel
def typical_differences(first_row, last_row, samples, first, last, jump_limit, median, sigma):
    """Median of the differences of every pixel that count, and their expected noise, in electrons; NaN without any.

    Parameters
    ----------
    first_row, last_row : int
        Rows to treat.
    samples : Samples
    first, last : int
        Integrations ``first <= i < last``.
    jump_limit : float
        As of `ShowerTest`.
    median, sigma : float32 arrays (ny, nx)
        Are filled.
    """
    steps = samples.data.shape[1] - 1
    differences = np.empty((last - first) * steps, np.float32)
    for y in range(first_row, last_row):
        for x in range(samples.data.shape[3]):
            n = counting_differences(samples, first, last, y, x, jump_limit, differences)
            value = np.float64(median_of(differences, n)) if n > 0 else np.nan
            median[y, x] = value
            sigma[y, x] = np.sqrt(abs(value) + variance_of_reads(samples, y, x))


@kernel
def ratios_of_group(first_row, last_row, samples, i, k, jump_limit, median, sigma, ratio):
    """Absolute excess of the difference into group k over the median, in sigma; of a jump at most ``jump_limit``.

    NaN where either group is unusable, or holds a jump while jumps are left out.

    Parameters
    ----------
    first_row, last_row : int
        Rows to treat.
    samples : Samples
    i, k : int
        Integration and group.
    jump_limit : float
        As of `ShowerTest`.
    median, sigma : float32 arrays (ny, nx)
        Of `typical_differences`.
    ratio : float32 array (ny, nx)
        Is filled.
    """
    data, group_dq = samples.data, samples.group_dq
    for y in range(first_row, last_row):
        for x in range(data.shape[3]):
            ratio[y, x] = np.nan
            late = group_dq[i, k, y, x]
            if can_count(group_dq[i, k - 1, y, x], late, jump_limit, False) and sigma[y, x] > 0:
                step = (data[i, k, y, x] - data[i, k - 1, y, x]) * samples.gain[y, x]
                ratio[y, x] = abs(step - median[y, x]) / sigma[y, x]
                if late & JUMP_DET != 0:
                    ratio[y, x] = min(ratio[y, x], jump_limit)


@kernel
def mark_raised(first_row, last_row, ratio, offsets, threshold, raised):
    """Mark the pixels around which the mean ratio of the usable pixels of the ring reaches the threshold.

    Parameters
    ----------
    first_row, last_row : int
        Rows to treat.
    ratio : float32 array (ny, nx)
    offsets : int64 array (n, 2)
        Of `ring_offsets`.
    threshold : float
    raised : bool array (ny, nx)
        Is filled.
    """
    ny, nx = ratio.shape
    for y in range(first_row, last_row):
        for x in range(nx):
            total, n = 0.0, 0
            for j in range(offsets.shape[0]):
                ya, xa = y + offsets[j, 0], x + offsets[j, 1]
                if 0 <= ya < ny and 0 <= xa < nx and ratio[ya, xa] == ratio[ya, xa]:
                    total += ratio[ya, xa]
                    n += 1
            raised[y, x] = ratio[y, x] == ratio[y, x] and n > 0 and total >= threshold * n


@helper
def mean_excess(samples, i, k, region, median, jump_limit):
    """Mean excess of the difference into group k over the median in the ellipse of a region, DN.

    Pixels whose difference counts.
    """
    data, group_dq, gain = samples.data, samples.group_dq, samples.gain
    ny, nx = gain.shape
    reach = int(np.ceil(region[MAJOR]))
    y0, x0 = int(np.rint(region[CENTER_Y])), int(np.rint(region[CENTER_X]))
    total, n = 0.0, 0
    for y in range(max(y0 - reach, 0), min(y0 + reach + 1, ny)):
        for x in range(max(x0 - reach, 0), min(x0 + reach + 1, nx)):
            counts = can_count(group_dq[i, k - 1, y, x], group_dq[i, k, y, x], jump_limit, False)
            if not counts or not gain[y, x] > 0:
                continue
            excess = data[i, k, y, x] - data[i, k - 1, y, x] - median[y, x] / gain[y, x]
            inside = in_ellipse(
                region, y, x, region[CENTER_Y], region[CENTER_X], max(region[MAJOR], 0.5), max(region[MINOR], 0.5)
            )
            if inside and np.isfinite(excess):
                total += excess
                n += 1
    return total / n if n > 0 else 0.0


@kernel
def flag_regions(samples, i, k, regions, median, test):
    """Flag the ellipses of the showers of a group, in it and in later groups; the number of showers."""
    group_dq = samples.group_dq
    excess = np.empty(len(regions))
    for j in range(len(regions)):
        excess[j] = mean_excess(samples, i, k, regions[j], median, test.jump_limit)
    n_showers = 0
    for j in range(len(regions)):
        if abs(excess[j]) > test.largest_excess:
            continue
        region = regions[j]
        growth = (test.expand_ratio - 1.0) * region[MINOR]
        major, minor = (
            min(region[MAJOR] + growth, test.largest_radius),
            min(region[MINOR] + growth, test.largest_radius),
        )
        for later in range(k, min(k + test.groups_after + 1, group_dq.shape[1])):
            flag_ellipse(group_dq[i, later], region, major, minor, JUMP_DET, NOTHING, SATURATED)
        n_showers += 1
    return n_showers
