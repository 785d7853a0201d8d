"""The details of the ramp fit, one entry per segment; run after ``fit_ramps``, and only when they are asked for."""

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.ramp_fit import CHUNK, add_median_rates, load_chunk, own_flags, sorted_differences
from hexcal.kernels.ramp_fit_segments import (
    JUMP_DET,
    SATURATED,
    exponent_row,
    is_chosen,
    is_lone_first_group,
    is_lost,
    longest_segment,
    next_segment,
    segment_slope,
)


@kernel
def count_details(first_row, last_row, data, group_dq, group_range, used_range, suppress, n_segments, n_jumps):
    """Most segments that count, and most groups flagged JUMP_DET (but the first), of the ramps of each row.

    Parameters
    ----------
    data, group_dq, group_range, used_range, suppress : as for ``fit_ramps``
    n_segments, n_jumps : outputs, int64 (ny,)
    """
    n_ints, _, _, nx = data.shape
    low, high = group_range[0], group_range[1] + 1
    value, flag = np.empty((high - low, CHUNK), np.float32), np.empty((high - low, CHUNK), np.uint8)
    union = np.empty(CHUNK, np.uint8)
    for y in range(first_row, last_row):
        most_segments = most_jumps = 0
        for i in range(n_ints):
            for x0 in range(0, nx, CHUNK):
                width = min(CHUNK, nx - x0)
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
                for x in range(width):
                    most_jumps = max(most_jumps, count_jumps(flag, x))
                    most_segments = max(most_segments, count_segments(flag, x, suppress))
        n_segments[y] = most_segments
        n_jumps[y] = most_jumps


@kernel
def count_jumps(flag, x):
    """Number of groups after the first that are flagged JUMP_DET."""
    n = 0
    for g in range(1, flag.shape[0]):
        if flag[g, x] & JUMP_DET != 0:
            n += 1
    return n


@kernel
def count_segments(flag, x, suppress):
    """Number of segments that count."""
    if is_lost(flag, x, suppress):
        return 0
    longest = longest_segment(flag, x, False)
    n = start = 0
    while start < flag.shape[0]:
        first, start = next_segment(flag, x, start, False)
        if is_chosen(flag, x, first, start - first, longest, False):
            n += 1
            if longest == 1:
                break
    return n


@kernel
def line_errors(value, x, first, n, gain, noise_squared):
    """Errors of slope (electrons per group) and intercept at the first group of the ramp (electrons) of a segment's fit, from the read noise alone.

    With weights w, x the group number and D = sum(w) sum(w x^2) - sum(w x)^2: sqrt(sum(w)/D) and sqrt(sum(w x^2)/D), times the read noise.
    """
    if n == 1:
        return 0.0, 0.0
    noise = np.sqrt(noise_squared)
    if n == 2:
        return noise * np.sqrt(2.0), noise * np.sqrt(2.0)
    row = exponent_row((np.float64(value[first + n - 1, x]) - np.float64(value[first, x])) * gain, noise_squared)
    exponent = (0.0, 0.4, 1.0, 3.0, 6.0, 10.0)[row]
    middle = 0.5 * (n - 1)
    s = s_x = s_xx = 0.0
    for k in range(n):
        w = (abs(k - middle) / middle) ** exponent
        s += w
        s_x += w * (first + k)
        s_xx += w * (first + k) * (first + k)
    d = s * s_xx - s_x * s_x
    return noise * np.sqrt(s / d), noise * np.sqrt(s_xx / d)


@kernel
def intercept(value, x, first, n, gain, noise_squared, slope):
    """Value of a segment's line at the first group of the ramp, DN; 0 for a lone group. ``slope`` in DN per group."""
    if n == 1:
        return 0.0
    if n == 2:
        return value[first, x] - slope * first
    row = exponent_row((np.float64(value[first + n - 1, x]) - np.float64(value[first, x])) * gain, noise_squared)
    exponent = (0.0, 0.4, 1.0, 3.0, 6.0, 10.0)[row]
    middle = 0.5 * (n - 1)
    s = s_y = 0.0
    for k in range(n):
        w = (abs(k - middle) / middle) ** exponent
        s += w
        s_y += w * value[first + k, x]
    # The weights are symmetric, so that the line goes through the weighted mean at the middle of the segment.
    return s_y / s - slope * (first + middle)


