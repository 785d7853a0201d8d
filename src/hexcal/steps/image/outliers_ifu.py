"""Outliers of integral-field exposures: pixels that differ from their neighbours in all exposures of a detector.

They are bad pixels that come and go too fast for the bad pixel mask.
"""

from typing import Any, NamedTuple

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.errors import ParameterError
from hexcal.models.dqflags import pixel
from hexcal.steps.image.outliers_images import FLAGS
from hexcal.steps.image.outliers_neighbours import deviating

BORDER = 4
"""Rows and columns at the border, which are often noisy: the percentile does not count them."""
_LEAST_SHARE = 3.0
"""The local median is at least the median of the frame divided by this."""


_ISOLATED = 0.5
"""A bad pixel differs in dispersion direction at least so much of what it does along the slice; a star does not."""


class IFURule(NamedTuple):
    """When a pixel is an outlier.

    Parameters
    ----------
    window : (int, int)
        Rows and columns of the window of the local median.
    percent : float
        Percentile above which a pixel is one.
    second_check : bool
        Whether pixels without a difference are, too.
    isolated : bool
        Whether it must differ from its neighbours in dispersion direction, too.
    neighbours : float
        Limit at which a pixel differs from what its neighbours in the same exposure predict
        (`outliers_neighbours.deviating`); 0: they are not asked.
    """

    window: tuple
    percent: float
    second_check: bool
    isolated: bool = False
    neighbours: float = 0.0


def window_of(text):
    """Return the two numbers of `kernel_size`; ParameterError unless they are odd and positive."""
    try:
        rows, columns = (int(word) for word in str(text).replace(",", " ").split())
    except ValueError:
        rows = columns = 0
    if rows < 1 or columns < 1 or not rows % 2 or not columns % 2:
        raise ParameterError(f"kernel_size must be two odd numbers, such as '7 7', got {text!r}", where="kernel_size")
    return rows, columns


def differences_of(data, dq, along_x):
    """Return the smaller absolute difference of each pixel from its two neighbours in the direction of the slices.

    Parameters
    ----------
    data : float32 array (ny, nx)
        An exposure.
    dq : uint32 array (ny, nx)
        Its flags; pixels with DO_NOT_USE have no value.
    along_x : bool
        Whether slices run along rows (MIRI) or columns (NIRSpec).

    Returns
    -------
    float32 array (ny, nx)
        NaN where there is no neighbour.
    """
    from hexcal.kernels.ifu_outliers import least_difference

    differences = np.empty(data.shape, np.float32)
    run_bands(least_difference, data.shape[0], data, dq, np.uint32(pixel.DO_NOT_USE), along_x, differences)
    return differences


def keep_least(least, differences):
    """Keep the smaller of two differences in `least`, in place."""
    from hexcal.kernels import ifu_outliers

    run_bands(ifu_outliers.keep_least, least.shape[0], least, differences)


def normalized(least, window, everywhere=False):
    """Return the local median of the differences, and the differences divided by it.

    Parameters
    ----------
    least : float32 array (ny, nx)
        Smallest differences over all exposures.
    window : (int, int)
        Rows and columns.
    everywhere : bool
        Whether the median is wanted also where there is no difference.

    Returns
    -------
    medians, ratios : float32 arrays (ny, nx)
    """
    from hexcal.kernels.ifu_outliers import window_median

    medians = np.empty(least.shape, np.float32)
    run_bands(window_median, least.shape[0], least, *window, not everywhere, medians)
    known = least[np.isfinite(least)]
    if known.size:
        # Without it, noise in a dark, flat place would look like an outlier.
        np.maximum(medians, np.float32(np.median(known) / _LEAST_SHARE), out=medians)
    with np.errstate(divide="ignore", invalid="ignore"):
        return medians, least / medians


def outliers(least, ratios, rule):
    """Return which pixels are outliers (bool array), and the limit; None if there is nothing to compare.

    Parameters
    ----------
    least, ratios : float32 array (ny, nx)
        Of `normalized`.
    rule : IFURule
        When a pixel is one.
    """
    inner = ratios[BORDER:-BORDER, BORDER:-BORDER]
    inner = inner[np.isfinite(inner)]
    flagged, limit = np.zeros(least.shape, bool), None
    if inner.size:
        limit = float(np.percentile(inner, rule.percent))
        flagged = ratios > np.float32(limit)
    if rule.second_check:
        flagged |= np.isnan(least)
    return flagged, limit


def flag_exposures(step, science, rule, changed):
    """Flag the exposures of a container, in place, those of each detector by themselves.

    Parameters
    ----------
    step : OutlierDetectionStep
        Who tells of it, and saves the differences where that is asked for.
    science : ModelContainer
        The exposures.
    rule : IFURule
        When a pixel is an outlier.
    changed : sequence of str
        Arrays that become NaN in outliers, beside the values.
    """
    detectors: dict = {}
    for number, model in enumerate(science.each()):
        detectors.setdefault((model.meta.instrument.detector, model.shape), []).append(number)
    for (detector, _), numbers in detectors.items():
        least, kept = _least_of(science, numbers, step.parameters.save_intermediate_results)
        medians, ratios = normalized(least, rule.window, everywhere=bool(kept))
        flagged, limit = outliers(least, ratios, rule)
        if rule.isolated:
            dispersed, _ = _least_of(science, numbers, False, turned=True)
            flagged &= ~(dispersed < _ISOLATED * least)
        if limit is None:
            step.log.warning("%s: no pixel has a neighbour to compare it with", detector)
        if kept:
            planes = np.array(kept), least, medians, ratios
            _save_differences(step, science, numbers[0], f"_{str(detector).lower()}", planes, rule)
        for number in numbers:
            with science.borrowed(number, changed=changed) as model:
                before, is_outlier = (model.dq & pixel.OUTLIER) == 0, flagged
                if rule.neighbours:
                    dispaxis = 2 if model.is_miri else 1
                    dq = np.where(flagged, model.dq | FLAGS, model.dq)
                    planes = (model.data, model.err, model.var_flat)
                    is_outlier = flagged | deviating(*planes, dq, dispaxis, rule.neighbours)
                model.dq[is_outlier] |= FLAGS
                model.data[is_outlier] = np.nan
                step.finish(model, before, science.name_of(number), int(np.count_nonzero(is_outlier)))


def _least_of(science, numbers, keeps, turned=False) -> Any:
    """The smallest differences over exposures along slices, or in dispersion direction; where wanted those of each."""
    least, kept = None, []
    for number in numbers:
        with science.borrowed(number, changed=False) as model:
            differences = differences_of(np.ascontiguousarray(model.data), model.dq, bool(model.is_miri) != turned)
        kept += [differences] if keeps else []
        if least is None:
            least = differences.copy() if keeps else differences
        else:
            keep_least(least, differences)
    return least, kept


def _save_differences(step, science, number, ending, planes, rule):
    from hexcal.core import names
    from hexcal.models.declared import everywhere

    product = everywhere()["OutlierIFUOutputModel"]()
    with science.borrowed(number, changed=False) as model:
        product.update(model, without=("meta.wcs",))
        base = names.name_of_member(step, model)
    product.diffarr, product.minarr, product.normarr, product.minnorm = planes
    product.meta.kernel_xsize, product.meta.kernel_ysize = rule.window
    product.meta.threshold_percent = rule.percent
    step.save_model(product, suffix="outlier_output", force=True, basepath=base + ending)
