"""The grid of a rectified slit that a file gives."""

from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.models import stored_wcs
from hexcal.steps.image.output_wcs import size_of, stored_grid
from hexcal.steps.spectrum.slit_grid import RectifiedGrid, require_room
from hexcal.steps.spectrum.slit_regions import rectangle
from hexcal.steps.wcs.sky_angles import eastward


class GivenSlitGrid(RectifiedGrid):
    """The grid of a rectified slit that a WCS gives.

    Parameters
    ----------
    wcs : gwcs.WCS
        From pixels to RA, Dec and wavelength, and back.
    shape : tuple of 2 int
        (ny, nx).
    where : str
        For messages.
    """

    def __init__(self, wcs, shape, where):
        self._wcs, self.shape, self.is_sky = wcs, tuple(shape), True
        ny, nx = shape
        x, y = (nx - 1) / 2, (ny - 1) / 2
        steps = [np.array(wcs(x + dx, y + dy, with_bounding_box=False)) for dx, dy in ((0, 0), (1, 0), (0, 1))]
        if not np.isfinite(steps).all():
            raise InputError("the WCS has no sky or no wavelength at its middle", where=where)
        sizes = [_on_sky(steps[0], step) for step in steps[1:]]
        self.dispaxis = 1 if sizes[1] > sizes[0] else 2
        self.scale = float(max(sizes))
        self.input_scale = self.scale
        self.n_along = ny if self.dispaxis == 1 else nx
        pixels = np.arange(nx if self.dispaxis == 1 else ny, dtype=float)
        at = (pixels, np.full(len(pixels), y)) if self.dispaxis == 1 else (np.full(len(pixels), x), pixels)
        self.wavelengths = np.asarray(wcs(*at, with_bounding_box=False)[2], float)

    def positions(self, ra, dec, wavelength):
        """Return where pixels of an exposure lie on the grid: x, y, float64 arrays (ny, nx), NaN beside it."""
        x, y = self._wcs.invert(ra, dec, wavelength, with_bounding_box=False)[:2]
        return np.array(x, float), np.array(y, float)

    def sky(self, pixel):
        """Return RA and Dec, degrees, of pixels along the slit."""
        pixel = np.asarray(pixel, float)
        middle = np.full(pixel.shape, (len(self.wavelengths) - 1) / 2)
        ra, dec, _ = self._wcs(*((middle, pixel) if self.dispaxis == 1 else (pixel, middle)), with_bounding_box=False)
        return np.asarray(ra), np.asarray(dec)

    def wcs(self, slit_y=None):
        """Return the WCS, as it was given."""
        return self._wcs

    def region(self, slit):
        """Return S_REGION: the rectangle along RA and Dec that holds the slit."""
        return rectangle(*self.sky(np.arange(self.n_along)))


def _on_sky(first, second):
    """Angle between two places (RA, Dec, wavelength), degrees."""
    return float(np.hypot(eastward(second[0], first[0], first[1]), second[1] - first[1]))


def read_slit_grid(path, shape=None):
    """Read the parameter ``output_wcs``: an ASDF file with the WCS of a rectified slit under ``wcs``.

    Parameters
    ----------
    path : path-like
        The file.
    shape : tuple of 2 int, optional
        (ny, nx), instead of what the file says.

    Returns
    -------
    GivenSlitGrid

    Raises
    ------
    InputError
        If the file is not there, has no such WCS, or nothing says how large the grid is.
    """
    tree, content = stored_grid(path)
    wcs: Any = stored_wcs.opened(content)
    if not stored_wcs.is_wcs(wcs) or (wcs.pixel_n_dim, wcs.world_n_dim) != (2, 3):
        raise InputError(
            "output_wcs must be an ASDF file with the WCS (gwcs) of a rectified slit under the key 'wcs': 2 pixel "
            "coordinates; RA, Dec and wavelength",
            where=str(path),
        )
    shape = shape or size_of(tree, wcs, path)
    require_room(*shape)
    return GivenSlitGrid(wcs, shape, str(path))
