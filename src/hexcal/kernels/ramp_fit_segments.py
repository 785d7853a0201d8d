"""One ramp: its segments, their slopes and their weights.

The arithmetic of one pixel (T group time, R read noise, S signal to noise ratio):

* a *segment* is a run of usable groups; it ends before an unusable group and a group flagged JUMP_DET starts the next
  one;
* slope of a segment of n groups: least squares with weights ``|k - (n-1)/2|**P``; as these are symmetric about the
  middle, the slope is ``sum_k d_k**(P+1) * y_k*sign / sum_k d_k**(P+2) * 2`` with ``d_k = |2k - (n-1)|``, whatever
  scale the weights have;
* P grows with the signal to noise ratio S of the segment (Fixsen et al. 2000, PASP 112, 1350);
* var_R = 12 R**2 / ((n**3 - n) T**2), var_P = rate / (T gain (n - 1)), a lone group counts as n = 2;
* segments (and integrations) are averaged with weights 1/var_R, so that the weights do not depend on the signal.
"""

import numpy as np

from hexcal.kernels.compiled import borrower, helper

DO_NOT_USE, SATURATED, JUMP_DET, PERSISTENCE, CHARGELOSS = 1, 2, 4, 32, 128
UNFIT = 255 & ~(JUMP_DET | PERSISTENCE)
"""Any of these bits keeps a group out of the fit."""
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
    Exponent P for S from 0, 5, 10, 20, 50, 100: 0, 0.4, 1, 3, 6, 10 (Fixsen et al. 2000, PASP 112, 1350; JWST
    pipeline documentation 1.13.5, section ramp_fitting).
    """
    exponents = np.array([0, 0.4, 1, 3, 6, 10])[:, None]
    distance = np.arange(max(n_groups, 2), dtype=float)
    power = distance ** (exponents + 1)
    norm = np.ones((N_EXPONENTS, n_groups + 1))
    for n in range(2, n_groups + 1):
        norm[:, n] = (power * distance)[:, n - 1 :: -2].sum(axis=1)
    return power, norm


@helper
def is_usable(f):
    """Whether a group with these flags takes part in the fit.

    One that carries JUMP_DET does, as the start of a segment.
    """
    return f & UNFIT == 0


@helper
def is_good(f):
    """Whether a group with these flags is usable and its signal also stands for itself: no jump came before it."""
    return f & (UNFIT | JUMP_DET) == 0


@borrower
def is_lone_first_group(flag, x):
    """True if the first group of the pixel is good and no other one is."""
    return is_good(flag[0, x]) and count_good_groups(flag, x) == 1


@borrower
def count_good_groups(flag, x):
    """Number of good groups of the pixel."""
    n = 0
    for g in range(flag.shape[0]):
        if is_good(flag[g, x]):
            n += 1
    return n


@helper
def exponent_row(rise, noise_squared):
    """Row of the weight table for a segment that rises by ``rise`` electrons, read noise squared in electrons squared.

    S = rise/sqrt(noise**2 + rise).
    """
    s_squared = rise * rise / (noise_squared + rise) if rise > 0.0 else 0.0
    return (
        (1 if s_squared >= 25.0 else 0)
        + (1 if s_squared >= 100.0 else 0)
        + (1 if s_squared >= 400.0 else 0)
        + (1 if s_squared >= 2500.0 else 0)
        + (1 if s_squared >= 10000.0 else 0)
    )


@borrower
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


@borrower
def next_segment(flag, x, start, clear_charge_loss):
    """(first, end) of the first segment at or after group ``start``; first = end = n_groups if there is none.

    With ``clear_charge_loss`` the groups flagged CHARGELOSS and DO_NOT_USE count as if they had neither flag.
    """
    n_groups = flag.shape[0]
    first = start
    while first < n_groups and not is_usable(usable_bits(flag[first, x], clear_charge_loss)):
        first += 1
    end = first
    while end < n_groups:
        f = usable_bits(flag[end, x], clear_charge_loss)
        if not is_usable(f) or (f & JUMP_DET != 0 and end > first):
            break
        end += 1
    return first, end


@helper
def usable_bits(f, clear_charge_loss):
    """Flags of a group as they count for the segments."""
    lost = CHARGELOSS | DO_NOT_USE
    return f & ~lost if clear_charge_loss and f & lost == lost else f


@borrower
def longest_segment(flag, x, clear_charge_loss):
    """Number of groups of the longest segment of the pixel."""
    # np.int64(0) is any number, while for 0 alone `next_segment` would be compiled once more.
    longest, start = 0, np.int64(0)
    while start < flag.shape[0]:
        first, start = next_segment(flag, x, start, clear_charge_loss)
        longest = max(longest, start - first)
    return longest


@borrower
def is_chosen(flag, x, first, n, longest, clear_charge_loss):
    """Single groups count only where no segment is longer, and then not one that a jump opened."""
    return n > 1 if longest > 1 else n == 1 and is_good(usable_bits(flag[first, x], clear_charge_loss))


@borrower
def cubic_sum(flag, x, clear_charge_loss):
    """Sum of n**3 - n over the segments that count; the read noise variance is 12 R**2 / (that sum * T**2)."""
    longest = longest_segment(flag, x, clear_charge_loss)
    total = 0.0
    start = np.int64(0)
    while start < flag.shape[0]:
        first, start = next_segment(flag, x, start, clear_charge_loss)
        n = start - first
        if is_chosen(flag, x, first, n, longest, clear_charge_loss):
            m = max(n, 2)
            total += m * m * m - m
            if n == 1:
                break
    return total, longest


@borrower
def fit_flagged(value, flag, x, time, gain, noise_squared, read_noise_12, rate, power, norm):
    """Average the segments of one flagged ramp.

    Returns ``(slope, sum of n**3-n, sum of n-1, 1/var_C)``, slope in DN/s; 0 if no segment counts. See
    `segment_weights`.
    """
    longest = longest_segment(flag, x, False)
    cubic = linear = weighted = inverse = 0.0
    start = np.int64(0)
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
            inverse += 1.0 / (read_noise_12 / (c * time * time) + rate / (time * gain * (m - 1.0)))
            if n == 1:
                break
    return (weighted / (cubic * time) if cubic > 0.0 else 0.0), cubic, linear, inverse


@borrower
def segment_weights(flag, x, time, gain, read_noise_12, rate):
    """Sums over the segments of one flagged ramp, by its flags alone: ``(sum of n**3-n, sum of n-1, 1/var_C)``.

    0 if no segment counts.

    ``read_noise_12`` is 12 times the variance of a group, DN**2, and ``rate`` gives the Poisson variance, DN/s.
    """
    longest = longest_segment(flag, x, False)
    cubic = linear = inverse = 0.0
    start = np.int64(0)
    while start < flag.shape[0]:
        first, start = next_segment(flag, x, start, False)
        n = start - first
        if is_chosen(flag, x, first, n, longest, False):
            m = max(n, 2)
            c = np.float64(m * m * m - m)
            cubic += c
            linear += m - 1.0
            inverse += 1.0 / (read_noise_12 / (c * time * time) + rate / (time * gain * (m - 1.0)))
            if n == 1:
                break
    return cubic, linear, inverse


@borrower
def is_lost(flag, x, suppress):
    """True if the ramp of pixel x gives no rate: saturated from the start, or without a segment that counts.

    With ``suppress`` lone groups do not count, nor the only good group of a ramp together with one that a jump opened;
    a ramp that was read only once is fitted all the same.
    """
    if flag[0, x] & SATURATED != 0:
        return True
    n_groups = flag.shape[0]
    longest = longest_segment(flag, x, False)
    if suppress and n_groups > 1:
        return longest < 2 or count_good_groups(flag, x) == 1
    if longest != 1:
        return longest == 0
    return count_good_groups(flag, x) == 0


@borrower
def time_between(flag, x, settings):
    """Whether the ramp is a lone first group that counts, and the time that one step of its groups stands for, s."""
    lone = not settings.suppress and is_lone_first_group(flag, x)
    return lone, settings.single_time if lone or flag.shape[0] == 1 else settings.group_time


@borrower
def with_lost_groups(flag, x, settings, lone, time):
    """Sum of (n**3-n)*T**2 of a ramp, with the groups that were lost to charge migration.

    That which VAR_RNOISE is made of.
    """
    loss, longest = cubic_sum(flag, x, True)
    loss_time = time if lone and longest == 1 else settings.group_time
    return loss * loss_time * loss_time


@borrower
def fit_one(value, flag, x, settings, tables, gain, variance, rate, charge_loss):
    """Fit one flagged ramp.

    Returns ``(slope, var_C, sum of (n**3-n)*T**2, the same with the groups lost to charge migration, sum of (n-1)*T,
    lost)``.
    """
    lone, time = time_between(flag, x, settings)
    lost = is_lost(flag, x, settings.suppress)
    slope, cubic, linear, inverse = np.nan, 0.0, 0.0, 0.0
    if not lost:
        slope, cubic, linear, inverse = fit_flagged(
            value, flag, x, time, gain, variance * gain * gain, 12.0 * variance, rate, tables.power, tables.norm
        )
    cubic *= time * time
    loss = with_lost_groups(flag, x, settings, lone, time) if charge_loss else cubic
    return slope, 1.0 / inverse if cubic > 0.0 else 0.0, cubic, loss, linear * time, lost


@borrower
def variances_of_one(flag, x, settings, gain, variance, rate, charge_loss):
    """Variances of the slope of one flagged ramp, by its flags alone.

    Returns ``(var_C, sum of (n**3-n)*T**2 with the groups lost to charge migration, sum of (n-1)*T, lost)``.
    """
    lone, time = time_between(flag, x, settings)
    lost = is_lost(flag, x, settings.suppress)
    cubic = linear = inverse = 0.0
    if not lost:
        cubic, linear, inverse = segment_weights(flag, x, time, gain, 12.0 * variance, rate)
    cubic *= time * time
    loss = with_lost_groups(flag, x, settings, lone, time) if charge_loss else cubic
    return 1.0 / inverse if cubic > 0.0 else 0.0, loss, linear * time, lost
