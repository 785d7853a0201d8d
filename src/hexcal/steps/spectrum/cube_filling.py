"""Exposures added to a cube, one after the other, slice by slice."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.models.dqflags import pixel
from hexcal.steps.spectrum import cube_pixels
from hexcal.steps.spectrum.ifu_planes import pixels_of, slice_planes

EMPTY = pixel.DO_NOT_USE | pixel.NON_SCIENCE
"""Flags of voxels that no pixel reaches."""
_TEAR = 0.27
"""Share of the largest number of covered spaxels."""


class Cube(NamedTuple):
    """A finished cube, arrays (nz, ny, nx).

    Attributes
    ----------
    data, err : float32
        Surface brightness and its error; NaN where there is nothing.
    dq : uint32
        0, or DO_NOT_USE and NON_SCIENCE.
    counts : float32
        Number of pixels that contribute.
    torn : int
        Number of planes that were emptied.
    weights : float32
        Sums of the weights.
    """

    data: np.ndarray
    err: np.ndarray
    dq: np.ndarray
    counts: np.ndarray
    torn: int = 0
    weights: Any = None


class CubeFilling:
    """A cube that is being made; its size does not depend on the number of exposures.

    Parameters
    ----------
    grid : CubeGrid
        Where the voxels are.
    weighting : str
        ``drizzle``, ``emsm`` or ``msm``.
    reach : Reach, optional
        Of the weightings by distance.
    """

    def __init__(self, grid, weighting, reach=None):
        from hexcal.kernels.cube import Sums

        self.grid, self.weighting, self.reach = grid, weighting, reach
        self.sums: Any = Sums(*(np.zeros(grid.shape, np.float32) for _ in range(4)))
        self.planes = grid.planes

    def add(self, model, channels=None, offset=(0.0, 0.0), watched=None, name=""):
        """Add the slices of an exposure.

        Parameters
        ----------
        model : IFUImageModel
            Calibrated, with its WCS.
        channels : tuple of int, optional
            Channels of MIRI; default all.
        offset : (float, float)
            Added to RA and Dec of all pixels, degrees on the axes.
        watched : Watched, optional
            A voxel whose pixels are told.
        name : str
            Of the exposure, for that.

        Returns
        -------
        int
            Number of usable pixels that see something.
        """
        from hexcal.kernels import cube

        used, nz = 0, self.grid.shape[0]
        for number, pixels, volumes in self._laid(model, channels, offset):
            used += int(np.count_nonzero(np.isfinite(volumes.values)))
            if self.weighting == "drizzle":
                run_bands(cube.drizzle_cube, nz, self.sums, self.planes, volumes)
                if watched:
                    watched.tell(
                        name, number, pixels, volumes.corner_x, volumes.corner_y, volumes.values, volumes.errors
                    )
            else:
                is_exponential = self.weighting == "emsm"
                run_bands(cube.weigh_cube, nz, self.sums, self.planes, volumes, self.reach, is_exponential)
        return used

    def couple(self, coupling, weights, model, channels=None, offset=(0.0, 0.0)):
        """Note of an exposure how the voxels vary together because of it, when all exposures are added.

        Parameters
        ----------
        coupling : hexcal.kernels.covariance.Coupling
            Changed in place.
        weights : float32 array (nz, ny, nx)
            Of the finished cube.
        model, channels, offset
            As of `add`.
        """
        from hexcal.kernels import covariance

        nz = self.grid.shape[0]
        for _, _, volumes in self._laid(model, channels, offset):
            if self.weighting == "drizzle":
                run_bands(covariance.couple_volumes, nz, coupling, weights, self.planes, volumes)
            else:
                rest = (self.planes, volumes, self.reach, self.weighting == "emsm")
                run_bands(covariance.couple_points, nz, coupling, weights, *rest)

    def _laid(self, model, channels, offset) -> Iterator[tuple[int, Any, Any]]:
        """Yield number, pixels, and volumes or points in the cube of the slices of an exposure."""
        from hexcal.kernels import cube

        values, errors = np.asarray(model.data), np.asarray(model.err)
        bad = (model.dq & pixel.DO_NOT_USE) != 0

        def place(ra, dec):
            return self.grid.place(ra + offset[0], dec + offset[1])

        for plane in slice_planes(model, channels):
            pixels = pixels_of(plane, whole=self.weighting == "drizzle")
            where = pixels.rows, pixels.columns
            of_slice = np.where(bad[where], np.float32(np.nan), values[where]).astype(np.float32)
            of_errors = errors[where].astype(np.float32)
            if self.weighting == "drizzle":
                x, y = cube_pixels.corners(plane, pixels, place)
                laid = cube.Volumes(x, y, pixels.wavelength, pixels.depth, of_slice, of_errors)
            else:
                x, y = (np.ascontiguousarray(each) for each in cube_pixels.middles(plane, pixels, place))
                laid = cube.Points(x, y, pixels.wavelength, of_slice, of_errors)
            yield plane.number, pixels, laid

    def add_internal(self, model, channels=None, origin=0.0):
        """Add the slices of an exposure to the columns of a cube in the plane of the slices.

        Parameters
        ----------
        model : IFUImageModel
            Calibrated, with its WCS.
        channels : tuple of int, optional
            Channels of MIRI; default all.
        origin : float
            Where the middle of pixel 0 is, pixels.

        Returns
        -------
        int
            Number of usable pixels that see something.
        """
        from hexcal.kernels.cube import fill_column

        values, errors = np.asarray(model.data), np.asarray(model.err)
        bad, used, grid = (model.dq & pixel.DO_NOT_USE) != 0, 0, self.grid
        first = grid.wavelengths[0] - 0.5 * grid.depths[0]
        for column, plane in enumerate(sorted_across(model, channels)):
            x, y = plane.columns + origin, plane.rows + origin
            corner_y, corner_z = (np.empty((4, x.size)) for _ in range(2))
            for corner, (dx, dy) in enumerate(((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))):
                along, across, wavelength = plane.locate(x + dx, y + dy)
                along, _ = plane.to_field(along, across)
                corner_y[corner] = (along - grid.reference[1]) / grid.spaxel[1] + grid.crpix[1] - 0.5
                corner_z[corner] = (wavelength - first) / grid.depths[0]
            where = plane.rows, plane.columns
            of_slice = np.where(bad[where], np.float32(np.nan), values[where]).astype(np.float32)
            used += int(np.count_nonzero(np.isfinite(of_slice)))
            of_errors = errors[where].astype(np.float32)
            run_bands(fill_column, grid.shape[0], self.sums, column, corner_y, corner_z, of_slice, of_errors)
        return used

    def finish(self, cuts_tears=False, least_coverage=0.0) -> Cube:
        """Return the cube; the sums are used up.

        Parameters
        ----------
        cuts_tears : bool
            Whether planes at the ends of a band that only few slices reach are emptied.
        least_coverage : float
            Voxels of which pixels cover a smaller share are emptied; of ``drizzle`` only, whose weights are volumes.
        """
        from hexcal.kernels.cube import finish_cube

        sums, self.sums = self.sums, None
        if least_coverage > 0 and self.weighting == "drizzle":
            _empty_parts(sums, self.planes, least_coverage)
        torn = _cut_tears(sums) if cuts_tears else 0
        dq = np.empty(self.grid.shape, np.uint32)
        run_bands(finish_cube, self.grid.shape[0], sums, dq, np.uint32(EMPTY))
        return Cube(sums.values, sums.variances, dq, sums.counts, torn, sums.weights)


def sorted_across(model, channels=None):
    """Return the slices of an exposure in their order across the field (list of SlicePlane)."""
    planes = list(slice_planes(model, channels))
    return sorted(planes, key=middle_across)


def middle_across(plane):
    """Where a slice is across the field, in the unit of `SlicePlane.to_field`."""
    middle = plane.rows.size // 2
    along, across, _ = plane.locate(plane.columns[middle : middle + 1] + 0.0, plane.rows[middle : middle + 1] + 0.0)
    return float(plane.to_field(along, across)[1][0])


def _cut_tears(sums):
    """Empty planes that few slices reach; return their number."""
    covered = np.array([np.count_nonzero(plane) for plane in sums.weights])
    few = np.flatnonzero((covered > 0) & (covered <= tear_limit(covered)))
    for values in sums:
        values[few] = 0
    return few.size


def _empty_parts(sums, planes, least):
    """Empty voxels of which only a part is covered: a weight is the covered area in spaxels times a depth."""
    for number, depth in enumerate(planes.high - planes.low):
        parts = sums.weights[number] < least * depth
        for values in sums:
            values[number][parts] = 0


def tear_limit(covered):
    """Return the number of spaxels up to which a plane is at the torn end of a band.

    Parameters
    ----------
    covered : int array (nz,)
        Number of spaxels with data in each plane.
    """
    seen = covered[covered > 0]
    if not seen.size:
        return 0
    return _TEAR * seen.max()


def mark_holes(cube):
    """Take NON_SCIENCE from voxels without data inside the field: between voxels with data on all four sides.

    Parameters
    ----------
    cube : Cube
        Its DQ is changed in place.
    """
    for plane in cube.dq:
        filled = plane == 0
        if not filled.any():
            continue
        hole = ~filled[1:-1, 1:-1]
        hole &= filled[:-2, 1:-1] & filled[2:, 1:-1] & filled[1:-1, :-2] & filled[1:-1, 2:]
        plane[1:-1, 1:-1][hole] = pixel.DO_NOT_USE
