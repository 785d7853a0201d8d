"""Flat field: the response of the pixels to uniform light."""

from typing import Any

import numpy as np

from hexcal import datamodels
from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import Maker, MakerParameters
from hexcal.reffiles.statistics import clipped, of_map

_DO_NOT_USE = 1


class FlatMaker(Maker):
    """The clipped mean of rate images, each divided by its mean over the pixels that see light.

    ERR is the standard error of the mean. Pixels without a value, or with one that is not positive, get the value 1 and
    NO_FLAT_FIELD, DO_NOT_USE.
    """

    label = "flat"
    reference_type = "flat"
    inputs = "F+"
    steps = "rate-"
    forbidden = ("flat_field",)
    needs = ("mask", "superbias", "saturation", "linearity", "readnoise", "gain", "dark")

    class Parameters(MakerParameters):
        """Parameters of the flat field."""

        clipping_sigma: float = parameter(3.0, "Values farther from the median are clipped.", unit="sigma", gt=1)
        max_clipping_iters: int = parameter(5, "Most iterations of clipping.", ge=0)
        unreliable: float = parameter(0.05, "Pixels with a larger relative error are UNRELIABLE_FLAT.", gt=0)

    def make(self, members, parameters, log):
        """Return the flat field."""
        models = members.of_kind("flat")
        images, used = [], []
        reference = members.reference_pixels()
        for model in models:
            rate, flags = np.asarray(model.data, float), model.dq
            if rate.ndim != 2:
                raise InputError("a flat field is made of rate images, found a cube", where=str(model.path))
            good = np.isfinite(rate) & ((flags & _DO_NOT_USE) == 0) & ~reference
            images.append(rate / of_map(rate, good)[0])
            used.append(good)
        found = clipped(np.stack(images), np.stack(used), parameters.clipping_sigma, parameters.max_clipping_iters)
        bad = ~np.isfinite(found.mean) | (found.mean <= 0)
        value = np.where(bad, 1.0, found.mean)
        # The mean response is 1, also after clipping.
        value = np.where(bad, 1.0, value / of_map(value, ~bad)[0])
        single = _single_error(models) if len(models) == 1 else None
        error = np.where(np.isfinite(found.error), found.error, 0.0) if single is None else single
        dq = np.zeros(members.shape, np.uint32)
        dq[bad] |= np.uint32(pixel.NO_FLAT_FIELD | pixel.DO_NOT_USE)
        dq[~bad & (error > parameters.unreliable * value)] |= np.uint32(pixel.UNRELIABLE_FLAT)
        log.info("%d of %d pixels have no flat field", bad.sum(), bad.size)
        model: Any = datamodels.FlatModel(value.astype(np.float32))
        model.err, model.dq = np.where(bad, 0, error).astype(np.float32), dq
        model.dq_def = definitions("DO_NOT_USE", "NO_FLAT_FIELD", "UNRELIABLE_FLAT")
        return model


def _single_error(models):
    """Of one image alone the scatter is not known: its error stands for it."""
    rate = np.asarray(models[0].data, float)
    good = np.isfinite(rate) & ((models[0].dq & _DO_NOT_USE) == 0)
    return np.asarray(models[0].err, float) / of_map(rate, good)[0]
