"""Gain: electrons per DN, from the noise of pairs of flats."""

from typing import Any, Literal

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.models.reference import GainModel
from hexcal.reffiles.maker import SPOILED, Maker, MakerParameters, NotSuitable, ramp_rows, usable_groups
from hexcal.reffiles.makers.gain_boxes import (
    boxes_of,
    likelihood_gain,
    noise_of_pixels,
    of_pixels,
    shared_noise,
    transfer_gain,
)
from hexcal.reffiles.statistics import of_map

_MIRI_SHARE = 0.1
"""Share of the range up to which the gain of MIRI is measured: its responsivity changes with the charge."""


class GainMaker(Maker):
    """Photon transfer: mean signal over its variance, in boxes, after the correction of the linearity.

    The variance of the signal between the first group and a later one is half that of the difference of two flats, less
    the same of two darks. Raw counts would give gains that rise with the signal. Inter-pixel capacitance makes the
    neighbours share their noise: the gain is the one for the noise of single pixels, unless `ipc_corrected` is set.
    With `method` likelihood all differences of successive groups of the two flats are used at once: their power in the
    sine transform is (signal per group) / gain + 2 (1 - cos) (read noise)^2, which is fitted with weights of maximum
    likelihood; darks tell the read noise, but are not needed.
    """

    label = "gain"
    reference_type = "gain"
    inputs = "DDFF"
    steps = "linearity-,jump"
    needs = ("mask", "superbias", "saturation", "linearity", "readnoise")

    class Parameters(MakerParameters):
        """Parameters of the gain."""

        method: Literal["transfer", "likelihood"] = parameter(
            "transfer", "Photon transfer at some levels, or the likelihood of all differences of groups."
        )
        region: Literal["box", "amplifier", "whole"] = parameter("box", "What has one value.")
        box: int = parameter(16, "Side of the boxes.", unit="pixels", ge=4)
        max_signal: float | None = parameter(
            None, "Share of the largest good signal that is used at most. Default: 0.5, for MIRI 0.1.", gt=0, le=1
        )
        n_levels: int = parameter(8, "Signal levels of a ramp that are used.", ge=1)
        clipping_sigma: float = parameter(4.0, "Clipping of differences in a box.", unit="sigma", gt=1)
        least_values: int = parameter(50, "Boxes with fewer good pixels have no value.", ge=10)
        ipc_corrected: bool = parameter(
            False, "Give the gain that the whole noise of a pixel has, with what its neighbours share of it."
        )

    def make(self, members, parameters, log):
        """Return the gain."""
        darks, flats = members.of_kind("dark"), members.of_kind("flat")
        needed = 2 if parameters.method == "transfer" else 0
        if len(flats) < 2 or len(darks) < needed:
            raise NotSuitable(
                f"the gain needs two flats and {needed} darks, found {len(flats)} and {len(darks)}", where="imtypes"
            )
        share = self._share(members, parameters, log)
        edges = boxes_of(members, parameters)
        bad = members.bad_pixels() | members.reference_pixels()
        measure: Any = _transfer if parameters.method == "transfer" else _likelihood
        boxes, ratio, curve = measure(flats[:2], darks[:2], edges, bad, share, members.n_groups, parameters)
        mean, spread = of_map(boxes)
        log.info(
            "Gain %.4f electrons/DN, scatter of the boxes %.4f; %d of %d boxes have no value",
            *(mean, spread, np.count_nonzero(~np.isfinite(boxes)), boxes.size),
        )
        log.info(
            "Gain for the noise of single pixels %.4f, with the noise that neighbours share %.4f", mean, mean * ratio
        )
        if curve:
            log.info("Gain by signal: %s", "; ".join(f"{value:.3f} +- {error:.3f} at {at:.0f} DN"
                                                     for at, value, error in curve))  # fmt: skip
        gain = of_pixels(boxes * (ratio if parameters.ipc_corrected else 1.0), members.shape, edges)
        model = GainModel(gain.astype(np.float32))
        model.meta.bunit_data = "ELECTRONS/DN"
        if "err" in model.specs:
            error = spread * noise_of_pixels(members.shape, edges)
            model.err = np.where(np.isfinite(gain), error, 0).astype(np.float32)
        return model

    @staticmethod
    def _share(members, parameters, log):
        if members.first.is_miri:
            share = parameters.max_signal if parameters.max_signal is not None else _MIRI_SHARE
            log.warning(
                "the responsivity of MIRI changes with the charge: the gain is measured below %.2f of the range", share
            )
            return share
        return parameters.max_signal if parameters.max_signal is not None else 0.5


