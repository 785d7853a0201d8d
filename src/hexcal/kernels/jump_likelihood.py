"""Find jumps by what they do to the fit of a straight line (Brandt 2024, PASP 136, 045005).

The differences of a ramp have a tridiagonal covariance matrix, as for the ramp fit by likelihood (`likelihood_solve`).
A difference is a jump if chi-squared falls by more than the square of the threshold when it is left out; the one with
the largest fall goes first, and the rest is looked at again. Unlike the ratio of a difference to the median, the fall
has the distribution of chi-squared for any number of groups, so that the threshold means what it says.
"""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import helper, kernel
from hexcal.kernels.jump_differences import (
    JUMP_DET,
    UNUSABLE,
    gather_differences,
    is_flagged,
    mark_pixel,
    median_of_sorted,
    shell_sort,
)
from hexcal.kernels.likelihood_solve import Noise, find_jumps, new_system, solve_for_jumps, stands_out
from hexcal.kernels.ramp_fit_arrays import CHUNK, Pixels
from hexcal.kernels.selection import median_of


class LikelihoodTest(NamedTuple):
    """How differences are tested, in units of one group.

    normal, four_group, three_group : Noise
        With the thresholds for many differences, for three, for two.
    limits : tuple of 2 floats, sigma
        As of `hexcal.kernels.jump.TwoPointTest`.
    """

    normal: Noise
    four_group: Noise
    three_group: Noise
    limits: tuple


class Scratch(NamedTuple):
    """What `flag_chunk` works in: jumps (CHUNK,), lines (4, CHUNK), differences of a pixel, as they come and in order.

    The photon noise of a chunk takes no dark current (CHUNK,): zero.
    """

    jump: np.ndarray
    lines: np.ndarray
    difference: np.ndarray
    ordered: np.ndarray
    values: np.ndarray
    dark: np.ndarray


@helper
def noise_for(count, test):
    """Coefficients and thresholds where ``count`` differences are left."""
    if count == 2:
        return test.three_group
    return test.four_group if count == 3 else test.normal


@helper
def load(samples, i, y, x0, width, pixels, system, values):
    """Differences of a chunk in DN, which of them count, and the first estimate of the rate: their median.

    A difference counts between two usable, finite samples, unless its later group is a jump already.
    """
    data, group_dq = samples.data, samples.group_dq
    for x in range(width):
        read_noise = np.float64(samples.read_noise[y, x0 + x])
        pixels.gain[x] = samples.gain[y, x0 + x]
        pixels.variance[x] = 0.5 * read_noise * read_noise * samples.inverse_frames
    for k in range(system.used.shape[0]):
        early, late = data[i, k, y, x0 : x0 + width], data[i, k + 1, y, x0 : x0 + width]
        flags, flags_late = group_dq[i, k, y, x0 : x0 + width], group_dq[i, k + 1, y, x0 : x0 + width]
        for x in range(width):
            step = np.float64(late[x]) - np.float64(early[x])
            counts = (flags[x] & UNUSABLE == 0) & (flags_late[x] & (UNUSABLE | JUMP_DET) == 0) & np.isfinite(step)
            system.used[k, x] = 1.0 if counts else 0.0
            system.difference[k, x] = step if counts else 0.0
    for x in range(width):
        count = 0
        for k in range(system.used.shape[0]):
            values[count] = system.difference[k, x]
            count += system.used[k, x] > 0.0
        system.rate[x] = max(median_of(values, count), 0.0) if count > 0 else 0.0


@helper
def count_used(system, x):
    """Number of differences of a pixel that count."""
    count = 0
    for k in range(system.used.shape[0]):
        count += system.used[k, x] > 0.0
    return count


@helper
def larger_of_two(system, x):
    """Of two differences either may be the jump, and chi-squared does not tell: the larger one, as ``2 k``."""
    larger = -1
    for k in range(system.used.shape[0]):
        if system.used[k, x] > 0.0 and (larger < 0 or system.difference[k, x] > system.difference[larger, x]):
            larger = k
    return 2 * larger


@helper
def flag_pixel(samples, test, i, y, x0, x, pixels, system, scratch):
    """Flag the jumps of one ramp, one after the other."""
    jump, count = scratch.jump, count_used(system, x)
    while jump[x] >= 0 and count >= 2 and (count == 2 or stands_out(system, noise_for(count, test), x, jump[x])):
        first = larger_of_two(system, x) if count == 2 else jump[x]
        for k in range(first // 2, first // 2 + 1 + first % 2):
            system.used[k, x] = 0.0
            samples.group_dq[i, k + 1, y, x0 + x] |= JUMP_DET
        count = count_used(system, x)
        if count >= 2:
            noise = noise_for(count, test)
            solve_for_jumps(system, noise, pixels, scratch.dark, x, x + 1)
            find_jumps(system, noise, x, x + 1, jump, scratch.lines)


@helper
def flag_chunk(samples, test, i, y, x0, width, pixels, system, scratch, spread):
    """Flag the jumps of one integration of a chunk, and mark those that pass to the neighbours."""
    jump, most = scratch.jump, noise_for(system.used.shape[0], test)
    load(samples, i, y, x0, width, pixels, system, scratch.values)
    solve_for_jumps(system, most, pixels, scratch.dark, 0, width)
    find_jumps(system, most, 0, width, jump, scratch.lines)
    for x in range(width):
        count = count_used(system, x)
        if count < system.used.shape[0] and 2 <= count <= 3:
            find_jumps(system, noise_for(count, test), x, x + 1, jump, scratch.lines)
        if jump[x] >= 0:
            flag_pixel(samples, test, i, y, x0, x, pixels, system, scratch)
        if not is_flagged(samples.group_dq, i, i + 1, y, x0 + x):
            continue
        n = gather_differences(samples, i, i + 1, y, x0 + x, scratch.difference, scratch.ordered, False)
        shell_sort(scratch.ordered, n)
        median = median_of_sorted(scratch.ordered, 0, n) if n > 0 else np.nan
        electrons = pixels.gain[x] * pixels.gain[x]
        sigma = np.sqrt(abs(median) + 2.0 * pixels.variance[x] * electrons)
        mark_pixel(samples.group_dq, spread, i, i + 1, y, x0 + x, scratch.difference, median, sigma, test.limits)


@kernel
def find_jumps_by_likelihood(first_row, last_row, samples, test, spread):
    """Flag the jumps of rows ``first_row <= y < last_row`` of all integrations, and mark those that pass on.

    Parameters
    ----------
    first_row, last_row : int
    samples : Samples
    test : LikelihoodTest
    spread : uint64 array (nints, ngroups, ny, ceil(nx / 64))
        Zero; gets the bits that `flag_neighbors` reads.
    """
    n_ints, n_groups, _, nx = samples.data.shape
    n = n_groups - 1
    pixels, system = Pixels(np.empty(CHUNK), np.empty(CHUNK), np.zeros(CHUNK)), new_system(n)
    scratch = Scratch(
        np.empty(CHUNK, np.int64),
        np.empty((4, CHUNK)),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
        np.empty(n),
        np.zeros(CHUNK),
    )
    for i in range(n_ints):
        for y in range(first_row, last_row):
            for x0 in range(0, nx, CHUNK):
                width = min(CHUNK, nx - x0)
                flag_chunk(samples, test, i, y, x0, width, pixels, system, scratch, spread)
