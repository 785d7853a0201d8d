"""Dark current: the signal that darks gather, group by group."""

from typing import Any, Literal

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import pixel
from hexcal.models.reference import DarkMIRIModel, DarkModel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import SPOILED, Maker, MakerParameters, ramp_rows, usable_groups
from hexcal.reffiles.statistics import clipped, of_map


class DarkMaker(Maker):
    """The sum of the clipped means of the differences between groups, from the first group on.

    A cosmic ray spoils one difference, not the rest of the ramp. The first group is 0. For MIRI the first integration
    and the others are kept apart. ERR is the standard error of the sum. Groups that a step wants left out of all
    exposures, as MIRI's last one, which the reset of the next row pulls down, get what the straight line through the
    others has there.
    """

    label = "dark"
    reference_type = "dark"
    inputs = "D+"
    steps = "linearity-,jump"
    forbidden = ("dark_current",)
    needs = ("mask", "superbias", "saturation", "linearity", "readnoise", "gain", "reset", "rscd")

    class Parameters(MakerParameters):
        """Parameters of the dark."""

        clipping_sigma: float = parameter(3.0, "Differences farther from the median are clipped.", unit="sigma", gt=1)
        max_clipping_iters: int = parameter(5, "Most iterations of clipping.", ge=0)
        integration_classes: Literal["instrument", "all", "first", "first two"] = parameter(
            "instrument",
            "Integrations that are kept apart: none, the first, or the first two; of MIRI the first, by default.",
        )
        max_groups: int | None = parameter(None, "Most groups. Default: those that all exposures have.", ge=2)
        hot_sigma: float = parameter(5.0, "Pixels whose rate is farther above the median are HOT.", unit="sigma", gt=0)
        hot_rate: float | None = parameter(None, "Rate from which a pixel is HOT. Default: by hot_sigma.", unit="DN/s")
        warm_rate: float | None = parameter(None, "Rate from which a pixel is WARM. Default: none is.", unit="DN/s")
        smooth: int = parameter(1, "Side of the box in which good pixels are averaged; 1: none.", unit="pixels", ge=1)
        straight: bool = parameter(
            False, "Replace the ramps of good pixels by straight lines where these fit: less noise for the exposures."
        )
        largest_chi2: float = parameter(2.0, "Reduced chi-square up to which a straight line fits.", gt=0)

    def make(self, members, parameters, log):
        """Return the dark."""
        models, n_groups = members.of_kind("dark"), members.n_groups
        if parameters.max_groups is not None:
            n_groups = min(n_groups, parameters.max_groups)
        _require_single_frames(members.first, log)
        classes = integration_classes(models, parameters.integration_classes)
        shape = (len(classes), n_groups, *members.shape)
        data, variance = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for number, chosen in enumerate(classes):
            _fill(data[number], variance[number], models, chosen, members, n_groups, parameters)
        _continue(data, variance, ~_kept_groups(models, n_groups))
        rate = (data[-1, -1] - data[-1, 0]) / (max(1, n_groups - 1) * _group_time(members.first))
        dq = _flags(rate, ~np.isfinite(data).all(axis=(0, 1)), members.reference_pixels(), parameters, log)
        np.nan_to_num(data, copy=False, posinf=0.0, neginf=0.0)
        good = (dq == 0) & ~members.reference_pixels()
        _reduced(data, variance, good, parameters, log)
        # In place: these arrays are the largest of the run.
        np.nan_to_num(variance, copy=False, posinf=0.0)
        np.sqrt(variance, out=variance)
        return _model(data, variance, dq, members.first.is_miri)


def _require_single_frames(model, log):
    """Say of groups that are means of frames that the file is for that read-out pattern alone.

    Darks of other patterns are made of those of single frames by the step that subtracts them.
    """
    frames, gap = int(model.meta.exposure.nframes or 1), int(model.meta.exposure.groupgap or 0)
    if frames > 1 or gap > 0:
        log.info("groups are means of %d frames with gaps of %d: the dark is for READPATT %s alone", frames, gap,
                 model.meta.exposure.readpatt)  # fmt: skip


def integration_classes(models, wanted="instrument"):
    """Return which integrations belong together: of MIRI the first, and the others; of other instruments all.

    A list of functions from the number of integrations to a slice.
    """
    most = max(model.shape_of("data")[0] for model in models)
    wanted = ("first" if models[0].is_miri else "all") if wanted == "instrument" else wanted
    if wanted != "all" and not models[0].is_miri:
        raise ParameterError(
            f"only darks of MIRI keep integrations apart, got integration_classes = {wanted}", where="dark"
        )
    if wanted == "all":
        return [lambda n_ints: slice(0, n_ints)]
    own = [lambda n_ints: slice(0, 1), lambda n_ints: slice(1, n_ints)]
    if wanted == "first two":
        own = [lambda n_ints: slice(0, 1), lambda n_ints: slice(1, 2), lambda n_ints: slice(2, n_ints)]
    return own[:most]


