"""What the kernels of the ramp fit are given, and the scratch that they work in."""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import borrower, helper, inlined

CHUNK = 256
"""Neighbouring pixels that are worked on together."""
DO_NOT_USE, SATURATED = 1, 2


class Exposure(NamedTuple):
    """The ramps and what belongs to their pixels.

    data : float32 (nints, ngroups, ny, nx), DN
    group_dq : uint8, as data; gets DO_NOT_USE where the data are not finite
    pixel_dq : uint32 (ny, nx)
    gain : float32 (ny, nx), e/DN
    read_noise : float32 (ny, nx), DN, noise of the difference of two frames
    dark : float32 (ny, nx) or (1, 1), DN/s, added to the rate that gives the Poisson variance
    zero_frame : float32 (nints, ny, nx), DN, first frame of each integration, 0 where it is saturated;
        (0, 0, 0) if there is none
    """

    data: np.ndarray
    group_dq: np.ndarray
    pixel_dq: np.ndarray
    gain: np.ndarray
    read_noise: np.ndarray
    dark: np.ndarray
    zero_frame: np.ndarray


class Settings(NamedTuple):
    """How the ramps are fitted.

    first_group, last_group : groups that exist for the fit (the others are as if they had never been read)
    first_used, last_used : groups outside are treated as DO_NOT_USE, counted from ``first_group``
    group_time : s, between groups
    single_time : s, exposure time of a ramp with nothing but its first group
    frame_time : s, exposure time of the zero frame
    n_frames : frames averaged into a group
    suppress : no rate from a ramp with a single good group
    """

    first_group: int
    last_group: int
    first_used: int
    last_used: int
    group_time: float
    single_time: float
    frame_time: float
    n_frames: int
    suppress: bool


class Tables(NamedTuple):
    """Numbers that depend on the number of groups alone: of ``weight_tables`` and ``sorting_pairs``."""

    power: np.ndarray
    norm: np.ndarray
    pairs: np.ndarray


class Rates(NamedTuple):
    """Outputs of the fit, float32 and uint32, (ny, nx) or (nints, ny, nx); DN/s and (DN/s)**2."""

    slope: np.ndarray
    err: np.ndarray
    dq: np.ndarray
    var_poisson: np.ndarray
    var_rnoise: np.ndarray


class Ramps(NamedTuple):
    """Samples of a chunk of one integration, (ngroups, CHUNK); the union of their flags, (CHUNK,).

    Sorted first differences and their number. The sum of zero times the samples: 0 if all are finite.

    zero_rate : DN/s, (CHUNK,), rate of the zero frame where it stands for a ramp that is saturated throughout, else NaN
    """

    value: np.ndarray
    flag: np.ndarray
    union: np.ndarray
    difference: np.ndarray
    count: np.ndarray
    nothing: np.ndarray
    zero_rate: np.ndarray


class Pixels(NamedTuple):
    """Gain, variance of one group (DN**2) and rate that gives the Poisson variance (DN/s) of the pixels of a chunk."""

    gain: np.ndarray
    variance: np.ndarray
    mean: np.ndarray


class Lines(NamedTuple):
    """Fit of one integration of a chunk.

    slope, its total variance, sums of (n**3-n)*T**2 of the segments, without and with groups lost to charge migration,
    and of (n-1)*T; whether there is no rate; row of the weight table. The variance means something only where the rate
    that gives it is known before, that of a lone integration.
    """

    slope: np.ndarray
    total: np.ndarray
    cubic: np.ndarray
    loss: np.ndarray
    linear: np.ndarray
    lost: np.ndarray
    row: np.ndarray


class Sums(NamedTuple):
    """Sums over the integrations, (ny, nx), or of a chunk.

    Of median rates (DN/s), of those of `Lines`, of cubic * slope, of lost integrations.

    And the union of flags. All float64, but n_lost int32 and bits uint32.
    """

    rate: np.ndarray
    cubic: np.ndarray
    loss: np.ndarray
    weighted: np.ndarray
    linear: np.ndarray
    n_lost: np.ndarray
    bits: np.ndarray


@helper
def new_ramps(n_groups):
    """Scratch for the samples of a chunk."""
    zero_rate = np.empty(CHUNK)
    for x in range(CHUNK):
        zero_rate[x] = np.nan
    return Ramps(
        np.empty((n_groups, CHUNK), np.float32),
        np.empty((n_groups, CHUNK), np.uint8),
        np.empty(CHUNK, np.uint8),
        np.empty((max(n_groups - 1, 1), CHUNK), np.float32),
        np.empty(CHUNK, np.int32),
        np.empty(CHUNK, np.float32),
        zero_rate,
    )


