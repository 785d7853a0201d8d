"""The polynomial that makes mean ramps straight, pixel by pixel, its covariance, and what all pixels have in common."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Solution:
    """Polynomials of some pixels in x = counts / scale: corrected = counts (1 + sum_p c_p x^(p-1)), p = 2 ... order.

    Attributes
    ----------
    coefficients : float64 array (order - 1, rows, nx)
        c_2 ... c_order; NaN where there is no solution.
    normal : float64 array (rows, nx, order - 1, order - 1)
        Inverse of their covariance, in units of the variance of a difference.
    variance : float64 array (rows, nx)
        Of a difference of groups, from the residuals; relative to its weight.
    """

    coefficients: Any
    normal: Any
    variance: Any


class Normal:
    """Normal equations of the fit, to which ramps of several levels are added one after the other.

    The counts L of a linear detector grow by the same amount a dt from group to group. With L = F + c_2 F^2 + ..., each
    difference of successive groups says ``dF = a dt - c_2 d(F^2) - c_3 d(F^3) ...``; these differences have photon
    noise of their own, while the noise of the counts themselves adds up. The rate a of each level is eliminated.

    Parameters
    ----------
    order : int
        Of the polynomial.
    scale : float64 array (rows, nx)
        Counts at which x = 1.
    origin : float64 array (rows, nx)
        Counts at which the correction is none.
    """

    def __init__(self, order: int, scale: Any, origin: Any):
        self.order, self.scale, self.origin = order, scale, origin
        size = order - 1
        self.matrix = np.zeros((*scale.shape, size, size))
        self.right = np.zeros((*scale.shape, size))
        self.square = np.zeros(scale.shape)
        self.number = np.zeros(scale.shape, np.int64)
        self.levels = np.zeros(scale.shape, np.int64)

    def add(self, ramp: Any, number: Any) -> None:
        """Add the mean ramp of one level.

        Parameters
        ----------
        ramp : float64 array (ngroups, rows, nx)
            Mean counts, DN; NaN where there is no good value.
        number : int array (ngroups, rows, nx)
            Good values in each mean.
        """
        good = (number > 0) & np.isfinite(ramp)
        x = np.where(good, (ramp - self.origin) / self.scale, 0.0)
        # The difference of two means is one of groups only where both are of the same ramps.
        used = good[1:] & good[:-1] & (number[1:] == number[:-1])
        weight = np.where(used, number[1:], 0.0)
        total = weight.sum(axis=0)
        step = np.diff(x, axis=0)
        powers = [np.diff(x**power, axis=0) for power in range(2, self.order + 1)]
        enough = used.sum(axis=0) >= 2
        weight = np.where(enough, weight, 0.0)
        total = np.where(enough, total, 1.0)
        means = [(weight * term).sum(axis=0) / total for term in (step, *powers)]
        step, *powers = (term - mean for term, mean in zip((step, *powers), means, strict=True))
        for row, factor in enumerate(powers):
            self.right[..., row] -= (weight * factor * step).sum(axis=0)
            for column, other in enumerate(powers[: row + 1]):
                value = (weight * factor * other).sum(axis=0)
                self.matrix[..., row, column] += value
                self.matrix[..., column, row] += value if column != row else 0.0
        self.square += (weight * step**2).sum(axis=0)
        self.number += np.where(enough, used.sum(axis=0), 0)
        self.levels += enough

    def solve(self, least: int, order: int | None = None) -> Solution:
        """Return the polynomials of those pixels that have enough differences.

        Parameters
        ----------
        least : int
            Fewer differences give no solution.
        order : int, optional
            A lower order than that of the equations.
        """
        size = (order or self.order) - 1
        matrix, right = self.matrix[..., :size, :size].copy(), self.right[..., :size]
        good = (self.number >= least) & (self.scale > 0)
        good &= self.number > size + self.levels
        matrix[~good] = np.eye(size)
        diagonal = np.einsum("...ii->...i", matrix)
        singular = np.linalg.det(matrix / np.sqrt(diagonal[..., :, None] * diagonal[..., None, :])) < 1e-12
        matrix[singular] = np.eye(size)
        good &= ~singular
        coefficients = np.linalg.solve(matrix, right[..., None])[..., 0]
        left = np.maximum(self.square - np.einsum("...i,...i->...", coefficients, right), 0.0)
        variance = left / np.maximum(self.number - size - self.levels, 1)
        coefficients[~good] = np.nan
        return Solution(np.moveaxis(coefficients, -1, 0), matrix, np.where(good, variance, np.nan))


def with_prior(solution: Solution, groups_of_pixels: Any = None, limit: float = 5.0) -> tuple[Solution, Any]:
    """Return the polynomials drawn to what the others have in common, as far as their noise asks for it.

    The scatter of the coefficients over the pixels is that of the detector and that of the noise. The first is what is
    left when the covariance that the fits have on average is taken away; with it and with the mean as prior knowledge,
    the best estimate of a pixel is the mean of both, weighted by their inverse covariances (empirical Bayes: Efron and
    Morris 1973, JASA 68, 117). Pixels far from all others keep their own solution.

    Parameters
    ----------
    solution : Solution
        Of the pixels by themselves.
    groups_of_pixels : bool array (rows, nx), optional
        Pixels of which the common knowledge is taken; default: all that have a solution.
    limit : float
        Pixels farther from the mean than so many standard deviations are left as they are.

    Returns
    -------
    Solution
    bool array (rows, nx)
        Which pixels were drawn.
    """
    coefficients = np.moveaxis(solution.coefficients, 0, -1)
    known = np.isfinite(coefficients).all(axis=-1)
    chosen = known if groups_of_pixels is None else known & groups_of_pixels
    if chosen.sum() < 50:
        return solution, np.zeros(known.shape, bool)
    sample, normal = coefficients[chosen], solution.normal[chosen]
    # One variance for all: those of single pixels are uncertain themselves.
    variance = float(np.median(solution.variance[chosen]))
    mean, scatter, noise = _moments(sample, normal, variance)
    own = _positive(scatter - noise)
    precision = np.linalg.inv(own + 1e-6 * np.diag(np.diag(scatter)))
    weight = solution.normal / variance
    apart = coefficients - mean
    distance = np.einsum("...i,...ij,...j->...", apart, np.linalg.inv(scatter), apart)
    near = known & (distance < limit**2)
    total = weight + precision
    total[~near] = np.eye(len(mean))
    right = np.einsum("...ij,...j->...i", weight, coefficients) + precision @ mean
    drawn = np.linalg.solve(total, np.where(near[..., None], right, 0.0)[..., None])[..., 0]
    result = np.where(near[..., None], drawn, coefficients)
    return Solution(np.moveaxis(result, -1, 0), total * variance, solution.variance), near


def _moments(sample, normal, variance):
    """Clipped mean and covariance of coefficients, and the covariance that their fits have on average."""
    noise_of = np.linalg.inv(normal) * variance
    kept = np.ones(len(sample), bool)
    scatter = np.atleast_2d(np.cov(sample.T))
    for _ in range(10):
        mean, scatter = np.median(sample[kept], axis=0), np.cov(sample[kept].T)
        scatter = np.atleast_2d(scatter)
        apart = sample - mean
        inside = np.einsum("ki,ij,kj->k", apart, np.linalg.inv(scatter), apart) < 16.0
        if (inside == kept).all():
            break
        kept = inside
    return sample[kept].mean(axis=0), scatter, noise_of[kept].mean(axis=0)


def _positive(matrix):
    """The nearest symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T


def polynomials(solution: Solution, scale: Any, origin: Any, order: int) -> Any:
    """Return the coefficients in the counts themselves: float64 (order + 1, rows, nx).

    The correction leaves the counts `origin` as they are, where its derivative is 1.
    """
    # Corrected counts as a polynomial in u = F - origin.
    in_u = np.zeros((order + 1, *scale.shape))
    in_u[0], in_u[1] = origin, 1.0
    for power in range(2, order + 1):
        in_u[power] = solution.coefficients[power - 2] / scale ** (power - 1)
    result = np.zeros_like(in_u)
    # (F - origin)^n by the binomial theorem.
    binomial = np.zeros((order + 1, order + 1))
    for power in range(order + 1):
        binomial[power, 0] = binomial[power, power] = 1
        for lower in range(1, power):
            binomial[power, lower] = binomial[power - 1, lower - 1] + binomial[power - 1, lower]
    for power in range(order + 1):
        for lower in range(power + 1):
            result[lower] += in_u[power] * binomial[power, lower] * (-origin) ** (power - lower)
    return result
