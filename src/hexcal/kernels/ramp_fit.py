"""Count rates from ramps: every ramp is read once, cut into segments, fitted and combined.

How one ramp is fitted is in ``ramp_fit_segments``.

Work is done in chunks of ``CHUNK`` neighbouring pixels, copied to scratch that stays in the first cache level: the stride between the groups
of one pixel is a power of two in full frames, and reading the groups of single pixels would evict the very lines needed for the next pixel.
"""

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.ramp_fit_segments import (
    CHARGELOSS,
    DO_NOT_USE,
    JUMP_DET,
    PERSISTENCE,
    SATURATED,
    exponent_row,
    fit_one,
    has_one_good_group,
    is_lone_first_group,
)

CHUNK = 256
NO_GAIN_VALUE = 524288


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
    sum_of_nothing = np.zeros(width, np.float32)
    # One simple loop per kind of number, so that the compiler uses whole registers; zero times a sample is NaN if it is not finite.
    for g in range(n_groups):
        extra = np.uint8(0 if used_first <= g <= used_last else DO_NOT_USE)
        row, dq_row = data[g, y, x0 : x0 + width], group_dq[g, y, x0 : x0 + width]
        target, flags = value[g], flag[g]
        for x in range(width):
            target[x] = row[x]
            sum_of_nothing[x] += row[x] * np.float32(0)
        for x in range(width):
            f = dq_row[x] | extra
            flags[x] = f
            union[x] |= f
    for x in range(width):
        if sum_of_nothing[x] != np.float32(0):
            for g in range(n_groups):
                if not np.isfinite(value[g, x]):
                    flag[g, x] |= np.uint8(DO_NOT_USE)
            union[x] |= np.uint8(DO_NOT_USE)


@kernel
def sorted_differences(value, flag, union, width, pairs, difference, count):
    """First differences that no flag touches, sorted along the first axis, +inf behind them; ``count`` of them per pixel."""
    n_differences = value.shape[0] - 1
    count[:width] = n_differences
    for g in range(n_differences):
        early, late, target = value[g], value[g + 1], difference[g]
        for x in range(width):
            target[x] = late[x] - early[x]
    for x in range(width):
        if union[x] != 0:
            for g in range(n_differences):
                if (flag[g, x] & np.uint8(3)) | (flag[g + 1, x] & np.uint8(7)) != 0:
                    difference[g, x] = np.inf
                    count[x] -= np.int32(1)
    for p in range(pairs.shape[0]):
        low, high = difference[pairs[p, 0]], difference[pairs[p, 1]]
        for x in range(width):
            a, b = low[x], high[x]
            low[x] = a if a < b else b
            high[x] = b if a < b else a


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
    if n_groups > 1:
        for x in range(width):
            median = 0.5 * (np.float64(low[x]) + np.float64(high[x])) / group_time
            estimate[x] += median if union[x] == 0 else 0.0
    for x in range(width):
        if union[x] != 0 or n_groups == 1:
            estimate[x] += flagged_median_rate(value, flag, difference, count[x], x, group_time, single_time, suppress)


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
def own_flags(pixel_dq, gain):
    """Flags of the pixel itself: PIXELDQ, with NO_GAIN_VALUE and DO_NOT_USE where the gain is not a positive number."""
    return pixel_dq | np.uint32(0 if 0.0 < gain < np.inf else NO_GAIN_VALUE | DO_NOT_USE)


@kernel
def begin_chunk(gain, read_noise, n_frames, electrons, variance, mean, sums, n_lost, bits):
    """Read gain and read noise (variance of one group, DN^2) of a chunk, and clear what is summed over the integrations."""
    for x in range(gain.size):
        electrons[x] = gain[x]
        noise = np.float64(read_noise[x])
        variance[x] = 0.5 * noise * noise / n_frames
        mean[x] = 0.0
        n_lost[x] = 0
        bits[x] = 0
    sums[:] = 0.0


@kernel
def withdraw_bad_pixels(pixel_dq, electrons, variance, slope, total, cubic, loss, linear):
    """Take back the fit of pixels that are bad themselves; without a read noise there is no weight, and so no slope."""
    for x in range(pixel_dq.size):
        if own_flags(pixel_dq[x], electrons[x]) & np.uint32(3) != 0:
            slope[x], total[x], cubic[x], loss[x], linear[x] = np.nan, 0.0, 0.0, 0.0, 0.0
        elif not 0.0 < variance[x] < np.inf:
            slope[x] = np.nan


@kernel
def write_integration(
    pixel_dq,
    union,
    lost,
    electrons,
    variance,
    mean,
    slope,
    total,
    loss,
    linear,
    out,
    out_err,
    out_dq,
    out_var_poisson,
    out_var_rnoise,
):
    """Write the results of one integration for a chunk."""
    for x in range(pixel_dq.size):
        flags = np.uint32(union[x] & np.uint8(SATURATED | JUMP_DET | PERSISTENCE)) | np.uint32(
            DO_NOT_USE if lost[x] else 0
        )
        out[x] = slope[x]
        out_err[x] = np.sqrt(total[x])
        out_dq[x] = flags | own_flags(pixel_dq[x], electrons[x])
        out_var_poisson[x] = mean[x] / (electrons[x] * linear[x]) if linear[x] > 0.0 else 0.0
        out_var_rnoise[x] = 12.0 * variance[x] / loss[x] if loss[x] > 0.0 else 0.0