@inlined
def new_pixels():
    """Scratch for the pixels of a chunk."""
    return Pixels(np.empty(CHUNK), np.empty(CHUNK), np.zeros(CHUNK))


@inlined
def new_lines():
    """Scratch for the fit of one integration of a chunk."""
    slope, total, cubic, loss, linear = np.empty((5, CHUNK))
    return Lines(slope, total, cubic, loss, linear, np.empty(CHUNK, np.bool_), np.empty(CHUNK, np.int64))


@inlined
def new_sums():
    """Scratch for the sums over the integrations of a chunk."""
    rate, cubic, loss, weighted, linear = np.empty((5, CHUNK))
    return Sums(rate, cubic, loss, weighted, linear, np.empty(CHUNK, np.int32), np.empty(CHUNK, np.uint32))


@inlined
def part_of_sums(sums, y, x0, width):
    """The pixels of a chunk in the sums of an exposure."""
    here = slice(x0, x0 + width)
    return Sums(
        sums.rate[y, here],
        sums.cubic[y, here],
        sums.loss[y, here],
        sums.weighted[y, here],
        sums.linear[y, here],
        sums.n_lost[y, here],
        sums.bits[y, here],
    )


@borrower
def load_chunk(exposure, settings, i, y, x0, width, ramps):
    """Copy the groups of ``width`` pixels of an integration.

    Groups outside the used ones and samples that are not finite become DO_NOT_USE.

    The latter also in the flags of the exposure, so that these alone tell which groups were fitted.
    """
    value, flag, union, nothing = ramps.value, ramps.flag, ramps.union, ramps.nothing
    n_groups, first_group = value.shape[0], settings.first_group
    for x in range(width):
        union[x] = 0
        nothing[x] = 0
    # One simple loop per kind of number, so that the compiler uses whole registers; zero times a sample is NaN if it is
    # not finite.
    for g in range(n_groups):
        extra = np.uint8(0 if settings.first_used <= g <= settings.last_used else DO_NOT_USE)
        row = exposure.data[i, first_group + g, y, x0 : x0 + width]
        dq_row = exposure.group_dq[i, first_group + g, y, x0 : x0 + width]
        target, flags = value[g], flag[g]
        for x in range(width):
            target[x] = row[x]
            nothing[x] += row[x] * np.float32(0)
        for x in range(width):
            f = dq_row[x] | extra
            flags[x] = f
            union[x] |= f
    for x in range(width):
        if nothing[x] != np.float32(0):
            for g in range(n_groups):
                if not np.isfinite(value[g, x]):
                    flag[g, x] |= np.uint8(DO_NOT_USE)
                    exposure.group_dq[i, first_group + g, y, x0 + x] |= np.uint8(DO_NOT_USE)
            union[x] |= np.uint8(DO_NOT_USE)
    if exposure.zero_frame.shape[0] > 0 and not settings.suppress:
        load_zero_rates(exposure.zero_frame[i, y, x0 : x0 + width], flag, settings.frame_time, ramps.zero_rate)


@borrower
def load_flags(group_dq, settings, i, y, x0, width, flag, union):
    """Copy the flags of the groups of ``width`` pixels of an integration, and their union.

    Groups outside the used ones are flagged DO_NOT_USE.
    """
    for x in range(width):
        union[x] = 0
    for g in range(flag.shape[0]):
        extra = np.uint8(0 if settings.first_used <= g <= settings.last_used else DO_NOT_USE)
        row = group_dq[i, settings.first_group + g, y, x0 : x0 + width]
        flags = flag[g]
        for x in range(width):
            f = row[x] | extra
            flags[x] = f
            union[x] |= f


@borrower
def load_zero_rates(zero_frame, flag, frame_time, zero_rate):
    """Rates of the zero frame of ramps that are saturated in all groups.

    0 in the zero frame means that it is saturated as well.
    """
    for x in range(zero_frame.size):
        saturated = zero_frame[x] != 0 and np.isfinite(zero_frame[x])
        for g in range(flag.shape[0]):
            saturated = saturated and flag[g, x] & SATURATED != 0
        zero_rate[x] = zero_frame[x] / frame_time if saturated else np.nan
