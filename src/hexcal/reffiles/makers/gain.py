"""Gain: electrons per DN, from the noise of pairs of flats."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.models.reference import GainModel
from hexcal.reffiles.maker import SPOILED, Maker, MakerParameters, ramp_rows, usable_groups
from hexcal.reffiles.statistics import of_map, truncation


class GainMaker(Maker):
    """Photon transfer: mean signal over its variance, in boxes, after the correction of the linearity.

    The variance of the signal between the first group and a later one is half that of the difference of two flats, less
    the same of two darks. Raw counts would give gains that rise with the signal. Inter-pixel capacitance makes the
    neighbours share their noise: the gain is the one for the noise of single pixels, not corrected for it.
    """

    label = "gain"
    reference_type = "gain"
    inputs = "DDFF"
    steps = "linearity-,jump"
    needs = ("mask", "superbias", "saturation", "linearity", "readnoise")

    class Parameters(MakerParameters):
        """Parameters of the gain."""

        box: int = parameter(16, "Side of the boxes.", unit="pixels", ge=4)
        max_signal: float = parameter(0.5, "Share of the largest good signal that is used at most.", gt=0, le=1)
        n_levels: int = parameter(8, "Signal levels of a ramp that are used.", ge=1)
        clipping_sigma: float = parameter(4.0, "Clipping of differences in a box.", unit="sigma", gt=1)
        least_values: int = parameter(50, "Boxes with fewer good pixels have no value.", ge=10)

    def make(self, members, parameters, log):
        """Return the gain."""
        darks, flats = members.of_kind("dark"), members.of_kind("flat")
        if len(flats) < 2 or len(darks) < 2:
            raise InputError(
                f"the gain needs two flats and two darks, found {len(flats)} and {len(darks)}", where="imtypes"
            )
        bad = members.bad_pixels() | members.reference_pixels()
        signal, lit = _signals(flats[:2], members.n_groups, parameters)
        dark = _signals(darks[:2], members.n_groups, parameters)[1] if darks else None
        edges_y, edges_x = (range(0, size, parameters.box) for size in members.shape)
        boxes = np.full((len(edges_y), len(edges_x)), np.nan)
        for row, y in enumerate(edges_y):
            for column, x in enumerate(edges_x):
                window = np.s_[:, y : y + parameters.box, x : x + parameters.box]
                used = ~bad[window[1:]]
                boxes[row, column] = _of_box(
                    signal[window], lit[window], dark[window] if dark is not None else None, used, parameters
                )
        gain = _of_pixels(boxes, members.shape, parameters.box)
        mean, spread = of_map(boxes)
        log.info(
            "Gain %.4f electrons/DN, scatter of the boxes %.4f; %d of %d boxes have no value",
            *(mean, spread, np.count_nonzero(~np.isfinite(boxes)), boxes.size),
        )
        model = GainModel(gain.astype(np.float32))
        model.meta.bunit_data = "ELECTRONS/DN"
        return model


def _signals(pair, n_groups, parameters) -> tuple[Any, Any]:
    """Mean signal and difference of two exposures between the first group and later ones: (levels, ny, nx)."""
    ramps = []
    for model in pair:
        data, flags = ramp_rows(model, 0, model.shape_of("data")[2], n_groups)
        kept = usable_groups(flags)
        data, flags = data[:, kept], flags[:, kept]
        good = np.logical_and.accumulate((flags & SPOILED) == 0, axis=1)
        ramps.append(np.where(good, data.astype(np.float64), np.nan)[0])
    last = min(len(ramp) for ramp in ramps) - 1
    levels = np.unique(np.linspace(1, last, min(parameters.n_levels, last)).round().astype(int))
    rises = [ramp[levels] - ramp[0] for ramp in ramps]
    return (rises[0] + rises[1]) / 2, rises[0] - rises[1]


def _of_box(signal, lit, dark, used, parameters) -> float:
    """Gain of one box: over the levels, sum of signals over sum of variances; NaN where there are too few values."""
    total_signal = total_variance = 0.0
    freedom = 0
    medians = [float(np.nanmedian(level[used])) if np.isfinite(level[used]).any() else np.nan for level in signal]
    known = [value for value in medians if np.isfinite(value)]
    if not known:
        return np.nan
    top = parameters.max_signal * max(known)
    for index, middle in enumerate(medians):
        if not np.isfinite(middle) or (middle > top and len(known) > 1):
            continue
        good = used & np.isfinite(lit[index])
        variance = _half_variance(lit[index][good], parameters)
        if dark is not None:
            variance -= _half_variance(dark[index][used & np.isfinite(dark[index])], parameters)
        if good.sum() < parameters.least_values or not np.isfinite(variance) or variance <= 0:
            continue
        total_signal += float(np.mean(signal[index][good]))
        total_variance += variance
        freedom = int(good.sum()) - 1
    # The mean of 1 / variance of few values lies above that of many: by n / (n - 2) for n degrees of freedom.
    return total_signal / total_variance * (freedom - 2) / freedom if total_variance > 0 else np.nan


def _half_variance(differences, parameters):
    """Half the variance of clipped differences of two exposures: that of one of them."""
    if differences.size < 3:
        return np.nan
    spread = of_map(differences, sigma=parameters.clipping_sigma)[1] / truncation(parameters.clipping_sigma)
    return 0.5 * spread**2 * differences.size / (differences.size - 1)


def _of_pixels(boxes, shape, box) -> Any:
    """Values of boxes interpolated to pixels; NaN where no box has a value."""
    from scipy.interpolate import RegularGridInterpolator

    known = np.isfinite(boxes)
    if not known.any():
        return np.full(shape, np.nan)
    filled = np.where(known, boxes, np.nanmedian(boxes))
    centres = [
        np.minimum(np.arange(n) * box + (box - 1) / 2, size - 1) for n, size in zip(boxes.shape, shape, strict=True)
    ]
    if min(boxes.shape) == 1:
        return np.full(shape, float(np.median(filled)))
    axes = [np.clip(np.arange(size), own[0], own[-1]) for size, own in zip(shape, centres, strict=True)]
    place = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return RegularGridInterpolator(tuple(centres), filled)(place)
