"""Generalized least squares with a tridiagonal covariance matrix.

The mean of the differences of a ramp, and what it would be without some of them.

The differences d_i of neighbouring groups, DN/s, of a ramp with the rate a have the covariance matrix (Brandt 2024,
PASP 136, 045004)

    C_ii = A = a alpha_p / gain + alpha_r,  C_i,i+1 = B = a beta_p / gain + beta_r

where the groups are read at equal distances. A difference that is left out cuts the matrix in two, since only
neighbours are correlated: B is zero on both its sides. Everything else follows from the pivots of the elimination from
the left, ``p_i = A - B^2 / p_(i-1)``, and from the right, ``q_i``:

    (C^-1)_ii = 1 / (p_i + q_i - A),  (C^-1)_i,i+1 = -B / q_(i+1) (C^-1)_ii.

All arrays are (ndifferences, CHUNK), so that the inner loops run over neighbouring pixels.
"""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.ramp_fit_arrays import CHUNK

LEAST_SHARE = 0.75
"""How far from the mean a jump must lie, as a share of the threshold, in standard deviations of a difference."""


class Noise(NamedTuple):
    """Coefficients of the covariance matrix, and thresholds of the jump test.

    diagonal, neighbour : s^-1, of the photon noise (alpha_p, beta_p)
    read_diagonal, read_neighbour : s^-2, factors on the variance of one group (alpha_r, beta_r)
    one, two : improvement of chi-squared from which on one difference, or two neighbours, are left out; two is infinite
        where a jump cannot lie in the middle of a group
    use_all : whether the first estimate of the rate is the median of all differences, also of those that are flagged
    refine : whether jumps are looked for with the covariance of a rate that is fitted, instead of the first estimate's,
        and must stand out
    after_jump : flag of a jump, JUMP_DET, if the difference from a group with it to the next one counts, else 0
    """

    diagonal: float
    neighbour: float
    read_diagonal: float
    read_neighbour: float
    one: float
    two: float
    use_all: bool
    refine: bool
    after_jump: np.uint8


class System(NamedTuple):
    """A chunk of ramps, and what was found while it was solved.

    difference : DN/s
    used : 1.0 or 0.0
    rate : that gives the covariance, DN/s
    a, b : A and B
    inverse, left, right : 1/p_i, and the forward sweeps of ones and of the differences
    weight, pull : C^-1 1 and C^-1 d
    total, mean : 1^T C^-1 1 and the rate fitted
    """

    difference: np.ndarray
    used: np.ndarray
    inverse: np.ndarray
    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray
    pull: np.ndarray
    rate: np.ndarray
    a: np.ndarray
    b: np.ndarray
    total: np.ndarray
    mean: np.ndarray


@kernel
def new_system(n):
    """Scratch for ramps of n differences."""
    planes = np.zeros((7, n, CHUNK))
    lines = np.zeros((5, CHUNK))
    return System(
        planes[0],
        planes[1],
        planes[2],
        planes[3],
        planes[4],
        planes[5],
        planes[6],
        lines[0],
        lines[1],
        lines[2],
        lines[3],
        lines[4],
    )


@kernel
def sweep(system, noise, pixels, dark, first, last):
    """Find the rates of pixels ``first <= x < last`` for the covariance that `system.rate` gives.

    ``dark`` is added to the latter (CHUNK,), DN/s.
    """
    a, b, total, mean = system.a, system.b, system.total, system.mean
    used, difference = system.used[0], system.difference[0]
    inverse, left, right = system.inverse[0], system.left[0], system.right[0]
    for x in range(first, last):
        photons = (system.rate[x] + dark[x]) / pixels.gain[x]
        a[x] = photons * noise.diagonal + pixels.variance[x] * noise.read_diagonal
        b[x] = photons * noise.neighbour + pixels.variance[x] * noise.read_neighbour
        inverse[x] = 1.0 / a[x]
        left[x] = used[x]
        right[x] = used[x] * difference[x]
        total[x] = left[x] * left[x] * inverse[x]
        mean[x] = left[x] * right[x] * inverse[x]
    for i in range(1, system.used.shape[0]):
        before, inverse_before, left_before, right_before = used, inverse, left, right
        used, difference = system.used[i], system.difference[i]
        inverse, left, right = system.inverse[i], system.left[i], system.right[i]
        for x in range(first, last):
            linked = b[x] * before[x] * used[x]
            factor = linked * inverse_before[x]
            inverse[x] = 1.0 / (a[x] - linked * factor)
            left[x] = used[x] - factor * left_before[x]
            right[x] = used[x] * difference[x] - factor * right_before[x]
            total[x] += left[x] * left[x] * inverse[x]
            mean[x] += left[x] * right[x] * inverse[x]
    for x in range(first, last):
        mean[x] /= total[x]


