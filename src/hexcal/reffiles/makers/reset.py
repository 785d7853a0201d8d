"""Reset anomaly of MIRI: what the first groups after a reset are too high or too low."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.models.dqflags import pixel
from hexcal.models.reference import ResetModel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import SPOILED, Maker, MakerParameters, NotSuitable, ramp_rows
from hexcal.reffiles.makers.dark import integration_classes
from hexcal.reffiles.statistics import clipped, of_map

_NEAR = 5.0
"""Pixels farther from the others than so many standard deviations, such as hot ones, keep their own slope."""


class ResetMaker(Maker):
    """The mean over darks of the ramp less the straight line of its later groups, 0 from there on.

    The first integration and the others are kept apart. The slope of the line is that of all exposures, drawn to what
    the pixels have in common as far as its noise asks for it: that of some groups, continued to the beginning of the
    ramp, would be wrong by more than the anomaly. The last group is left out of the line, since it is pulled down
    by the reset that follows; the first group holds the effect of the first frame as well, which cannot be told apart.
    """

    label = "reset"
    reference_type = "reset"
    inputs = "D+"
    steps = "saturation-"
    forbidden = ("reset", "linearity")
    needs = ("mask", "saturation")
    instruments = ("MIRI",)

    class Parameters(MakerParameters):
        """Parameters of the reset anomaly."""

        first_straight: int = parameter(15, "First group, counted from 0, that is free of it.", ge=3)
        clipping_sigma: float = parameter(3.0, "Values farther from the median are clipped.", unit="sigma", gt=1)
        max_clipping_iters: int = parameter(5, "Most iterations of clipping.", ge=0)
        prior: bool = parameter(True, "Draw noisy slopes to what the pixels have in common.")

    def make(self, members, parameters, log):
        """Return the reset anomaly."""
        models, start = members.of_kind("dark"), parameters.first_straight
        if members.n_groups < start + 4:
            raise NotSuitable(
                f"the straight part of the ramps needs {start + 4} groups, the shortest ramp has {members.n_groups}",
                where="NGROUPS",
                hint="use longer darks, or a smaller first_straight",
            )
        classes = integration_classes(models)
        data, err = (np.zeros((len(classes), start, *members.shape), np.float32) for _ in range(2))
        samples = sum(int(np.prod(model.shape_of("data")[:2])) for model in models)
        slope, slope_error = _slopes(models, members, samples, parameters, log)
        middle = 0.5 * (start + members.n_groups - 2)
        for number, chosen in enumerate(classes):
            for first, last in members.bands(samples):
                residuals, good = _residuals(models, chosen, first, last, start, slope[first:last])
                for group in range(start):
                    statistics = clipped(
                        residuals[:, group], good[:, group], parameters.clipping_sigma, parameters.max_clipping_iters
                    )
                    data[number, group, first:last] = statistics.mean
                    # The slope is the same in all exposures: its error is not in their scatter.
                    own = slope_error[first:last] * (middle - group)
                    err[number, group, first:last] = np.nan_to_num(np.hypot(statistics.error, own))
        dq = np.where(np.isfinite(data).all(axis=(0, 1)), 0, pixel.DO_NOT_USE).astype(np.uint32)
        log.info("Reset anomaly of group 1: %.2f DN (median)", float(np.nanmedian(data[-1, 1])))
        model = ResetModel(np.nan_to_num(data))
        model.err, model.dq, model.dq_def = err, dq, definitions("DO_NOT_USE")
        return model


def _line_parts(data, flags, start):
    """Mean time, mean value and slope of the straight part of each integration, and its number of good groups."""
    weight = ((flags & SPOILED) == 0).astype(float)
    weight[:, :start] = 0
    weight[:, -1] = 0
    time = np.arange(data.shape[1], dtype=float)[None, :, None, None]
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_t, mean_y = (weight * time).sum(axis=1) / total, (weight * data).sum(axis=1) / total
        apart = weight * (time - mean_t[:, None])
        slope = (apart * data).sum(axis=1) / (apart * (time - mean_t[:, None])).sum(axis=1)
    return mean_t, mean_y, slope, total


def _slopes(models, members, samples, parameters, log) -> tuple[Any, Any]:
    """Slope of the straight part of all exposures, and its error, DN per group (ny, nx)."""
    slope, error = (np.full(members.shape, np.nan) for _ in range(2))
    for first, last in members.bands(samples):
        slopes = []
        for model in models:
            data, flags = ramp_rows(model, first, last)
            _, _, own, total = _line_parts(data.astype(np.float64), flags, parameters.first_straight)
            slopes.append(np.where(total >= 3, own, np.nan))
        values = np.concatenate(slopes)
        mean = clipped(values, np.isfinite(values), parameters.clipping_sigma, parameters.max_clipping_iters)
        slope[first:last], error[first:last] = mean.mean, mean.error
    seen = ~members.reference_pixels()
    usual = float(np.nanmedian(error[seen])) if np.isfinite(error[seen]).any() else 0.0
    if not parameters.prior or not usual > 0:
        return slope, np.nan_to_num(error)
    middle, spread = of_map(slope, seen)
    own, noise = max(spread**2 - usual**2, 0.0), usual**2
    near = np.abs(slope - middle) < _NEAR * spread
    drawn = (slope * own + middle * noise) / (own + noise)
    log.info("Slope of the straight part: %.3f DN a group, noise %.3f, scatter of the pixels %.3f", middle, usual,
             np.sqrt(own))  # fmt: skip
    return np.where(near, drawn, slope), np.where(near, np.sqrt(own * noise / (own + noise)), np.nan_to_num(error))


def _residuals(models, chosen, first, last, start, slope) -> tuple[Any, Any]:
    """First groups of integrations less the straight line of the later ones, and which are good."""
    residuals, good = [], []
    for model in models:
        data, flags = ramp_rows(model, first, last)
        data, flags = data[chosen(data.shape[0])].astype(np.float64), flags[chosen(flags.shape[0])]
        mean_t, mean_y, _, total = _line_parts(data, flags, start)
        time = np.arange(data.shape[1], dtype=float)[None, :, None, None]
        line = mean_y[:, None] + slope[None, None] * (time - mean_t[:, None])
        residuals.append((data - line)[:, :start].astype(np.float32))
        good.append(((flags[:, :start] & SPOILED) == 0) & (total[:, None] >= 3))
    return np.concatenate(residuals), np.concatenate(good)
