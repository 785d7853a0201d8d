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

    The drift of an integration is the level of the reference pixels of an amplifier, of even and odd columns by
    themselves, relative to the mean of all integrations (refpix runs after superbias in the pipeline, and cannot be
    used). ERR is the standard error of the mean; pixels whose
    scatter lies far above that of the others are UNRELIABLE_BIAS.
    """

    label = "superbias"
    reference_type = "superbias"
    inputs = "D+"
    steps = "saturation-"
    forbidden = ("superbias",)
    needs = ("mask", "saturation")
    instruments = ("NIRCAM", "NIRISS", "NIRSPEC", "FGS")

    class Parameters(MakerParameters):
        """Parameters of the superbias."""

        clipping_sigma: float = parameter(3.0, "Values farther from the median are clipped.", unit="sigma", gt=0)
        max_clipping_iters: int = parameter(3, "Most iterations of clipping.", ge=0)
        bad_clipping_sigma: float = parameter(3.0, "Clipping of the map of the scatter.", unit="sigma", gt=0)
        bad_max_clipping_iters: int = parameter(3, "Most iterations of that clipping.", ge=0)
        bad_sigma_threshold: float = parameter(
            5.0, "Pixels whose scatter is farther above the mean are UNRELIABLE_BIAS.", unit="sigma", gt=0
        )
        subtract_drifts: bool = parameter(True, "Take out the drifts that the reference pixels show.")
        dark: str | None = parameter(None, "Dark reference, whose signal before the first group is taken out.")
        save_filled: bool = parameter(False, "Give flagged pixels the median of the good ones around.")
        box_width: int = parameter(3, "Side of the box for that.", unit="pixels", ge=3)

    def make(self, members, parameters, log):
        """Return the superbias."""
        models, reference = members.of_kind("dark"), members.reference_pixels()
        drifts = _Drifts(members, models) if parameters.subtract_drifts and reference.any() else None
        dark = _first_dark(parameters, members)
        mean, error, scatter = (np.full(members.shape, np.nan) for _ in range(3))
        members.counts = np.zeros(members.shape, np.int32)
        n_values = sum(model.shape_of("data")[0] for model in models)
        for first, last in members.bands(n_values):
            values, flags = (np.concatenate(parts) for parts in zip(*_first_groups(models, first, last), strict=True))
            if drifts is not None:
                values = drifts.without(values, first, last)
            if dark is not None:
                values = values - dark[first:last]
            statistics = clipped(values, flags == 0, parameters.clipping_sigma, parameters.max_clipping_iters)
            mean[first:last], error[first:last] = statistics.mean, statistics.error
            scatter[first:last], members.counts[first:last] = statistics.scatter, statistics.count
        dq = np.zeros(members.shape, np.uint32)
        _flag_unreliable(dq, scatter, reference, parameters, log)
        unknown = ~np.isfinite(mean)
        dq[unknown] |= np.uint32(pixel.UNRELIABLE_BIAS | pixel.DO_NOT_USE)
        values = np.where(unknown, np.nanmedian(mean), mean)
        if parameters.save_filled:
            values = _filled(values, (dq != 0) & ~reference, parameters.box_width)
        model = SuperBiasModel(values.astype(np.float32))
        model.err = np.where(np.isfinite(error), error, 0).astype(np.float32)
        model.dq, model.dq_def = dq, definitions("DO_NOT_USE", "UNRELIABLE_BIAS")
        members.pictures["scatter from read-out to read-out, DN"] = scatter
        return model


def _first_groups(models, first, last):
    for model in models:
        data, flags = ramp_rows(model, first, last, groups=1)
        # A jump cannot be seen in a first group; saturation can.
        yield data[:, 0], flags[:, 0]


def _first_dark(parameters, members):
    """Dark signal of the first group, DN (ny, nx); None where no dark is given."""
    if parameters.dark is None:
        return None
    from hexcal.models.open import open as open_model

    reference: Any = open_model(parameters.dark)
    own = np.asarray(reference.cutout(members.first).data, np.float32)
    if len(own) < 2:
        return None
    # The dark begins with 0 in the first group: what was gathered before it is that of one group more.
    return own[1] - own[0]


def _filled(values, bad, width):
    """Values of bad pixels from the median of the good ones in a box around."""
    from scipy import ndimage

    def median(window):
        good = window[np.isfinite(window)]
        return np.median(good) if good.size else np.nan

    holes = np.where(bad, np.nan, values)
    around = ndimage.generic_filter(holes, median, size=width, mode="nearest")
    return np.where(bad & np.isfinite(around), around, values)


class _Drifts:
    """The level of each integration in its reference pixels, of each amplifier, of even and odd columns by themselves.

    Relative to the mean of all integrations. Amplifiers without reference pixels in the frame get the level of all.

    Parameters
    ----------
    members : Members
        The group.
    models : list of DataModel
        The darks.
    """

    def __init__(self, members, models):
        self.shape, reference = members.shape, members.reference_pixels()
        parts = [(part, parity) for part in members.amplifiers() for parity in (0, 1)]
        self.masks = [_of_parity(members, part, parity) for part, parity in parts]
        levels = []
        for model in models:
            for image in model.read("data", np.s_[:, 0]).astype(np.float32):
                levels.append([_level(image, mask & reference) for mask in self.masks] + [_level(image, reference)])
        drifts = np.array(levels)
        drifts = drifts - np.nanmean(drifts, axis=0)
        self.levels = np.where(np.isfinite(drifts[:, :-1]), drifts[:, :-1], drifts[:, -1:]).astype(np.float32)

    def without(self, values, first, last):
        """Return values (n, rows, nx) of some rows less the drifts."""
        result = values.copy()
        for number, mask in enumerate(self.masks):
            result[:, mask[first:last]] -= self.levels[:, number][:, None]
        return result


def _of_parity(members, part, parity):
    """Pixels of an amplifier in even or odd columns (rows, where the amplifiers read along columns)."""
    here = np.zeros(members.shape, bool)
    here[part] = True
    model = members.first
    if abs(int(model.meta.subarray.fastaxis or 1)) == 2:
        lines = (np.arange(members.shape[0]) % 2 == parity)[:, None]
    else:
        lines = (np.arange(members.shape[1]) % 2 == parity)[None, :]
    return here & lines


def _level(image, mask):
    """Clipped mean over some pixels; NaN where there are fewer than ten."""
    values = image[mask]
    return of_map(values)[0] if values.size >= 10 else np.nan


def _flag_unreliable(dq, scatter, reference, parameters, log):
    """Flag pixels whose scatter lies far above that of the others, in place."""
    mean, spread = of_map(scatter, ~reference, parameters.bad_clipping_sigma, parameters.bad_max_clipping_iters)
    bad = scatter > mean + parameters.bad_sigma_threshold * spread
    dq[bad] |= np.uint32(pixel.UNRELIABLE_BIAS | pixel.DO_NOT_USE)
    log.info("%d of %d pixels have a scatter above %.2f DN: UNRELIABLE_BIAS", bad.sum(), bad.size,
             mean + parameters.bad_sigma_threshold * spread)  # fmt: skip
