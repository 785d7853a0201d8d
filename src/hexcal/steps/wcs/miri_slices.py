"""The slices of MIRI MRS, evaluated from pixels to the sky by compiled transforms."""

from functools import cache
from typing import Any

import numpy as np

from hexcal.steps.wcs.evaluate import evaluate_points, transform_points
from hexcal.steps.wcs.frames import WORLD
from hexcal.steps.wcs.program import NotCompilable, compiled

ALPHA_BETA = "alpha_beta"


def is_of_mrs(wcs):
    """Whether a WCS is that of an exposure of MIRI MRS."""
    return ALPHA_BETA in wcs.available_frames and hasattr(wcs.pipeline[0].transform, "label_mapper")


def labels_of(wcs):
    """Return which slice each pixel sees: 100 times the channel and the number of the slice, 0 for none (ny, nx)."""
    return np.asarray(wcs.pipeline[0].transform.label_mapper.mapper)


def evaluators(wcs):
    """Return what evaluates each slice.

    Parameters
    ----------
    wcs : gwcs.WCS
        Of an exposure of MIRI MRS.

    Returns
    -------
    dict of int: callable
        Label of a slice -> ``evaluate(x, y, on_sky=True)``, which takes float64 arrays of pixel positions and returns a
        float64 array (5, npoints): right ascension, declination (degrees), wavelength (micron), beta, alpha (arcsec);
        without the first two if not `on_sky`. NaN where the wavelength is outside the range of its channel.
    """
    selector = wcs.pipeline[0].transform.selector
    chains = {channel: _from_alpha_beta(wcs, channel) for channel in sorted({int(label) // 100 for label in selector})}
    return {label: _evaluator(wcs, transform, *chains[int(label) // 100]) for label, transform in selector.items()}


def _evaluator(wcs, transform, to_sky, limits):
    try:
        in_slice = compiled(transform, *to_sky, wanted=(2, 4, 3))
    except NotCompilable:
        return _by_gwcs(wcs)

    @cache
    def everything():
        return compiled(transform, *to_sky, wanted=(0, 1, 2, 4, 3))

    def evaluate(x, y, on_sky=True):
        values = np.array((everything() if on_sky else in_slice)(x, y))
        wavelength = values[-3]
        values[:, ~((wavelength >= limits[0]) & (wavelength <= limits[1]))] = np.nan
        return values

    return evaluate


def _from_alpha_beta(wcs, channel):
    """The transforms of a channel from alpha, beta and wavelength to the sky; (lowest, highest) wavelength, micron."""
    chain = [step.transform for step in wcs.pipeline[1:] if step.transform is not None]
    if not hasattr(chain[0], "label_mapper"):
        return chain, (-np.inf, np.inf)
    return [chain[0].selector.get(channel), *chain[1:]], _limits(chain[0], channel)


def alpha_beta_to_sky(wcs, channel):
    """Return what takes places in the slices of a channel to the sky.

    Parameters
    ----------
    wcs : Wcs or gwcs.WCS
        Of an exposure of MIRI MRS.
    channel : int
        1 to 4.

    Returns
    -------
    callable
        ``to_sky(alpha, beta, wavelength)``, which takes float or arrays (arcsec, arcsec, micron) and returns right
        ascension and declination, degrees; NaN where the wavelength is outside the range of the channel.
    """
    chain, (low, high) = _from_alpha_beta(wcs, channel)
    try:
        program: Any = compiled(*chain, only_last=True)
    except NotCompilable:
        return lambda *places: transform_points(wcs, ALPHA_BETA, WORLD, *places)[:2]

    def to_sky(alpha, beta, wavelength):
        places = np.broadcast_arrays(*(np.asarray(values, np.float64) for values in (alpha, beta, wavelength)))
        ra, dec, _ = program(*places)
        sees = (places[2] >= low) & (places[2] <= high)
        return np.where(sees, ra, np.nan), np.where(sees, dec, np.nan)

    return to_sky


def _limits(planes, channel):
    """Wavelengths that belong to a channel, micron: others have no place on the sky."""
    for (low, high), model in planes.label_mapper.mapper.items():
        if int(evaluate_points(model, 0.0, 0.0, (low + high) / 2)[0]) == channel:
            return low, high
    return np.nan, np.nan


def _by_gwcs(wcs):
    def evaluate(x, y, on_sky=True):
        alpha, beta, wavelength = transform_points(wcs, "detector", ALPHA_BETA, x, y)
        ra, dec, wavelength = transform_points(wcs, ALPHA_BETA, WORLD, alpha, beta, wavelength)
        return np.array([ra, dec, wavelength, beta, alpha][0 if on_sky else 2 :])

    return evaluate
