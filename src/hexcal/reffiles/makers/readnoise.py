"""Read noise: the scatter of the differences of pairs of reads of darks."""

from typing import Any, Literal

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.models.reference import ReadnoiseModel
from hexcal.reffiles.maker import Maker, MakerParameters, NotSuitable, ramp_rows
from hexcal.reffiles.statistics import clipped, of_map

_GAIN = {"NIRCAM": 2.0, "NIRISS": 1.6, "NIRSPEC": 1.0, "FGS": 1.8, "MIRI": 5.5}
"""Typical gains, electrons per DN: the shot noise of a dark is small, so that they are good enough."""
_AFTER_RESET = 15
"""Groups of MIRI that the reset correction changes."""
_BAD_GROUP = 1 | 2 | 4
"""DO_NOT_USE, SATURATED, JUMP_DET."""
_MOST_WITHOUT = 0.5
"""Largest share of pixels whose differences do not scatter beyond their photon noise."""


class ReadnoiseMaker(Maker):
    """The noise of the difference of two reads (CDS), as the pipeline expects it.

    The clipped scatter of all differences of independent pairs of reads, divided by what clipping takes from the
    scatter of Gaussian noise, less the shot noise of the dark signal.
    """

    label = "readnoise"
    reference_type = "readnoise"
    inputs = "D"
    steps = "refpix-,jump"
    needs = ("mask", "superbias", "saturation", "linearity", "gain", "dark")

    class Parameters(MakerParameters):
        """Parameters of the read noise."""

        method: Literal["stack", "ramp"] = parameter(
            "stack", "Scatter of all differences together, or mean of the scatters of each exposure."
        )
        group_diff_type: Literal["independent", "consecutive"] = parameter(
            "independent", "Differences of disjoint pairs of reads, or of all that follow one another."
        )
        clipping_sigma: float = parameter(4.0, "Differences farther from the median are clipped.", unit="sigma", gt=1)
        max_clipping_iters: int = parameter(3, "Most iterations of clipping.", ge=0)
        scale: bool = parameter(
            False, "Take averaged groups (NFRAMES > 1) too: their noise is scaled to that of single reads."
        )
        first_group: int | None = parameter(
            None,
            "First group that is used, from 0. Default: 15 of ramps of MIRI that are long enough, whose groups before "
            "that had a reset correction that may be made of the same darks.",
            ge=0,
        )
        gain: float | None = parameter(
            None, "Gain for the shot noise of the dark signal. Default: a typical one.", unit="electrons/DN", gt=0
        )
        single_value: bool = parameter(False, "Give all pixels the mean of the map.")

    def make(self, members, parameters, log):
        """Return the read noise."""
        factor = _scale_of(members.first, parameters)
        stacks = (
            [[model] for model in members.of_kind("dark")] if parameters.method == "ramp" else [members.of_kind("dark")]
        )
        total, number = np.zeros(members.shape), np.zeros(members.shape)
        for models in stacks:
            noise = _noise(models, members, parameters)
            known = np.isfinite(noise)
            total[known] += noise[known]
            number += known
        with np.errstate(invalid="ignore"):
            noise = factor * total / number
        science = ~members.reference_pixels()
        none = float(np.mean(noise[science] == 0)) if science.any() else 0.0
        if none > _MOST_WITHOUT:
            raise InputError(
                f"{100 * none:.0f} % of the pixels have no read noise: their values do not change, or by photons alone",
                where=", ".join(item.path.name for item in members.inputs[:3]) or None,
                hint="leave out exposures that are saturated or were not read out",
            )
        mean, spread = of_map(noise, science)
        log.info("Read noise (of a difference): %.3f DN, scatter %.3f DN over the pixels", mean, spread)
        unknown = ~np.isfinite(noise)
        if unknown.any():
            log.info("%d pixels without a value get the mean", unknown.sum())
        noise = np.where(unknown | parameters.single_value, mean, noise)
        return ReadnoiseModel(noise.astype(np.float32))


def _scale_of(model, parameters):
    frames = int(model.meta.exposure.nframes or 1)
    if frames > 1 and not parameters.scale:
        raise NotSuitable(
            f"the read noise is that of single reads, the groups of the exposures are means of {frames}",
            where="NFRAMES",
            hint="use darks with NFRAMES = 1, or scale=true",
        )
    return float(np.sqrt(frames))


def _noise(models, members, parameters) -> Any:
    """Scatter of the differences of some exposures, (ny, nx)."""
    noise, counts = np.full(members.shape, np.nan), np.zeros(members.shape, np.int32)
    samples = sum(int(np.prod(model.shape_of("data")[:2])) for model in models)
    for first, last in members.bands(samples):
        start = _first_group(members, parameters)
        parts = [ramp_rows(model, first, last) for model in models]
        pairs = [_differences(data[:, start:], flags[:, start:], parameters) for data, flags in parts]
        values, used = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        statistics = clipped(values, used, parameters.clipping_sigma, parameters.max_clipping_iters)
        gain = parameters.gain or _GAIN.get(str(members.first.meta.instrument.name), 2.0)
        # Not cut off at 0, which would take too much from the noise of faint darks on average.
        shot = statistics.mean / gain
        with np.errstate(invalid="ignore"):
            noise[first:last] = np.sqrt(np.maximum(statistics.unbiased_scatter**2 - shot, 0.0))
        counts[first:last] = statistics.count
    members.counts = counts if members.counts is None else members.counts + counts
    return noise


def _first_group(members, parameters):
    """The first group that is used."""
    if parameters.first_group is not None:
        return parameters.first_group
    return _AFTER_RESET if members.first.is_miri and members.n_groups >= _AFTER_RESET + 5 else 0


def _differences(data, flags, parameters):
    """Differences of reads, and which of them are good: (n, rows, nx)."""
    n_groups = data.shape[1] - data.shape[1] % 2 if parameters.group_diff_type == "independent" else data.shape[1]
    step = 2 if parameters.group_diff_type == "independent" else 1
    later, former = np.s_[:, 1:n_groups:step], np.s_[:, 0 : n_groups - 1 : step]
    bad = (flags & _BAD_GROUP) != 0
    values = data[later] - data[former]
    shape = (-1, *values.shape[2:])
    return values.reshape(shape), ~(bad[later] | bad[former]).reshape(shape)
