"""The end of the ramp fit.

What needs the rates of all integrations, from the slopes, the flags of the groups, and the sums over integrations.
"""

import numpy as np

from hexcal.kernels.compiled import borrower, helper, inlined, kernel
from hexcal.kernels.ramp_fit_arrays import CHUNK, Rates, load_flags, new_lines, new_pixels, new_ramps, part_of_sums
from hexcal.kernels.ramp_fit_segments import (
    CHARGELOSS,
    DO_NOT_USE,
    JUMP_DET,
    PERSISTENCE,
    SATURATED,
    variances_of_one,
)

NO_GAIN_VALUE = 524288
KEPT_FLAGS = SATURATED | JUMP_DET | PERSISTENCE
"""Flags of groups that the rate carries if any group has them."""


@helper
def own_flags(pixel_dq, gain):
    """Flags of the pixel itself: PIXELDQ, with NO_GAIN_VALUE and DO_NOT_USE where the gain is not a positive number."""
    return pixel_dq | np.uint32(0 if 0.0 < gain < np.inf else NO_GAIN_VALUE | DO_NOT_USE)


@helper
def is_bad(pixel_dq, gain):
    """Whether a pixel gives no rate, whatever its ramps."""
    return own_flags(pixel_dq, gain) & np.uint32(DO_NOT_USE | SATURATED) != 0


@helper
def group_variance(read_noise, n_frames):
    """Variance of one group, DN**2, from the noise of the difference of two frames."""
    noise = np.float64(read_noise)
    return 0.5 * noise * noise / n_frames


@borrower
def read_pixels(gain, read_noise, n_frames, pixels):
    """Read gain and read noise of a chunk."""
    for x in range(gain.size):
        pixels.gain[x] = gain[x]
        pixels.variance[x] = group_variance(read_noise[x], n_frames)


@borrower
def mean_rate(total, n_ints, dark, y, x0, width, mean):
    """Rate that gives the Poisson variance, DN/s.

    The sum of the median rates of the integrations, averaged, not below 0, with that of the dark.
    """
    dark_row = dark[y if dark.shape[0] > 1 else 0]
    for x in range(width):
        average = total[x] / n_ints
        mean[x] = (average if average > 0.0 else 0.0) + dark_row[x0 + x if dark.shape[1] > 1 else 0]


@inlined
def part(rates, y, x0, width):
    """The pixels of a chunk in the outputs of an exposure."""
    here = slice(x0, x0 + width)
    return Rates(
        rates.slope[y, here],
        rates.err[y, here],
        rates.dq[y, here],
        rates.var_poisson[y, here],
        rates.var_rnoise[y, here],
    )


@inlined
def part_of_integration(rates, i, y, x0, width):
    """The pixels of a chunk in the outputs of an integration."""
    return part(
        Rates(rates.slope[i], rates.err[i], rates.dq[i], rates.var_poisson[i], rates.var_rnoise[i]), y, x0, width
    )


@borrower
def has_rate_of_zero_frame(flag, x, slope):
    """Whether the zero frame has given the rate of a ramp: nothing else gives one where all groups are saturated."""
    saturated = True
    for g in range(flag.shape[0]):
        saturated = saturated and flag[g, x] & SATURATED != 0
    return saturated and np.isfinite(slope)


@borrower
def find_variances(ramps, width, settings, pixels, slope, lines):
    """Variances and weights of an integration of a chunk, from the flags of its groups and its slopes.

    All of `Lines` but slope and cubic.
    """
    gain, variance, mean = pixels
    _, total, _, loss, linear, lost, _ = lines
    n = ramps.flag.shape[0]
    time = settings.single_time if n == 1 else settings.group_time
    unit, span = np.float64(n) * (n * n - 1) * time * time, (n - 1) * time
    for x in range(width):
        total[x] = 12.0 * variance[x] / unit + mean[x] / (gain[x] * span)
        loss[x] = unit
        linear[x] = span
        lost[x] = False
    for x in range(width):
        if ramps.union[x] != 0 or n == 1:
            find_flagged_variances(ramps, x, slope[x], settings, pixels, lines)


@borrower
def find_flagged_variances(ramps, x, slope, settings, pixels, lines):
    """As `find_variances`, of a ramp with flags, or of one group."""
    gain, variance, mean = pixels.gain[x], pixels.variance[x], pixels.mean[x]
    if has_rate_of_zero_frame(ramps.flag, x, slope):
        time = settings.frame_time
        loss = 6.0 * time * time / settings.n_frames
        lines.total[x] = 12.0 * variance / loss + mean / (gain * time)
        lines.loss[x], lines.linear[x] = loss, time
        return
    charge_loss = ramps.union[x] & CHARGELOSS != 0
    lines.total[x], lines.loss[x], lines.linear[x], lines.lost[x] = variances_of_one(
        ramps.flag, x, settings, gain, variance, mean, charge_loss
    )


