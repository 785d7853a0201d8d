"""Where the pixels of a slit lie along it."""

import numpy as np

from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.wcs.sky_angles import eastward


def along_slit(slit):
    """Return the position along the slit of each pixel.

    Parameters
    ----------
    slit : DataModel
        With the WCS of a slit.

    Returns
    -------
    float64 array (ny, nx)
        Of NIRSpec in units of the height of the slit, otherwise degrees on the sky along the direction in which the
        slit is long; NaN where it sees nothing.
    """
    from hexcal.steps.wcs.spectral import slit_coordinates, slit_plane
    from hexcal.steps.wcs.spectral_parts import SLIT_FRAME

    if SLIT_FRAME in wcs_of(slit).available_frames:
        return slit_plane(slit)[1]
    ra, dec, _ = slit_coordinates(slit)
    seen = np.isfinite(ra + dec)
    if not seen.any():
        return np.full(ra.shape, np.nan)
    ra0, dec0 = ra[seen][0], dec[seen].mean()
    east = eastward(ra, ra0, dec0)
    offsets = np.array([east[seen] - east[seen].mean(), dec[seen] - dec0])
    _, directions = np.linalg.eigh(offsets @ offsets.T)
    result = np.full(ra.shape, np.nan)
    result[seen] = directions[:, -1] @ offsets
    return result
