"""What darks tell of bad pixels: hot and warm, noisy, RC, of low pedestal, or hit by too many jumps."""

from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.reffiles.maker import DO_NOT_USE, JUMP_DET, SATURATED, image_rows, ramp_rows
from hexcal.reffiles.statistics import MEDIAN_ERROR, clipped, of_map


def dark_flags(models, reference, parameters, log) -> Any:
    """Return the flags that the rates of darks give.

    Parameters
    ----------
    models : list of DataModel
        Rates: images (ny, nx), or an image for each integration (nints, ny, nx).
    reference : bool array (ny, nx)
        Pixels that see no light.
    parameters
        Those of `hexcal.reffiles.makers.mask.MaskMaker`.
    log : logging.Logger
        Is told the limits.

    Returns
    -------
    uint32 array (ny, nx)
    """
    mean, scatter, saturated, n_slopes = _of_slopes(models, reference.shape, parameters)
    seen = ~reference & np.isfinite(mean)
    dq = np.zeros(reference.shape, np.uint32)
    if not seen.any():
        raise InputError("no pixel of the darks has a rate", hint="look at the flags of the exposures")
    median, spread = float(np.median(mean[seen])), of_map(mean, seen)[1]
    limit = parameters.hot_rate if parameters.hot_rate is not None else median + parameters.hot_sigma * spread
    hot = seen & (mean > limit)
    if parameters.hot_rate is None:
        # A pixel that is noisier than the others must stand out of its own noise as well.
        error = MEDIAN_ERROR * np.nan_to_num(scatter) / np.sqrt(max(1, n_slopes))
        hot &= mean - median > parameters.hot_sigma * error
    if parameters.warm_rate is not None:
        dq[seen & ~hot & (mean > parameters.warm_rate)] |= np.uint32(pixel.WARM)
    # Saturated in all groups, the fit has no rate to give.
    hot |= ~reference & (saturated >= parameters.max_saturated_fraction)
    dq[hot] |= flag_of(parameters, "hot")
    log.info("Darks: median rate %.4g DN/s, HOT above %.4g DN/s", median, limit)
    if n_slopes < parameters.min_slopes:
        log.info("%d integrations of darks are too few to find noisy pixels (min_slopes %d)", n_slopes,
                 parameters.min_slopes)  # fmt: skip
        return dq
    middle, width = of_map(
        scatter, seen & ~hot, parameters.dark_stdev_clipping_sigma, parameters.dark_max_clipping_iters
    )
    noisy = seen & (scatter > middle + parameters.dark_noisy_threshold * width)
    dq[noisy] |= flag_of(parameters, "high_cr")
    return dq


def flag_of(parameters, name) -> np.uint32:
    """Return the flag that a kind of bad pixel gets (`flag_values`)."""
    return np.uint32(pixel[parameters.flag_values[name].upper()])


def _of_slopes(models, shape, parameters):
    """Median and scatter of the rates of all integrations, share of saturated ones, and their number."""
    mean, scatter, saturated = (np.full(shape, np.nan) for _ in range(3))
    number = sum(1 if len(model.shape_of("data")) == 2 else model.shape_of("data")[0] for model in models)
    rows = max(1, (1 << 23) // max(1, number * shape[1]))
    for first in range(0, shape[0], rows):
        last = min(first + rows, shape[0])
        parts = [image_rows(model, first, last) for model in models]
        slopes, flags = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        finite = np.isfinite(slopes)
        # A cosmic ray that was not seen spoils the mean of a few values, not their median.
        mean[first:last] = medians(slopes, finite)
        # Values without a jump count in the scatter but for the farthest one, which a hit that was not seen may have
        # moved: what jumps between two levels must not be clipped away.
        calm = finite & ((flags & np.uint32(JUMP_DET)) == 0)
        scatter[first:last] = clipped(slopes, without_farthest(slopes, calm), np.inf, 0).scatter
        saturated[first:last] = (((flags & pixel.SATURATED) != 0) & ~finite).mean(axis=0)
    return mean, scatter, saturated, number


def without_farthest(values, used):
    """Which values are used but for the farthest from the median of each pixel, where there are at least five."""
    apart = np.where(used, np.abs(values - medians(values, used)), -1.0)
    result = used.copy()
    np.put_along_axis(result, apart.argmax(axis=0)[None], False, axis=0)
    return np.where(used.sum(axis=0) >= 5, result, used)


def medians(values, used):
    """Median along the first axis of what is used; NaN where nothing is."""
    ordered = np.sort(np.where(used, values, np.inf), axis=0)
    count = used.sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, np.maximum(count - 1, 0))
    with np.errstate(invalid="ignore"):
        middle = (np.take_along_axis(ordered, low[None], 0) + np.take_along_axis(ordered, high[None], 0))[0] / 2
    return np.where(count > 0, middle, np.nan)


