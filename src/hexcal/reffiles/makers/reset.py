"""Reset anomaly of MIRI: what the first groups after a reset are too high or too low."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.models.reference import ResetModel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import SPOILED, Maker, MakerParameters, ramp_rows
from hexcal.reffiles.makers.dark import integration_classes
from hexcal.reffiles.statistics import clipped


class ResetMaker(Maker):
    """The mean over darks of the ramp less the straight line of its later groups, 0 from there on.

    The first integration and the others are kept apart. The last group is left out of the line, since it is pulled down
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

    def make(self, members, parameters, log):
        """Return the reset anomaly."""
        models, start = members.of_kind("dark"), parameters.first_straight
        if members.n_groups < start + 4:
            raise InputError(
                f"the straight part of the ramps needs {start + 4} groups, the shortest ramp has {members.n_groups}",
                where="NGROUPS",
                hint="use longer darks, or a smaller first_straight",
            )
        classes = integration_classes(models)
        data, err = (np.zeros((len(classes), start, *members.shape), np.float32) for _ in range(2))
        samples = sum(int(np.prod(model.shape_of("data")[:2])) for model in models)
        for number, chosen in enumerate(classes):
            for first, last in members.bands(samples):
                residuals, good = _residuals(models, chosen, first, last, start)
                for group in range(start):
                    found = clipped(
                        residuals[:, group], good[:, group], parameters.clipping_sigma, parameters.max_clipping_iters
                    )
                    data[number, group, first:last] = found.mean
                    err[number, group, first:last] = np.nan_to_num(found.error)
        dq = np.where(np.isfinite(data).all(axis=(0, 1)), 0, pixel.DO_NOT_USE).astype(np.uint32)
        log.info("Reset anomaly of group 1: %.2f DN (median)", float(np.nanmedian(data[-1, 1])))
        model = ResetModel(np.nan_to_num(data))
        model.err, model.dq, model.dq_def = err, dq, definitions("DO_NOT_USE")
        return model


def _residuals(models, chosen, first, last, start) -> tuple[Any, Any]:
    """First groups of integrations less the straight line of the later ones, and which are good."""
    residuals, good = [], []
    for model in models:
        data, flags = ramp_rows(model, first, last)
        data, flags = data[chosen(data.shape[0])].astype(np.float64), flags[chosen(flags.shape[0])]
        fine = (flags & SPOILED) == 0
        weight = fine.astype(float)
        weight[:, :start] = 0
        weight[:, -1] = 0
        time = np.arange(data.shape[1], dtype=float)[None, :, None, None]
        total = weight.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean_t, mean_y = (weight * time).sum(axis=1) / total, (weight * data).sum(axis=1) / total
            slope = (weight * (time - mean_t[:, None]) * data).sum(axis=1) / (
                weight * (time - mean_t[:, None]) ** 2
            ).sum(axis=1)
        line = mean_y[:, None] + slope[:, None] * (time - mean_t[:, None])
        residuals.append((data - line)[:, :start].astype(np.float32))
        good.append(fine[:, :start] & (total[:, None] >= 3))
    return np.concatenate(residuals), np.concatenate(good)
