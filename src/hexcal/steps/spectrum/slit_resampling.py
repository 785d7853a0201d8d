"""Slits laid on the grid of a rectified one: what resample_spec and outlier_detection share."""

from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.image.drizzling import Exposure, Resampled, weights_of
from hexcal.steps.image.resampling import exposure_time, new_drizzle

_FULL = 0.0
"""Variances weigh as the inverse of the resampled read noise."""


def dispersion_axis(slit, where="a slit"):
    """Return 1 or 2: whether the light is dispersed along x or y (DISPAXIS).

    Raises
    ------
    InputError
        If the header does not say.
    """
    axis = slit.get_meta("meta.wcsinfo.dispersion_direction")
    if axis not in (1, 2):
        raise InputError(
            f"the direction of dispersion must be 1 (x) or 2 (y), DISPAXIS is {axis}",
            where=where,
            hint="run assign_wcs, and extract_2d where there are slits, on it first",
        )
    return axis


def sees_sky(slit):
    """Return whether the WCS of a slit ends on the sky; that of lamps ends in the plane of the slits."""
    wcs = wcs_of(slit)
    return wcs is None or "world" in wcs.available_frames


def _lamp_coordinates(slit):
    """Positions in the plane of the slits (metres) and wavelengths (micron) of the pixels of a slit."""
    from hexcal.steps.wcs.evaluate import to_world
    from hexcal.steps.wcs.spectral import SlitCoordinates, slit_coordinates

    ny, nx = slit.shape[-2:]
    x, y = np.meshgrid(np.arange(nx, dtype=float), np.arange(ny, dtype=float))
    wavelength = slit_coordinates(slit).wavelength
    across, along, *_ = to_world(wcs_of(slit), x, y)
    beside = ~np.isfinite(wavelength)
    return SlitCoordinates(np.where(beside, np.nan, across), np.where(beside, np.nan, along), wavelength)


def coordinates_of(slit):
    """Return what the pixels of a slit see, cut to those that see anything and one more, and where they lie in it.

    The pixel more on each side, which sees nothing, says that the slit ends there: a drop at the edge of what is seen
    has no known shape, and does not count.

    Parameters
    ----------
    slit : DataModel
        With the WCS of a slit.

    Returns
    -------
    SlitCoordinates, tuple of 2 slices
        Arrays (ny, nx) of the rows and columns in which a pixel sees the sky at a known wavelength.

    Raises
    ------
    InputError
        If there is no WCS of a slit, or no pixel sees anything.
    """
    from hexcal.steps.wcs.spectral import SlitCoordinates, slit_coordinates

    seen = slit_coordinates(slit) if sees_sky(slit) else _lamp_coordinates(slit)
    sees = np.isfinite(seen.ra) & np.isfinite(seen.wavelength)
    rows, columns = np.flatnonzero(sees.any(axis=1)), np.flatnonzero(sees.any(axis=0))
    if not len(rows):
        raise InputError(
            "no pixel sees the sky at a known wavelength", hint="check that it is in the field of the detector"
        )
    window = np.s_[max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]
    return SlitCoordinates(*(values[window] for values in seen)), window


def resampled_slit(exposures, n_exposures, grid, manner, threads=None) -> Resampled:
    """Lay a slit, seen in one or more exposures, on a grid.

    Parameters
    ----------
    exposures : iterable of DataModel
        The slit in each exposure; arrays (ny, nx), not changed.
    n_exposures : int
        Their number.
    grid : SlitGrid
        The grid.
    manner : Manner
        How they are resampled.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    Resampled
        Values, weights and, as `manner` asks for, variances, context and flags: arrays of the shape of the grid.
    """
    drizzle = new_drizzle(grid, manner, n_exposures, threads)
    for slit in exposures:
        exposure, x, y = _exposure(slit, grid, manner)
        if exposure is None:
            drizzle.leave_out()
        else:
            drizzle.add(exposure, x, y)
    return drizzle.finish(manner.fill)


def coupled_slit(exposures, weights, grid, manner):
    """Return how the pixels of a slit that was laid on a grid vary together: the sums.

    Parameters
    ----------
    exposures, grid, manner
        As of `resampled_slit`.
    weights : float32 array (ny, nx)
        What that has found.
    """
    from hexcal.steps.spectrum.covariance import coupling_of_slit

    drizzle = new_drizzle(grid, manner, 0)
    coupling = coupling_of_slit(grid.shape, len(grid.wavelengths))
    for slit in exposures:
        exposure, x, y = _exposure(slit, grid, manner)
        if exposure is not None:
            drizzle.couple(exposure, x, y, coupling, weights, grid.dispaxis == 1)
    return coupling


def resampled_values(values, weights, grid, positions, *, pixfrac=1.0, kernel="square", fill=np.nan, threads=None):
    """Lay an image of a slit on a grid: for those who have arrays (median images of outlier_detection).

    Parameters
    ----------
    values, weights : float32 array (ny, nx)
        The image and the weight of each pixel; one of weight 0 does not count.
    grid : SlitGrid
        The grid.
    positions : tuple of 2 float64 arrays (ny, nx)
        Where the pixels lie on the grid (`SlitGrid.positions`).
    pixfrac, kernel, fill
        Size and shape of the drops; value of pixels without data.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    Resampled
        Values and weights, float32 arrays of the shape of the grid.
    """
    from hexcal.steps.image.drizzling import Drizzle

    drizzle = Drizzle(grid.shape, kernel, pixfrac, threads=threads)
    ratio = grid.scale / grid.input_scale
    exposure = Exposure(
        np.ascontiguousarray(values, np.float32), np.ascontiguousarray(weights, np.float32), ratio=ratio
    )
    drizzle.add(exposure, *positions)
    return drizzle.finish(fill)


def _exposure(slit, grid, manner) -> Any:
    """What is drizzled of an exposure of the slit, and where its pixels lie; None if no pixel counts."""
    seen, window = coordinates_of(slit)
    cut = {name: _cut(getattr(slit, name), window) for name in ("data", "dq", "var_rnoise", "var_poisson", "var_flat")}
    dq = cut["dq"] if cut["dq"] is not None else np.zeros(cut["data"].shape, np.uint32)
    variance = cut["var_rnoise"] if manner.weight_type == "ivm" else None
    time = exposure_time(slit) if manner.weight_type == "exptime" else 0.0
    weights = weights_of(dq, manner.bad, variance, time)
    if not weights.any():
        return None, None, None
    variances = (cut["var_rnoise"], cut["var_poisson"], cut["var_flat"]) if manner.variances else None
    importance = _FULL if variance is not None else time or 1.0
    exposure = Exposure(cut["data"], weights, variances, dq, 0.0, importance, grid.scale / grid.input_scale)
    return exposure, *grid.positions(*seen)


def _cut(values, window) -> Any:
    return None if values is None else np.ascontiguousarray(values[window])
