"""Find jumps in ramps: two-point differences, and the flags that a jump gives to its neighbours and to later groups.

All differences are made in electrons, in float32 as the reference implementation does (``data * gain``, then the difference); everything after that is float64.
"""

import numpy as np

from hexcal.kernels.compiled import kernel

UNUSABLE = np.uint8(3)
"""DO_NOT_USE or SATURATED: the sample takes part in nothing and is never marked as a jump."""
JUMP_DET = np.uint8(4)
CHUNK = 512
"""Columns that are looked at together: four rows of float32 of this length stay in the first cache."""


@kernel
def shell_sort(values, n):
    """Sort the first `n` values, in place; fast for the few to some hundred differences of a pixel."""
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            value = values[i]
            j = i
            while j >= gap and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
        gap //= 3


@kernel
def median_of_sorted(values, low, high):
    """Median of ``values[low:high]``, which are in order; the mean of the middle two for an even number."""
    middle = (low + high) // 2
    if (high - low) % 2 == 1:
        return np.float64(values[middle])
    return 0.5 * (np.float64(values[middle - 1]) + np.float64(values[middle]))


@kernel
def gather_differences(data, group_dq, first, last, y, x, gain, difference, usable, absolute):
    """Differences between groups of one pixel, of integrations ``first <= i < last`` one after the other.

    Parameters
    ----------
    difference : float32 array
        Gets ``(last - first) * (ngroups - 1)`` differences in electrons; NaN where one of the two groups is unusable.
    usable : float32 array
        Gets the usable differences (their absolute values if `absolute`), one after the other.

    Returns
    -------
    int
        Number of usable differences.
    """
    n_groups = data.shape[1]
    n = 0
    at = 0
    for i in range(first, last):
        before = np.float32(np.nan)
        for k in range(n_groups):
            value = np.float32(np.nan) if group_dq[i, k, y, x] & UNUSABLE != 0 else data[i, k, y, x] * gain
            if k > 0:
                step = value - before
                difference[at] = step
                at += 1
                if step == step:
                    usable[n] = abs(step) if absolute else step
                    n += 1
            before = value
    return n


@kernel
def usual_range(ordered, n, variance, normal, four_group, three_group):
    """Lowest and highest absolute difference that are not jumps, by the repeated test of short ramps.

    The jumps are always the extremes of what is left, so that the differences without jumps are a window of the ordered ones: each pass either
    closes the window by the values with the largest ratio (all equal ones together), or ends.
    """
    low, high = 0, n
    while high - low >= 2:
        left = high - low
        threshold = normal
        if left == 2:
            median = np.float64(ordered[low])
            threshold = three_group
        elif left == 3:
            median = np.float64(ordered[low + 1])
            threshold = four_group
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


@kernel
def mark_pixel(group_dq, spread, first, last, y, x, difference, median, sigma, lowest, highest):
    """Mark where the jumps of one pixel pass to its neighbours; take JUMP_DET from unusable groups.

    ``spread`` is a set of bits: bit ``x % 64`` of ``spread[i, k, y, x // 64]`` for a jump with ``lowest < ratio < highest``.
    """
    n_groups = group_dq.shape[1]
    at = 0
    for i in range(first, last):
        for k in range(n_groups):
            flags = group_dq[i, k, y, x]
            if flags & UNUSABLE != 0:
                group_dq[i, k, y, x] = flags & ~JUMP_DET
            elif k > 0 and flags & JUMP_DET != 0:
                ratio = abs(np.float64(difference[at + k - 1]) - median) / sigma
                if lowest < ratio < highest:
                    spread[i, k, y, x >> 6] |= np.uint64(1) << np.uint64(x & 63)
        at += n_groups - 1