def _ramps(pair, first, last, n_groups):
    """Rows of the first integrations of two exposures, NaN from the first bad sample on: (2, ngroups, rows, nx)."""
    ramps = []
    for model in pair:
        data, flags = ramp_rows(model, first, last, n_groups)
        kept = usable_groups(flags)
        data, flags = data[:1, kept], flags[:1, kept]
        good = np.logical_and.accumulate((flags & SPOILED) == 0, axis=1)
        ramps.append(np.where(good, data.astype(np.float64), np.nan)[0])
    length = min(len(ramp) for ramp in ramps)
    return np.stack([ramp[:length] for ramp in ramps])


def _transfer(flats, darks, edges, bad, share, n_groups, parameters):
    """Gain of each box, ratio of single and whole noise, and the mean gain by level."""
    rows, columns = edges
    boxes = np.full((len(rows) - 1, len(columns) - 1), np.nan)
    shared, curves = [], []
    for row in range(len(rows) - 1):
        lit, dark = (_ramps(pair, rows[row], rows[row + 1], n_groups) for pair in (flats, darks))
        last = min(lit.shape[1], dark.shape[1]) - 1
        levels = np.unique(np.linspace(1, last, min(parameters.n_levels, last)).round().astype(int))
        rises = [ramps[:, levels] - ramps[:, :1] for ramps in (lit, dark)]
        for column in range(len(columns) - 1):
            window = np.s_[..., columns[column] : columns[column + 1]]
            used = ~bad[rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
            boxes[row, column], curve = transfer_gain(rises[0][window], rises[1][window], used, share, parameters)
            curves.append(curve)
        used = ~bad[rows[row] : rows[row + 1]]
        shared.append(shared_noise(rises[0], rises[1], used, share))
    return boxes, _ratio(shared), _mean_curve(curves)


def _likelihood(flats, darks, edges, bad, share, n_groups, parameters):
    """The same by the likelihood of all differences."""
    rows, columns = edges
    boxes = np.full((len(rows) - 1, len(columns) - 1), np.nan)
    shared = []
    for row in range(len(rows) - 1):
        lit = _ramps(flats, rows[row], rows[row + 1], n_groups)
        dark = _ramps(darks, rows[row], rows[row + 1], n_groups) if len(darks) == 2 else None
        for column in range(len(columns) - 1):
            used = ~bad[rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
            window = np.s_[..., columns[column] : columns[column + 1]]
            boxes[row, column] = likelihood_gain(
                lit[window], None if dark is None else dark[window], used, share, parameters
            )
        rise = lit[:, -1:] - lit[:, :1]
        shared.append(shared_noise(rise, np.zeros_like(rise), ~bad[rows[row] : rows[row + 1]], 1.0))
    return boxes, _ratio(shared), []


def _ratio(shared):
    """Noise of single pixels over that with what neighbours share, of all rows together."""
    single, whole = np.sum(shared, axis=0)
    return float(single / whole) if single > 0 and whole > 0 else 1.0


def _mean_curve(curves):
    """Mean gain over the boxes at each level, and its error: (signal, gain, error)."""
    longest = max((len(curve) for curve in curves), default=0)
    result = []
    for level in range(longest):
        points = np.array([curve[level] for curve in curves if len(curve) > level and np.isfinite(curve[level][1])])
        if len(points) > 1:
            mean, spread = of_map(points[:, 1])
            result.append((float(points[:, 0].mean()), mean, spread / np.sqrt(len(points))))
    return result
