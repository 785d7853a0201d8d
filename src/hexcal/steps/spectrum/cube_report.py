"""Which pixels are in a voxel: for those who look into a cube (debug_spaxel)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.errors import ParameterError

NOWHERE = "-1 -1 -1"


@dataclass(frozen=True)
class Watched:
    """A voxel whose pixels are told.

    Parameters
    ----------
    x, y, plane : int
        The voxel, 0-based.
    low, high : float
        Wavelengths of its plane, micron.
    log : logging.Logger
        Where it is told.
    """

    x: int
    y: int
    plane: int
    low: float
    high: float
    log: Any

    @classmethod
    def of(cls, text, grid, weighting, log):
        """Return the voxel that the parameter names; None if it names none.

        Raises
        ------
        ParameterError
            If it is not three numbers, not in the cube, or the cube is not drizzled.
        """
        if " ".join(str(text).split()) == NOWHERE:
            return None
        try:
            x, y, plane = (int(word) for word in str(text).replace(",", " ").split())
        except ValueError:
            raise ParameterError(
                f"debug_spaxel must be three whole numbers, such as '10 20 35', got {text!r}", where="debug_spaxel"
            ) from None
        if weighting != "drizzle":
            raise ParameterError(f"debug_spaxel is for weighting=drizzle, which is {weighting}", where="debug_spaxel")
        nz, ny, nx = grid.shape
        if not (0 <= x < nx and 0 <= y < ny and 0 <= plane < nz):
            raise ParameterError(
                f"debug_spaxel {x} {y} {plane} is outside of the cube of {nx} x {ny} x {nz} voxels",
                where="debug_spaxel",
            )
        planes = grid.planes
        return cls(x, y, plane, float(planes.low[plane]), float(planes.high[plane]), log)

    def tell(self, name, number, pixels, corner_x, corner_y, values, errors):
        """Tell the pixels of a slice that overlap the voxel.

        Parameters
        ----------
        name : str
            Of the exposure.
        number : int
            Of the slice.
        pixels : SlicePixels
            The pixels.
        corner_x, corner_y : float64 array (4, n)
            Their corners in spaxels.
        values, errors : float32 array (n,)
            Of the pixels.
        """
        from hexcal.kernels import cube

        near = (corner_x.max(axis=0) > self.x) & (corner_x.min(axis=0) < self.x + 1)
        near &= (corner_y.max(axis=0) > self.y) & (corner_y.min(axis=0) < self.y + 1) & np.isfinite(values)
        planes = cube.Planes(np.array([self.low]), np.array([self.high]))
        for i in np.flatnonzero(near):
            sums = cube.Sums(*(np.zeros((1, 1, 1), np.float32) for _ in range(4)))
            here = np.s_[i : i + 1]
            volumes = cube.Volumes(
                np.ascontiguousarray(corner_x[:, here]) - self.x,
                np.ascontiguousarray(corner_y[:, here]) - self.y,
                pixels.wavelength[here],
                pixels.depth[here],
                values[here],
                errors[here],
            )
            cube.drizzle_cube(0, 1, sums, planes, volumes)
            if sums.counts[0, 0, 0]:
                self.log.info(
                    "Voxel %d %d %d: %s, slice %d, pixel x %d, y %d, %.6f micron, value %.6g, weight %.6g",
                    *(self.x, self.y, self.plane, name, number, pixels.columns[i], pixels.rows[i]),
                    *(pixels.wavelength[i], values[i], sums.weights[0, 0, 0]),
                )