@kernel
def fit_details(
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
    ints,
    pedestal_time,
    slopes,
    sigslopes,
    var_poisson,
    var_rnoise,
    yints,
    sigyints,
    weights,
    pedestal,
    crmag,
):
    """Write the details of rows ``first_row <= y < last_row``.

    Parameters
    ----------
    data ... pairs : as for ``fit_ramps``
    ints : float32 (nints, ny, nx), DN/s, the rates per integration
    pedestal_time : s, exposure time of the first group
    slopes ... weights : outputs, float32 (nints, nsegments, ny, nx), zero-filled
    pedestal : output, float32 (nints, ny, nx), zero-filled
    crmag : output, float32 (nints, njumps, ny, nx), zero-filled; NaN for a step from or to a saturated group
    """
    n_ints, _, _, nx = data.shape
    low, high = group_range[0], group_range[1] + 1
    n_groups = high - low
    value, flag = np.empty((n_groups, CHUNK), np.float32), np.empty((n_groups, CHUNK), np.uint8)
    difference = np.empty((max(n_groups - 1, 1), CHUNK), np.float32)
    union, count, mean = np.empty(CHUNK, np.uint8), np.empty(CHUNK, np.int32), np.empty(CHUNK)
    base_time = times[1] if n_groups == 1 else times[0]
    for y in range(first_row, last_row):
        dark_row = dark[y if dark.shape[0] > 1 else 0]
        for x0 in range(0, nx, CHUNK):
            width = min(CHUNK, nx - x0)
            mean[:] = 0.0
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
                add_median_rates(value, flag, union, difference, count, width, base_time, times[1], suppress, mean)
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
                for x in range(width):
                    column = x0 + x
                    jump = 0
                    for g in range(1, n_groups):
                        if flag[g, x] & JUMP_DET != 0:
                            known = (flag[g, x] | flag[g - 1, x]) & SATURATED == 0
                            crmag[i, jump, y, column] = value[g, x] - value[g - 1, x] if known else np.nan
                            jump += 1
                    e = np.float64(gain[y, column])
                    noise = np.float64(read_noise[y, column])
                    variance = 0.5 * noise * noise / n_frames
                    rate = (mean[x] / n_ints if mean[x] > 0.0 else 0.0) + dark_row[column if dark.shape[1] > 1 else 0]
                    if is_lost(flag, x, suppress):
                        continue
                    if own_flags(pixel_dq[y, column], e) & np.uint32(3) == 0:
                        pedestal[i, y, column] = value[0, x] - ints[i, y, column] * pedestal_time
                    time = times[1] if not suppress and is_lone_first_group(flag, x) else base_time
                    longest = longest_segment(flag, x, False)
                    number = start = 0
                    while start < n_groups:
                        first, start = next_segment(flag, x, start, False)
                        n = start - first
                        if not is_chosen(flag, x, first, n, longest, False):
                            continue
                        m = max(n, 2)
                        noise_squared = variance * e * e
                        slope = (
                            segment_slope(value, x, first, n, e, noise_squared, power, norm)
                            if n > 1
                            else np.float64(value[first, x])
                        )
                        slopes[i, number, y, column] = slope / time
                        sigslopes[i, number, y, column], sigyints[i, number, y, column] = line_errors(
                            value, x, first, n, e, noise_squared
                        )
                        yints[i, number, y, column] = intercept(value, x, first, n, e, noise_squared, slope)
                        var_poisson[i, number, y, column] = rate / (time * e * (m - 1))
                        var_rnoise[i, number, y, column] = 12.0 * variance / ((m * m * m - m) * time * time)
                        weights[i, number, y, column] = (m * m * m - m) * time * time / (12.0 * variance)
                        number += 1
                        if n == 1:
                            break
