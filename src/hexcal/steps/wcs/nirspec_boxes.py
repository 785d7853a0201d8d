"""Where slits fall on the detector."""

import warnings

import numpy as np

from hexcal.steps.wcs.nirspec_optics import DETECTOR_SIZE

WAVELENGTHS = 1000
"""Wavelengths along the range at which the edges of a slit are traced."""
MARGIN_X, MARGIN_Y = 10, 2
"""Pixels that the box is wider than the slit, along and across the dispersion."""
_ONE_BASED = 1
"""The original takes traced positions as counted from 1, so that its boxes lie one pixel lower; ours are the same."""


def bounding_box(slit_to_detector, detector_to_slit, wavelength_range, edges, shape=(DETECTOR_SIZE, DETECTOR_SIZE)):
    """Return the bounding box of a slit on an exposure.

    Parameters
    ----------
    slit_to_detector, detector_to_slit : callable
        ``(slit_x, slit_y, wavelength) -> (x, y)`` and ``(x, y) -> (slit_x, slit_y, wavelength)``, arrays.
    wavelength_range : (float, float)
        Metres.
    edges : (float, float)
        Lower and upper edge of the slit, slit_y.
    shape : (int, int)
        (ny, nx) of the exposure.

    Returns
    -------
    ((xmin, xmax), (ymin, ymax)) or None
        Pixels, the centre of the first one 0; None if no pixel of the exposure sees the slit.
    """
    wavelength = np.linspace(wavelength_range[0], wavelength_range[1], WAVELENGTHS)
    traced = [slit_to_detector(np.zeros(WAVELENGTHS), np.full(WAVELENGTHS, edge), wavelength) for edge in edges]
    x, y = (np.concatenate([trace[axis] for trace in traced]) for axis in (0, 1))
    if not (np.isfinite(x).any() and np.isfinite(y).any()):
        return None
    x_range = _clipped(np.nanmin(x) - _ONE_BASED - MARGIN_X, np.nanmax(x) - _ONE_BASED + MARGIN_X, shape[1])
    y_range = _clipped(np.nanmin(y) - _ONE_BASED - MARGIN_Y, np.nanmax(y) - _ONE_BASED + MARGIN_Y, shape[0])
    if x_range is None or y_range is None:
        return None
    seen = _rows_seen(detector_to_slit, x_range, y_range)
    if seen is not None:
        y_range = _clipped(seen[0] - _ONE_BASED - MARGIN_Y, seen[1] - _ONE_BASED + MARGIN_Y, shape[0]) or y_range
    return x_range, y_range


def _clipped(lower, upper, length):
    """Edges half a pixel beyond two positions, on the detector; None if they do not touch it."""
    if lower > length - 1 or upper < 0:
        return None
    return float(max(lower, 0.0) - 0.5), float(min(upper, length - 1.0) + 0.5)


def pixels_of(box):
    """Return the pixels that a box touches by more than half: x and y, float64 arrays (ny, nx)."""
    columns, rows = (np.arange(np.floor(low + 0.5), np.ceil(high - 0.5) + 1) for low, high in box)
    x, y = np.meshgrid(columns, rows)
    return x, y


def pixels_inside(box):
    """Return the pixels whose centres are in a box: x and y, float64 arrays (ny, nx)."""
    x, y = np.meshgrid(*(np.arange(np.ceil(low), np.floor(high) + 1) for low, high in box))
    return x, y


def _rows_seen(detector_to_slit, x_range, y_range):
    """First and last row of the box with a pixel in the slit; None if there is none."""
    x, y = pixels_of((x_range, y_range))
    rows = y[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        slit_y = detector_to_slit(x.ravel(), y.ravel())[1].reshape(x.shape)
    inside = np.flatnonzero(np.isfinite(slit_y).any(axis=1))
    return (rows[inside[0]], rows[inside[-1]]) if inside.size else None
