"""Count rates from ramps: every ramp is read once, cut into segments, fitted and combined.

How one ramp is fitted is in ``ramp_fit_segments``, what goes in and out in ``ramp_fit_arrays``. The fit has two parts:
what an integration gives by itself, slopes and their weights, is found here; what needs the mean rate of all
integrations, the variances, follows in ``ramp_fit_close``. ``fit_ramps`` does both for one integration, and with
``close_integrations`` for several in memory; ``add_ramps``, ``close_exposure`` and ``close_integrations`` do the same,
with the same bits, for an exposure whose integrations come in blocks.

Work is done in chunks of ``CHUNK`` neighbouring pixels, copied to scratch that stays in the first cache level: the
stride between the groups of one pixel is a power of two in full frames, and reading the groups of single pixels would
evict the very lines needed for the next pixel.
"""

import numpy as np

from hexcal.kernels.compiled import borrower, inlined, kernel
from hexcal.kernels.ramp_fit_arrays import (
    CHUNK,
    load_chunk,
    new_lines,
    new_pixels,
    new_ramps,
    new_sums,
    part_of_sums,
)
from hexcal.kernels.ramp_fit_close import (
    KEPT_FLAGS,
    close_integration,
    mean_rate,
    part,
    part_of_integration,
    read_pixels,
    write_exposure,
)
from hexcal.kernels.ramp_fit_segments import (
    CHARGELOSS,
    JUMP_DET,
    SATURATED,
    UNFIT,
    exponent_row,
    fit_one,
    is_lone_first_group,
    is_lost,
    is_usable,
)


def sorting_pairs(n):
    """Comparisons (a, b), a < b, that sort n numbers whatever their order (Batcher's odd-even merge sort).

    Int64 (n_pairs, 2).
    """
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


@borrower
def sort_differences(ramps, width, pairs):
    """First differences of usable groups that no jump opens, sorted along the first axis, +inf behind them.

    ``count`` of them per pixel.
    """
    value, flag, union = ramps.value, ramps.flag, ramps.union
    difference, count = ramps.difference, ramps.count
    n_differences = value.shape[0] - 1
    for x in range(width):
        count[x] = n_differences
    for g in range(n_differences):
        early, late, target = value[g], value[g + 1], difference[g]
        for x in range(width):
            target[x] = late[x] - early[x]
    for x in range(width):
        if union[x] != 0:
            for g in range(n_differences):
                if (flag[g, x] & np.uint8(UNFIT)) | (flag[g + 1, x] & np.uint8(UNFIT | JUMP_DET)) != 0:
                    difference[g, x] = np.inf
                    count[x] -= np.int32(1)
    for p in range(pairs.shape[0]):
        low, high = difference[pairs[p, 0]], difference[pairs[p, 1]]
        for x in range(width):
            a, b = low[x], high[x]
            low[x] = a if a < b else b
            high[x] = b if a < b else a