@kernel
def add_integration(width, union, lost, slope, cubic, loss, linear, sums, n_lost, bits):
    """Add one integration to the sums of a chunk: of weights, of weights with the groups lost to charge migration, of weighted slopes, of (n-1)*T."""
    for x in range(width):
        sums[0, x] += cubic[x]
        sums[1, x] += loss[x]
        sums[2, x] += cubic[x] * slope[x] if cubic[x] > 0.0 else 0.0
        sums[3, x] += linear[x]
        n_lost[x] += np.int32(1 if lost[x] else 0)
        bits[x] |= np.uint32(union[x] & np.uint8(SATURATED | JUMP_DET | PERSISTENCE))


@kernel
def write_exposure(
    pixel_dq,
    electrons,
    variance,
    mean,
    sums,
    n_lost,
    n_ints,
    bits,
    out,
    out_err,
    out_dq,
    out_var_poisson,
    out_var_rnoise,
):
    """Write the results of all integrations together for a chunk."""
    for x in range(pixel_dq.size):
        own = own_flags(pixel_dq[x], electrons[x])
        all_lost = n_lost[x] == n_ints
        weight, loss, linear = sums[0, x], sums[1, x], sums[3, x]
        poisson = mean[x] / (electrons[x] * linear) if linear > 0.0 else 0.0
        conventional = 12.0 * variance[x] / weight if weight > 0.0 else 0.0
        nothing = np.nan if all_lost or own & np.uint32(3) != 0 else 0.0
        out[x] = sums[2, x] / weight if weight > 0.0 else nothing
        out_err[x] = np.sqrt(poisson + conventional)
        out_dq[x] = bits[x] | own | np.uint32(DO_NOT_USE if all_lost else 0)
        out_var_poisson[x] = poisson
        out_var_rnoise[x] = 12.0 * variance[x] / loss if loss > 0.0 else 0.0


@kernel
def fit_ramps(
    first_row,
    last_row,
    data,
    group_dq,
    pixel_dq,
    gain,
    read_noise,
    dark,
    group_range,
    used_range,
    times,
    n_frames,
    suppress,
    power,
    norm,
    pairs,
    rate,
    rate_err,
    rate_dq,
    rate_var_poisson,
    rate_var_rnoise,
    ints,
    ints_err,
    ints_dq,
    ints_var_poisson,
    ints_var_rnoise,
):
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
    group_time, single_time = times[0], times[1]
    base_time = single_time if n_groups == 1 else group_time
    value, flag = np.empty((n_groups, CHUNK), np.float32), np.empty((n_groups, CHUNK), np.uint8)
    difference = np.empty((max(n_groups - 1, 1), CHUNK), np.float32)
    union, lost, bits = np.empty(CHUNK, np.uint8), np.empty(CHUNK, np.bool_), np.empty(CHUNK, np.uint32)
    count, row, n_lost = np.empty(CHUNK, np.int32), np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int32)
    electrons, variance, mean, slope, total, cubic, loss, linear = np.empty((8, CHUNK))
    sums = np.empty((4, CHUNK))

    for y in range(first_row, last_row):
        dark_row = dark[y if dark.shape[0] > 1 else 0]
        for x0 in range(0, nx, CHUNK):
            width = min(CHUNK, nx - x0)
            here = slice(x0, x0 + width)
            own = pixel_dq[y, here]
            begin_chunk(gain[y, here], read_noise[y, here], n_frames, electrons, variance, mean, sums, n_lost, bits)
            for i in range(n_ints):
                load_chunk(
                    data[i, low:high],
                    group_dq[i, low:high],
                    y,
                    x0,
                    width,
                    used_range[0],
                    used_range[1],
                    value,
                    flag,
                    union,
                )
                sorted_differences(value, flag, union, width, pairs, difference, count)
                add_median_rates(value, flag, union, difference, count, width, base_time, single_time, suppress, mean)
            for x in range(width):
                average = mean[x] / n_ints
                mean[x] = (average if average > 0.0 else 0.0) + dark_row[x0 + x if dark.shape[1] > 1 else 0]

            for i in range(n_ints):
                if n_ints > 1:
                    load_chunk(
                        data[i, low:high],
                        group_dq[i, low:high],
                        y,
                        x0,
                        width,
                        used_range[0],
                        used_range[1],
                        value,
                        flag,
                        union,
                    )
                fit_clean(
                    value,
                    width,
                    base_time,
                    electrons,
                    variance,
                    mean,
                    power,
                    norm,
                    row,
                    slope,
                    total,
                    cubic,
                    loss,
                    linear,
                )
                for x in range(width):
                    lost[x] = False
                    if union[x] != 0 or n_groups == 1:
                        slope[x], total[x], cubic[x], loss[x], linear[x], lost[x] = fit_one(
                            value,
                            flag,
                            x,
                            base_time,
                            group_time,
                            single_time,
                            electrons[x],
                            variance[x],
                            mean[x],
                            suppress,
                            union[x] & CHARGELOSS != 0,
                            power,
                            norm,
                        )
                withdraw_bad_pixels(own, electrons, variance, slope, total, cubic, loss, linear)
                write_integration(
                    own,
                    union,
                    lost,
                    electrons,
                    variance,
                    mean,
                    slope,
                    total,
                    loss,
                    linear,
                    ints[i, y, here],
                    ints_err[i, y, here],
                    ints_dq[i, y, here],
                    ints_var_poisson[i, y, here],
                    ints_var_rnoise[i, y, here],
                )
                add_integration(width, union, lost, slope, cubic, loss, linear, sums, n_lost, bits)
            write_exposure(
                own,
                electrons,
                variance,
                mean,
                sums,
                n_lost,
                n_ints,
                bits,
                rate[y, here],
                rate_err[y, here],
                rate_dq[y, here],
                rate_var_poisson[y, here],
                rate_var_rnoise[y, here],
            )
