"""Saturation: the counts from which a pixel tells nothing any more."""

from typing import Any

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

    The plateau is the median of the groups from which on the ramp rises by less than a share of its first rise.
    """

    label = "saturation"
    reference_type = "saturation"
    inputs = "F+"
    steps = "dq_init"
    forbidden = ("superbias", "linearity")
    needs = ("mask",)

    class Parameters(MakerParameters):
        """Parameters of the saturation thresholds."""

        fraction: float = parameter(
            0.97, "Share of the plateau above the first group that is the threshold.", gt=0, le=1
        )
        flat_slope: float = parameter(
            0.05, "A ramp is on its plateau where it rises by less than this share of its first rise.", gt=0, lt=1
        )

    def make(self, members, parameters, log):
        """Return the thresholds."""
        models = [model for _, model in members.models]
        threshold = np.full(members.shape, np.nan)
        samples = sum(int(np.prod(model.shape_of("data")[:2])) for model in models)
        for first, last in members.bands(samples):
            found = [_of_ramp(ramp, parameters) for model in models for ramp in ramp_rows(model, first, last)[0]]
            with np.errstate(all="ignore"):
                threshold[first:last] = _median(np.stack(found))
        unknown = ~np.isfinite(threshold)
        dq = np.where(unknown, np.uint32(pixel.NO_SAT_CHECK), np.uint32(0)).astype(np.uint32)
        log.info("%.2f %% of the pixels do not reach their plateau: NO_SAT_CHECK", 100 * unknown.mean())
        model = SaturationModel(np.minimum(threshold, HIGHEST).astype(np.float32))
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


def _median(stack) -> Any:
    """Median along the first axis of what is not NaN, NaN where nothing is."""
    ordered = np.sort(stack, axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    high = np.minimum(high, np.maximum(count - 1, 0))
    middle = (np.take_along_axis(ordered, low[None], 0) + np.take_along_axis(ordered, high[None], 0))[0] / 2
    return np.where(count > 0, middle, np.nan)
