"""The background of an image on a mesh of boxes: clipped medians and standard deviations, interpolated by splines."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from hexcal import quick_imports

_LEAST_FRACTION = 0.9
_ROWS = 64


class BoxClipping(NamedTuple):
    """How the values of a box are clipped about their median.

    `low` and `high` in standard deviations, at most `rounds` times.
    """

    low: float = 3.0
    high: float = 3.0
    rounds: int = 5


USUAL_CLIPPING = BoxClipping()


@dataclass(frozen=True)
class MeshBackground:
    """Background and noise on a mesh of boxes.

    Attributes
    ----------
    level, rms : float64 array (my, mx)
        Clipped median and standard deviation of each box, after the median filter.
    box : tuple of int
        Size of a box (ny, nx), in pixels.
    shape : tuple of int
        Of the image.
    """

    level: np.ndarray
    rms: np.ndarray
    box: tuple[int, int]
    shape: tuple[int, int]

    def subtract_from(self, data: np.ndarray) -> np.ndarray:
        """Return the data without the background.

        Parameters
        ----------
        data : float32 array (ny, nx)

        Returns
        -------
        float32 array (ny, nx)
        """
        net = np.empty(self.shape, np.float32)
        for first in range(0, self.shape[0], _ROWS):
            rows = slice(first, first + _ROWS)
            net[rows] = data[rows] - self.rows(self.level, rows)
        return net

    def rows(self, mesh: np.ndarray, rows: slice) -> np.ndarray:
        """Return some rows of a mesh (`level` or `rms`) in pixels: float32 array (rows, nx)."""
        if np.ptp(mesh) == 0:
            count = len(range(*rows.indices(self.shape[0])))
            return np.full((count, self.shape[1]), mesh.flat[0], np.float32)
        across_y = _spline(mesh.shape[0], self.box[0], self.shape[0])[rows]
        across_x = _spline(mesh.shape[1], self.box[1], self.shape[1])
        return np.clip(across_y @ mesh @ across_x.T, mesh.min(), mesh.max()).astype(np.float32)

    @property
    def rms_median(self) -> float:
        """Median of the noise over the image."""
        return float(np.median(self.rms))


@lru_cache(maxsize=8)
def _spline(count, size, length):
    """The matrix that takes the values of boxes to pixels by cubic splines, reflected at the edges."""
    with quick_imports.for_scipy():
        from scipy.ndimage import zoom

    return np.asarray(zoom(np.eye(count), (size, 1), order=3, mode="reflect", grid_mode=True))[:length]


def mesh_background(
    data: np.ndarray, masked: np.ndarray, box_size: int, clipping: BoxClipping = USUAL_CLIPPING, filter_size: int = 3
) -> MeshBackground | None:
    """Measure the background.

    Parameters
    ----------
    data : float32 array (ny, nx)
    masked : bool array (ny, nx)
        Pixels to leave out, beside those that are not finite.
    box_size : int
        Size of the boxes, in pixels.
    clipping : BoxClipping
        Of the values of a box.
    filter_size : int
        Side of the median filter, in boxes; 1: none.

    Returns
    -------
    MeshBackground or None
        None if no pixel is left.

    Notes
    -----
    Boxes of which less than 90 % of a whole box is left (those at the edges too) are interpolated from the others by
    inverse distance; if all are so, each box that has pixels is taken.
    """
    box = (min(box_size, data.shape[0]), min(box_size, data.shape[1]))
    counts = [-(-length // size) for length, size in zip(data.shape, box, strict=True)]
    level, rms, used = np.full(counts, np.nan), np.full(counts, np.nan), np.zeros(counts, np.int64)
    for j in range(counts[0]):
        for i in range(counts[1]):
            part = (slice(j * box[0], (j + 1) * box[0]), slice(i * box[1], (i + 1) * box[1]))
            values = data[part][~masked[part]]
            level[j, i], rms[j, i], used[j, i] = clipped_median(values[np.isfinite(values)], clipping)
    if not used.any():
        return None
    is_full = used > _LEAST_FRACTION * box[0] * box[1]
    is_good = is_full if is_full.any() else used > 0
    level, rms = (_completed(mesh, is_good, filter_size) for mesh in (level, rms))
    return MeshBackground(level, rms, box, data.shape)


def clipped_median(values: np.ndarray, clipping: BoxClipping = USUAL_CLIPPING) -> tuple[float, float, int]:
    """Return median, standard deviation and number of values after clipping about the median.

    NaN, NaN, 0 for no values.

    Parameters
    ----------
    values : float32 array (n,)
        All finite.
    clipping : BoxClipping
        Default: at 3 sigma, at most 5 times.
    """
    if not len(values):
        return np.nan, np.nan, 0
    values = _sorted(values)
    origin = float(values[len(values) // 2])
    shifted = values.astype(np.float64) - origin
    sums = np.concatenate([[0.0], np.cumsum(shifted)])
    squares = np.concatenate([[0.0], np.cumsum(shifted * shifted)])
    first, last = 0, len(values)
    median, sigma = _middle(values, sums, squares, first, last)
    for _ in range(clipping.rounds):
        low = max(first, int(np.searchsorted(values, median - clipping.low * sigma, "left")))
        high = min(last, int(np.searchsorted(values, median + clipping.high * sigma, "right")))
        if (low, high) == (first, last):
            break
        first, last = low, high
        median, sigma = _middle(values, sums, squares, first, last)
    return median, sigma, last - first


def _sorted(values):
    """The values in order, float32 array (n,)."""
    from hexcal.kernels.sorting import sort_finite

    result = np.empty(values.size, np.uint32)
    sort_finite(np.array(values, np.float32).view(np.uint32), result)
    return result.view(np.float32)


def _middle(values, sums, squares, first, last):
    """Median and standard deviation of some of the sorted values, from their running sums."""
    count = last - first
    median = (float(values[first + (count - 1) // 2]) + float(values[first + count // 2])) / 2
    mean = (sums[last] - sums[first]) / count
    return median, float(np.sqrt(max(0.0, (squares[last] - squares[first]) / count - mean * mean)))


def _completed(mesh, is_good, filter_size):
    """Fill boxes by inverse distance from the ten nearest good ones, and filter by the median of neighbouring boxes."""
    with quick_imports.for_scipy():
        from scipy.ndimage import generic_filter

    if not is_good.all():
        positions, values = np.argwhere(is_good).astype(float), mesh[is_good]
        mesh = mesh.copy()
        for where in np.argwhere(~is_good):
            distances = np.hypot(*(positions - where).T)
            nearest = np.argsort(distances, kind="stable")[:10]
            weights = 1 / distances[nearest]
            mesh[tuple(where)] = (weights * values[nearest]).sum() / weights.sum()
    return generic_filter(mesh, np.nanmedian, size=filter_size, mode="constant", cval=np.nan)