@borrower
def close_integration(pixel_dq, union, pixels, lines, out):
    """Write the results of one integration for a chunk; ``out.slope`` holds the slopes.

    A pixel that is bad itself has no rate, whatever its ramp; without a read noise there is no weight, and so no slope.
    """
    gain, variance, mean = pixels
    _, total, _, loss, linear, lost, _ = lines
    for x in range(pixel_dq.size):
        bad = is_bad(pixel_dq[x], gain[x])
        span, unit = 0.0 if bad else linear[x], 0.0 if bad else loss[x]
        flags = np.uint32(union[x] & np.uint8(KEPT_FLAGS)) | np.uint32(DO_NOT_USE if lost[x] else 0)
        out.slope[x] = np.nan if bad or not 0.0 < variance[x] < np.inf else out.slope[x]
        out.err[x] = np.sqrt(0.0 if bad else total[x])
        out.dq[x] = flags | own_flags(pixel_dq[x], gain[x])
        out.var_poisson[x] = mean[x] / (gain[x] * span) if span > 0.0 else 0.0
        # Of a ramp that loses charge 3.0.0 finds the read noise by itself, and nothing where it is not known.
        known = unit > 0.0 and not (union[x] & np.uint8(CHARGELOSS) != 0 and np.isnan(variance[x]))
        out.var_rnoise[x] = 12.0 * variance[x] / unit if known else 0.0


@borrower
def write_exposure(pixel_dq, pixels, sums, n_ints, out):
    """Write the results of all integrations together for a chunk; of bad pixels as in `close_integration`."""
    gain, variance, mean = pixels
    for x in range(pixel_dq.size):
        bad = is_bad(pixel_dq[x], gain[x])
        weight, loss = 0.0 if bad else sums.cubic[x], 0.0 if bad else sums.loss[x]
        linear = 0.0 if bad else sums.linear[x]
        poisson = mean[x] / (gain[x] * linear) if linear > 0.0 else 0.0
        conventional = 12.0 * variance[x] / weight if weight > 0.0 else 0.0
        lost = np.uint32(DO_NOT_USE if sums.n_lost[x] == n_ints else 0)
        out.slope[x] = sums.weighted[x] / weight if weight > 0.0 and 0.0 < variance[x] < np.inf else np.nan
        out.err[x] = np.sqrt(poisson + conventional)
        out.dq[x] = sums.bits[x] | own_flags(pixel_dq[x], gain[x]) | lost
        out.var_poisson[x] = poisson
        out.var_rnoise[x] = 12.0 * variance[x] / loss if loss > 0.0 else 0.0


@kernel
def close_exposure(first_row, last_row, exposure, settings, n_ints, sums, rates):
    """Write the results of all integrations together for rows ``first_row <= y < last_row``.

    Parameters
    ----------
    exposure : Exposure
        Of any block; only its pixels are looked at, PIXELDQ as all blocks have left it.
    settings : Settings
    n_ints : number of integrations
    sums : Sums
        Over all of them, (ny, nx).
    rates : Rates
        Output, (ny, nx).
    """
    nx = exposure.pixel_dq.shape[1]
    pixels = new_pixels()
    for y in range(first_row, last_row):
        for x0 in range(0, nx, CHUNK):
            width = min(CHUNK, nx - x0)
            here = slice(x0, x0 + width)
            part_sums = part_of_sums(sums, y, x0, width)
            read_pixels(exposure.gain[y, here], exposure.read_noise[y, here], settings.n_frames, pixels)
            mean_rate(part_sums.rate, n_ints, exposure.dark, y, x0, width, pixels.mean)
            write_exposure(exposure.pixel_dq[y, here], pixels, part_sums, n_ints, part(rates, y, x0, width))


@kernel
def close_integrations(first_row, last_row, exposure, settings, n_ints, rate, integrations):
    """Write the results of a block of integrations for rows ``first_row <= y < last_row``.

    Parameters
    ----------
    exposure : Exposure
        The flags of the block, as `add_ramps` has left them; the data are not looked at; PIXELDQ as all blocks have
        left it.
    settings : Settings
    n_ints : number of integrations of the exposure
    rate : float64 (ny, nx)
        Sum of their median rates, DN/s.
    integrations : Rates
        Slopes, as `add_ramps` has left them, and the other outputs, (nints, ny, nx).
    """
    nx = exposure.pixel_dq.shape[1]
    n_groups = settings.last_group - settings.first_group + 1
    ramps, pixels, lines = new_ramps(n_groups), new_pixels(), new_lines()
    for y in range(first_row, last_row):
        for x0 in range(0, nx, CHUNK):
            width = min(CHUNK, nx - x0)
            here = slice(x0, x0 + width)
            read_pixels(exposure.gain[y, here], exposure.read_noise[y, here], settings.n_frames, pixels)
            mean_rate(rate[y, here], n_ints, exposure.dark, y, x0, width, pixels.mean)
            for i in range(exposure.group_dq.shape[0]):
                load_flags(exposure.group_dq, settings, i, y, x0, width, ramps.flag, ramps.union)
                out = part_of_integration(integrations, i, y, x0, width)
                find_variances(ramps, width, settings, pixels, out.slope, lines)
                close_integration(exposure.pixel_dq[y, here], ramps.union, pixels, lines, out)
