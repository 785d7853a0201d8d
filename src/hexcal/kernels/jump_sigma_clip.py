"""Find jumps of exposures with many integrations by clipping differences that lie too far from their median."""

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.jump import JUMP_DET, gather_differences, mark_pixel, median_of_sorted, shell_sort

_PASSES = 5


@kernel
def clipped_range(ordered, n, threshold):
    """Lowest and highest of the ordered values that are left after clipping at ``median +- threshold * standard deviation``, at most five times."""
    low, high = 0, n
    for _ in range(_PASSES):
        if high - low < 1:
            break
        median = median_of_sorted(ordered, low, high)
        mean = 0.0
        for j in range(low, high):
            mean += ordered[j]
        mean /= high - low
        square = 0.0
        for j in range(low, high):
            offset = ordered[j] - mean
            square += offset * offset
        reach = threshold * np.sqrt(square / (high - low))
        left = high - low
        while high > low and ordered[high - 1] > median + reach:
            high -= 1
        while low < high and ordered[low] < median - reach:
            low += 1
        if high - low == left:
            break
    if high <= low:
        return np.float32(np.inf), np.float32(-np.inf)
    return ordered[low], ordered[high - 1]


@kernel
def clip_jumps(
    first_row, last_row, data, group_dq, gain, read_noise, inverse_frames, threshold, limits, only_integrations, spread
):
    """Flag jumps by sigma clipping, and mark those that pass to the four neighbours.

    Parameters
    ----------
    first_row, last_row : int
        Rows to treat.
    data : float32 array (nints, ngroups, ny, nx), DN
        Linear ramps.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Gets JUMP_DET.
    gain, read_noise : float32 arrays (ny, nx), electrons/DN and DN
        Read noise of the difference of two frames; only used for the ratio that decides on neighbours.
    inverse_frames : float
        1 / number of frames averaged in a group.
    threshold : float, standard deviations
        Clip level.
    limits : tuple of 2 floats, sigma
        Range of the ratio in which neighbours are flagged; none if the second is not above the first.
    only_integrations : bool
        Compare the same group of all integrations; otherwise all groups of all integrations.
    spread : uint64 array (nints, ngroups, ny, ceil(nx / 64))
        Zero; gets the bits that `flag_neighbors` reads.
    """
    n_ints, n_groups, _, nx = data.shape
    steps = n_groups - 1
    difference = np.empty(n_ints * steps, np.float32)
    ordered = np.empty_like(difference)
    group = np.empty(n_ints, np.float32)
    for y in range(first_row, last_row):
        for x in range(nx):
            n = gather_differences(data, group_dq, 0, n_ints, y, x, gain[y, x], difference, ordered, False)
            shell_sort(ordered, n)
            found = False
            for i in range(n_ints):
                for k in range(n_groups):
                    found |= group_dq[i, k, y, x] & JUMP_DET != 0
            low, high = np.float32(0), np.float32(0)
            if not only_integrations:
                low, high = clipped_range(ordered, n, threshold)
            for k in range(steps):
                if only_integrations:
                    usable = 0
                    for i in range(n_ints):
                        step = difference[i * steps + k]
                        if step == step:
                            group[usable] = step
                            usable += 1
                    shell_sort(group, usable)
                    low, high = clipped_range(group, usable, threshold)
                for i in range(n_ints):
                    step = difference[i * steps + k]
                    if step < low or step > high:
                        group_dq[i, k + 1, y, x] |= JUMP_DET
                        found = True
            if found:
                median = median_of_sorted(ordered, 0, n) if n > 0 else np.nan
                electrons = np.float64(read_noise[y, x] * gain[y, x])
                sigma = np.sqrt(abs(median) + electrons * electrons * inverse_frames)
                mark_pixel(group_dq, spread, 0, n_ints, y, x, difference, median, sigma, limits[0], limits[1])
