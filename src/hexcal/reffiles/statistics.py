"""Statistics of stacks: clipped mean and scatter, errors of them, and what clipping takes from a scatter."""

import math
from typing import Any, NamedTuple

import numpy as np

from hexcal.core.bands import run_bands

MEDIAN_ERROR = 1.2533
"""Standard error of a median of many Gaussian values, in units of that of their mean: sqrt(pi / 2)."""


class Statistics(NamedTuple):
    """Of a stack of images, pixel by pixel."""

    mean: Any
    """float64 (ny, nx)"""
    scatter: Any
    """Standard deviation of one value, float64 (ny, nx); NaN where there is only one."""
    count: Any
    """Number of values that were not clipped, int64 (ny, nx)"""
    left: float = 1.0
    """What clipping leaves of the scatter of Gaussian values (see `truncation`)."""

    @property
    def error(self) -> Any:
        """Standard error of the mean, float64 (ny, nx)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.scatter / self.left / np.sqrt(self.count)

    @property
    def unbiased_scatter(self) -> Any:
        """Scatter whose mean over many pixels is right, also for few and for clipped values, float64 (ny, nx)."""
        return self.scatter / self.left / few_values(self.count)


def clipped(values, used=None, sigma: float = 3.0, max_iterations: int = 5) -> Statistics:
    """Return the statistics of a stack after outliers are clipped.

    Parameters
    ----------
    values : array (n, ny, nx)
        The stack.
    used : bool array (n, ny, nx), optional
        Which values may be used.
    sigma : float
        Values farther from the median than so many standard deviations are clipped.
    max_iterations : int
        Most iterations.
    """
    from hexcal.kernels.stack_statistics import clipped_statistics

    values = np.ascontiguousarray(values, np.float32)
    n, ny, nx = values.shape
    used = np.ones((n, ny, nx), bool) if used is None else np.asarray(used, bool)
    mean, scatter, count = np.empty((ny, nx)), np.empty((ny, nx)), np.zeros((ny, nx), np.int64)
    run_bands(clipped_statistics, ny, values, used, sigma, max_iterations, mean, scatter, count)
    left = truncation(sigma) if max_iterations and math.isfinite(sigma) else 1.0
    return Statistics(mean, scatter, count, left)


def few_values(count) -> Any:
    """Return the mean of the standard deviation of n Gaussian values, in units of the true one (c4 of n).

    ``sqrt(2 / (n - 1)) * gamma(n / 2) / gamma((n - 1) / 2)``; NaN for fewer than two values.

    Parameters
    ----------
    count : int array
        Numbers of values.
    """
    from scipy.special import gammaln

    count = np.asarray(count)
    # There are few different numbers, and many pixels.
    n = np.arange(count.max(initial=0) + 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.sqrt(2 / (n - 1)) * np.exp(gammaln(n / 2) - gammaln((n - 1) / 2))
    return np.where(n >= 2, factor, np.nan)[count]


def of_map(values, good=None, sigma: float = 3.0, max_iterations: int = 10) -> tuple[float, float]:
    """Return the clipped mean and standard deviation of all good values of one image; NaN if there are none."""
    values = np.asarray(values, float)
    used = np.isfinite(values) if good is None else np.isfinite(values) & good
    kept = values[used]
    for _ in range(max_iterations):
        if kept.size < 3:
            break
        middle, spread = np.median(kept), kept.std()
        inside = np.abs(kept - middle) <= sigma * spread
        if inside.all():
            break
        kept = kept[inside]
    return (float(kept.mean()), float(kept.std())) if kept.size else (math.nan, math.nan)


def truncation(sigma: float) -> float:
    """Return what the scatter of Gaussian values becomes by clipping at `sigma`: sqrt(1 - 2 k phi(k)/(2 Phi(k) - 1)).

    The standard deviation of a normal distribution that is cut off symmetrically.
    """
    density = math.exp(-0.5 * sigma * sigma) / math.sqrt(2 * math.pi)
    inside = math.erf(sigma / math.sqrt(2))
    return math.sqrt(1 - 2 * sigma * density / inside)
