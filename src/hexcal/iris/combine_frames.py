"""Combine frames of the same thing into one."""

import contextlib
from typing import Literal

import numpy as np

from hexcal import datamodels
from hexcal.core import Step, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.models import dqflags

_BYTES = 2**26
"""Of values, errors and weights that are in memory at one time."""
_MAD = 1.482602218505602
"""Standard deviation of a normal distribution in units of its median absolute deviation."""


class CombineFramesStep(Step):
    """Combine frames pixel by pixel: mean or median, weighted by errors or not, or the mean after clipping.

    Values that are not finite or flagged DO_NOT_USE are left out; a pixel of which none is left is DO_NOT_USE, the
    others get the flags that all their values have. The error is that which is measured, the scatter of the values
    divided by the square root of their number, or that which the errors of the frames let expect; that of a median is
    larger by a quarter.
    """

    alias = "combine_frames"
    input_model = "IRISImageContainer"

    class Parameters(StepParameters):
        """How frames are combined."""

        method: Literal["mean", "wmean", "median", "wmedian", "sigma_clip"] = parameter(
            "median",
            "Average of the values of a pixel; w: weighted by errors; 'sigma_clip': mean of what is not clipped.",
        )
        do_sigma_clip: bool = parameter(False, "Clip before any method; 'sigma_clip' does so anyway.")
        sigma: float = parameter(3.0, "Values farther from the median are clipped.", unit="sigma", gt=0)
        sigma_thresh_low: float | None = parameter(
            None, "Values that are farther below the median are clipped. Default: sigma.", unit="sigma", gt=0
        )
        sigma_thresh_high: float | None = parameter(
            None, "Values that are farther above the median are clipped. Default: sigma.", unit="sigma", gt=0
        )
        thresh_low: float | None = parameter(None, "Lower values are left out.", unit="electron/s")
        thresh_high: float | None = parameter(None, "Higher values are left out.", unit="electron/s")
        num_mask_low: int = parameter(0, "Number of the lowest values of each pixel that are left out.", ge=0)
        num_mask_high: int = parameter(0, "Number of the highest values of each pixel that are left out.", ge=0)
        maxiters: int = parameter(5, "Most iterations of clipping.", ge=1)
        error_calc: Literal["measure", "propagate"] = parameter(
            "propagate", "Errors from the scatter of the values, or from the errors of the frames."
        )

    def process(self, frames):
        with contextlib.ExitStack() as stack:
            members = [stack.enter_context(frames.borrowed(index, changed=False)) for index in range(len(frames))]
            _require_one_shape(members)
            result = datamodels.IRISImageModel(np.empty(members[0].shape, np.float32))
            result.update(members[0])
            result.err, result.dq = np.empty(result.shape, np.float32), np.empty(result.shape, np.uint32)
            bad = np.uint32(dqflags.of(result.observatory).DO_NOT_USE)
            ny, nx = result.shape
            height = max(1, _BYTES // (len(members) * nx * 40))
            for first in range(0, ny, height):
                rows = slice(first, min(first + height, ny))
                self._combine_rows(members, rows, result, bad)
        self.log.info("%s of %d frames", self.method, len(frames))
        return result

    def _combine_rows(self, members, rows, result, bad):
        values, errors, flags = (
            np.stack([member.read(name, (rows, slice(None))) for member in members]) for name in ("data", "err", "dq")
        )
        used = self._chosen(values, np.isfinite(values) & (flags & bad == 0))
        result.data[rows], result.err[rows] = combine(values, errors, used, self.method, self.error_calc)
        without = ~used.any(axis=0)
        result.dq[rows] = np.bitwise_and.reduce(np.where(used | without, flags, ~np.uint32(0)), axis=0)
        result.dq[rows][without] |= bad

    def _chosen(self, values, used):
        """Which of the values that may be used are within the limits that the parameters set."""
        own = self.parameters
        used = used & (values >= (-np.inf if own.thresh_low is None else own.thresh_low))
        used &= values <= (np.inf if own.thresh_high is None else own.thresh_high)
        if own.num_mask_low or own.num_mask_high:
            used = without_extremes(values, used, own.num_mask_low, own.num_mask_high)
        if own.do_sigma_clip or own.method == "sigma_clip":
            used = clipped(
                values, used, own.sigma_thresh_low or own.sigma, own.sigma_thresh_high or own.sigma, own.maxiters
            )
        return used


def without_extremes(values, used, low, high):
    """Return which values are left without the lowest and the highest of each pixel.

    Parameters
    ----------
    values : float32 array (n, ny, nx)
        What is combined.
    used : bool array (n, ny, nx)
        Which values may be used.
    low, high : int
        How many of the lowest and of the highest are left out.
    """
    order = np.argsort(np.where(used, values, np.inf), axis=0, kind="stable")
    place = np.arange(len(values))[:, None, None]
    kept = np.empty(used.shape, bool)
    np.put_along_axis(kept, order, (place >= low) & (place < used.sum(axis=0) - high), axis=0)
    return kept & used


def _require_one_shape(members):
    for member in members:
        if member.shape != members[0].shape:
            raise InputError(
                f"frames that are combined must have one shape: {members[0].shape} and {member.shape} (ny, nx)",
                where=str(member.path or "model in memory"),
            )


def clipped(values, used, low, high, most):
    """Return which values are left after clipping about the median, by the median absolute deviation.

    Parameters
    ----------
    values : float32 array (n, ny, nx)
        What is combined.
    used : bool array (n, ny, nx)
        Which values may be used.
    low, high : float
        Standard deviations below and above the median.
    most : int
        Most iterations.
    """
    for _ in range(most):
        middle = _median(values, used)
        scatter = _MAD * _median(np.abs(values - middle), used)
        kept = used & (values - middle <= high * scatter) & (middle - values <= low * scatter)
        if np.array_equal(kept, used):
            break
        used = kept
    return used


def combine(values, errors, used, method, error_calc):
    """Return the combined value of each pixel and its standard deviation.

    Parameters
    ----------
    values, errors : float32 array (n, ny, nx)
        What is combined, and the standard deviations.
    used : bool array (n, ny, nx)
        Which values are used.
    method, error_calc : str
        As the parameters of `CombineFramesStep`.

    Returns
    -------
    value, error : float32 array (ny, nx)
        NaN where no value is used.

    Notes
    -----
    Documents of the IRIS pipeline, combine frames. Its formula of errors, ``sum(err^-2)^(-1/2)``, is that of the mean
    weighted by errors; an unweighted mean has ``sqrt(sum(err^2)) / n``, and a median ``sqrt(pi / 2)`` times that.
    """
    weighted = method.startswith("w")
    inverse = np.divide(1.0, errors.astype(np.float64) ** 2, out=np.zeros(errors.shape), where=errors > 0)
    weight = np.where(used, inverse if weighted else 1.0, 0.0)
    total = weight.sum(axis=0)
    known = total > 0
    safe = np.where(known, total, 1.0)
    mean = (weight * np.where(used, values, 0)).sum(axis=0) / safe
    if method in ("median", "wmedian"):
        value = _median(values, used) if method == "median" else _weighted_median(values, weight)
    else:
        value = mean
    if error_calc == "propagate":
        variance = (weight**2 * np.where(used, errors, 0).astype(np.float64) ** 2).sum(axis=0) / safe**2
    else:
        count = used.sum(axis=0)
        squares = (weight * np.where(used, values - mean, 0) ** 2).sum(axis=0) / safe
        variance = np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)
    if method in ("median", "wmedian"):
        # Of one or two values the median is their mean.
        variance = np.where(used.sum(axis=0) > 2, variance * np.pi / 2, variance)
    return tuple(np.where(known, item, np.nan).astype(np.float32) for item in (value, np.sqrt(variance)))


def _median(values, used):
    """The median of the used values; NaN where there is none."""
    ordered = np.sort(np.where(used, values, np.inf), axis=0)
    count = used.sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    high = np.minimum(high, len(values) - 1)
    middle = [np.take_along_axis(ordered, index[None], axis=0)[0] for index in (low, high)]
    return np.where(count > 0, (middle[0] + np.where(count > 0, middle[1], 0)) / 2, np.nan)


def _weighted_median(values, weight):
    """The value at which half the weight is reached."""
    order = np.argsort(np.where(weight > 0, values, np.inf), axis=0)
    ordered, reached = (np.take_along_axis(array, order, axis=0) for array in (values, weight))
    reached = np.cumsum(reached, axis=0)
    index = np.argmax(reached >= reached[-1] / 2, axis=0)
    return np.take_along_axis(ordered, index[None], axis=0)[0]
