"""The weight below which a pixel of a resampled image does not count for the median."""

import numpy as np

_SIGMA, _ROUNDS = 3.0, 5


def weight_threshold(weights, part):
    """Return a part of the typical weight.

    Of the mean of the positive weights, clipped at 3 sigma about their median, five times at most.

    Parameters
    ----------
    weights : float32 array
        Weights, not negative.
    part : float
        The parameter ``maskpt``.

    Returns
    -------
    float
        0 if no weight is positive.

    Notes
    -----
    As measured of the reference implementation. Computed from a histogram with bins of relative width 1/2048, so that
    it takes one pass over the weights.
    """
    from hexcal.kernels.outliers import WEIGHT_SHIFT, weight_histogram

    largest = weights.max(initial=0.0, where=weights > 0)
    if largest == 0:
        return 0.0
    smallest = weights.min(initial=largest, where=weights > 0)
    first, last = (int(bits) >> WEIGHT_SHIFT for bits in np.array([smallest, largest], np.float32).view(np.uint32))
    counts, sums, squares = np.zeros((3, last - first + 1))
    weight_histogram(np.ravel(weights).view(np.uint32), first, counts, sums, squares)
    filled = counts > 0
    counts, sums, squares = counts[filled], sums[filled], squares[filled]
    for _ in range(_ROUNDS):
        means = sums / counts
        number = counts.sum()
        spread = np.sqrt(max(squares.sum() / number - (sums.sum() / number) ** 2, 0.0))
        center = _median(counts, means)
        kept = np.abs(means - center) <= _SIGMA * spread
        if kept.all():
            break
        counts, sums, squares = counts[kept], sums[kept], squares[kept]
    return float(part * sums.sum() / counts.sum())


def _median(counts, means):
    """Median of values of which only the number and mean in each bin are known.

    Between the means, in proportion to the numbers.
    """
    ranks = np.cumsum(counts) - 0.5 * counts
    return np.interp(0.5 * counts.sum(), ranks, means)