@kernel
def solve(system, noise, pixels, dark, first, last):
    """As `sweep`, with the weights and pulls of all differences."""
    sweep(system, noise, pixels, dark, first, last)
    n = system.used.shape[0]
    b = system.b
    used, weight, pull = system.used[n - 1], system.weight[n - 1], system.pull[n - 1]
    inverse, left, right = system.inverse[n - 1], system.left[n - 1], system.right[n - 1]
    for x in range(first, last):
        weight[x] = left[x] * inverse[x]
        pull[x] = right[x] * inverse[x]
    for i in range(n - 2, -1, -1):
        after, weight_after, pull_after = used, weight, pull
        used, weight, pull = system.used[i], system.weight[i], system.pull[i]
        inverse, left, right = system.inverse[i], system.left[i], system.right[i]
        for x in range(first, last):
            linked = b[x] * used[x] * after[x]
            weight[x] = (left[x] - linked * weight_after[x]) * inverse[x]
            pull[x] = (right[x] - linked * pull_after[x]) * inverse[x]


@kernel
def solve_for_jumps(system, noise, pixels, dark, first, last):
    """As `solve`; if the noise says so once more, with the rate that comes out, not below 0.

    The median of many faint differences is much less certain than a fit, and where it is too low, so is the noise.
    """
    solve(system, noise, pixels, dark, first, last)
    if noise.refine:
        for x in range(first, last):
            system.rate[x] = max(system.mean[x], 0.0) if np.isfinite(system.mean[x]) else system.rate[x]
        solve(system, noise, pixels, dark, first, last)


@kernel
def stands_out(system, noise, x, jump):
    """Whether a jump of `find_jumps` is a difference unlike the others by itself, as the noise may ask for.

    A curved ramp, whose reset anomaly or non-linearity is not all corrected, fits a straight line better without any of
    the differences at its bend; none of them is far from the mean, as that of a hit is, by `LEAST_SHARE` of the
    threshold.
    """
    if not noise.refine:
        return True
    for k in range(jump // 2, jump // 2 + 1 + jump % 2):
        apart = system.difference[k, x] - system.mean[x]
        if apart * apart >= LEAST_SHARE * LEAST_SHARE * noise.one * system.a[x]:
            return True
    return False


@kernel
def find_jumps(system, noise, first, last, jump, lines):
    """Find what improves chi-squared most when it is left out: one difference, or two neighbours.

    For z = C^-1 (d - a) and P = C^-1 - C^-1 1 1^T C^-1 / (1^T C^-1 1) the improvement is ``z_i^2 / P_ii``; for two,
    ``z^T P^-1 z`` with their part of P (Brandt 2024, PASP 136, 045005).

    Parameters
    ----------
    system : System
        As `solve` left it.
    noise : Noise
    first, last : pixels of the chunk
    jump : int64 (CHUNK,)
        Output: 2 i for difference i, 2 i + 1 for i and i + 1, -1 if none improves chi-squared beyond the thresholds.
    lines : float64 (4, CHUNK)
        Scratch.
    """
    n = system.used.shape[0]
    a, b, total, mean = system.a, system.b, system.total, system.mean
    q, best, z_after, left_after = lines[0], lines[1], lines[2], lines[3]
    two_too = noise.two < np.inf
    for x in range(first, last):
        jump[x] = -1
        best[x], z_after[x], left_after[x] = 0.0, 0.0, 0.0
        q[x] = a[x]
    for i in range(n - 1, -1, -1):
        used, weight, pull, inverse = system.used[i], system.weight[i], system.pull[i], system.inverse[i]
        behind = min(i + 1, n - 1)
        used_after, weight_after = system.used[behind], system.weight[behind]
        reach = 1.0 if i < n - 1 else 0.0
        for x in range(first, last):
            linked = b[x] * used[x] * used_after[x] * reach
            share = linked / q[x]
            q[x] = a[x] - linked * share
            own = 1.0 / (1.0 / inverse[x] + q[x] - a[x])
            left = own - weight[x] * weight[x] / total[x]
            z = pull[x] - mean[x] * weight[x]
            # What is left without the only difference is nothing but rounding.
            sound = (used[x] > 0.0) & (left > 1e-12 * own)
            better = z * z / left - noise.one if sound else 0.0
            # Of equal ones the first: the rounding must not decide.
            takes = (better > 0.0) & (better >= best[x] * (1.0 - 1e-9))
            best[x] = better if takes else best[x]
            jump[x] = 2 * i if takes else jump[x]
            if two_too and linked != 0.0:
                cross = -share * own - weight[x] * weight_after[x] / total[x]
                better = improvement_of_two(left, left_after[x], cross, z, z_after[x]) - noise.two
                if better > 0.0 and better >= best[x] * (1.0 - 1e-9):
                    best[x], jump[x] = better, 2 * i + 1
            z_after[x], left_after[x] = z, left


@kernel
def improvement_of_two(left, left_after, cross, z, z_after):
    """Return ``z^T P^-1 z`` of two neighbours; 0 where nothing else is left."""
    determinant = left * left_after - cross * cross
    if not determinant > 1e-12 * left * left_after:
        return 0.0
    return (z * z * left_after - 2.0 * z * z_after * cross + z_after * z_after * left) / determinant
