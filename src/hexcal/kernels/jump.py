"""Find jumps in ramps by two-point differences."""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import borrower, kernel
from hexcal.kernels.jump_differences import (
    JUMP_DET,
    gather_differences,
    is_flagged,
    mark_pixel,
    median_of_sorted,
    shell_sort,
    variance_of_reads,
)
from hexcal.kernels.jump_suspects import CHUNK, acquit, suspects


class TwoPointTest(NamedTuple):
    """How two-point differences are tested.

    normal, four_group, three_group : thresholds in sigma for many differences, for three, for two
    limits : range of the ratio (with the plain median and sign), in sigma, in which neighbours are flagged;
        none if the second is not above the first
    pool_integrations : take the differences of all integrations together
    single_pass : which of the two tests
    """

    normal: float
    four_group: float
    three_group: float
    limits: tuple
    pool_integrations: bool
    single_pass: bool


class Scratch(NamedTuple):
    """Differences of a pixel as they come, and in order; numbers of `suspects`."""

    difference: np.ndarray
    ordered: np.ndarray
    work: np.ndarray
    suspect: np.ndarray


@borrower
def usual_range(ordered, n, variance, test):
    """Lowest and highest absolute difference that are not jumps, by the repeated test of short ramps.

    The jumps are always the extremes of what is left, so that the differences without jumps are a window of the ordered
    ones: each pass either closes the window by the values with the largest ratio (all equal ones together), or ends.
    """
    low, high = 0, n
    while high - low >= 2:
        left = high - low
        threshold = test.normal
        if left == 2:
            median = np.float64(ordered[low])
            threshold = test.three_group
        elif left == 3:
            median = np.float64(ordered[low + 1])
            threshold = test.four_group
        else:
            below = high - 1
            while below > low and ordered[below - 1] == ordered[high - 1]:
                below -= 1
            if below == low:
                break
            median = median_of_sorted(ordered, low, below)
        sigma = np.sqrt(median + variance)
        if not sigma > 0.0:
            break
        largest, smallest = ordered[high - 1], ordered[low]
        above, under = (largest - median) / sigma, (median - smallest) / sigma
        if not max(above, under) > threshold:
            break
        if above >= under:
            while ordered[high - 1] == largest:
                high -= 1
        if under >= above:
            while ordered[low] == smallest:
                low += 1
    if high <= low:
        return np.float32(np.inf), np.float32(-np.inf)
    return ordered[low], ordered[high - 1]


@borrower
def flag_outside(group_dq, difference, first, y, x, low, high, absolute):
    """Flag the groups of the differences outside ``low .. high``; whether there was one."""
    steps = group_dq.shape[1] - 1
    outside = False
    for j in range(difference.shape[0]):
        step = abs(difference[j]) if absolute else difference[j]
        if step < low or step > high:
            group_dq[first + j // steps, 1 + j % steps, y, x] |= JUMP_DET
            outside = True
    return outside


@borrower
def flag_ratios(group_dq, difference, first, y, x, median, sigma, threshold):
    """Flag the groups of the differences that lie more than ``threshold * sigma`` from the median."""
    steps = group_dq.shape[1] - 1
    if not sigma > 0.0:
        return
    for j in range(difference.shape[0]):
        if abs(np.float64(difference[j]) - median) / sigma > threshold:
            group_dq[first + j // steps, 1 + j % steps, y, x] |= JUMP_DET


@borrower
def find_in_pixel(samples, test, first, last, y, x, scratch, spread):
    """Flag the jumps of one pixel, and mark those that pass to the neighbours."""
    group_dq, difference, ordered = samples.group_dq, scratch.difference, scratch.ordered
    variance = variance_of_reads(samples, y, x)
    if not test.single_pass:
        n = gather_differences(samples, first, last, y, x, difference, ordered, True)
        shell_sort(ordered, n)
        low, high = usual_range(ordered, n, variance, test)
        has_jumps = flag_outside(group_dq, difference, first, y, x, low, high, True)
        if not has_jumps and not is_flagged(group_dq, first, last, y, x):
            return
    n = gather_differences(samples, first, last, y, x, difference, ordered, False)
    shell_sort(ordered, n)
    median = median_of_sorted(ordered, 0, n) if n > 0 else np.nan
    sigma = np.sqrt(abs(median) + variance)
    if test.single_pass:
        flag_ratios(group_dq, difference, first, y, x, median, sigma, test.normal)
    mark_pixel(group_dq, spread, first, last, y, x, difference, median, sigma, test.limits)


@borrower
def find_in_chunk(samples, test, first, last, y, x0, scratch, spread):
    """Flag the jumps of `CHUNK` columns of a row."""
    width = min(CHUNK, samples.data.shape[3] - x0)
    short = not test.single_pass
    weakest = min(test.normal, min(test.four_group, test.three_group)) if short else test.normal
    n = suspects(samples, first, last, y, x0, width, weakest, short, scratch.work, scratch.suspect)
    if not short and 8 * n > width:
        acquit(samples, first, last, y, x0, width, weakest, scratch.work, scratch.suspect)
    for column in range(width):
        if scratch.suspect[column]:
            find_in_pixel(samples, test, first, last, y, x0 + column, scratch, spread)


@kernel
def find_jumps(first_row, last_row, samples, test, spread):
    """Flag jumps by the two-point difference method, and mark those that pass to the four neighbours.

    For each integration (or all together) and pixel, with the differences d in electrons of usable groups and the read
    noise R of a difference: ``ratio = |d - m| / sqrt(|m| + R^2)``. In repeated passes d is taken absolute and m is the
    median without the largest (of 3: the plain median, of 2: the smaller); if the largest ratio exceeds its threshold,
    its group is a jump, and the test is repeated without it. In a single pass d has its sign, m is the plain median,
    and all groups with a ratio above the threshold are jumps.

    Parameters
    ----------
    first_row, last_row : int
        Rows to treat.
    samples : Samples
    test : TwoPointTest
    spread : uint64 array (nints, ngroups, ny, ceil(nx / 64))
        Zero; gets the bits that `flag_neighbors` reads.
    """
    n_ints, n_groups = samples.data.shape[:2]
    together = n_ints if test.pool_integrations else 1
    n = together * (n_groups - 1)
    scratch = Scratch(
        np.empty(n, np.float32), np.empty(n, np.float32), np.empty((11, CHUNK), np.float32), np.empty(CHUNK, np.bool_)
    )
    find_in_rows(first_row, last_row, samples, test, together, scratch, spread)


@borrower
def find_in_rows(first_row, last_row, samples, test, together, scratch, spread):
    """Do the work of `find_jumps`, with `together` integrations at a time."""
    n_ints, _, _, nx = samples.data.shape
    for first in range(0, n_ints, together):
        for y in range(first_row, last_row):
            for x0 in range(0, nx, CHUNK):
                find_in_chunk(samples, test, first, first + together, y, x0, scratch, spread)