@borrower
def flagged_median_rate(ramps, x, settings):
    """Median of the first differences of one ramp in DN/s, and what stands for it where there is none.

    NaN if the only group is saturated.
    """
    value, flag, difference, n = ramps.value, ramps.flag, ramps.difference, ramps.count[x]
    if np.isfinite(ramps.zero_rate[x]):
        return ramps.zero_rate[x]
    if value.shape[0] == 1:
        saturated = flag[0, x] & SATURATED != 0 or not np.isfinite(value[0, x])
        return np.nan if saturated else value[0, x] / settings.single_time
    if is_lost(flag, x, settings.suppress):
        return 0.0
    if is_lone_first_group(flag, x) and not settings.suppress:
        return value[0, x] / settings.single_time
    if n == 0:
        return value[0, x] / settings.group_time if is_usable(flag[0, x]) else 0.0
    return 0.5 * (np.float64(difference[(n - 1) // 2, x]) + np.float64(difference[n // 2, x])) / settings.group_time


@borrower
def add_median_rates(ramps, width, settings, estimate):
    """Add the median first difference of each ramp, DN/s, to ``estimate``."""
    difference, union = ramps.difference, ramps.union
    n_groups = ramps.value.shape[0]
    low, high = difference[max(n_groups - 2, 0) // 2], difference[(n_groups - 1) // 2 if n_groups > 1 else 0]
    if n_groups > 1:
        for x in range(width):
            median = 0.5 * (np.float64(low[x]) + np.float64(high[x])) / settings.group_time
            estimate[x] += median if union[x] == 0 else 0.0
    for x in range(width):
        if union[x] != 0 or n_groups == 1:
            estimate[x] += flagged_median_rate(ramps, x, settings)


@borrower
def fit_clean(value, width, time, pixels, tables, lines):
    """Slopes and weights of ramps without any flag, whole chunks at a time.

    Flagged ones get numbers that ``fit_one`` replaces.
    """
    gain, variance, mean = pixels
    slope, total, cubic, loss, linear, _, row = lines
    power, norm = tables.power, tables.norm
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


@borrower
def fit_chunk(ramps, width, settings, tables, pixels, lines):
    """Fit the ramps of one integration of a chunk."""
    value, flag, union = ramps.value, ramps.flag, ramps.union
    gain, variance, mean = pixels
    slope, total, cubic, loss, linear, lost, _ = lines
    n_groups = value.shape[0]
    fit_clean(value, width, settings.single_time if n_groups == 1 else settings.group_time, pixels, tables, lines)
    for x in range(width):
        lost[x] = False
        if union[x] != 0 or n_groups == 1:
            slope[x], total[x], cubic[x], loss[x], linear[x], lost[x] = fit_one(
                value, flag, x, settings, tables, gain[x], variance[x], mean[x], union[x] & CHARGELOSS != 0
            )
            if np.isfinite(ramps.zero_rate[x]):
                take_zero_frame(ramps.zero_rate[x], x, settings, pixels, lines)


@borrower
def take_zero_frame(rate, x, settings, pixels, lines):
    """Let the zero frame stand for a ramp.

    A lone group (n = 2) of one frame, whose variance is that of a group times the number of frames in a group.
    """
    time = settings.frame_time
    lines.slope[x] = rate
    lines.cubic[x] = lines.loss[x] = 6.0 * time * time / settings.n_frames
    lines.linear[x] = time
    lines.total[x] = 12.0 * pixels.variance[x] / lines.cubic[x] + pixels.mean[x] / (pixels.gain[x] * time)
    lines.lost[x] = False


@borrower
def add_integration(width, union, lines, sums):
    """Add one integration to the sums of a chunk."""
    slope, _, cubic, loss, linear, lost, _ = lines
    for x in range(width):
        sums.cubic[x] += cubic[x]
        sums.loss[x] += loss[x]
        sums.weighted[x] += cubic[x] * slope[x] if cubic[x] > 0.0 else 0.0
        sums.linear[x] += linear[x]
        sums.n_lost[x] += np.int32(1 if lost[x] else 0)
        sums.bits[x] |= np.uint32(union[x] & np.uint8(KEPT_FLAGS))


@borrower
def clear(sums):
    """Begin the sums of a chunk."""
    for x in range(CHUNK):
        sums.rate[x] = sums.cubic[x] = sums.loss[x] = sums.weighted[x] = sums.linear[x] = 0.0
        sums.n_lost[x] = 0
        sums.bits[x] = 0


@inlined
def load_integration(exposure, settings, tables, i, y, x0, width, ramps, sums):
    """Load a chunk of one integration, and add its median rates to the sums."""
    load_chunk(exposure, settings, i, y, x0, width, ramps)
    sort_differences(ramps, width, tables.pairs)
    add_median_rates(ramps, width, settings, sums.rate)


@inlined
def fit_integration(ramps, width, settings, tables, pixels, lines, sums, slope):
    """Fit a chunk of one integration that is loaded: write its slopes, DN/s, and add what it gives to the sums."""
    fit_chunk(ramps, width, settings, tables, pixels, lines)
    add_integration(width, ramps.union, lines, sums)
    for x in range(width):
        slope[x] = lines.slope[x]


@kernel
def fit_ramps(first_row, last_row, exposure, settings, tables, rates, integrations, rate):
    """Fit rows ``first_row <= y < last_row`` of all integrations of an exposure.

    With one integration, that is all. With more, `integrations` holds the slopes alone, and ``close_integrations``
    writes the rest: a kernel of its own, which most exposures do not need.

    Parameters
    ----------
    exposure : Exposure
    settings : Settings
    tables : Tables
        For the number of groups that exist for the fit.
    rates, integrations : Rates
        Outputs, (ny, nx) and (nints, ny, nx).
    rate : float64 (ny, nx)
        Output: sum of the median rates of the integrations, DN/s; nothing of it is touched for one integration.
    """
    ramps, pixels, lines = new_ramps(settings.last_group - settings.first_group + 1), new_pixels(), new_lines()
    scratch = ramps, pixels, lines, new_sums()
    fit_rows(first_row, last_row, exposure, settings, tables, rates, integrations, rate, scratch)


@borrower
def fit_rows(first_row, last_row, exposure, settings, tables, rates, integrations, rate, scratch):
    """Do the work of `fit_ramps`."""
    n_ints, _, _, nx = exposure.data.shape
    ramps, pixels, lines, sums = scratch
    for y in range(first_row, last_row):
        for x0 in range(0, nx, CHUNK):
            width = min(CHUNK, nx - x0)
            here = slice(x0, x0 + width)
            pixel_dq = exposure.pixel_dq[y, here]
            clear(sums)
            read_pixels(exposure.gain[y, here], exposure.read_noise[y, here], settings.n_frames, pixels)
            for i in range(n_ints):
                load_integration(exposure, settings, tables, i, y, x0, width, ramps, sums)
                if i == n_ints - 1:
                    mean_rate(sums.rate, n_ints, exposure.dark, y, x0, width, pixels.mean)
                fit_integration(ramps, width, settings, tables, pixels, lines, sums, integrations.slope[i, y, here])
            if n_ints == 1:
                out = part_of_integration(integrations, 0, y, x0, width)
                close_integration(pixel_dq, ramps.union, pixels, lines, out)
            else:
                for x in range(width):
                    rate[y, x0 + x] = sums.rate[x]
            write_exposure(pixel_dq, pixels, sums, n_ints, part(rates, y, x0, width))


@kernel
def add_ramps(first_row, last_row, exposure, settings, tables, slope, sums):
    """Fit rows ``first_row <= y < last_row`` of a block of integrations.

    As far as an integration can be fitted by itself.

    Parameters
    ----------
    exposure : Exposure
        Its flags get what the data say (see there).
    settings, tables
        As for `fit_ramps`.
    slope : float32 (nints, ny, nx), DN/s
        Output; also of pixels that are bad themselves, which are withdrawn in the end.
    sums : Sums
        Of the integrations so far, (ny, nx).
    """
    ramps, pixels, lines = new_ramps(settings.last_group - settings.first_group + 1), new_pixels(), new_lines()
    add_rows(first_row, last_row, exposure, settings, tables, slope, sums, (ramps, pixels, lines))


@borrower
def add_rows(first_row, last_row, exposure, settings, tables, slope, sums, scratch):
    """Do the work of `add_ramps`."""
    n_ints, _, _, nx = exposure.data.shape
    ramps, pixels, lines = scratch
    for y in range(first_row, last_row):
        for x0 in range(0, nx, CHUNK):
            width = min(CHUNK, nx - x0)
            here = slice(x0, x0 + width)
            read_pixels(exposure.gain[y, here], exposure.read_noise[y, here], settings.n_frames, pixels)
            chunk_sums = part_of_sums(sums, y, x0, width)
            for i in range(n_ints):
                load_integration(exposure, settings, tables, i, y, x0, width, ramps, chunk_sums)
                fit_integration(ramps, width, settings, tables, pixels, lines, chunk_sums, slope[i, y, here])
