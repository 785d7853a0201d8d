"""Where along a slit the source is."""

import contextlib

import numpy as np

from hexcal.errors import InputError
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.wcs import spectral_parts
from hexcal.steps.wcs.evaluate import to_world
from hexcal.steps.wcs.sky_angles import eastward

_METRES = 1e-3
"""Wavelengths below this are in metres, in the slit frame of NIRSpec."""


def wavelengths_of(slit, shape, dispaxis):
    """Return the wavelength of each pixel, micron: float64 (ny, nx), dispersed along x; NaN where it is not known.

    Parameters
    ----------
    slit : DataModel
        Its array WAVELENGTH counts, where it has one; otherwise its WCS.
    shape : tuple of 2 int
        (ny, nx) of its image.
    dispaxis : int
        1: dispersed along x; 2: along y, then the axes are exchanged.
    """
    from hexcal.steps.wcs.spectral import slit_coordinates

    given = slit.wavelength if "wavelength" in slit.specs else None
    if given is not None and given.ndim == 3:
        given = given[0]
    if given is None or given.shape != tuple(shape) or not (np.isfinite(given) & (given != 0)).any():
        given = slit_coordinates(slit).wavelength
    values = np.array(given if dispaxis == 1 else given.T, np.float64)
    values[values == 0] = np.nan
    return values


def row_wavelengths(wavelengths):
    """Return the wavelength of each pixel in dispersion direction: the median along the slit; NaN for none."""
    result = np.full(wavelengths.shape[1], np.nan)
    known = np.isfinite(wavelengths).any(axis=0)
    result[known] = np.nanmedian(wavelengths[:, known], axis=0)
    return result


def trace_in_slit(slit, wavelengths, dispaxis, slit_x, slit_y):
    """Return where along a slit of NIRSpec light of a place in it arrives, pixel by pixel in dispersion direction.

    Parameters
    ----------
    slit : DataModel
        With a WCS that has the frame ``slit_frame``.
    wavelengths : float64 array (nx,)
        Of the pixels in dispersion direction, micron.
    dispaxis : int
        1: dispersed along x; 2: along y.
    slit_x, slit_y : float
        The place, in units of the slit's width and height.

    Returns
    -------
    float64 array (nx,)
        Pixels; NaN where the wavelength is not known.
    """
    from hexcal.steps.wcs.evaluate import transform_points
    from hexcal.steps.wcs.spectral_parts import SLIT_FRAME

    wcs, known = wcs_of(slit), np.isfinite(wavelengths)
    if not known.any():
        return np.full(len(wavelengths), np.nan)
    unit = 1.0 if _slit_wavelength(wcs, slit) > _METRES else 1e-6
    x, y, *_ = transform_points(
        wcs,
        SLIT_FRAME,
        "detector",
        np.full(known.sum(), float(slit_x)),
        np.full(known.sum(), float(slit_y)),
        wavelengths[known] * unit,
    )
    dispersed, along = (x, y) if dispaxis == 1 else (y, x)
    good = np.isfinite(dispersed) & np.isfinite(along)
    if not good.any():
        return np.full(len(wavelengths), np.nan)
    order = np.argsort(dispersed[good])
    return np.interp(np.arange(len(wavelengths)), dispersed[good][order], along[good][order])


def _slit_wavelength(wcs, slit):
    """Wavelength at the middle of a slit in the unit of its slit frame."""
    from hexcal.steps.wcs.evaluate import transform_points
    from hexcal.steps.wcs.spectral_parts import SLIT_FRAME

    ny, nx = slit.shape[-2:]
    x, y = np.meshgrid(np.linspace(0, nx - 1, 9), np.linspace(0, ny - 1, 9))
    values = transform_points(wcs, "detector", SLIT_FRAME, x.ravel(), y.ravel())[2]
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise InputError("the WCS has no wavelength in the slit frame", where=str(slit.path or "model in memory"))
    return float(np.median(finite))


