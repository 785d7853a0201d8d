"""From pixels to the sky and back."""

import numpy as np

from hexcal.errors import InputError


def pixel_to_sky(wcs, x, y, *, bounded=False):
    """Return the sky positions of pixel positions.

    Parameters
    ----------
    wcs : gwcs.WCS
        Of an image.
    x, y : float or array
        Pixel positions; the centre of the first pixel is 0, 0. Broadcast against each other.
    bounded : bool
        NaN outside the bounding box of the WCS.

    Returns
    -------
    ra, dec : float64 arrays
        Degrees, ICRS.

    Raises
    ------
    InputError
        If there is no WCS, or it is not that of an image.
    """
    require_image(wcs)
    x, y = _broadcast(x, y)
    return _as_arrays(wcs(x, y, with_bounding_box=bounded), x.shape)


def sky_to_pixel(wcs, ra, dec, *, bounded=False):
    """Return the pixel positions of sky positions, by the inverse transform that the WCS holds.

    Parameters
    ----------
    wcs : gwcs.WCS
        Of an image.
    ra, dec : float or array
        Degrees, ICRS. Broadcast against each other.
    bounded : bool
        NaN outside the bounding box of the WCS.

    Returns
    -------
    x, y : float64 arrays
        Pixel positions; the centre of the first pixel is 0, 0.

    Raises
    ------
    InputError
        If there is no WCS, or it is not that of an image.
    """
    require_image(wcs)
    ra, dec = _broadcast(ra, dec)
    return _as_arrays(wcs.invert(ra, dec, with_bounding_box=bounded), ra.shape)


def require_image(wcs):
    """Raise InputError unless a WCS maps two pixel coordinates to two sky coordinates."""
    if wcs is None:
        raise InputError("a WCS is required, there is none", hint="run the step assign_wcs first")
    if (wcs.pixel_n_dim, wcs.world_n_dim) != (2, 2):
        raise InputError(
            f"the WCS of an image is required (2 pixel and 2 sky coordinates), this one has {wcs.pixel_n_dim} and {wcs.world_n_dim}"
        )


def _broadcast(first, second):
    first, second = np.broadcast_arrays(np.asarray(first, np.float64), np.asarray(second, np.float64))
    return first, second


def _as_arrays(pair, shape):
    return tuple(np.asarray(getattr(values, "value", values), np.float64).reshape(shape) for values in pair)


def box_of(wcs):
    """Return the bounding box of the WCS of an image as (xmin, xmax, ymin, ymax), pixels; None if it has none."""
    box = wcs.bounding_box
    if box is None:
        return None
    names = wcs.forward_transform.inputs
    return tuple(float(edge) for name in names for edge in (box[name].lower, box[name].upper))