def _fill(data, variance, models, chosen, members, n_groups, parameters):
    """Sum the clipped means of the differences of groups, in place."""
    n_ints = sum(model.shape_of("data")[0] for model in models)
    if members.counts is None:
        members.counts = np.full((n_groups, *members.shape), n_ints, np.uint16)
    counts = members.counts
    for first, last in members.bands(n_ints * n_groups):
        parts = [
            tuple(array[chosen(array.shape[0])] for array in ramp_rows(model, first, last, n_groups))
            for model in models
        ]
        ramp, flags = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        good = (flags & SPOILED) == 0
        good_since_first = good[:, 0].copy()
        for group in range(1, n_groups):
            values, used = ramp[:, group] - ramp[:, group - 1], good[:, group] & good[:, group - 1]
            statistics = clipped(values, used, parameters.clipping_sigma, parameters.max_clipping_iters)
            counts[group, first:last] = np.minimum(counts[group, first:last], statistics.count)
            data[group, first:last] = data[group - 1, first:last] + statistics.mean
            good_since_first &= good[:, group]
            rises = ramp[:, group] - ramp[:, 0]
            variance[group, first:last] = _variance(rises, good_since_first, statistics.count, parameters)


def _kept_groups(models, n_groups):
    """Which groups some exposure can use, bool (ngroups,)."""
    kept = np.zeros(n_groups, bool)
    for model in models:
        rows = min(64, model.shape_of("data")[-2])
        kept |= usable_groups(ramp_rows(model, 0, rows, n_groups)[1])
    return kept


def _continue(data, variance, left_out):
    """Fill groups that are left out with the straight line through the first and the last of the others, in place."""
    kept = np.flatnonzero(~left_out)
    if len(kept) < 2:
        return
    first, last = kept[0], kept[-1]
    step = (data[:, last] - data[:, first]) / (last - first)
    for group in np.flatnonzero(left_out[1:]) + 1:
        data[:, group] = data[:, first] + step * (group - first)
        variance[:, group] = variance[:, last] * max(1.0, (group - first) / (last - first)) ** 2


def _variance(rises, used, count, parameters) -> Any:
    """Variance of the mean signal of a group.

    That of the signal since the first group: errors of single differences cannot be added, since the read noise of a
    group is in two of them, with opposite signs.
    """
    statistics = clipped(rises, used, parameters.clipping_sigma, parameters.max_clipping_iters)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 1, statistics.unbiased_scatter**2 / count, np.nan)


def _reduced(data, variance, good, parameters, log):
    """Take noise out of the ramps of good pixels, as far as that is asked for, in place."""
    if parameters.straight:
        for ramp, noise in zip(data, variance, strict=True):
            _straighten(ramp, noise, good, parameters, log)
    if parameters.smooth > 1:
        from scipy import ndimage

        width = parameters.smooth
        weight = np.maximum(ndimage.uniform_filter(good.astype(np.float32), width, mode="constant"), 1e-6)
        for image, noise in zip(data.reshape(-1, *good.shape), variance.reshape(-1, *good.shape), strict=True):
            total = ndimage.uniform_filter(np.where(good, image, 0.0), width, mode="constant")
            image[good] = (total / weight)[good]
            noise[good] /= np.maximum((weight * width**2)[good], 1.0)


def _straighten(ramp, variance, good, parameters, log):
    """Replace the ramps of pixels by straight lines through the origin where these fit, in place."""
    group = np.arange(len(ramp), dtype=np.float64)[:, None, None]
    if len(ramp) < 3:
        return
    steps = np.diff(ramp.astype(np.float64), axis=0)
    slope = (ramp[-1] - ramp[0]) / (len(ramp) - 1)
    # The noise of a step, from the growth of the variance and from the scatter of the steps themselves.
    scatter = steps.std(axis=0, ddof=1)
    usual = np.median(scatter[good]) if good.any() else 0.0
    fits = good & (scatter**2 <= parameters.largest_chi2 * max(usual, 1e-12) ** 2)
    line = slope * group
    ramp[:, fits] = line[:, fits]
    # The line is known by its two ends.
    end = variance[-1]
    variance[:, fits] = (end * (group / (len(ramp) - 1)) ** 2)[:, fits]
    log.info("%d of %d good pixels have a straight line", fits.sum(), good.sum())


def _group_time(model) -> float:
    time = model.meta.exposure.group_time
    if not time:
        raise InputError("the time between groups is not set in the exposures", where="TGROUP")
    return float(time)


def _flags(rate, unknown, reference, parameters, log) -> Any:
    """Flags by the rate, DN/s (ny, nx)."""
    dq = np.zeros(rate.shape, np.uint32)
    if not np.isfinite(rate[~reference]).any():
        raise InputError("no pixel has a rate: all groups are flagged", hint="look at the flags of the exposures")
    median, spread = float(np.nanmedian(rate[~reference])), of_map(rate, ~reference)[1]
    limit = parameters.hot_rate if parameters.hot_rate is not None else median + parameters.hot_sigma * spread
    hot = (rate > limit) & ~reference
    dq[hot] |= np.uint32(pixel.HOT)
    if parameters.warm_rate is not None:
        dq[(rate > parameters.warm_rate) & ~hot & ~reference] |= np.uint32(pixel.WARM)
    dq[unknown] |= np.uint32(pixel.UNRELIABLE_DARK | pixel.DO_NOT_USE)
    log.info("Median dark rate %.4g DN/s; %d pixels above %.4g DN/s are HOT", median, hot.sum(), limit)
    return dq


def _model(data, err, dq, is_miri):
    if is_miri:
        model: Any = DarkMIRIModel(data)
        model.err, model.dq = err, np.broadcast_to(dq, (data.shape[0], 1, *dq.shape)).copy()
    else:
        model = DarkModel(data[0])
        model.err, model.dq = err[0], dq
    model.dq_def = definitions("DO_NOT_USE", "HOT", "WARM", "UNRELIABLE_DARK")
    return model
