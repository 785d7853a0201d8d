"""The WCS of a rectified slit."""

from typing import Any

import numpy as np

from hexcal.models.wcs import models
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.frames import composite_frame, plane_frame, sky_frame, spectral_frame


def rectified_wcs(grid, slit_y=None):
    """Return the WCS of a rectified slit: from pixels to RA, Dec and wavelength, and back.

    Parameters
    ----------
    grid : SlitGrid
        The grid.
    slit_y : float64 array (n_along,), optional
        Position in the slit of NIRSpec (units of its length) of the pixels along the slit: the WCS then has a frame
        ``slit_frame`` between the two ends.

    Returns
    -------
    Wcs
        With the bounding box of all pixels.
    """
    detector, slit_frame, world = _frames()
    if not grid.is_sky:
        steps = [(detector, _to_slits(grid)), (_lamp_frame(), None)]
    elif slit_y is None:
        steps = [(detector, _to_world(grid)), (world, None)]
    else:
        to_slit, to_world = _through_slit(grid, np.asarray(slit_y, float))
        steps = [(detector, to_slit), (slit_frame, to_world), (world, None)]
    wcs = Wcs(steps)
    ny, nx = grid.shape
    wcs.bounding_box = ((-0.5, nx - 0.5), (-0.5, ny - 0.5))
    wcs.pixel_shape = (nx, ny)
    return wcs


def _frames():
    across = plane_frame("slit_spatial", ("x_slit", "y_slit"), "")
    slit_frame = composite_frame("slit_frame", [across, spectral_frame("slit_spectral")])
    world = composite_frame("world", [sky_frame("sky", ("RA", "DEC")), spectral_frame()])
    return plane_frame("detector", ("x", "y"), "pix"), slit_frame, world


def _lamp_frame():
    """Where the light of lamps comes from: the plane of the slits, metres, and the wavelength."""
    return composite_frame("msa_frame", [plane_frame("msa_spatial", ("x_msa", "y_msa"), "m"), spectral_frame()])


def _to_slits(grid):
    """From pixels to positions in the plane of the slits and wavelengths."""
    to_wavelength, to_pixel = _wavelength_tables(grid)
    starts = [start + origin for start, origin in zip(grid.intercepts, grid.tangent, strict=True)]
    lines = [models.Linear1D(slope, start) for slope, start in zip(grid.slopes, starts, strict=True)]
    steepest = int(abs(grid.slopes[1]) >= abs(grid.slopes[0]))
    along_y = grid.dispaxis == 1
    transform = models.Mapping((1, 1, 0) if along_y else (0, 0, 1)) | lines[0] & lines[1] & to_wavelength
    back = lines[steepest].inverse
    order = (2, steepest) if along_y else (steepest, 2)
    transform.inverse = models.Mapping(order, n_inputs=3) | (to_pixel & back if along_y else back & to_pixel)
    return transform


def _table(points, values) -> Any:
    """Linear interpolation in a table, NaN beyond it."""
    if points[0] > points[-1]:
        points, values = points[::-1], values[::-1]
    return models.Tabular1D(
        points=np.array(points, float), lookup_table=np.array(values, float), bounds_error=False, fill_value=np.nan
    )


def _wavelength_tables(grid):
    """From the pixel in dispersion direction to the wavelength, and back."""
    values, pixels = grid.with_edges()
    return _table(pixels, values), _table(values, pixels)


def _line_tables(pixels, values):
    """From the pixel along the slit to the position in it, and back, half a pixel farther than the centres."""
    first, last = 1.5 * values[0] - 0.5 * values[1], 1.5 * values[-1] - 0.5 * values[-2]
    values, pixels = np.r_[first, values, last], np.r_[pixels[0] - 0.5, pixels, pixels[-1] + 0.5]
    return _table(pixels, values), _table(values, pixels)


def _onto_sky(grid):
    """From (pixel, pixel) to RA and Dec: the straight line of the slit in the tangent plane."""
    lines = [models.Linear1D(slope, intercept) for slope, intercept in zip(grid.slopes, grid.intercepts, strict=True)]
    tangent = models.Pix2Sky_Gnomonic() | models.RotateNative2Celestial(grid.tangent[0], grid.tangent[1], 180.0)
    steepest = int(abs(grid.slopes[1]) >= abs(grid.slopes[0]))
    return lines[0] & lines[1] | tangent, lines[steepest].inverse, steepest, tangent.inverse


def _to_world(grid):
    to_wavelength, to_pixel = _wavelength_tables(grid)
    onto_sky, to_line, steepest, to_plane = _onto_sky(grid)
    along_y = grid.dispaxis == 1
    transform = models.Mapping((1, 1, 0) if along_y else (0, 0, 1)) | onto_sky & to_wavelength
    pixels = to_pixel & to_line if along_y else to_line & to_pixel
    order = (2, steepest) if along_y else (steepest, 2)
    transform.inverse = to_plane & models.Identity(1) | models.Mapping(order, n_inputs=3) | pixels
    return transform


def _through_slit(grid, slit_y):
    to_wavelength, to_pixel = _wavelength_tables(grid)
    to_slit, from_slit = _line_tables(np.arange(grid.n_along, dtype=float), slit_y)
    onto_sky, to_line, steepest, to_plane = _onto_sky(grid)
    along_y = grid.dispaxis == 1
    first = models.Mapping((0, 1, 0) if along_y else (1, 0, 1)) | models.Const1D(0.0) & to_slit & to_wavelength
    back = to_pixel & from_slit if along_y else from_slit & to_pixel
    first.inverse = models.Mapping((2, 1) if along_y else (1, 2), n_inputs=3) | back
    second = (
        models.Mapping((1, 1, 2), n_inputs=3)
        | from_slit & from_slit & models.Identity(1)
        | onto_sky & models.Identity(1)
    )
    second.inverse = (
        to_plane & models.Identity(1)
        | models.Mapping((steepest, steepest, 2), n_inputs=3)
        | models.Const1D(0.0) & (to_line | to_slit) & models.Identity(1)
    )
    return first, second
