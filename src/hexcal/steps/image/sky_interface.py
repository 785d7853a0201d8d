"""Parts of skymatch for use from Python, as the documents describe them: statistics, polygons, where arrays wait."""

import abc
import os
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import ParameterError
from hexcal.steps.image.sky_statistics import SkyStatistics


class SkyStats:
    """The level of the sky in the values of an image; an object is called as `calc_sky`.

    Parameters
    ----------
    skystat : str
        "mean", "median", "midpt" or "mode".
    lower, upper : float, optional
        Values below or above do not count.
    nclip : int
        Maximum number of rounds of clipping.
    lsig, usig : float
        Clipping limits, in standard deviations.
    binwidth : float
        Of the histogram of midpoint and mode, in standard deviations.
    **kwargs
        Not used, as documented.
    """

    def __init__(self, skystat="mean", lower=None, upper=None, nclip=5, lsig=4.0, usig=4.0, binwidth=0.1, **kwargs):
        if skystat not in ("mean", "median", "midpt", "mode"):
            raise ParameterError(f"skystat must be mean, median, midpt or mode, got {skystat!r}", where="SkyStats")
        self.skyval: float | None = None
        self.npix = 0
        self._limits = (-np.inf if lower is None else lower, np.inf if upper is None else upper)
        self._statistics = SkyStatistics(skystat, nclip, lsig, usig, binwidth)

    def calc_sky(self, data) -> tuple[float | None, int]:
        """Return the level of the sky and the number of values that it comes from; (None, 0) without any.

        Parameters
        ----------
        data : float array
            Of any shape; NaN does not count. Not changed.
        """
        values = np.array(data, np.float32).reshape(-1)
        values = values[np.isfinite(values) & (values >= self._limits[0]) & (values <= self._limits[1])]
        level, self.npix = self._statistics.level(values)
        self.skyval = None if level is None else float(level)
        return self.skyval, self.npix

    __call__ = calc_sky


class Polygon:
    """A region of an image: all pixels inside a polygon.

    Parameters
    ----------
    rid : int
        Number of the region.
    vertices : sequence of (x, y)
        In pixels; the last is the first again, so there are four at least.
    coord_system : str
        "Cartesian".

    Raises
    ------
    ParameterError
        If there are too few vertices, or they are not closed.
    """

    def __init__(self, rid, vertices, coord_system="Cartesian"):
        self.vertices = np.asarray(vertices, float).reshape(-1, 2)
        self.rid, self.coord_system = rid, coord_system
        if coord_system != "Cartesian":
            raise ParameterError(f"coord_system must be Cartesian, got {coord_system!r}", where="Polygon")
        if len(self.vertices) < 4 or not np.array_equal(self.vertices[0], self.vertices[-1]):
            raise ParameterError(
                f"a closed list of at least four vertices is required, the last equal to the first, "
                f"got {len(self.vertices)}",
                where="Polygon",
            )

    def scan(self, data) -> np.ndarray:
        """Set the pixels inside, edges and vertices included, to the number of the region; return the array.

        Parameters
        ----------
        data : array (ny, nx)
            Changed in place.
        """
        from hexcal.kernels import sky

        mask = np.zeros(data.shape, np.uint8)
        x, y = np.rint(self.vertices[:-1]).astype(np.int64).T
        sky.fill_polygon(np.ascontiguousarray(x), np.ascontiguousarray(y), mask)
        data[mask != 0] = self.rid
        return data


class DataAccessor(abc.ABC):
    """Where the array of an image waits until it is needed."""

    @abc.abstractmethod
    def get_data(self) -> np.ndarray:
        """Return the array."""

    @abc.abstractmethod
    def set_data(self, data) -> None:
        """Keep another array."""

    @abc.abstractmethod
    def get_data_shape(self) -> tuple:
        """Return its shape."""


class NDArrayInMemoryAccessor(DataAccessor):
    """An array that waits in memory."""

    def __init__(self, data):
        self._data = data

    def get_data(self):
        """Return the array itself."""
        return self._data

    def set_data(self, data):
        """Keep another array."""
        self._data = data

    def get_data_shape(self):
        """Return its shape."""
        return np.shape(self._data)


class NDArrayMappedAccessor(DataAccessor):
    """An array that waits in a temporary file, which goes with the object.

    Parameters
    ----------
    data : array
        The array.
    tmpfile : path-like, optional
        The file; it stays. Default: a new one, which is removed in the end.
    prefix, suffix, tmpdir : str
        Of the new file: how its name begins and ends, and its folder (empty: that of the system).
    """

    def __init__(self, data, tmpfile=None, prefix="tmp_skymatch_", suffix=".npy", tmpdir=""):
        if tmpfile is None:
            handle, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=tmpdir or None)
            os.close(handle)
            self._path = Path(name)
            weakref.finalize(self, self._path.unlink, missing_ok=True)
        else:
            self._path = Path(tmpfile)
        self._shape: Any = None
        self.set_data(data)

    def get_data(self):
        """Return what the file holds, in memory."""
        return np.load(self._path)

    def set_data(self, data):
        """Write another array."""
        from hexcal.files.atomic import atomic

        self._shape = np.shape(data)
        with atomic(self._path) as stream:
            np.save(stream, np.asarray(data))

    def get_data_shape(self):
        """Return its shape; the file is not read."""
        return self._shape
