"""What a jump does to other samples: its four neighbours in the same group, and later groups of the same pixel."""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import helper, kernel
from hexcal.kernels.jump_differences import JUMP_DET, UNUSABLE, gather_differences
from hexcal.kernels.selection import median_of


@kernel
def flag_neighbors(first_row, last_row, group_dq, spread):
    """Flag the four neighbours of the jumps that `spread` marks, in the same group, as JUMP_DET.

    Unusable samples are left alone.

    Parameters
    ----------
    first_row, last_row : int
        Rows to treat; marks of the rows beside them are read.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Gets JUMP_DET.
    spread : uint64 array (nints, ngroups, ny, ceil(nx / 64))
        One bit per sample.
    """
    n_ints, n_groups, ny, nx = group_dq.shape
    words = spread.shape[3]
    one, last_bit = np.uint64(1), np.uint64(63)
    for i in range(n_ints):
        for k in range(n_groups):
            for y in range(first_row, last_row):
                row = spread[i, k, y]
                for word in range(words):
                    near = (row[word] << one) | (row[word] >> one)
                    if y > 0:
                        near |= spread[i, k, y - 1, word]
                    if y < ny - 1:
                        near |= spread[i, k, y + 1, word]
                    if word > 0:
                        near |= row[word - 1] >> last_bit
                    if word < words - 1:
                        near |= row[word + 1] << last_bit
                    if near == 0:
                        continue
                    for x in range(64 * word, min(64 * word + 64, nx)):
                        if (near >> np.uint64(x & 63)) & one != 0 and group_dq[i, k, y, x] & UNUSABLE == 0:
                            group_dq[i, k, y, x] |= JUMP_DET


class AfterJump(NamedTuple):
    """Which jumps have consequences for later groups.

    sizes : DN, least size of the jump
    groups_after : number of groups to flag after each size
    pool_integrations : take the median of the differences over all integrations
    """

    sizes: tuple
    groups_after: tuple
    pool_integrations: bool


@helper
def has_large_jump(group_dq, first, last, y, x, difference, smallest, least):
    """Whether a flagged group may exceed the median of the differences by `least`.

    The median is at least the smallest difference.
    """
    steps = group_dq.shape[1] - 1
    for j in range((last - first) * steps):
        if group_dq[first + j // steps, 1 + j % steps, y, x] & JUMP_DET != 0 and difference[j] - smallest >= least:
            return True
    return False


@helper
def flag_later_groups(group_dq, i, y, x, difference, median, gain, after):
    """Flag the groups after the large jumps of one ramp; ``difference`` holds its differences."""
    n_groups = group_dq.shape[1]
    # From the last group down: what is flagged here is never taken for a jump of its own.
    for k in range(n_groups - 1, 0, -1):
        if group_dq[i, k, y, x] & JUMP_DET == 0:
            continue
        excess = difference[k - 1] - median
        end = k
        for s in range(2):
            if excess >= np.float32(after.sizes[s]) * gain:
                end = max(end, k + after.groups_after[s])
        for later in range(k + 1, min(end + 1, n_groups)):
            if group_dq[i, later, y, x] & UNUSABLE == 0:
                group_dq[i, later, y, x] |= JUMP_DET


@helper
def flagged_columns(group_dq, first, last, y, flagged):
    """Union of the flags of the groups after the first, of a row."""
    flagged[:] = 0
    for i in range(first, last):
        for k in range(1, group_dq.shape[1]):
            row = group_dq[i, k, y]
            for x in range(row.size):
                flagged[x] |= row[x]


@kernel
def flag_after_jumps(first_row, last_row, samples, after):
    """Flag usable groups after a large jump as JUMP_DET.

    A group that is flagged JUMP_DET, whatever for, and whose difference exceeds the plain median of the differences by
    at least ``sizes[s]``, has the next ``groups_after[s]`` groups flagged. Groups flagged here have no followers of
    their own.

    Parameters
    ----------
    first_row, last_row : int
        Rows to treat.
    samples : Samples
    after : AfterJump
    """
    n_ints, n_groups, _, nx = samples.data.shape
    group_dq = samples.group_dq
    together, steps = n_ints if after.pool_integrations else 1, n_groups - 1
    difference = np.empty(together * steps, np.float32)
    usable = np.empty_like(difference)
    flagged = np.empty(nx, np.uint8)
    least = np.inf
    for s in range(2):
        if after.groups_after[s] > 0:
            least = min(least, after.sizes[s])
    for first in range(0, n_ints, together):
        last = first + together
        for y in range(first_row, last_row):
            flagged_columns(group_dq, first, last, y, flagged)
            for x in range(nx):
                gain = samples.gain[y, x]
                if flagged[x] & JUMP_DET == 0 or not gain > 0:
                    continue
                n = gather_differences(samples, first, last, y, x, difference, usable, False)
                # The median is at least the smallest difference: most flagged pixels (neighbours) are settled without
                # it.
                smallest = usable[:n].min() if n > 0 else np.float32(np.inf)
                if not has_large_jump(group_dq, first, last, y, x, difference, smallest, np.float32(least) * gain):
                    continue
                median = np.float32(median_of(usable, n))
                for i in range(first, last):
                    flag_later_groups(group_dq, i, y, x, difference[(i - first) * steps :], median, gain, after)