@kernel
def suspects(
    data, group_dq, first, last, y, x0, width, gain, read_noise, inverse_frames, threshold, short, work, suspect
):
    """Find the pixels of a part of a row that may have a jump: a test that costs one look at the data and never misses one.

    Neither the median nor its noise is needed: the median lies between the smallest and the largest difference, so that no ratio exceeds
    ``(largest - smallest) / sqrt(smallest possible |median| + R^2)``. The margin of 1e-4 is for the rounding of float32.

    Returns
    -------
    int
        Number of suspects.
    """
    n_groups = data.shape[1]
    before, smallest, largest, state, variance = work[0], work[1], work[2], work[3], work[4]
    nan, zero, one = np.float32(np.nan), np.float32(0), np.float32(1)
    limit, share = np.float32(threshold * threshold * (1.0 - 1e-4)), np.float32(inverse_frames)
    g = gain[y, x0 : x0 + width]
    noise = read_noise[y, x0 : x0 + width]
    for x in range(width):
        smallest[x] = np.inf
        largest[x] = -np.inf
        state[x] = 0
    for i in range(first, last):
        for k in range(n_groups):
            values = data[i, k, y, x0 : x0 + width]
            flags = group_dq[i, k, y, x0 : x0 + width]
            if k == 0:
                for x in range(width):
                    before[x] = nan
            for x in range(width):
                value = nan if flags[x] & UNUSABLE != 0 else values[x] * g[x]
                step = value - before[x]
                step = abs(step) if short else step
                before[x] = value
                # A comparison with NaN is false: unusable differences change nothing.
                smallest[x] = step if step < smallest[x] else smallest[x]
                largest[x] = step if step > largest[x] else largest[x]
                state[x] = one if flags[x] & JUMP_DET != 0 else state[x]
    n = 0
    for x in range(width):
        electrons = noise[x] * g[x]
        variance[x] = electrons * electrons * share
        weakest = max(max(smallest[x], -largest[x]), zero)
        spread = largest[x] - smallest[x]
        usual = (spread <= zero) | (spread * spread <= limit * (weakest + variance[x]))
        suspect[x] = (not usual) | (state[x] != zero)
        n += suspect[x]
    return n


@kernel
def acquit(data, group_dq, first, last, y, x0, width, gain, threshold, work, suspect):
    """Clear suspects of long ramps, whose range is often above the threshold without any jump, by a second, still cheap test that never misses a jump.

    The median lies in ``mean +- sigma / 2`` if less than half of the differences lie below that interval and less than half above; then no ratio exceeds
    what the largest and the smallest difference have with the ends of the interval.
    """
    n_groups = data.shape[1]
    before, smallest, largest, state, variance = work[0], work[1], work[2], work[3], work[4]
    low, high, balance_low, balance_high, total, count = work[5], work[6], work[7], work[8], work[9], work[10]
    nan, zero, one, two, half = np.float32(np.nan), np.float32(0), np.float32(1), np.float32(2), np.float32(0.5)
    limit = np.float32(threshold * threshold * (1.0 - 1e-4))
    g = gain[y, x0 : x0 + width]
    for x in range(width):
        total[x] = 0
        count[x] = 0
        balance_low[x] = 0
        balance_high[x] = 0
    for turn in range(2):
        for i in range(first, last):
            for k in range(n_groups):
                values = data[i, k, y, x0 : x0 + width]
                flags = group_dq[i, k, y, x0 : x0 + width]
                if k == 0:
                    for x in range(width):
                        before[x] = nan
                if turn == 0:
                    for x in range(width):
                        value = nan if flags[x] & UNUSABLE != 0 else values[x] * g[x]
                        step = value - before[x]
                        before[x] = value
                        total[x] += step if step == step else zero
                        count[x] += one if step == step else zero
                else:
                    for x in range(width):
                        value = nan if flags[x] & UNUSABLE != 0 else values[x] * g[x]
                        step = value - before[x]
                        before[x] = value
                        balance_low[x] += one if step < low[x] else zero
                        balance_high[x] += one if step > high[x] else zero
        if turn == 0:
            for x in range(width):
                mean = total[x] / count[x]
                reach = half * np.sqrt(abs(mean) + variance[x])
                low[x] = mean - reach
                high[x] = mean + reach
    for x in range(width):
        weakest = max(max(low[x], -high[x]), zero)
        inside = (two * balance_low[x] < count[x]) & (two * balance_high[x] < count[x])
        above, under = largest[x] - low[x], high[x] - smallest[x]
        bound = limit * (weakest + variance[x])
        usual = inside & (above * above <= bound) & (under * under <= bound)
        suspect[x] &= (not usual) | (state[x] != zero)


