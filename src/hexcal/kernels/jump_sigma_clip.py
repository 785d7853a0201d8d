"""Find jumps of exposures with many integrations by clipping differences that lie too far from their median.

Differences of some columns are made once, into scratch that stays in the second cache. What belongs together (one group
of all integrations, or all groups) is a *set*. Sums over a set, many columns at a time, show of most sets that nothing
is clipped; only the others are clipped one by one, by selection instead of sorting, so that the time is linear in the
number of integrations.
"""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import helper, kernel
from hexcal.kernels.jump_differences import JUMP_DET, UNUSABLE, set_bit, variance_of_reads
from hexcal.kernels.selection import median_of

PASSES = 5
SCRATCH_BYTES = 1 << 18
REACH = 0.15
"""Half the width of the interval that holds the median of nearly all sets, in standard deviations."""


class ClipTest(NamedTuple):
    """How differences are clipped.

    threshold : standard deviations
    limits : range of the ratio of two-point differences, in sigma, in which neighbours are flagged;
        none if the second is not above the first
    only_integrations : compare the same group of all integrations; otherwise all groups of all integrations
    """

    threshold: float
    limits: tuple
    only_integrations: bool


class Chunk(NamedTuple):
    """Differences of some columns, (ngroups - 1, nints, columns), NaN where unusable.

    What was flagged before, (columns,); and what `clip` needs.
    """

    difference: np.ndarray
    flags: np.ndarray
    before: np.ndarray
    values: np.ndarray


class Sets(NamedTuple):
    """Facts of each set, (nsets, columns): number, sum, sum of squares, extremes; bounds of the median.

    Whether it may hold jumps.
    """

    count: np.ndarray
    total: np.ndarray
    square: np.ndarray
    smallest: np.ndarray
    largest: np.ndarray
    low: np.ndarray
    high: np.ndarray
    suspect: np.ndarray


@helper
def load_differences(samples, y, x0, width, chunk):
    """Make the differences of a chunk."""
    difference, flags, before = chunk.difference, chunk.flags, chunk.before
    nan, zero = np.float32(np.nan), np.float32(0)
    n_ints, n_groups = samples.data.shape[:2]
    gain = samples.gain[y, x0 : x0 + width]
    flags[:] = 0
    for i in range(n_ints):
        before[:] = nan
        for k in range(n_groups):
            row, dq_row = samples.data[i, k, y, x0 : x0 + width], samples.group_dq[i, k, y, x0 : x0 + width]
            target = difference[max(k - 1, 0), i]
            for x in range(width):
                value = row[x] * gain[x]
                # Zero times a value that is not finite is NaN.
                value = nan if (dq_row[x] & UNUSABLE != 0) | (value * zero != zero) else value
                target[x] = value - before[x]
                before[x] = value
            for x in range(width):
                flags[x] |= dq_row[x]


@helper
def sum_sets(difference, width, only_integrations, sets):
    """Sum up each set."""
    inf, zero = np.float32(np.inf), np.float32(0)
    sets.count[:] = 0
    sets.total[:] = 0.0
    sets.square[:] = 0.0
    sets.smallest[:] = inf
    sets.largest[:] = -inf
    for k in range(difference.shape[0]):
        s = k if only_integrations else 0
        count, total, square = sets.count[s], sets.total[s], sets.square[s]
        smallest, largest = sets.smallest[s], sets.largest[s]
        for i in range(difference.shape[1]):
            row = difference[k, i]
            for x in range(width):
                step = row[x]
                # A comparison with NaN is false.
                smallest[x] = step if step < smallest[x] else smallest[x]
                largest[x] = step if step > largest[x] else largest[x]
                count[x] += np.int32(step == step)
                value = np.float64(step if step == step else zero)
                total[x] += value
                square[x] += value * value


