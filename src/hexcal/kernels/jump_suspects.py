"""Quick tests that clear most pixels of having a jump, many columns at a time.

What they leave is looked at pixel by pixel.
"""

import numpy as np

from hexcal.kernels.compiled import borrower
from hexcal.kernels.jump_differences import JUMP_DET, UNUSABLE

CHUNK = 512
"""Columns that are looked at together: four rows of float32 of this length stay in the first cache."""


@borrower
def suspects(samples, first, last, y, x0, width, threshold, short, work, suspect):
    """Find the pixels of a part of a row that may have a jump.

    A test that costs one look at the data and never misses one.

    Neither the median nor its noise is needed: the median lies between the smallest and the largest difference, so that
    no ratio exceeds ``(largest - smallest) / sqrt(smallest possible |median| + R^2)``. The margin of 1e-4 is for the
    rounding of float32. A sample that is not finite makes the range infinite or not a number, and so a suspect.

    Returns
    -------
    int
        Number of suspects.
    """
    data, group_dq = samples.data, samples.group_dq
    n_groups = data.shape[1]
    before, smallest, largest, state, variance = work[0], work[1], work[2], work[3], work[4]
    nan, zero, one = np.float32(np.nan), np.float32(0), np.float32(1)
    limit, share = np.float32(threshold * threshold * (1.0 - 1e-4)), np.float32(samples.inverse_frames)
    g = samples.gain[y, x0 : x0 + width]
    noise = samples.read_noise[y, x0 : x0 + width]
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


@borrower
def acquit(samples, first, last, y, x0, width, threshold, work, suspect):
    """Clear suspects of long ramps by a second, still cheap test that never misses a jump.

    The range of such ramps is often above the threshold without any jump.

    The median lies in ``mean +- sigma / 2`` if less than half of the differences lie below that interval and less than
    half above; then no ratio exceeds what the largest and the smallest difference have with the ends of the interval.
    """
    data, group_dq = samples.data, samples.group_dq
    n_groups = data.shape[1]
    before, smallest, largest, state, variance = work[0], work[1], work[2], work[3], work[4]
    low, high, balance_low, balance_high, total, count = work[5], work[6], work[7], work[8], work[9], work[10]
    nan, zero, one, two, half = np.float32(np.nan), np.float32(0), np.float32(1), np.float32(2), np.float32(0.5)
    limit = np.float32(threshold * threshold * (1.0 - 1e-4))
    g = samples.gain[y, x0 : x0 + width]
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
