"""Superbias: the mean of the first group of darks."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.models.dqflags import pixel
from hexcal.models.reference import SuperBiasModel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import Maker, MakerParameters, ramp_rows
from hexcal.reffiles.statistics import clipped, of_map


class SuperbiasMaker(Maker):
    """The clipped mean of the first group of all integrations, after the drift of each of them is taken out.

    The drift of an integration is the level of its reference pixels relative to the mean of all integrations (refpix
    runs after superbias in the pipeline, and cannot be used). ERR is the standard error of the mean; pixels whose
    scatter lies far above that of the others are UNRELIABLE_BIAS.
    """

    label = "superbias"
    reference_type = "superbias"
    inputs = "D+"
    steps = "saturation-"
    forbidden = ("superbias",)
    needs = ("mask", "saturation")

    class Parameters(MakerParameters):
        """Parameters of the superbias."""

        clipping_sigma: float = parameter(3.0, "Values farther from the median are clipped.", unit="sigma", gt=0)
        max_clipping_iters: int = parameter(3, "Most iterations of clipping.", ge=0)
        bad_clipping_sigma: float = parameter(3.0, "Clipping of the map of the scatter.", unit="sigma", gt=0)
        bad_max_clipping_iters: int = parameter(3, "Most iterations of that clipping.", ge=0)
        bad_sigma_threshold: float = parameter(
            5.0, "Pixels whose scatter lies so far above the mean are UNRELIABLE_BIAS.", unit="sigma", gt=0
        )
        subtract_drifts: bool = parameter(True, "Take out the drifts that the reference pixels show.")

    def make(self, members, parameters, log):
        """Return the superbias."""
        models = members.of_kind("dark")
        drifts = _drifts(models, members.reference_pixels()) if parameters.subtract_drifts else None
        mean, error, scatter = (np.full(members.shape, np.nan) for _ in range(3))
        n_values = sum(model.shape_of("data")[0] for model in models)
        for first, last in members.bands(n_values):
            values, flags = (np.concatenate(parts) for parts in zip(*_first_groups(models, first, last), strict=True))
            if drifts is not None:
                values = values - drifts[:, None, None]
            statistics = clipped(values, flags == 0, parameters.clipping_sigma, parameters.max_clipping_iters)
            mean[first:last], error[first:last] = statistics.mean, statistics.error
            scatter[first:last] = statistics.scatter
        dq = np.zeros(members.shape, np.uint32)
        _flag_unreliable(dq, scatter, members.reference_pixels(), parameters, log)
        unknown = ~np.isfinite(mean)
        dq[unknown] |= np.uint32(pixel.UNRELIABLE_BIAS | pixel.DO_NOT_USE)
        model = SuperBiasModel(np.where(unknown, np.nanmedian(mean), mean).astype(np.float32))
        model.err = np.where(np.isfinite(error), error, 0).astype(np.float32)
        model.dq, model.dq_def = dq, definitions("DO_NOT_USE", "UNRELIABLE_BIAS")
        return model


def _first_groups(models, first, last):
    for model in models:
        data, flags = ramp_rows(model, first, last, groups=1)
        # A jump cannot be seen in a first group; saturation can.
        yield data[:, 0], flags[:, 0]


def _drifts(models, reference) -> Any:
    """Level of each integration in its reference pixels, relative to the mean of all; None without any."""
    if not reference.any():
        return None
    levels = []
    for model in models:
        data = model.read("data", np.s_[:, 0]).astype(np.float64)
        levels += [float(np.median(image[reference])) for image in data]
    return (np.array(levels) - np.mean(levels)).astype(np.float32)


def _flag_unreliable(dq, scatter, reference, parameters, log):
    """Flag pixels whose scatter lies far above that of the others, in place."""
    mean, spread = of_map(scatter, ~reference, parameters.bad_clipping_sigma, parameters.bad_max_clipping_iters)
    bad = scatter > mean + parameters.bad_sigma_threshold * spread
    dq[bad] |= np.uint32(pixel.UNRELIABLE_BIAS | pixel.DO_NOT_USE)
    log.info("%d of %d pixels have a scatter above %.2f DN: UNRELIABLE_BIAS", bad.sum(), bad.size,
             mean + parameters.bad_sigma_threshold * spread)  # fmt: skip
