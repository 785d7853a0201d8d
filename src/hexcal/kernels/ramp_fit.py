"""Count rates from ramps: every ramp is read once, cut into segments, fitted and combined.

The arithmetic of one pixel (all symbols as in ``fit_ramps``):

* a *segment* is a run of usable groups; it ends before an unusable group and a group flagged JUMP_DET starts the next one;
* slope of a segment of n groups: least squares with weights ``|k - (n-1)/2|**P``; as these are symmetric about the middle,
  the slope is ``sum_k d_k**(P+1) * y_k*sign / sum_k d_k**(P+2) * 2`` with ``d_k = |2k - (n-1)|``, whatever scale the weights have;
* P grows with the signal to noise ratio S of the segment (Fixsen et al. 2000, PASP 112, 1350);
* var_R = 12 R**2 / ((n**3 - n) T**2), var_P = rate / (T gain (n - 1)), a lone group counts as n = 2;
* segments (and integrations) are averaged with weights 1/var_R, so that the weights do not depend on the signal.

Work is done in chunks of ``CHUNK`` neighbouring pixels, copied to scratch that stays in the first cache level: the stride between the groups
of one pixel is a power of two in full frames, and reading the groups of single pixels would evict the very lines needed for the next pixel.
"""

import numpy as np

from hexcal.kernels.compiled import kernel

CHUNK = 256
DO_NOT_USE, SATURATED, JUMP_DET, PERSISTENCE, CHARGELOSS = 1, 2, 4, 32, 128
UNFIT = 255 & ~(JUMP_DET | PERSISTENCE)
"""Any of these bits keeps a group out of the fit."""
NO_GAIN_VALUE = 524288
N_EXPONENTS = 6


def weight_tables(n_groups):
    """Powers needed by the weighted fit.

    Parameters
    ----------
    n_groups : int

    Returns
    -------
    power : ndarray, float64 (6, n_groups)
        ``d**(P+1)``, the row for each exponent P of the table below, d = 0 .. n_groups-1.
    norm : ndarray, float64 (6, n_groups + 1)
        ``sum over the groups k with 2k > n-1 of d_k**(P+2)`` for a segment of n groups; 1 for n < 2.

    Notes
    -----
    Exponent P for S from 0, 5, 10, 20, 50, 100: 0, 0.4, 1, 3, 6, 10 (seed 004, 20677-20685).
    """
    exponents = np.array([0, 0.4, 1, 3, 6, 10])[:, None]
    distance = np.arange(max(n_groups, 2), dtype=float)
    power = distance ** (exponents + 1)
    norm = np.ones((N_EXPONENTS, n_groups + 1))
    for n in range(2, n_groups + 1):
        norm[:, n] = (power * distance)[:, n - 1::-2].sum(axis=1)
    return power, norm


def sorting_pairs(n):
    """Comparisons (a, b), a < b, that sort n numbers whatever their order (Batcher's odd-even merge sort): int64 (n_pairs, 2)."""
    pairs = []
    p = 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                for i in range(j, min(j + k, n - k)):
                    if i // (2 * p) == (i + k) // (2 * p):
                        pairs.append((i, i + k))
            k //= 2
        p *= 2
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


@kernel
def load_chunk(data, group_dq, y, x0, width, used_first, used_last, value, flag, union):
    """Copy the groups of ``width`` pixels of one integration; groups outside the used ones and samples that are not finite become DO_NOT_USE."""
    n_groups = value.shape[0]
    union[:width] = 0
    for g in range(n_groups):
        extra = np.uint8(0 if used_first <= g <= used_last else DO_NOT_USE)
        row, dq_row = data[g, y], group_dq[g, y]
        for x in range(width):
            v = row[x0 + x]
            f = dq_row[x0 + x] | extra
            if not abs(v) <= np.float32(3.4e38):
                f |= np.uint8(DO_NOT_USE)
            value[g, x] = v
            flag[g, x] = f
            union[x] |= f


