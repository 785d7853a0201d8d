"""Flat field: the response of the pixels to uniform light."""

from typing import Any, Literal

import numpy as np

from hexcal import datamodels
from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import Maker, MakerParameters, image_rows
from hexcal.reffiles.statistics import clipped, of_map

_DO_NOT_USE = 1


class FlatMaker(Maker):
    """The clipped mean of rate images, each divided by its mean over the pixels that see light.

    Darks of the group, exposures with the lamp off, are averaged and subtracted first. ERR is the standard error of the
    mean. Pixels without a value, or with one that is not positive, get the value 1 and NO_FLAT_FIELD, DO_NOT_USE.
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
        mask_sources: bool = parameter(False, "Leave out sources: dithered exposures of the sky.")
        source_sigma: float = parameter(
            3.0, "Pixels that are farther above the level around them belong to sources.", unit="sigma", gt=0
        )
        structure: Literal["both", "pixel", "large"] = parameter(
            "both", "Give the whole response, that of single pixels, or what is larger than large_scale."
        )
        large_scale: int = parameter(65, "Side of the box that tells both scales apart.", unit="pixels", ge=3)

    def make(self, members, parameters, log):
        """Return the flat field."""
        models, reference = members.of_kind("flat"), members.reference_pixels()
        for model in models:
            if len(model.shape_of("data")) != 2:
                raise InputError("a flat field is made of rate images, found a cube", where=str(model.path))
        off = _mean_off(members)
        levels = [_level_of(model, off, reference, parameters) for model in models]
        value, error = np.full(members.shape, np.nan), np.zeros(members.shape)
        members.counts = np.zeros(members.shape, np.int32)
        for first, last in members.bands(2 * len(models)):
            images, used = [], []
            for model, (level, sources) in zip(models, levels, strict=True):
                rate, good = _rate(model, off, reference, first, last)
                images.append(rate / level)
                used.append(good if sources is None else good & ~sources[first:last])
            statistics = clipped(
                np.stack(images), np.stack(used), parameters.clipping_sigma, parameters.max_clipping_iters
            )
            value[first:last], error[first:last] = statistics.mean, np.nan_to_num(statistics.error)
            members.counts[first:last] = statistics.count
        bad: Any = ~np.isfinite(value) | (value <= 0)
        # The mean response is 1, also after clipping.
        value = np.where(bad, 1.0, value / of_map(value, ~bad)[0])
        if len(models) == 1:
            # Of one image alone the scatter is not known: its error stands for it.
            error = np.nan_to_num(np.asarray(models[0].err, float) / levels[0][0])
        value = _of_scale(value, ~bad, parameters)
        dq = np.zeros(members.shape, np.uint32)
        dq[bad] |= np.uint32(pixel.NO_FLAT_FIELD | pixel.DO_NOT_USE)
        dq[~bad & (error > parameters.unreliable * value)] |= np.uint32(pixel.UNRELIABLE_FLAT)
        lit = ~reference
        log.info("%d of the %d pixels that see light have no flat field", (bad & lit).sum(), lit.sum())
        model: Any = datamodels.FlatModel(value.astype(np.float32))
        model.err, model.dq = np.where(bad, 0, error).astype(np.float32), dq
        model.dq_def = definitions("DO_NOT_USE", "NO_FLAT_FIELD", "UNRELIABLE_FLAT")
        return model


def _mean_off(members):
    """Mean of the rates with the lamp off, (ny, nx); 0 without any."""
    darks = members.of_kind("dark")
    if not darks:
        return np.zeros(members.shape, np.float32)
    total, number = np.zeros(members.shape), np.zeros(members.shape)
    for model in darks:
        rate = np.asarray(model.read("data", np.s_[..., :, :]), float).reshape(-1, *members.shape)
        known = np.isfinite(rate)
        total += np.where(known, rate, 0.0).sum(axis=0)
        number += known.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(total / number)


def _rate(model, off, reference, first, last):
    """Rows of a rate less what is there without light, and which pixels are good."""
    rate, flags = image_rows(model, first, last)
    rate = rate[0].astype(float) - off[first:last]
    return rate, np.isfinite(rate) & ((flags[0] & _DO_NOT_USE) == 0) & ~reference[first:last]


def _level_of(model, off, reference, parameters):
    """Mean rate of the pixels that see light, and which pixels sources cover; None if that is not asked for."""
    rate, good = _rate(model, off, reference, 0, reference.shape[0])
    if not good.any():
        raise InputError("no pixel of a flat has a rate", where=str(model.path))
    if not parameters.mask_sources:
        return of_map(rate, good)[0], None
    from scipy import ndimage

    level, spread = of_map(rate, good)
    smooth: Any = ndimage.uniform_filter(np.where(good, rate, level), 3)
    sources: Any = ndimage.binary_dilation(smooth > level + parameters.source_sigma * spread / 3, iterations=2)
    return of_map(rate, good & ~sources)[0], sources


def _of_scale(value, good, parameters):
    """The response, or that of one of its scales."""
    if parameters.structure == "both":
        return value
    from scipy import ndimage

    width = parameters.large_scale
    total = ndimage.uniform_filter(np.where(good, value, 0.0), width, mode="constant")
    weight = ndimage.uniform_filter(good.astype(float), width, mode="constant")
    large = np.where(weight > 1e-9, total / np.maximum(weight, 1e-9), 1.0)
    return np.where(good, large if parameters.structure == "large" else value / large, 1.0)