@helper
def bound_medians(difference, width, only_integrations, sets):
    """Interval ``mean +- REACH * standard deviation`` of each set, if the median is certainly in it, else everything.

    Of an empty set, nothing.
    """
    for s in range(sets.count.shape[0]):
        first, last = (s, s + 1) if only_integrations else (0, difference.shape[0])
        low, high = sets.low[s], sets.high[s]
        below, above = np.zeros(width, np.int32), np.zeros(width, np.int32)
        for x in range(width):
            n = max(sets.count[s, x], 1)
            mean = sets.total[s, x] / n
            reach = REACH * np.sqrt(max(sets.square[s, x] / n - mean * mean, 0.0))
            low[x], high[x] = np.float32(mean - reach), np.float32(mean + reach)
        for k in range(first, last):
            for i in range(difference.shape[1]):
                row = difference[k, i]
                for x in range(width):
                    below[x] += np.int32(row[x] < low[x])
                    above[x] += np.int32(row[x] > high[x])
        for x in range(width):
            if sets.count[s, x] == 0:
                low[x], high[x] = np.inf, -np.inf
            elif 2 * below[x] >= sets.count[s, x] or 2 * above[x] >= sets.count[s, x]:
                low[x], high[x] = -np.inf, np.inf


@helper
def find_suspects(width, threshold, sets):
    """Sets that may lose something to the first pass of clipping; the number of them.

    A little is taken from the standard deviation for its rounding.
    """
    n_suspects = 0
    for s in range(sets.count.shape[0]):
        for x in range(width):
            n = sets.count[s, x]
            suspect = False
            if n > 0 and sets.largest[s, x] > sets.smallest[s, x]:
                mean, square = sets.total[s, x] / n, sets.square[s, x] / n
                reach = (threshold - 1e-6) * np.sqrt(max(square * (1.0 - 1e-13) - mean * mean, 0.0))
                usual = (sets.largest[s, x] <= sets.low[s, x] + reach) & (
                    sets.smallest[s, x] >= sets.high[s, x] - reach
                )
                suspect = not usual
            sets.suspect[s, x] = suspect
            n_suspects += suspect
    return n_suspects


@helper
def clipped_range(values, n, threshold):
    """Lowest and highest of the first `n` values that are left after clipping.

    Clipped is at ``median +- threshold * standard deviation``, at most five times.

    The values are put into another order.
    """
    for _ in range(PASSES):
        if n < 1:
            break
        median = median_of(values, n)
        mean = 0.0
        for j in range(n):
            mean += values[j]
        mean /= n
        square = 0.0
        for j in range(n):
            offset = values[j] - mean
            square += offset * offset
        reach = threshold * np.sqrt(square / n)
        lowest, highest = median - reach, median + reach
        left = 0
        for j in range(n):
            value = values[j]
            values[left] = value
            left += not ((value < lowest) | (value > highest))
        if left == n:
            break
        n = left
    low, high = np.float32(np.inf), np.float32(-np.inf)
    for j in range(n):
        low, high = min(low, values[j]), max(high, values[j])
    return low, high


@helper
def clip_set(group_dq, y, x0, column, first, last, threshold, chunk):
    """Clip differences ``first <= k < last`` of all integrations of one column, and flag what was clipped."""
    difference, values = chunk.difference, chunk.values
    n = 0
    for k in range(first, last):
        for i in range(difference.shape[1]):
            step = difference[k, i, column]
            values[n] = step
            n += step == step
    low, high = clipped_range(values, n, threshold)
    for k in range(first, last):
        for i in range(difference.shape[1]):
            step = difference[k, i, column]
            if step < low or step > high:
                group_dq[i, k + 1, y, x0 + column] |= JUMP_DET
                chunk.flags[column] |= JUMP_DET


@helper
def median_of_column(column, chunk):
    """Median of all differences of one column."""
    n = 0
    for k in range(chunk.difference.shape[0]):
        for i in range(chunk.difference.shape[1]):
            step = chunk.difference[k, i, column]
            chunk.values[n] = step
            n += step == step
    return median_of(chunk.values, n) if n > 0 else np.nan


@helper
def least_and_most(step, low, high, variance):
    """Bounds of ``|step - m| / sqrt(|m| + variance)`` for a median m between `low` and `high`."""
    near = max(0.0, low, -high)
    far = max(abs(low), abs(high))
    least = max(0.0, step - high, low - step) / np.sqrt(far + variance)
    return least, max(abs(step - low), abs(step - high)) / np.sqrt(near + variance)


