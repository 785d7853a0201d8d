"""What a jump does to other samples: its four neighbours in the same group, and later groups of the same pixel."""

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.jump import JUMP_DET, UNUSABLE, gather_differences, median_of_sorted, shell_sort


@kernel
def flag_neighbors(first_row, last_row, group_dq, spread):
    """Flag the four neighbours of the jumps that `spread` marks, in the same group, as JUMP_DET; unusable samples are left alone.

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


@kernel
def flag_after_jumps(first_row, last_row, data, group_dq, gain, sizes, groups_after, pool_integrations):
    """Flag usable groups after a large jump as JUMP_DET.

    A group that is flagged JUMP_DET, whatever for, and whose difference exceeds the plain median of the differences by at least ``sizes[s]``, has
    the next ``groups_after[s]`` groups flagged. Groups flagged here have no followers of their own.

    Parameters
    ----------
    first_row, last_row : int
        Rows to treat.
    data : float32 array (nints, ngroups, ny, nx), DN
        Linear ramps.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Gets JUMP_DET.
    gain : float32 array (ny, nx), electrons/DN
        Gain.
    sizes : tuple of 2 floats, DN
        Least size of the jump.
    groups_after : tuple of 2 ints
        Number of groups to flag.
    pool_integrations : bool
        Take the median over all integrations.
    """
    n_ints, n_groups, _, nx = data.shape
    together = n_ints if pool_integrations else 1
    difference = np.empty(together * (n_groups - 1), np.float32)
    ordered = np.empty_like(difference)
    flagged = np.empty(nx, np.uint8)
    least = sizes[0] if groups_after[1] == 0 else sizes[1] if groups_after[0] == 0 else min(sizes[0], sizes[1])
    for first in range(0, n_ints, together):
        last = first + together
        for y in range(first_row, last_row):
            flagged[:] = 0
            for i in range(first, last):
                for k in range(1, n_groups):
                    row = group_dq[i, k, y]
                    for x in range(nx):
                        flagged[x] |= row[x]
            for x in range(nx):
                if flagged[x] & JUMP_DET == 0:
                    continue
                g = gain[y, x]
                if not g > 0:
                    continue
                n = gather_differences(data, group_dq, first, last, y, x, g, difference, ordered, False)
                # The median is at least the smallest difference: most flagged pixels (neighbours) are settled without it.
                smallest = np.float32(np.inf)
                for j in range(n):
                    smallest = min(smallest, ordered[j])
                large = False
                for i in range(first, last):
                    at = (i - first) * (n_groups - 1) - 1
                    for k in range(1, n_groups):
                        if group_dq[i, k, y, x] & JUMP_DET != 0:
                            large |= difference[at + k] - smallest >= np.float32(least) * g
                if not large:
                    continue
                shell_sort(ordered, n)
                median = np.float32(median_of_sorted(ordered, 0, n))
                for i in range(first, last):
                    at = (i - first) * (n_groups - 1) - 1
                    # From the last group down: what is flagged here is never taken for a jump of its own.
                    for k in range(n_groups - 1, 0, -1):
                        if group_dq[i, k, y, x] & JUMP_DET == 0:
                            continue
                        excess = difference[at + k] - median
                        end = k
                        if excess >= np.float32(sizes[0]) * g:
                            end = k + groups_after[0]
                        if excess >= np.float32(sizes[1]) * g:
                            end = max(end, k + groups_after[1])
                        for later in range(k + 1, min(end + 1, n_groups)):
                            if group_dq[i, later, y, x] & UNUSABLE == 0:
                                group_dq[i, later, y, x] |= JUMP_DET