@kernel
def sorted_differences(value, flag, union, width, pairs, difference, count):
    """First differences that no flag touches, sorted along the first axis, +inf behind them; ``count`` of them per pixel."""
    n_differences = value.shape[0] - 1
    count[:width] = n_differences
    for g in range(n_differences):
        for x in range(width):
            d = value[g + 1, x] - value[g, x]
            bad = (flag[g, x] & np.uint8(3)) | (flag[g + 1, x] & np.uint8(7))
            difference[g, x] = np.float32(np.inf) if bad != 0 else d
            count[x] -= np.int32(1) if bad != 0 else np.int32(0)
    for p in range(pairs.shape[0]):
        low, high = difference[pairs[p, 0]], difference[pairs[p, 1]]
        for x in range(width):
            a, b = low[x], high[x]
            low[x] = a if a < b else b
            high[x] = b if a < b else a


@kernel
def is_lone_first_group(flag, x):
    """True if the first group of the pixel has no flag and every other group has one."""
    if flag[0, x] != 0:
        return False
    for g in range(1, flag.shape[0]):
        if flag[g, x] == 0:
            return False
    return True


@kernel
def has_one_good_group(flag, x):
    """True if exactly one group of the pixel is without flags (PERSISTENCE is allowed)."""
    good = 0
    for g in range(flag.shape[0]):
        if flag[g, x] & ~PERSISTENCE == 0:
            good += 1
    return good == 1