@helper
def mark_column(samples, y, x0, column, low, high, limits, chunk, spread):
    """Mark where jumps of a column pass to the neighbours; take JUMP_DET from unusable groups.

    The median of all differences lies between `low` and `high`; only where that does not settle it, it is looked for.
    """
    group_dq, x = samples.group_dq, x0 + column
    variance = variance_of_reads(samples, y, x)
    for i in range(group_dq.shape[0]):
        for k in range(group_dq.shape[1]):
            flags = group_dq[i, k, y, x]
            if flags & JUMP_DET == 0:
                continue
            if flags & UNUSABLE != 0:
                group_dq[i, k, y, x] = flags & ~JUMP_DET
                continue
            if k == 0 or not limits[1] > limits[0]:
                continue
            step = np.float64(chunk.difference[k - 1, i, column])
            least, most = least_and_most(step, low, high, variance)
            if most <= limits[0] or least >= limits[1]:
                continue
            if not (least > limits[0] and most < limits[1]) and low != high:
                low = high = median_of_column(column, chunk)
                least, most = least_and_most(step, low, high, variance)
            if limits[0] < least and most < limits[1]:
                set_bit(spread, i, k, y, x)


@helper
def clip_chunk(samples, test, y, x0, width, chunk, sets, spread):
    """Flag the jumps of some columns of a row."""
    n_groups = samples.data.shape[1]
    load_differences(samples, y, x0, width, chunk)
    sum_sets(chunk.difference, width, test.only_integrations, sets)
    bound_medians(chunk.difference, width, test.only_integrations, sets)
    if find_suspects(width, test.threshold, sets) > 0:
        for s in range(sets.count.shape[0]):
            first, last = (s, s + 1) if test.only_integrations else (0, n_groups - 1)
            for column in range(width):
                if sets.suspect[s, column]:
                    clip_set(samples.group_dq, y, x0, column, first, last, test.threshold, chunk)
    for column in range(width):
        if chunk.flags[column] & JUMP_DET != 0:
            # The median of all lies between the medians of the sets.
            low, high = np.float64(min_of(sets.low, column)), np.float64(max_of(sets.high, column))
            mark_column(samples, y, x0, column, low, high, test.limits, chunk, spread)


@helper
def min_of(values, column):
    """Smallest value of a column."""
    smallest = values[0, column]
    for s in range(1, values.shape[0]):
        smallest = min(smallest, values[s, column])
    return smallest


@helper
def max_of(values, column):
    """Largest value of a column."""
    largest = values[0, column]
    for s in range(1, values.shape[0]):
        largest = max(largest, values[s, column])
    return largest


@kernel
def clip_jumps(first_row, last_row, samples, test, spread):
    """Flag jumps by sigma clipping, and mark those that pass to the four neighbours.

    Parameters
    ----------
    first_row, last_row : int
        Rows to treat.
    samples : Samples
        The read noise is only used for the ratio that decides on neighbours.
    test : ClipTest
    spread : uint64 array (nints, ngroups, ny, ceil(nx / 64))
        Zero; gets the bits that `flag_neighbors` reads.
    """
    n_ints, n_groups, _, nx = samples.data.shape
    steps = n_groups - 1
    columns = min(max(SCRATCH_BYTES // (4 * n_ints * steps), 16), 256)
    n_sets = steps if test.only_integrations else 1
    chunk = Chunk(
        np.empty((steps, n_ints, columns), np.float32),
        np.empty(columns, np.uint8),
        np.empty(columns, np.float32),
        np.empty(n_ints * steps + 1, np.float32),
    )
    sets = Sets(
        np.empty((n_sets, columns), np.int32),
        np.empty((n_sets, columns)),
        np.empty((n_sets, columns)),
        np.empty((n_sets, columns), np.float32),
        np.empty((n_sets, columns), np.float32),
        np.empty((n_sets, columns), np.float32),
        np.empty((n_sets, columns), np.float32),
        np.empty((n_sets, columns), np.bool_),
    )
    for y in range(first_row, last_row):
        for x0 in range(0, nx, columns):
            clip_chunk(samples, test, y, x0, min(columns, nx - x0), chunk, sets, spread)
