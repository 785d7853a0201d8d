"""Saturation: the counts from which a pixel tells nothing any more."""

from typing import Any, Literal

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.models.dqflags import pixel
from hexcal.models.reference import SaturationModel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import Maker, MakerParameters, ramp_rows

HIGHEST = 64_500.0
"""DN: no threshold lies above, since the converter ends soon after."""


class SaturationMaker(Maker):
    """A share of the plateau that ramps reach when they are driven into saturation, in raw counts.

    The plateau is the median of the groups from which on the ramp rises by less than a share of its first rise. With
    `method` soft: the counts at which the ramp falls behind the parabola of its beginning by more than a share.
    """

    label = "saturation"
    reference_type = "saturation"
    inputs = "F+"
    steps = "dq_init"
    forbidden = ("superbias", "linearity")
    needs = ("mask",)

    class Parameters(MakerParameters):
        """Parameters of the saturation thresholds."""

        method: Literal["plateau", "soft"] = parameter(
            "plateau", "A share of the plateau, or the counts at which ramps depart from a smooth curve."
        )
        departure: float = parameter(
            0.02, "soft: share by which the counts fall behind the curve of the ramp's beginning.", gt=0, lt=1
        )

        fraction: float = parameter(
            0.97, "Share of the plateau above the first group that is the threshold.", gt=0, le=1
        )
        least_rise: float = parameter(
            0.2, "Pixels whose threshold rises by less than this share of the usual see no light: they get none.", ge=0
        )
        flat_slope: float = parameter(
            0.05, "A ramp is on its plateau where it rises by less than this share of its first rise.", gt=0, lt=1
        )

    def make(self, members, parameters, log):
        """Return the thresholds."""
        models = [model for _, model in members.models]
        threshold, start = (np.full(members.shape, np.nan) for _ in range(2))
        samples = sum(int(np.prod(model.shape_of("data")[:2])) for model in models)
        for first, last in members.bands(samples):
            measure = _of_ramp if parameters.method == "plateau" else _departure
            limits = [measure(ramp, parameters) for model in models for ramp in ramp_rows(model, first, last)[0]]
            with np.errstate(all="ignore"):
                threshold[first:last] = _median(np.stack(limits))
            start[first:last] = ramp_rows(models[0], first, last, 1)[0][0, 0]
        # A pixel that sees no light is flat from the beginning; a threshold at its bias would call it saturated.
        above = threshold - start
        seen = np.isfinite(above) & ~members.reference_pixels()
        usual = float(np.median(above[seen])) if seen.any() else 0.0
        threshold[~seen | (above < parameters.least_rise * usual)] = np.nan
        unknown = ~np.isfinite(threshold)
        dq = np.where(unknown, np.uint32(pixel.NO_SAT_CHECK), np.uint32(0)).astype(np.uint32)
        lit = ~members.reference_pixels()
        share = 100 * unknown[lit].mean() if lit.any() else 100.0
        log.info("%.2f %% of the pixels that see light do not reach their plateau: NO_SAT_CHECK", share)
        return self._model(np.minimum(threshold, HIGHEST).astype(np.float32), dq)

    def _model(self, threshold, dq):
        """The model of the type."""
        model: Any = SaturationModel(threshold)
        model.dq, model.dq_def = dq, definitions("DO_NOT_USE", "NO_SAT_CHECK")
        return model


def _of_ramp(ramp, parameters) -> Any:
    """Threshold of one integration, (ngroups, rows, nx) -> (rows, nx); NaN where there is no plateau."""
    rises = np.diff(ramp.astype(np.float64), axis=0)
    initial = rises[0]
    on_plateau = np.concatenate([np.zeros((1, *initial.shape), bool), rises < parameters.flat_slope * initial])
    # A plateau lasts to the end: a single small rise is noise.
    on_plateau = np.flip(np.logical_and.accumulate(np.flip(on_plateau, 0), axis=0), 0)
    enough = on_plateau.sum(axis=0) >= 2
    level = _median(np.where(on_plateau, ramp, np.nan))
    floor = ramp[0] - initial
    return np.where(enough & (initial > 0), floor + parameters.fraction * (level - floor), np.nan)


def _departure(ramp, parameters) -> Any:
    """Counts at which a ramp falls behind the parabola through its first half of the rise; NaN where it does not."""
    counts = ramp.astype(np.float64)
    n_groups = len(counts)
    time = np.arange(n_groups, dtype=float)[:, None, None]
    start, rise = counts[0], counts - counts[0]
    weight = (rise <= 0.5 * rise.max(axis=0)).astype(float)
    weight[0] = 1.0
    moments = [(weight * time**power).sum(axis=0) for power in range(5)]
    matrix = np.array([[moments[2], moments[3]], [moments[3], moments[4]]])
    right = np.array([(weight * time**power * rise).sum(axis=0) for power in (1, 2)])
    determinant = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (right[0] * matrix[1, 1] - right[1] * matrix[0, 1]) / determinant
        bend = (right[1] * matrix[0, 0] - right[0] * matrix[0, 1]) / determinant
        curve = slope * time + bend * time**2
        behind = (curve - rise) > parameters.departure * curve
    late = np.flip(np.logical_and.accumulate(np.flip(behind, 0), axis=0), 0)
    first = np.argmax(late, axis=0)
    departs = late.any(axis=0) & (first > 2) & (determinant > 0)
    before = np.take_along_axis(counts, np.maximum(first - 1, 0)[None], 0)[0]
    return np.where(departs & (slope > 0), np.maximum(before, start), np.nan)


def _median(stack) -> Any:
    """Median along the first axis of what is not NaN, NaN where nothing is."""
    ordered = np.sort(stack, axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    high = np.minimum(high, np.maximum(count - 1, 0))
    middle = (np.take_along_axis(ordered, low[None], 0) + np.take_along_axis(ordered, high[None], 0))[0] / 2
    return np.where(count > 0, middle, np.nan)
