"""Where the pixels of one image lie in another.

The transforms between two images are smooth: they are evaluated at the nodes of a sparse grid, and interpolated between
them. The error of that is measured at the centres of all cells of the grid, where it is largest, and the grid refined
until it is below the tolerance.
"""

import logging
from dataclasses import dataclass

import numpy as np

from hexcal.core import bands
from hexcal.steps.wcs.evaluate import pixel_to_sky, sky_to_pixel

TOLERANCE = 0.001
"""Largest error of an interpolated position, pixels of the target."""
_WIDEST = 64
"""Pixels between the nodes of the first grid."""
_CELLS = 4
"""Cells that the first grid has at least along the longer side."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PixelMap:
    """Positions in a target image of the pixels of a source image.

    Parameters
    ----------
    grid_x, grid_y : float64 array (nodes_y, nodes_x)
        Target position of each node of the grid; NaN where the target does not see the place.
    step : int
        Distance of the nodes, source pixels.
    origin : tuple of int
        (x, y): source pixel of node [0, 0]. The grid reaches beyond the image by one cell at each side, so that it is
        interpolated everywhere.
    shape : tuple of int
        (ny, nx) of the source image.
    error : float
        Largest error of an interpolated position that was found, pixels of the target; 0 if every pixel is a node.
    """

    grid_x: np.ndarray
    grid_y: np.ndarray
    step: int
    origin: tuple
    shape: tuple
    error: float

    def rows(self, first, last):
        """Return the target positions of rows ``first <= y < last`` of the source.

        Returns
        -------
        x, y : float64 arrays (last - first, nx)
            The centre of the first pixel is 0, 0.
        """
        from hexcal.kernels import pixel_map as kernels

        out_x, out_y = np.empty((2, last - first, self.shape[1]))
        bands.run_bands(
            kernels.rows, last - first, self.grid_x, self.grid_y, *self.origin, self.step, first, out_x, out_y
        )
        return out_x, out_y

    def at(self, x, y):
        """Return the target positions of any places in the source image.

        x and y (float64 arrays of the shape of `x`).
        """
        from hexcal.kernels import pixel_map as kernels

        places_x, places_y = np.ravel(x).astype(float), np.ravel(y).astype(float)
        found_x, found_y = np.empty((2, places_x.size))
        x_0, y_0 = self.origin
        kernels.places(self.grid_x, self.grid_y, x_0, y_0, self.step, places_x, places_y, found_x, found_y)
        return found_x.reshape(np.shape(x)), found_y.reshape(np.shape(x))


def pixel_map(source_wcs, target_wcs, shape, *, tolerance=TOLERANCE, exact=False):
    """Return where the pixels of one image lie in another.

    Parameters
    ----------
    source_wcs, target_wcs : gwcs.WCS
        Of the two images.
    shape : tuple of int
        (ny, nx) of the source image.
    tolerance : float
        Largest error of an interpolated position, pixels of the target.
    exact : bool
        Evaluate the transforms for every pixel.

    Returns
    -------
    PixelMap
        The grid, and what interpolates in it.

    Raises
    ------
    InputError
        If there is no WCS, or one is not that of an image.
    """

    def positions(x, y):
        return sky_to_pixel(target_wcs, *pixel_to_sky(source_wcs, x, y))

    return map_of(positions, shape, tolerance=tolerance, exact=exact)


def map_of(positions, shape, *, tolerance=TOLERANCE, exact=False):
    """Return the map of any smooth transform.

    Parameters
    ----------
    positions : callable
        ``positions(x, y) -> (x, y)``, arrays.
    shape, tolerance, exact
        As of `pixel_map`.
    """
    step = 1 if exact else _first_step(shape)
    while True:
        origin, nodes_x, nodes_y = _nodes(shape, step)
        grid_x, grid_y = positions(*np.meshgrid(nodes_x, nodes_y))
        grid = PixelMap(np.ascontiguousarray(grid_x), np.ascontiguousarray(grid_y), step, origin, tuple(shape), 0.0)
        error, count = (0.0, 0) if step == 1 else _error(grid, positions)
        if error <= tolerance:
            break
        step //= 2
    log.info(
        "map of %d x %d pixels from a grid with a node every %d: largest error %.1e pixel at %d places between them",
        shape[1],
        shape[0],
        step,
        error,
        count,
    )
    return PixelMap(grid.grid_x, grid.grid_y, step, origin, tuple(shape), error)


def _first_step(shape):
    step = _WIDEST
    while step > 1 and step * _CELLS > max(shape):
        step //= 2
    return step


def _nodes(shape, step):
    """Return the source pixel of the first node (x, y), and the columns and rows of the nodes."""
    nodes = [(np.arange(-(-length // step) + 3) - 1.0) * step for length in (shape[1], shape[0])]
    return (-step, -step), *nodes


def _error(grid, positions):
    """Return the largest distance between interpolated and true positions, and how many there are.

    Positions at the centres of the cells.
    """
    x, y = np.meshgrid(*(_centres(length, grid.step) for length in (grid.shape[1], grid.shape[0])))
    interpolated, true = grid.at(x, y), positions(x, y)
    distance = np.hypot(interpolated[0] - true[0], interpolated[1] - true[1])
    # Where the target does not see the place there is nothing to compare; where only a node is not seen, a finer grid
    # may do.
    distance[~np.isfinite(true[0])] = 0.0
    distance[np.isnan(distance)] = np.inf
    return float(distance.max(initial=0.0)), distance.size


def _centres(length, step):
    """Middle of each cell along one axis, inside the image."""
    return np.minimum(np.arange(step / 2, length + step / 2, step), length - 1)