@kernel
def flagged_median_rate(value, flag, difference, n, x, group_time, single_time, suppress):
    """Median of the ``n`` first differences of one ramp in DN/s, and what stands for it where there is none; NaN if the only group is saturated."""
    if value.shape[0] == 1:
        saturated = flag[0, x] & SATURATED != 0 or not np.isfinite(value[0, x])
        return np.nan if saturated else value[0, x] / single_time
    if suppress and has_one_good_group(flag, x):
        return 0.0
    if not suppress and is_lone_first_group(flag, x):
        return value[0, x] / single_time
    if n == 0:
        return value[0, x] / group_time if flag[0, x] & 3 == 0 else 0.0
    return 0.5 * (np.float64(difference[(n - 1) // 2, x]) + np.float64(difference[n // 2, x])) / group_time


@kernel
def add_median_rates(value, flag, union, difference, count, width, group_time, single_time, suppress, estimate):
    """Add the median first difference of each ramp, DN/s, to ``estimate``."""
    n_groups = value.shape[0]
    low, high = difference[max(n_groups - 2, 0) // 2], difference[(n_groups - 1) // 2 if n_groups > 1 else 0]
    for x in range(width):
        if union[x] == 0 and n_groups > 1:
            estimate[x] += 0.5 * (np.float64(low[x]) + np.float64(high[x])) / group_time
    for x in range(width):
        if union[x] != 0 or n_groups == 1:
            estimate[x] += flagged_median_rate(value, flag, difference, count[x], x, group_time, single_time, suppress)


@kernel
def exponent_row(rise, noise_squared):
    """Row of the weight table for a segment that rises by ``rise`` electrons, read noise squared in electrons squared: S = rise/sqrt(noise**2 + rise)."""
    s_squared = rise * rise / (noise_squared + rise) if rise > 0.0 else 0.0
    return ((1 if s_squared >= 25.0 else 0) + (1 if s_squared >= 100.0 else 0) + (1 if s_squared >= 400.0 else 0)
            + (1 if s_squared >= 2500.0 else 0) + (1 if s_squared >= 10000.0 else 0))


@kernel
def segment_slope(value, x, start, n, gain, noise_squared, power, norm):
    """Weighted least squares slope of groups start .. start+n-1 of pixel x, per group."""
    rise = np.float64(value[start + n - 1, x]) - np.float64(value[start, x])
    if n == 2:
        return rise
    row = exponent_row(rise * gain, noise_squared)
    total = 0.0
    for k in range(n // 2):
        total += power[row, n - 1 - 2 * k] * (np.float64(value[start + n - 1 - k, x]) - np.float64(value[start + k, x]))
    return total / norm[row, n]


@kernel
def next_segment(flag, x, start, clear_charge_loss):
    """(first, end) of the first segment at or after group ``start``; first = end = n_groups if there is none.

    With ``clear_charge_loss`` the groups flagged CHARGELOSS and DO_NOT_USE count as if they had neither flag.
    """
    n_groups = flag.shape[0]
    first = start
    while first < n_groups and usable_bits(flag[first, x], clear_charge_loss) & UNFIT != 0:
        first += 1
    end = first
    while end < n_groups:
        f = usable_bits(flag[end, x], clear_charge_loss)
        if f & UNFIT != 0 or (f & JUMP_DET != 0 and end > first):
            break
        end += 1
    return first, end


@kernel
def usable_bits(f, clear_charge_loss):
    """Flags of a group as they count for the segments."""
    lost = CHARGELOSS | DO_NOT_USE
    return f & ~lost if clear_charge_loss and f & lost == lost else f


@kernel
def longest_segment(flag, x, clear_charge_loss):
    """Number of groups of the longest segment of the pixel."""
    longest = start = 0
    while start < flag.shape[0]:
        first, start = next_segment(flag, x, start, clear_charge_loss)
        longest = max(longest, start - first)
    return longest


@kernel
def is_chosen(flag, x, first, n, longest, clear_charge_loss):
    """Single groups count only where no segment is longer, and then not one that a jump opened."""
    return n > 1 if longest > 1 else n == 1 and usable_bits(flag[first, x], clear_charge_loss) & ~PERSISTENCE == 0


@kernel
def cubic_sum(flag, x, clear_charge_loss):
    """Sum of n**3 - n over the segments that count; the read noise variance is 12 R**2 / (that sum * T**2)."""
    longest = longest_segment(flag, x, clear_charge_loss)
    total = 0.0
    start = 0
    while start < flag.shape[0]:
        first, start = next_segment(flag, x, start, clear_charge_loss)
        n = start - first
        if is_chosen(flag, x, first, n, longest, clear_charge_loss):
            m = max(n, 2)
            total += m * m * m - m
            if n == 1:
                break
    return total, longest


@kernel
def fit_flagged(value, flag, x, time, gain, noise_squared, read_noise_12, rate_estimate, power, norm):
    """Average the segments of one flagged ramp.

    Returns ``(slope, sum of n**3-n, sum of n-1, 1/var_C)``, slope in DN/s, the last three 0 if no segment counts.
    """
    longest = longest_segment(flag, x, False)
    cubic = linear = weighted = inverse = 0.0
    start = 0
    while start < flag.shape[0]:
        first, start = next_segment(flag, x, start, False)
        n = start - first
        if is_chosen(flag, x, first, n, longest, False):
            m = max(n, 2)
            c = np.float64(m * m * m - m)
            if n == 1:
                slope = np.float64(value[first, x])
            else:
                slope = segment_slope(value, x, first, n, gain, noise_squared, power, norm)
            cubic += c
            linear += m - 1.0
            weighted += c * slope
            inverse += 1.0 / (read_noise_12 / (c * time * time) + rate_estimate / (time * gain * (m - 1.0)))
            if n == 1:
                break
    return (weighted / (cubic * time) if cubic > 0.0 else 0.0), cubic, linear, inverse


@kernel
def is_lost(flag, x, suppress):
    """True if the ramp of pixel x gives no rate: saturated from the start, no usable group, or a single good one that is to be suppressed."""
    if flag[0, x] & SATURATED != 0:
        return True
    n_groups = flag.shape[0]
    if suppress and n_groups > 1 and has_one_good_group(flag, x):
        return True
    for g in range(n_groups):
        if flag[g, x] & 3 == 0:
            return False
    return True


@kernel
def fit_clean(value, width, time, gain, variance, mean, power, norm, row, slope, total, cubic, loss, linear):
    """``segment_slope`` and variances of ramps without any flag, whole chunks at a time; flagged ones get numbers that ``fit_flagged`` replaces."""
    n = value.shape[0]
    last = n - 1
    for x in range(width):
        rise = (np.float64(value[last, x]) - np.float64(value[0, x])) * gain[x]
        row[x] = exponent_row(rise, variance[x] * gain[x] * gain[x]) if n > 2 else 0
        slope[x] = 0.0
    for k in range(n // 2):
        late, early, weight = value[last - k], value[k], power[:, last - 2 * k]
        for x in range(width):
            slope[x] += weight[row[x]] * (np.float64(late[x]) - np.float64(early[x]))
    unit = np.float64(n) * (n * n - 1) * time * time
    span = last * time
    scale = norm[:, n]
    for x in range(width):
        slope[x] = slope[x] / (scale[row[x]] * time)
        total[x] = 12.0 * variance[x] / unit + mean[x] / (gain[x] * span)
        cubic[x] = unit
        loss[x] = unit
        linear[x] = span


@kernel
def fit_one(value, flag, x, base_time, group_time, single_time, gain, variance, mean, suppress, charge_loss, power, norm):
    """Fit one flagged ramp.

    Returns ``(slope, var_C, sum of (n**3-n)*T**2, the same with the groups lost to charge migration, sum of (n-1)*T, lost)``.
    The second sum is that which VAR_RNOISE is made of.
    """
    lone = not suppress and is_lone_first_group(flag, x)
    time = single_time if lone else base_time
    lost = is_lost(flag, x, suppress)
    if lost:
        slope, cubic, linear, inverse = np.nan, 0.0, 0.0, 0.0
    else:
        slope, cubic, linear, inverse = fit_flagged(value, flag, x, time, gain, variance * gain * gain, 12.0 * variance, mean, power, norm)
    cubic *= time * time
    loss = cubic
    if charge_loss:
        loss, longest = cubic_sum(flag, x, True)
        loss_time = time if lone and longest == 1 else group_time
        loss *= loss_time * loss_time
    return slope, 1.0 / inverse if cubic > 0.0 else 0.0, cubic, loss, linear * time, lost


@kernel
def own_flags(pixel_dq, gain):
    """Flags of the pixel itself: PIXELDQ, with NO_GAIN_VALUE and DO_NOT_USE where the gain is not a positive number."""
    return pixel_dq | np.uint32(0 if 0.0 < gain < np.inf else NO_GAIN_VALUE | DO_NOT_USE)


@kernel
def fit_ramps(first_row, last_row, data, group_dq, pixel_dq, gain, read_noise, dark, group_range, used_range, times, n_frames, suppress, power, norm,
              pairs, rate, rate_err, rate_dq, rate_var_poisson, rate_var_rnoise, ints, ints_err, ints_dq, ints_var_poisson, ints_var_rnoise):
    """Fit rows ``first_row <= y < last_row``.

    Parameters
    ----------
    data : float32 (nints, ngroups, ny, nx), DN
    group_dq : uint8, as data
    pixel_dq : uint32 (ny, nx)
    gain : float32 (ny, nx), e/DN
    read_noise : float32 (ny, nx), DN, noise of the difference of two frames
    dark : float32 (ny, nx) or (1, 1), DN/s, added to the rate that gives the Poisson variance
    group_range : int64 (2,), first and last group that exist for the fit (the others are as if they had never been read)
    used_range : int64 (2,), groups outside are treated as DO_NOT_USE, counted from ``group_range[0]``
    times : float64 (2,), group time and single time, s; the latter is the exposure time of a ramp with nothing but its first group
    n_frames : frames averaged into a group
    suppress : no rate from a ramp with a single good group
    power, norm, pairs : of ``weight_tables`` and ``sorting_pairs`` for the number of groups in ``group_range``
    rate, ..., ints_var_rnoise : outputs, float32 and uint32, (ny, nx) and (nints, ny, nx); DN/s and (DN/s)**2
    """
    n_ints, _, _, nx = data.shape
    low, high = group_range[0], group_range[1] + 1
    n_groups = high - low
    value, flag = np.empty((n_groups, CHUNK), np.float32), np.empty((n_groups, CHUNK), np.uint8)
    difference = np.empty((max(n_groups - 1, 1), CHUNK), np.float32)
    union, count, row, bits = np.empty(CHUNK, np.uint8), np.empty(CHUNK, np.int32), np.empty(CHUNK, np.int64), np.empty(CHUNK, np.uint32)
    lost = np.empty(CHUNK, np.bool_)
    n_lost = np.empty(CHUNK, np.int32)
    electrons, variance, mean, slope, total, cubic, loss, linear = np.empty((8, CHUNK))
    sum_cubic, sum_loss, sum_slope, sum_linear = np.empty((4, CHUNK))
    group_time, single_time = times[0], times[1]
    base_time = single_time if n_groups == 1 else group_time

    for y in range(first_row, last_row):
        dark_row = dark[y if dark.shape[0] > 1 else 0]
        for x0 in range(0, nx, CHUNK):
            width = min(CHUNK, nx - x0)
            for x in range(width):
                electrons[x] = gain[y, x0 + x]
                noise = np.float64(read_noise[y, x0 + x])
                variance[x] = 0.5 * noise * noise / n_frames
                mean[x] = 0.0
                sum_cubic[x] = sum_loss[x] = sum_slope[x] = sum_linear[x] = 0.0
                n_lost[x] = 0
                bits[x] = 0
            for i in range(n_ints):
                load_chunk(data[i, low:high], group_dq[i, low:high], y, x0, width, used_range[0], used_range[1], value, flag, union)
                sorted_differences(value, flag, union, width, pairs, difference, count)
                add_median_rates(value, flag, union, difference, count, width, base_time, single_time, suppress, mean)
            for x in range(width):
                average = mean[x] / n_ints
                mean[x] = (average if average > 0.0 else 0.0) + dark_row[x0 + x if dark.shape[1] > 1 else 0]

            for i in range(n_ints):
                if n_ints > 1:
                    load_chunk(data[i, low:high], group_dq[i, low:high], y, x0, width, used_range[0], used_range[1], value, flag, union)
                fit_clean(value, width, base_time, electrons, variance, mean, power, norm, row, slope, total, cubic, loss, linear)
                for x in range(width):
                    lost[x] = False
                    if union[x] != 0 or n_groups == 1:
                        slope[x], total[x], cubic[x], loss[x], linear[x], lost[x] = fit_one(
                            value, flag, x, base_time, group_time, single_time, electrons[x], variance[x], mean[x], suppress,
                            union[x] & CHARGELOSS != 0, power, norm)
                for x in range(width):
                    column = x0 + x
                    dq = np.uint32(union[x] & np.uint8(SATURATED | JUMP_DET | PERSISTENCE))
                    own = own_flags(pixel_dq[y, column], electrons[x])
                    if own & np.uint32(3) != 0:
                        slope[x], total[x], cubic[x], loss[x], linear[x] = np.nan, 0.0, 0.0, 0.0, 0.0
                    elif not 0.0 < variance[x] < np.inf:
                        slope[x] = np.nan
                    ints[i, y, column] = slope[x]
                    ints_err[i, y, column] = np.sqrt(total[x])
                    ints_var_poisson[i, y, column] = mean[x] / (electrons[x] * linear[x]) if linear[x] > 0.0 else 0.0
                    ints_var_rnoise[i, y, column] = 12.0 * variance[x] / loss[x] if loss[x] > 0.0 else 0.0
                    ints_dq[i, y, column] = dq | own | np.uint32(DO_NOT_USE if lost[x] else 0)
                    bits[x] |= dq
                    n_lost[x] += np.int32(1 if lost[x] else 0)
                    sum_cubic[x] += cubic[x]
                    sum_loss[x] += loss[x]
                    sum_linear[x] += linear[x]
                    sum_slope[x] += cubic[x] * slope[x] if cubic[x] > 0.0 else 0.0

            for x in range(width):
                column = x0 + x
                own = own_flags(pixel_dq[y, column], electrons[x])
                poisson = mean[x] / (electrons[x] * sum_linear[x]) if sum_linear[x] > 0.0 else 0.0
                conventional = 12.0 * variance[x] / sum_cubic[x] if sum_cubic[x] > 0.0 else 0.0
                nothing = np.nan if n_lost[x] == n_ints or own & np.uint32(3) != 0 else 0.0
                rate[y, column] = sum_slope[x] / sum_cubic[x] if sum_cubic[x] > 0.0 else nothing
                rate_err[y, column] = np.sqrt(poisson + conventional)
                rate_var_poisson[y, column] = poisson
                rate_var_rnoise[y, column] = 12.0 * variance[x] / sum_loss[x] if sum_loss[x] > 0.0 else 0.0
                rate_dq[y, column] = bits[x] | own | np.uint32(DO_NOT_USE if n_lost[x] == n_ints else 0)
