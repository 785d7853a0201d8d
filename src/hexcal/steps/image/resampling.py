"""Exposures laid on the grid of a mosaic: what resample and outlier_detection share."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.errors import ParameterError
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.image.drizzling import Drizzle, Exposure, weights_of
from hexcal.steps.image.output_wcs import mean_scale


@dataclass(frozen=True)
class Grid:
    """The grid of a mosaic.

    Attributes
    ----------
    wcs : gwcs.WCS
        Its WCS.
    shape : tuple of int
        (ny, nx).
    scale_ratio : float
        Size of its pixels in pixels of the first exposure.
    first_scale : float
        Size of the pixels of the first exposure, degrees.
    """

    wcs: Any
    shape: tuple
    scale_ratio: float = 1.0
    first_scale: float = 0.0


@dataclass(frozen=True)
class Manner:
    """How exposures are resampled; see the parameters of the step resample.

    Attributes
    ----------
    kernel, pixfrac
        Shape and size of the drops.
    fill : float
        Value of pixels without data.
    weight_type : str or None
        "ivm", "exptime" or None.
    bad : int
        Flags of pixels that do not count.
    exact_map : bool
        Evaluate the transforms for every pixel.
    map_step, map_order : float, int
        With a step above 1, the map is interpolated between nodes so far apart by splines of this order.
    variances, context, dq : bool
        What is carried along beside the values.
    covariance : bool
        Whether it is noted how the pixels of slits vary together.
    """

    kernel: str = "square"
    pixfrac: float = 1.0
    fill: float = 0.0
    weight_type: str | None = "ivm"
    bad: int = 1
    exact_map: bool = False
    map_step: float = 1.0
    map_order: int = 1
    variances: bool = True
    context: bool = True
    dq: bool = False
    covariance: bool = False


def fill_of(fillval):
    """Return the number that the parameter ``fillval`` stands for.

    ``INDEF`` leaves the zeros that a mosaic is made with.

    Raises
    ------
    ParameterError
        If it is neither a number, ``NAN`` nor ``INDEF``.
    """
    text = str(fillval).strip()
    if text.upper() in ("", "INDEF"):
        return 0.0
    try:
        return float(text)
    except ValueError:
        raise ParameterError(f"fillval must be a number, NAN or INDEF, got {fillval!r}", where="fillval") from None


def new_drizzle(grid, manner, n_exposures, threads=None):
    """Return a `Drizzle` for a grid."""
    return Drizzle(
        grid.shape,
        manner.kernel,
        manner.pixfrac,
        n_exposures=n_exposures if manner.context else 0,
        with_variances=manner.variances,
        with_dq=manner.dq,
        threads=threads,
    )


def add_model(drizzle, model, grid, manner, wcs=None):
    """Add an exposure to a mosaic.

    Parameters
    ----------
    drizzle : Drizzle
        The mosaic.
    model : ImageModel
        The exposure; not changed.
    grid : Grid
        The grid of the mosaic.
    manner : Manner
        How it is resampled.
    wcs : gwcs.WCS, optional
        That of the exposure, where it was read before.

    Returns
    -------
    int
        Number of its pixels that count.
    """
    variance = model.var_rnoise if manner.weight_type == "ivm" else None
    time = exposure_time(model) if manner.weight_type == "exptime" else 0.0
    weights = weights_of(model.dq, manner.bad, variance, time)
    count = int(np.count_nonzero(weights))
    if count:
        wcs = wcs or wcs_of(model)
        x, y = positions(wcs, model.shape, grid.wcs, manner)
        variances = (model.var_rnoise, model.var_poisson, model.var_flat) if manner.variances else None
        importance = 0.0 if variance is not None else time or 1.0
        ratio = _ratio(wcs, model.shape, grid, manner)
        drizzle.add(Exposure(model.data, weights, variances, model.dq, level_of(model), importance, ratio), x, y)
    else:
        drizzle.leave_out()
    return count


def exposure_time(model):
    """Return the exposure time of the header, s; 1 where it does not say."""
    return float(model.meta.exposure.exposure_time or model.meta.exposure.effective_exposure_time or 1.0)


def level_of(model):
    """Return the background that skymatch has found, and not subtracted."""
    background = model.meta.background
    return 0.0 if background.subtracted or background.level is None else float(background.level)


def _ratio(wcs, shape, grid, manner):
    """Size of a pixel of the grid in pixels of the exposure."""
    if manner.kernel in ("square", "point") or not grid.first_scale:
        return grid.scale_ratio
    return grid.scale_ratio * grid.first_scale / mean_scale(wcs, shape)


def positions(wcs, shape, target, manner):
    """Return where the centres of all pixels of an exposure lie on a grid, x and y (float64 arrays of its shape)."""
    from hexcal.steps.wcs.evaluate import pixel_to_sky, sky_to_pixel
    from hexcal.steps.wcs.pixel_map import pixel_map

    if manner.map_step <= 1:
        return pixel_map(wcs, target, shape, exact=manner.exact_map).rows(0, shape[0])
    from scipy.interpolate import RectBivariateSpline

    # As many equal steps, of about the length asked for, as reach from the first pixel to the last; a spline needs one
    # node more than its order.
    nodes = [np.linspace(0, n - 1, max(int(np.ceil((n - 1) / manner.map_step)), manner.map_order) + 1) for n in shape]
    columns, rows = np.meshgrid(nodes[1], nodes[0])
    degree: Any = manner.map_order
    return tuple(
        np.ascontiguousarray(
            RectBivariateSpline(nodes[0], nodes[1], values, kx=degree, ky=degree)(
                np.arange(shape[0]), np.arange(shape[1])
            )
        )
        for values in sky_to_pixel(target, *pixel_to_sky(wcs, columns, rows))
    )
