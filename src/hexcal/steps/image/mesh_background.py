"""The background of an image on a mesh of boxes: clipped medians and standard deviations, interpolated by splines."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from hexcal import quick_imports
from hexcal.core.bands import run_bands

_LEAST_FRACTION = 0.9


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
        from hexcal.kernels.mesh import subtract_mesh

        net = np.empty(self.shape, np.float32)
        level = np.ascontiguousarray(self.level)
        across = self._splines[0], np.ascontiguousarray(self._splines[1].T)
        limits = float(level.min()), float(level.max())
        run_bands(subtract_mesh, self.shape[0], data, *across, level, *limits, net)
        return net

    def rows(self, mesh: np.ndarray, rows: slice) -> np.ndarray:
        """Return some rows of a mesh (`level` or `rms`) in pixels: float32 array (rows, nx)."""
        if np.ptp(mesh) == 0:
            count = len(range(*rows.indices(self.shape[0])))
            return np.full((count, self.shape[1]), mesh.flat[0], np.float32)
        across_y, across_x = self._splines
        return np.clip(across_y[rows] @ mesh @ across_x.T, mesh.min(), mesh.max()).astype(np.float32)

    def at(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the background at some pixels: float32 array (n,)."""
        across_y, across_x = self._splines
        level = np.sum(across_y[rows] @ self.level * across_x[columns], axis=1)
        return np.clip(level, self.level.min(), self.level.max()).astype(np.float32)

    @property
    def _splines(self):
        """What each box counts in each row, and in each column: arrays (ny, my) and (nx, mx)."""
        y, x = (_spline(*lengths) for lengths in zip(self.level.shape, self.box, self.shape, strict=True))
        return y, x

    @property
    def rms_median(self) -> float:
        """Median of the noise over the image."""
        return float(np.median(self.rms))


@lru_cache(maxsize=8)
def _spline(count, size, length):
    """The matrix that takes the values of boxes to pixels by cubic splines, reflected at the edges."""
    with quick_imports.for_scipy():
        from scipy.ndimage import zoom

    return np.ascontiguousarray(zoom(np.eye(count), (size, 1), order=3, mode="reflect", grid_mode=True)[:length])


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
    from hexcal.kernels.mesh import collect_box

    box = (min(box_size, data.shape[0]), min(box_size, data.shape[1]))
    counts = [-(-length // size) for length, size in zip(data.shape, box, strict=True)]
    level, rms, used = np.full(counts, np.nan), np.full(counts, np.nan), np.zeros(counts, np.int64)
    values = np.empty(box[0] * box[1], np.float32)
    for j in range(counts[0]):
        for i in range(counts[1]):
            top, left = j * box[0], i * box[1]
            part = (top, min(top + box[0], data.shape[0]), left, min(left + box[1], data.shape[1]))
            level[j, i], rms[j, i], used[j, i] = clipped_median(
                values[: collect_box(data, masked, part, values)], clipping
            )
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
        All finite; their order is lost.
    clipping : BoxClipping
        Default: at 3 sigma, at most 5 times.
    """
    from hexcal.kernels.mesh import clip_sorted
    from hexcal.kernels.sorting import sort_finite

    if not len(values):
        return np.nan, np.nan, 0
    ordered, result = np.empty(values.size, np.uint32), np.empty(3)
    sort_finite(values.view(np.uint32), ordered)
    clip_sorted(ordered.view(np.float32), float(clipping.low), float(clipping.high), clipping.rounds, result)
    return float(result[0]), float(result[1]), int(result[2])


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
