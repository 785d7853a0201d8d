"""The details of the ramp fit, one entry per segment; run after ``fit_ramps``, and only when they are asked for."""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import helper, kernel
from hexcal.kernels.ramp_fit import add_median_rates, sort_differences
from hexcal.kernels.ramp_fit_arrays import CHUNK, load_chunk, new_ramps
from hexcal.kernels.ramp_fit_close import group_variance, is_bad, mean_rate
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


class Details(NamedTuple):
    """Outputs, float32, zero-filled.

    slope ... weights : (nints, nsegments, ny, nx)
    pedestal : (nints, ny, nx)
    crmag : (nints, njumps, ny, nx), NaN for a step from or to a saturated group
    """

    slope: np.ndarray
    sigslope: np.ndarray
    var_poisson: np.ndarray
    var_rnoise: np.ndarray
    yint: np.ndarray
    sigyint: np.ndarray
    weights: np.ndarray
    pedestal: np.ndarray
    crmag: np.ndarray


@kernel
def count_details(first_row, last_row, exposure, settings, n_segments, n_jumps):
    """Most segments that count, and most groups flagged JUMP_DET (but the first), of the ramps of each row.

    Parameters
    ----------
    exposure, settings : as for ``fit_ramps``
    n_segments, n_jumps : outputs, int64 (ny,)
    """
    n_ints, _, _, nx = exposure.data.shape
    ramps = new_ramps(settings.last_group - settings.first_group + 1)
    for y in range(first_row, last_row):
        most_segments = most_jumps = 0
        for i in range(n_ints):
            for x0 in range(0, nx, CHUNK):
                width = min(CHUNK, nx - x0)
                load_chunk(exposure, settings, i, y, x0, width, ramps)
                for x in range(width):
                    most_jumps = max(most_jumps, count_jumps(ramps.flag, x))
                    most_segments = max(most_segments, count_segments(ramps.flag, x, settings.suppress))
        n_segments[y] = most_segments
        n_jumps[y] = most_jumps


@helper
def count_jumps(flag, x):
    """Number of groups after the first that are flagged JUMP_DET."""
    n = 0
    for g in range(1, flag.shape[0]):
        if flag[g, x] & JUMP_DET != 0:
            n += 1
    return n


@helper
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


@helper
def line_errors(value, x, first, n, gain, noise_squared):
    """Errors of slope and intercept of a segment's fit, from the read noise alone.

    Electrons per group, and electrons at the first group of the ramp.

    With weights w, x the group number and D = sum(w) sum(w x^2) - sum(w x)^2: sqrt(sum(w)/D) and sqrt(sum(w x^2)/D),
    times the read noise.
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


@helper
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


@helper
def write_jumps(value, flag, x, crmag):
    """Write the steps of the groups flagged JUMP_DET, but the first, of one ramp.

    ``crmag`` is its part of that plane.
    """
    jump = 0
    for g in range(1, flag.shape[0]):
        if flag[g, x] & JUMP_DET != 0:
            known = (flag[g, x] | flag[g - 1, x]) & SATURATED == 0
            crmag[jump] = value[g, x] - value[g - 1, x] if known else np.nan
            jump += 1


@helper
def write_segments(ramps, x, settings, tables, gain, variance, rate, i, y, column, details):
    """Write the segments that count of one ramp."""
    value, flag = ramps.value, ramps.flag
    lone_first = not settings.suppress and is_lone_first_group(flag, x)
    time = settings.single_time if lone_first or flag.shape[0] == 1 else settings.group_time
    noise_squared = variance * gain * gain
    longest = longest_segment(flag, x, False)
    number = start = 0
    while start < flag.shape[0]:
        first, start = next_segment(flag, x, start, False)
        n = start - first
        if not is_chosen(flag, x, first, n, longest, False):
            continue
        at = (i, number, y, column)
        m = max(n, 2)
        slope = np.float64(value[first, x])
        if n > 1:
            slope = segment_slope(value, x, first, n, gain, noise_squared, tables.power, tables.norm)
        details.slope[at] = slope / time
        details.sigslope[at], details.sigyint[at] = line_errors(value, x, first, n, gain, noise_squared)
        details.yint[at] = intercept(value, x, first, n, gain, noise_squared, slope)
        details.var_poisson[at] = rate / (time * gain * (m - 1))
        # With the groups that were lost to charge migration, as VAR_RNOISE of the other products.
        with_lost = max(next_segment(flag, x, first, True)[1] - first, 2)
        details.var_rnoise[at] = 12.0 * variance / ((with_lost**3 - with_lost) * time * time)
        details.weights[at] = (m * m * m - m) * time * time / (12.0 * variance)
        number += 1
        if n == 1:
            break


@helper
def mean_rates(exposure, settings, tables, y, x0, width, ramps, mean):
    """Rate that gives the Poisson variance of the pixels of a chunk, DN/s."""
    n_ints = exposure.data.shape[0]
    total = np.zeros(width)
    for i in range(n_ints):
        load_chunk(exposure, settings, i, y, x0, width, ramps)
        sort_differences(ramps, width, tables.pairs)
        add_median_rates(ramps, width, settings, total)
    mean_rate(total, n_ints, exposure.dark, y, x0, width, mean)


@kernel
def fit_details(first_row, last_row, exposure, settings, tables, slopes, pedestal_time, details):
    """Write the details of rows ``first_row <= y < last_row``.

    Parameters
    ----------
    exposure, settings, tables : as for ``fit_ramps``
    slopes : float32 (nints, ny, nx), DN/s, the rates per integration
    pedestal_time : s, exposure time of the first group
    details : Details
        Outputs.
    """
    n_ints, _, _, nx = exposure.data.shape
    ramps, mean = new_ramps(settings.last_group - settings.first_group + 1), np.empty(CHUNK)
    for y in range(first_row, last_row):
        for x0 in range(0, nx, CHUNK):
            width = min(CHUNK, nx - x0)
            mean_rates(exposure, settings, tables, y, x0, width, ramps, mean)
            for i in range(n_ints):
                load_chunk(exposure, settings, i, y, x0, width, ramps)
                for x in range(width):
                    column = x0 + x
                    write_jumps(ramps.value, ramps.flag, x, details.crmag[i, :, y, column])
                    if is_lost(ramps.flag, x, settings.suppress):
                        continue
                    gain = np.float64(exposure.gain[y, column])
                    if not is_bad(exposure.pixel_dq[y, column], gain):
                        pedestal = ramps.value[0, x] - slopes[i, y, column] * pedestal_time
                        details.pedestal[i, y, column] = pedestal
                    variance = group_variance(exposure.read_noise[y, column], settings.n_frames)
                    write_segments(ramps, x, settings, tables, gain, variance, mean[x], i, y, column, details)