def place_of_sky(slit, ra, dec, wavelengths, dispaxis, column):
    """Return where along the slit a place on the sky is, at a pixel in dispersion direction.

    Parameters
    ----------
    slit : DataModel
        With the WCS of a slit.
    ra, dec : float
        Degrees.
    wavelengths : float64 array (nx,)
        Of the pixels in dispersion direction, micron.
    dispaxis : int
        1: dispersed along x; 2: along y.
    column : int
        The pixel in dispersion direction.

    Returns
    -------
    float
        Pixel along the slit: by the way back that the WCS holds, else where the straight line through what the column
        sees comes closest; NaN if it sees nothing.
    """
    from hexcal.steps.wcs.evaluate import transform_points

    try:
        x, y, *_ = transform_points(wcs_of(slit), "world", "detector", ra, dec, wavelengths[column])
        place = float(np.ravel(y if dispaxis == 1 else x)[0])
    except NotImplementedError:
        place = float("nan")
    return place if np.isfinite(place) else _closest(slit, ra, dec, dispaxis, column)


def trace_of_sky(slit, ra, dec, wavelengths, dispaxis):
    """Return where along the slit a place on the sky is, pixel by pixel in dispersion direction.

    As `place_of_sky`.

    Returns
    -------
    float64 array (nx,)
        Pixels; NaN where the wavelength is not known.
    """
    from hexcal.steps.wcs.evaluate import transform_points

    trace, columns = np.full(len(wavelengths), np.nan), np.flatnonzero(np.isfinite(wavelengths))
    sky = (np.full(len(columns), float(value)) for value in (ra, dec))
    # Without a way back: by the closest place, below.
    with contextlib.suppress(NotImplementedError):
        x, y, *_ = transform_points(wcs_of(slit), "world", "detector", *sky, wavelengths[columns])
        trace[columns] = y if dispaxis == 1 else x
    for column in columns[~np.isfinite(trace[columns])]:
        trace[column] = _closest(slit, ra, dec, dispaxis, column)
    return trace


def _closest(slit, ra, dec, dispaxis, column):
    """Where the straight line through what a column sees comes closest to a place on the sky."""
    from hexcal.steps.wcs.spectral import slit_coordinates

    seen = slit_coordinates(slit)
    ras, decs = (values if dispaxis == 1 else values.T for values in (seen.ra, seen.dec))
    pixels = np.flatnonzero(np.isfinite(ras[:, column]) & np.isfinite(decs[:, column]))
    if len(pixels) < 2:
        return float("nan")
    east = eastward(ras[pixels, column], ra, dec)
    north = decs[pixels, column] - dec
    slopes, starts = zip(*(np.polyfit(pixels, values, 1) for values in (east, north)), strict=True)
    return float(-(slopes[0] * starts[0] + slopes[1] * starts[1]) / (slopes[0] ** 2 + slopes[1] ** 2))


def _seen_along(slit, aperture):
    """RA and Dec along the slit in the middle of what is extracted, and the numbers of the pixels."""
    from hexcal.steps.wcs.spectral import slit_coordinates

    seen = slit_coordinates(slit)
    along_y = slit.get_meta("meta.wcsinfo.dispersion_direction") != 2
    ra, dec = (seen.ra, seen.dec) if along_y else (seen.ra.T, seen.dec.T)
    column = min((aperture.first + aperture.last) // 2, ra.shape[1] - 1)
    pixels = np.flatnonzero(np.isfinite(ra[:, column]))
    return ra[pixels, column], dec[pixels, column], pixels


def scale_along(slit, aperture):
    """Size of a pixel along the slit, degrees."""
    ra, dec, pixels = _seen_along(slit, aperture)
    if len(pixels) < 2:
        return float("nan")
    d_ra = eastward(ra[-1], ra[0], dec[0])
    return float(np.hypot(d_ra, dec[-1] - dec[0]) / (pixels[-1] - pixels[0]))


def place_of_middle(slit, aperture, dispaxis):
    """RA and Dec of the middle of the aperture; None where they are not known."""
    wcs = wcs_of(slit)
    if wcs is None:
        return None
    low, high = aperture.limits
    middle, column = (low + high) / 2, (aperture.first + aperture.last) / 2 - 0.5
    pixel = (column, middle) if dispaxis == 1 else (middle, column)
    ra, dec = spectral_parts.blanked(wcs, *pixel, to_world(wcs, *pixel))[:2]
    return float(ra), float(dec)
