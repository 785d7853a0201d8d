"""What darks tell of bad pixels: hot, warm, and noisy ones."""

from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.reffiles.statistics import clipped, of_map


def dark_flags(models, reference, parameters, log) -> Any:
    """Return the flags that the rates of darks give.

    Parameters
    ----------
    models : list of DataModel
        Rates: images (ny, nx), or an image for each integration (nints, ny, nx).
    reference : bool array (ny, nx)
        Pixels that see no light.
    parameters
        Those of `hexcal.reffiles.makers.mask.MaskMaker`.
    log : logging.Logger
        Is told the limits.

    Returns
    -------
    uint32 array (ny, nx)
    """
    slopes = np.concatenate([_slopes(model.data) for model in models])
    flags = np.concatenate([_slopes(model.dq) for model in models])
    found = clipped(slopes, np.isfinite(slopes))
    seen = ~reference & np.isfinite(found.mean)
    dq = np.zeros(reference.shape, np.uint32)
    if not seen.any():
        raise InputError("no pixel of the darks has a rate", hint="look at the flags of the exposures")
    median, spread = float(np.median(found.mean[seen])), of_map(found.mean, seen)[1]
    limit = parameters.hot_rate if parameters.hot_rate is not None else median + parameters.hot_sigma * spread
    hot = seen & (found.mean > limit)
    if parameters.warm_rate is not None:
        dq[seen & ~hot & (found.mean > parameters.warm_rate)] |= np.uint32(pixel.WARM)
    # Saturated in all groups, the fit has no rate to give.
    saturated = ((flags & pixel.SATURATED) != 0) & ~np.isfinite(slopes)
    hot |= ~reference & (saturated.mean(axis=0) >= parameters.max_saturated_fraction)
    dq[hot] |= np.uint32(pixel.HOT)
    log.info("Darks: median rate %.4g DN/s, HOT above %.4g DN/s", median, limit)
    if len(slopes) < parameters.min_slopes:
        log.info("%d integrations of darks are too few to find noisy pixels (min_slopes %d)", len(slopes),
                 parameters.min_slopes)  # fmt: skip
        return dq
    # All values count here: what jumps between two levels must not be clipped away.
    finite = np.isfinite(slopes)
    scatter = clipped(slopes, finite, np.inf, 0).scatter
    middle, width = of_map(scatter, seen & ~hot)
    dq[seen & (scatter > middle + parameters.dark_noisy_threshold * width)] |= np.uint32(pixel.TELEGRAPH)
    return dq


def _slopes(array):
    return array[None] if array.ndim == 2 else array
