"""The keyword S_REGION of a rectified slit."""

import numpy as np

from hexcal.steps.image.output_wcs import separation
from hexcal.steps.spectrum.gnomonic import from_plane
from hexcal.steps.wcs.sky_angles import wrapped


def region_of(grid, slit):
    """Return S_REGION of a rectified slit.

    Of MIRI LRS the rectangle of the slit on the sky, of the width that S_REGION of the exposure has; of others the
    rectangle along RA and Dec that holds the straight line from the first to the last pixel.

    Parameters
    ----------
    grid : SlitGrid
        The grid.
    slit : DataModel
        The first exposure.

    Returns
    -------
    str
    """
    ends = np.array([[0.0], [grid.n_along - 1.0]]) * np.array(grid.slopes) + np.array(grid.intercepts)
    width = _width(slit.meta.wcsinfo.s_region) if slit.is_miri else None
    if width is None:
        return rectangle(*from_plane(ends[:, 0], ends[:, 1], grid.tangent))
    across = np.array([grid.slopes[1], -grid.slopes[0]]) / grid.scale * width / 2
    corners = np.array([ends[0] - across, ends[1] - across, ends[1] + across, ends[0] + across])
    return _polygon(*from_plane(corners[:, 0], corners[:, 1], grid.tangent))


def rectangle(ra, dec):
    """Return the rectangle along RA and Dec that holds some places (degrees), as S_REGION has it."""
    offsets = wrapped(ra - ra[0])
    west, east = (ra[0] + offsets.min()) % 360, (ra[0] + offsets.max()) % 360
    return _polygon([west, east, east, west], [dec.min(), dec.min(), dec.max(), dec.max()])


def _width(region):
    """Shortest side of the polygon of a slit, degrees; None if there is none."""
    words = (region or "").split()[2:]
    if len(words) != 8:
        return None
    corners = np.array(words, float).reshape(4, 2)
    return min(separation(corner, after) for corner, after in zip(corners, np.roll(corners, -1, axis=0), strict=True))


def _polygon(ra, dec):
    """A polygon as S_REGION has it."""
    return "POLYGON ICRS  " + " ".join(f"{value:.9f}" for pair in zip(ra, dec, strict=True) for value in pair)