@kernel
def find_jumps(
    first_row,
    last_row,
    data,
    group_dq,
    gain,
    read_noise,
    inverse_frames,
    thresholds,
    limits,
    pool_integrations,
    single_pass,
    spread,
):
    """Flag jumps by the two-point difference method, and mark those that pass to the four neighbours.

    For each integration (or all together) and pixel, with the differences d in electrons of usable groups and the read noise R of a difference:
    ``ratio = |d - m| / sqrt(|m| + R^2)``. In repeated passes d is taken absolute and m is the median without the largest (of 3: the plain
    median, of 2: the smaller); if the largest ratio exceeds its threshold, its group is a jump, and the test is repeated without it. In a single pass d
    has its sign, m is the plain median, and all groups with a ratio above the threshold are jumps.

    Parameters
    ----------
    first_row, last_row : int
        Rows to treat.
    data : float32 array (nints, ngroups, ny, nx), DN
        Linear ramps.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Gets JUMP_DET.
    gain, read_noise : float32 arrays (ny, nx), electrons/DN and DN
        Read noise of the difference of two frames.
    inverse_frames : float
        1 / number of frames averaged in a group.
    thresholds : tuple of 3 floats, sigma
        For many differences, for three, for two.
    limits : tuple of 2 floats, sigma
        Range of the ratio (with the plain median and sign) in which neighbours are flagged; none if the second is not above the first.
    pool_integrations : bool
        Take the differences of all integrations together.
    single_pass : bool
        Which of the two tests.
    spread : uint64 array (nints, ngroups, ny, ceil(nx / 64))
        Zero; gets the bits that `flag_neighbors` reads.
    """
    n_ints, n_groups, _, nx = data.shape
    short = not single_pass
    together = n_ints if pool_integrations else 1
    normal, four_group, three_group = thresholds
    weakest = min(normal, min(four_group, three_group)) if short else normal
    difference = np.empty(together * (n_groups - 1), np.float32)
    ordered = np.empty_like(difference)
    work = np.empty((11, CHUNK), np.float32)
    suspect = np.empty(CHUNK, np.bool_)
    for first in range(0, n_ints, together):
        last = first + together
        for y in range(first_row, last_row):
            for x0 in range(0, nx, CHUNK):
                width = min(CHUNK, nx - x0)
                n = suspects(
                    data,
                    group_dq,
                    first,
                    last,
                    y,
                    x0,
                    width,
                    gain,
                    read_noise,
                    inverse_frames,
                    weakest,
                    short,
                    work,
                    suspect,
                )
                if not short and 8 * n > width:
                    acquit(data, group_dq, first, last, y, x0, width, gain, weakest, work, suspect)
                for column in range(width):
                    if not suspect[column]:
                        continue
                    x = x0 + column
                    electrons = np.float64(read_noise[y, x] * gain[y, x])
                    variance = electrons * electrons * inverse_frames
                    n = gather_differences(data, group_dq, first, last, y, x, gain[y, x], difference, ordered, short)
                    shell_sort(ordered, n)
                    found = False
                    if short:
                        low, high = usual_range(ordered, n, variance, normal, four_group, three_group)
                        for j in range(difference.shape[0]):
                            step = abs(difference[j])
                            if step < low or step > high:
                                group_dq[first + j // (n_groups - 1), 1 + j % (n_groups - 1), y, x] |= JUMP_DET
                                found = True
                        if not found:
                            for i in range(first, last):
                                for k in range(n_groups):
                                    found |= group_dq[i, k, y, x] & JUMP_DET != 0
                            if not found:
                                continue
                        n = gather_differences(
                            data, group_dq, first, last, y, x, gain[y, x], difference, ordered, False
                        )
                        shell_sort(ordered, n)
                    median = median_of_sorted(ordered, 0, n) if n > 0 else np.nan
                    sigma = np.sqrt(abs(median) + variance)
                    if not short and sigma > 0.0:
                        for j in range(difference.shape[0]):
                            if abs(np.float64(difference[j]) - median) / sigma > normal:
                                group_dq[first + j // (n_groups - 1), 1 + j % (n_groups - 1), y, x] |= JUMP_DET
                    mark_pixel(group_dq, spread, first, last, y, x, difference, median, sigma, limits[0], limits[1])
