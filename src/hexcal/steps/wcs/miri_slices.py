"""The slices of MIRI MRS, evaluated: from pixels to the sky by compiled transforms, and back."""

from typing import Any

import numpy as np

from hexcal.errors import unknown_name
from hexcal.steps.wcs.evaluate import evaluate_points, transform_points
from hexcal.steps.wcs.frames import WORLD
from hexcal.steps.wcs.program import NotCompilable, compiled

ALPHA_BETA = "alpha_beta"
_STEP = 0.01
"""Pixels, of the derivatives of the way back."""
_ROUNDS = 3
"""Of Newton's method: the delivered inverses, where it begins, are good to some hundredths of a pixel."""


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
        Label of a slice -> ``evaluate(x, y)``, which takes float64 arrays of pixel positions and returns a float64
        array (5, npoints): right ascension, declination (degrees), wavelength (micron), beta, alpha (arcsec). NaN where
        the wavelength is outside the range of its channel.
    """
    selector = wcs.pipeline[0].transform.selector
    return {label: _evaluator(wcs, label, transform) for label, transform in selector.items()}


def _evaluator(wcs, label, transform):
    to_sky, (low, high) = _from_alpha_beta(wcs, int(label) // 100)
    try:
        program = compiled(transform, *to_sky)
    except NotCompilable:
        return _by_gwcs(wcs)

    def evaluate(x, y):
        ra, dec, wavelength, alpha, beta, _ = program(x, y)
        values = np.array([ra, dec, wavelength, beta, alpha])
        values[:, ~((wavelength >= low) & (wavelength <= high))] = np.nan
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
    def evaluate(x, y):
        alpha, beta, wavelength = transform_points(wcs, "detector", ALPHA_BETA, x, y)
        ra, dec, wavelength = transform_points(wcs, ALPHA_BETA, WORLD, alpha, beta, wavelength)
        return np.array([ra, dec, wavelength, beta, alpha])

    return evaluate


def sky_to_alpha_beta(wcs, channel, ra, dec):
    """Return where the slices of a channel see places of the sky.

    Parameters
    ----------
    wcs : gwcs.WCS
        Of an exposure of MIRI MRS.
    channel : int
        1 to 4.
    ra, dec : float or array
        Degrees, ICRS.

    Returns
    -------
    alpha, beta : float64 arrays
        Arcsec along and across the slices; also outside the field.
    """
    planes = wcs.pipeline[1].transform.selector
    if channel not in planes:
        raise unknown_name("channel", str(channel), map(str, planes), where="the WCS of the exposure")
    back = [step.transform.inverse for step in wcs.pipeline[2:] if step.transform is not None][::-1]
    ra, dec = np.broadcast_arrays(np.asarray(ra, np.float64), np.asarray(dec, np.float64))
    alpha, beta, *_ = compiled(*back, planes[channel].inverse)(ra, dec, np.zeros(ra.shape))
    return alpha, beta


def slice_to_detector(wcs, label, alpha, wavelength):
    """Return the pixels at which light that enters a slice arrives.

    Parameters
    ----------
    wcs : gwcs.WCS
        Of an exposure of MIRI MRS.
    label : int
        100 times the channel and the number of the slice.
    alpha, wavelength : float or array
        Arcsec along the slice; micron, as the WCS gives it.

    Returns
    -------
    x, y : float64 arrays
        Pixel positions, the first pixel at 0, 0; to 1e-6 pixel. They may lie outside of the detector.
    """
    selector = wcs.pipeline[0].transform.selector
    if label not in selector:
        raise unknown_name("slice", str(label), map(str, selector), where="the WCS of the exposure")
    forward: Any = compiled(selector[label])
    back: Any = compiled(selector[label].inverse)
    alpha, wavelength = np.broadcast_arrays(np.asarray(alpha, np.float64), np.asarray(wavelength, np.float64))
    x, y = back(alpha, np.zeros(alpha.shape), wavelength)
    for _ in range(_ROUNDS):
        here, right, above = (
            np.array(forward(x + dx, y + dy))[[0, 2]] for dx, dy in ((0.0, 0.0), (_STEP, 0.0), (0.0, _STEP))
        )
        (ax, wx), (ay, wy) = (right - here) / _STEP, (above - here) / _STEP
        da, dw = alpha - here[0], wavelength - here[1]
        determinant = ax * wy - ay * wx
        x, y = x + (da * wy - dw * ay) / determinant, y + (ax * dw - wx * da) / determinant
    return x, y
