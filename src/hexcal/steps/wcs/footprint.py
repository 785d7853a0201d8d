"""What an image covers of the sky."""

import numpy as np

from hexcal.errors import InputError
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.wcs.evaluate import box_of, pixel_to_sky


def footprint(model_or_wcs, shape=None):
    """Return the corners of an image on the sky.

    Parameters
    ----------
    model_or_wcs : DataModel or gwcs.WCS
        A model with its WCS, or a WCS.
    shape : tuple of int, optional
        (ny, nx) of the image, whose outer edges are taken; default: the bounding box of the WCS, else the shape of the
        model.

    Returns
    -------
    float64 array (4, 2)
        RA and Dec, degrees, of the corners (xmin, ymin), (xmin, ymax), (xmax, ymax), (xmax, ymin).

    Raises
    ------
    InputError
        If there is no WCS, or nothing says how large the image is.
    """
    model = model_or_wcs if hasattr(model_or_wcs, "meta") else None
    wcs: object = wcs_of(model) if model is not None else model_or_wcs
    if shape is None and model is not None and (wcs is None or box_of(wcs) is None):
        shape = model.shape[-2:]
    if shape is not None:
        box = (-0.5, shape[1] - 0.5, -0.5, shape[0] - 0.5)
    else:
        box = box_of(wcs) if wcs is not None else (0, 0, 0, 0)
    if box is None:
        raise InputError("the WCS has no bounding box", hint="give the shape of the image")
    x_min, x_max, y_min, y_max = box
    ra, dec = pixel_to_sky(wcs, [x_min, x_min, x_max, x_max], [y_min, y_max, y_max, y_min])
    return np.column_stack([ra, dec])


def s_region(corners):
    """Return the text of the keyword S_REGION: a polygon, as ``POLYGON ICRS  ra1 dec1 ra2 dec2 ...``.

    Parameters
    ----------
    corners : float64 array (n, 2)
        RA and Dec, degrees, as `footprint` gives them.

    Returns
    -------
    str or None
        None if a corner is not finite: an image that does not see the sky has no region.
    """
    if not np.isfinite(corners).all():
        return None
    return "POLYGON ICRS  " + " ".join(f"{value:.9f}" for value in np.ravel(corners))
