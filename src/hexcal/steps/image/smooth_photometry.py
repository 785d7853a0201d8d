"""Sums in circles of an image that is smooth within its pixels."""

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.steps.image.sersic_totals import Gaussians

_LARGEST_DIFFERENCE = 0.003
"""Part of the light of a point source, in the largest aperture."""
_PLACES = (np.arange(5) + 0.5) / 10
"""Of a point source in a quarter of a pixel, along each axis; the others are their mirror images."""
_PIXEL_VARIANCE = 1 / 12
_LEAST_VARIANCE = 0.05
_MARGIN = 25
_LARGEST_RADIUS = 50.0
"""Pixels; the light that the edge of a larger circle cuts is nothing of what is in it."""


def smooth_sum(net, masked, x, y, radius: float) -> np.ndarray:
    """Return sums in circles of an image interpolated by quintic splines.

    Parameters
    ----------
    net : float32 array (ny, nx)
    masked : bool array (ny, nx)
        Pixels that do not count.
    x, y : float64 array (n,)
        Centres, 0-based pixels.
    radius : float
        In pixels.

    Returns
    -------
    float64 array (n,)
        NaN where a pixel in the circle, or near it, does not count, and for a radius above 50.
    """
    from hexcal.kernels.smooth_apertures import sum_smooth_circles

    sums = np.full(len(x), np.nan)
    if radius <= _LARGEST_RADIUS:
        run_bands(sum_smooth_circles, len(x), net, masked, x, y, float(radius), sums)
    return sums


def is_well_sampled(point_source: Gaussians, radius: float) -> bool:
    """Return whether pixels sample a point source so well that interpolation between them is right.

    Parameters
    ----------
    point_source : Gaussians
        As apertures see it: a pixel wider than in the image, by the pixels that circles cut.
    radius : float
        Of the aperture, in pixels.

    Returns
    -------
    bool
        Whether the aperture holds the same of it either way, to 0.3 per cent, in the mean over its places in a pixel.
    """
    from hexcal.kernels.apertures import sum_circles

    if radius > _LARGEST_RADIUS:
        return True
    half = int(np.ceil(radius)) + _MARGIN
    pixels = np.arange(-half, half + 1.0)
    variances = np.maximum(point_source.sigmas**2 - _PIXEL_VARIANCE, _LEAST_VARIANCE)
    masked = np.zeros((len(pixels), len(pixels)), bool)
    even, smooth, unused = np.zeros(1), 0.0, np.empty(1)
    total = 0.0
    for dy in _PLACES:
        for dx in _PLACES:
            squares = (pixels[:, None] - dy) ** 2 + (pixels - dx) ** 2
            light = np.exp(-0.5 * squares[..., None] / variances) / (2 * np.pi * variances)
            image = (light @ point_source.weights).astype(np.float32)
            x, y = np.array([half + dx]), np.array([half + dy])
            run_bands(sum_circles, 1, image, image, masked, x, y, float(radius), even, unused)
            total += float(even[0])
            smooth += float(smooth_sum(image, masked, x, y, radius)[0])
    return abs(smooth / total - 1) < _LARGEST_DIFFERENCE
