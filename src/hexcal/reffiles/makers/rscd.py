"""Reset switch charge decay of MIRI: how many groups at the beginning of later integrations are disturbed."""

from typing import Any

import numpy as np

from hexcal import datamodels
from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.reffiles.maker import SPOILED, Maker, MakerParameters, ramp_rows
from hexcal.reffiles.statistics import MEDIAN_ERROR

_SAMPLES = 1 << 26
"""Samples of an exposure that are looked at."""


class RscdMaker(Maker):
    """The number of groups from which on integrations after the first are straight.

    The median over the pixels of the ramp less the line of its later groups, averaged over the integrations; the number
    is the first group from which on it stays within `tolerance`, or 3 standard errors if these are larger.
    """

    label = "rscd"
    reference_type = "rscd"
    inputs = "F+"
    steps = "linearity-"
    forbidden = ("rscd",)
    needs = ("mask", "saturation", "reset", "linearity")
    instruments = ("MIRI",)

    class Parameters(MakerParameters):
        """Parameters of the search."""

        first_straight: int = parameter(15, "First group, counted from 0, that is surely free of it.", ge=3)
        tolerance: float = parameter(0.1, "Offsets below this are none.", unit="DN", gt=0)

    @classmethod
    def why_not(cls, inputs):
        """The first integration has no reset before it that disturbs."""
        if all(int(item.header.get("NINTS") or 1) < 2 for item in inputs):
            return "exposures of several integrations are needed, these have one"
        return None

    def make(self, members, parameters, log):
        """Return the table of groups to leave out."""
        models, start = [model for _, model in members.models], parameters.first_straight
        if members.n_groups < start + 4 or max(model.shape_of("data")[0] for model in models) < 2:
            raise InputError(
                f"exposures of several integrations of {start + 4} groups are needed", where="NINTS, NGROUPS"
            )
        several = [model for model in models if model.shape_of("data")[0] > 1]
        measured = [_offsets(model, start, members.reference_pixels()) for model in several]
        offsets, errors = (np.concatenate(parts) for parts in zip(*measured, strict=True))
        mean, error = offsets.mean(axis=0), np.sqrt(np.sum(errors**2, axis=0)) / len(errors)
        disturbed = np.abs(mean) >= np.maximum(parameters.tolerance, 3 * error)
        number = int(np.flatnonzero(disturbed)[-1]) + 1 if disturbed.any() else 0
        log.info("Offsets of later integrations, DN: %s; %d groups are left out", np.round(mean, 2).tolist(), number)
        source = members.first
        columns = [("subarray", "S13"), ("readpatt", "S8"), ("group_skip1", "i4"), ("group_skip", "i4")]
        # What a reset leaves behind is not in the first integration.
        row = (str(source.meta.subarray.name).encode(), str(source.meta.exposure.readpatt).encode(), 0, number)
        return datamodels.RSCDModel(rscd_group_skip_table=np.array([row], dtype=columns))


def _offsets(model, start, reference) -> tuple[Any, Any]:
    """Median over the pixels of the first groups less the line of the later ones, and its error.

    Both (later integrations, start).
    """
    shape = model.shape_of("data")
    # A median over some hundred thousand pixels is enough, and the memory does not grow with the frame.
    rows = max(1, min(shape[2], _SAMPLES // (shape[0] * shape[1] * shape[3])))
    first = (shape[2] - rows) // 2
    data, flags = ramp_rows(model, first, first + rows)
    reference = reference[first : first + rows]
    values = np.where((flags & SPOILED) == 0, data, np.nan)[1:].astype(np.float64)
    values[..., reference] = np.nan
    time = np.arange(values.shape[1], dtype=float)
    late = slice(start, -1)
    t = time[late] - time[late].mean()
    medians, errors = [], []
    for ramp in values:
        whole = np.all(np.isfinite(ramp[:-1]), axis=0)
        if not whole.any():
            raise InputError(
                "no pixel has a whole integration: all are saturated or hit", where=str(model.path),
                hint="take flats with less light",
            )  # fmt: skip
        pixels = ramp[:, whole]
        slope = t @ pixels[late] / np.sum(t**2)
        line = pixels[late].mean(axis=0) + slope * (time[:start, None] - time[late].mean())
        residual = pixels[:start] - line
        medians.append(np.median(residual, axis=1))
        errors.append(MEDIAN_ERROR * residual.std(axis=1) / np.sqrt(residual.shape[1]))
    return np.array(medians), np.array(errors)
