"""Outliers of the integrations of one exposure, or of images on one grid.

Each is compared with the median of all, pixel by pixel.
"""

from dataclasses import dataclass, field

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.steps.image.drizzling import weights_of
from hexcal.steps.image.outliers_images import FLAGS, MedianRule
from hexcal.steps.image.weight_threshold import weight_threshold

_SECTION = 1 << 26
"""Bytes of the values of all integrations that are worked on at a time."""


@dataclass(frozen=True)
class StackRule:
    """How the integrations of an exposure are compared; see the parameters of the step.

    Attributes
    ----------
    snr : float
        Limit in units of the errors.
    bad : int
        Flags of pixels that do not count for the median.
    mask_part : float
        Pixels of less than this part of the typical weight do not count either.
    by_variance : bool
        Weights are inverse variances of the read noise; otherwise all are equal.
    window : int
        Integrations in the window of a rolling median; 0: the median of all.
    median : MedianRule
        How a median of all is taken.
    add_scatter : bool
        Whether the errors are at least the scatter of each pixel over the integrations.
    same_total : bool
        Whether integrations are scaled to the same total signal before they are compared.
    """

    snr: float = 5.0
    bad: int = 1
    mask_part: float = 0.7
    by_variance: bool = True
    window: int = 0
    median: MedianRule = field(default_factory=MedianRule)
    add_scatter: bool = False
    same_total: bool = False


def flag_cube(model, rule, keep_median=False, threads=None):
    """Flag outliers of the integrations of an exposure, in place.

    Parameters
    ----------
    model : CubeModel
        Its DQ gets OUTLIER and DO_NOT_USE.
    rule : StackRule
        How they are compared.
    keep_median : bool
        Whether the median is returned.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    int
        Number of values flagged.
    float32 array (n or 1, ny, nx) or None
        The median: of all integrations, or of a window for each.
    """
    n, ny, nx = model.shape
    window = rule.window if rule.window > 1 and n > rule.window else 0
    thresholds = _thresholds(model, rule)
    factors = _factors(model, rule)
    rows = min(ny, max(1, _SECTION // (4 * n * nx)))
    medians = np.empty((n if window else 1, ny, nx), np.float32) if keep_median else None
    count = 0
    for first in range(0, ny, rows):
        part = np.s_[:, first : min(first + rows, ny)]
        data, errors = model.read("data", part), model.read("err", part)
        if factors is not None:
            data, errors = data * factors[:, None, None], errors * factors[:, None, None]
        expected = _expected(data, _unusable(model, rule, part, thresholds), rule, window, threads)
        count += _flag_rows(data, errors, expected, model.dq, first, rule, threads)
        if medians is not None:
            medians[part] = expected
    return count, medians


def _flag_rows(data, errors, expected, dq, first, rule, threads):
    """Flag outliers of some rows of all integrations; returns their number."""
    from hexcal.kernels import outliers as kernels

    n_rows = data.shape[1]
    spread, counts = np.zeros(data.shape[1:], np.float32), np.zeros(n_rows, np.int64)
    if rule.add_scatter:
        from scipy.ndimage import uniform_filter

        run_bands(kernels.scatter, n_rows, data, expected, spread, threads=threads)
        # Of few integrations the scatter of one pixel is uncertain; what changes, speckles and the cores of stars, is
        # wider than a pixel.
        spread = uniform_filter(spread, 3, mode="nearest")
    details = (rule.snr, FLAGS, dq, first, counts)
    run_bands(kernels.flag_stack, n_rows, data, expected, errors, spread, *details, threads=threads)
    return int(counts.sum())


def _expected(data, unusable, rule, window, threads):
    """Return the median of the usable values: (1, rows, nx), or of a window for each integration."""
    from hexcal.kernels import outliers as kernels

    masked, n_rows = np.where(unusable, np.float32(np.nan), data), data.shape[1]
    if window:
        result = np.empty_like(masked)
        run_bands(kernels.rolling_median, n_rows, masked, window // 2, result, threads=threads)
        return result
    result, counts = np.empty((2, 1, *data.shape[1:]), np.float32)
    details = (
        rule.median.n_low,
        rule.median.n_high,
        rule.median.lower_of_two,
        np.zeros((0, 0), np.float32),
        np.inf,
        result[0],
        counts[0],
        np.zeros((1, 1), np.float32),
    )
    run_bands(kernels.median, n_rows, masked, *details, threads=threads)
    return result


def _weights(model, rule, number, rows=np.s_[:]):
    part = np.s_[number, rows]
    dq = np.ascontiguousarray(model.dq[part])
    variance = model.read("var_rnoise", part) if rule.by_variance else None
    return weights_of(dq, rule.bad, variance)


def _thresholds(model, rule):
    """Return the least weight that counts, of each integration."""
    return [weight_threshold(_weights(model, rule, number), rule.mask_part) for number in range(model.shape[0])]


def _unusable(model, rule, part, thresholds):
    """Which values do not count for the median (bool, shape of the part)."""
    bad = [_weights(model, rule, number, part[1]) for number in range(model.shape[0])]
    return np.stack([(weights < least) | (weights == 0) for weights, least in zip(bad, thresholds, strict=True)])


def _factors(model, rule):
    """Return what makes the total signal of the integrations equal (float32), or None where that is not asked for."""
    if not rule.same_total:
        return None
    totals = np.array([np.nansum(model.read("data", np.s_[number]), dtype=float) for number in range(model.shape[0])])
    usable = np.isfinite(totals) & (totals > 0)
    return np.where(usable, np.median(totals[usable]) / np.where(usable, totals, 1), 1).astype(np.float32)
