"""Differences between the groups of a pixel, and what is made of them: what all searches for jumps have in common.

All differences are made in electrons, in float32 as the reference implementation does (``data * gain``, then the
difference); everything after that is float64.
"""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import borrower

UNUSABLE = np.uint8(3)
"""DO_NOT_USE or SATURATED: the sample takes part in nothing and is never marked as a jump."""
JUMP_DET = np.uint8(4)


class Samples(NamedTuple):
    """The ramps and their noise.

    data : float32 (nints, ngroups, ny, nx), DN, linear ramps
    group_dq : uint8, as data; gets JUMP_DET
    gain : float32 (ny, nx), e/DN
    read_noise : float32 (ny, nx), DN, noise of the difference of two frames
    inverse_frames : 1 / number of frames averaged in a group
    """

    data: np.ndarray
    group_dq: np.ndarray
    gain: np.ndarray
    read_noise: np.ndarray
    inverse_frames: float


@borrower
def shell_sort(values, n):
    """Sort the first `n` values, in place; fast for the few to some hundred differences of a pixel."""
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            value = values[i]
            j = i
            while j >= gap and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
        gap //= 3


@borrower
def median_of_sorted(values, low, high):
    """Median of ``values[low:high]``, which are in order; the mean of the middle two for an even number."""
    middle = (low + high) // 2
    if (high - low) % 2 == 1:
        return np.float64(values[middle])
    return 0.5 * (np.float64(values[middle - 1]) + np.float64(values[middle]))


@borrower
def gather_differences(samples, first, last, y, x, difference, usable, absolute):
    """Differences between groups of one pixel, of integrations ``first <= i < last`` one after the other.

    Parameters
    ----------
    difference : float32 array
        Gets ``(last - first) * (ngroups - 1)`` differences in electrons; NaN where one of the two groups is unusable or
        not finite.
    usable : float32 array
        Gets the usable differences (their absolute values if `absolute`), one after the other.

    Returns
    -------
    int
        Number of usable differences.
    """
    data, group_dq, gain = samples.data, samples.group_dq, samples.gain[y, x]
    n = 0
    at = 0
    for i in range(first, last):
        before = np.float32(np.nan)
        for k in range(data.shape[1]):
            value = np.float32(np.nan) if group_dq[i, k, y, x] & UNUSABLE != 0 else data[i, k, y, x] * gain
            if not np.isfinite(value):
                value = np.float32(np.nan)
            if k > 0:
                step = value - before
                difference[at] = step
                at += 1
                if step == step:
                    usable[n] = abs(step) if absolute else step
                    n += 1
            before = value
    return n


@borrower
def variance_of_reads(samples, y, x):
    """Variance of a difference of two groups from the read noise alone, electrons squared."""
    electrons = np.float64(samples.read_noise[y, x] * samples.gain[y, x])
    return electrons * electrons * samples.inverse_frames


@borrower
def is_flagged(group_dq, first, last, y, x):
    """Whether any group of the pixel carries JUMP_DET in integrations ``first <= i < last``."""
    for i in range(first, last):
        for k in range(group_dq.shape[1]):
            if group_dq[i, k, y, x] & JUMP_DET != 0:
                return True
    return False


@borrower
def set_bit(spread, i, k, y, x):
    """Mark a jump that passes to its neighbours: bit ``x % 64`` of ``spread[i, k, y, x // 64]``."""
    spread[i, k, y, x >> 6] |= np.uint64(1) << np.uint64(x & 63)


@borrower
def mark_pixel(group_dq, spread, first, last, y, x, difference, median, sigma, limits):
    """Mark where the jumps of one pixel pass to its neighbours; take JUMP_DET from unusable groups.

    Jumps pass if ``limits[0] < |difference - median| / sigma < limits[1]``.
    """
    n_groups = group_dq.shape[1]
    at = 0
    for i in range(first, last):
        for k in range(n_groups):
            flags = group_dq[i, k, y, x]
            if flags & UNUSABLE != 0:
                group_dq[i, k, y, x] = flags & ~JUMP_DET
            elif k > 0 and flags & JUMP_DET != 0:
                ratio = abs(np.float64(difference[at + k - 1]) - median) / sigma
                if limits[0] < ratio < limits[1]:
                    set_bit(spread, i, k, y, x)
        at += n_groups - 1