class RampSigns:
    """What the ramps of darks show, exposure by exposure: pedestals, and jumps that come too often, or too early.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx)
    reference : bool array (ny, nx)
        Pixels that see no light.
    parameters
        Those of `hexcal.reffiles.makers.mask.MaskMaker`.
    """

    def __init__(self, shape, reference, parameters):
        self.reference, self.parameters, self.files = reference, parameters, 0
        self.rc, self.low, self.jumps = (np.zeros(shape, np.int32) for _ in range(3))

    def add(self, ramp):
        """Count the signs that one exposure (a ramp with its flags) shows."""
        own, n_rows = self.parameters, self.reference.shape[0]
        n_ints, n_groups = ramp.shape_of("data")[:2]
        pedestal, early, often = (np.zeros(self.reference.shape) for _ in range(3))
        rows = max(1, (1 << 23) // max(1, n_ints * n_groups * self.reference.shape[1]))
        for first in range(0, n_rows, rows):
            last = min(first + rows, n_rows)
            data, flags = ramp_rows(ramp, first, last)
            pedestal[first:last] = _pedestals(data, flags)
            jumped = (flags & JUMP_DET) != 0
            number = jumped.sum(axis=1)
            cut = max(1, round(own.early_cutoff_fraction * n_groups))
            rate_early, rate = jumped[:, :cut].sum(axis=1) / cut, number / n_groups
            many = number > own.max_jump_limit
            with np.errstate(invalid="ignore", divide="ignore"):
                early[first:last] = (many & (rate_early / rate > own.jump_ratio_threshold)).any(axis=0)
            often[first:last] = many.any(axis=0)
        seen = ~self.reference & np.isfinite(pedestal)
        middle, width = of_map(pedestal, seen)
        high = pedestal > middle + own.pedestal_sigma_threshold * width
        self.rc += seen & (high | (early > 0))
        self.low += seen & (pedestal < middle - own.pedestal_sigma_threshold * width)
        self.jumps += seen & (often > 0)
        self.files += 1

    def flags(self, log):
        """Return the flags of pixels that show a sign in enough of the exposures, uint32 (ny, nx)."""
        own, dq = self.parameters, np.zeros(self.reference.shape, np.uint32)
        for name, count, fraction in (
            ("rc", self.rc, own.rc_fraction_threshold),
            ("low_pedestal", self.low, own.low_pedestal_fraction),
            ("high_cr", self.jumps, own.high_cr_fraction),
        ):
            shows = count >= max(1, int(np.ceil(fraction * self.files)))
            dq[shows] |= flag_of(own, name)
            log.info("%d pixels show %s in %g of %d darks", shows.sum(), name.replace("_", " "), fraction, self.files)
        return dq


def _pedestals(data, flags):
    """Signal at the beginning of ramps: the mean over the integrations of the first group less the mean step."""
    good = (flags & (SATURATED | DO_NOT_USE)) == 0
    good[:, 1:] &= (flags[:, 1:] & JUMP_DET) == 0
    steps = np.diff(data, axis=1)
    fine = good[:, 1:] & good[:, :-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(fine, steps, 0.0).sum(axis=1, dtype=np.float64) / fine.sum(axis=1)
    start = np.where(good[:, 0], data[:, 0] - np.where(np.isfinite(slope), slope, 0.0), np.nan)
    known = np.isfinite(start)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, start, 0.0).sum(axis=0) / known.sum(axis=0)
