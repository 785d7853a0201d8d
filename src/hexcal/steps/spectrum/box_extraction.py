"""Box extraction of a slit: sums over its aperture for each pixel in dispersion direction, and their units."""

from typing import Any

import numpy as np

from hexcal.models.dqflags import pixel
from hexcal.steps.spectrum.apertures import share_inside

COLUMNS = (
    *("WAVELENGTH", "FLUX", "FLUX_ERROR", "FLUX_VAR_POISSON", "FLUX_VAR_RNOISE", "FLUX_VAR_FLAT"),
    *("SURF_BRIGHT", "SB_ERROR", "SB_VAR_POISSON", "SB_VAR_RNOISE", "SB_VAR_FLAT", "DQ"),
    *("BACKGROUND", "BKGD_ERROR", "BKGD_VAR_POISSON", "BKGD_VAR_RNOISE", "BKGD_VAR_FLAT", "NPIXELS"),
)
"""Columns of a spectrum, in their order (JWST documents, extract_1d)."""
CORRELATION = "CORRELATION"
"""Column of spectra whose errors include covariance: correlation of the error with those of the next wavelengths."""
FLUX_UNIT, BRIGHTNESS_UNIT = "MJy", "MJy/sr"
_JANSKY = 1e6
_PARTS = ("POISSON", "RNOISE", "FLAT")


def sums(data, variances, aperture, threads=None):
    """Return the sums over an aperture.

    Parameters
    ----------
    data : float32 array (nints, ny, nx)
        Dispersed along the last axis; NaN does not count.
    variances : sequence of 3 float32 arrays (nints, ny, nx) or None
        VAR_POISSON, VAR_RNOISE, VAR_FLAT.
    aperture : Aperture
        The regions.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    float64 array (nints, 9, nx)
        In the order of `hexcal.kernels.extraction`: sum, its variances, background in it, its variances, pixels.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels import extraction as kernels

    none = np.zeros((1, 1, 1), np.float32)
    planes = tuple(none if variance is None else np.ascontiguousarray(variance, np.float32) for variance in variances)
    out = np.empty((len(data), kernels.N_PLANES, data.shape[2]))
    smoothed, regions, order = _prepared(data, aperture, threads)
    run_bands(kernels.extract_rows, len(data), data, planes, smoothed, regions, order, out, threads=threads)
    return out


def weights(data, aperture, threads=None):
    """Return with which factors the pixels of an image count in its sums over an aperture.

    Parameters
    ----------
    data : float32 array (1, ny, nx)
        Dispersed along the last axis; NaN does not count.
    aperture : Aperture
        The regions.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    float64 array (2, ny, nx)
        In the sum less the background, and in the background.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels import extraction as kernels

    out = np.empty((2, *data.shape[1:]))
    run_bands(kernels.weigh_rows, data.shape[2], data, *_prepared(data, aperture, threads), out, threads=threads)
    return out


def _prepared(data, aperture, threads):
    """Image that the background is fitted to, limits of the regions, order of the background."""
    from hexcal.core.bands import run_bands
    from hexcal.kernels import extraction as kernels

    order: Any = kernels.NO_FIT
    if aperture.has_background:
        order = {"median": kernels.MEDIAN, "mean": 0}.get(aperture.fit, aperture.order)
    smoothed = data
    if aperture.smoothing > 1 and aperture.has_background:
        smoothed = np.empty_like(data)
        run_bands(kernels.smooth_rows, len(data), data, int(aperture.smoothing), smoothed, threads=threads)
    regions = (aperture.lower, aperture.upper, aperture.background_lower, aperture.background_upper)
    return smoothed, tuple(np.ascontiguousarray(limits, np.float64) for limits in regions), order


def mean_wavelengths(wavelengths, aperture):
    """Return the mean wavelength over the aperture for each pixel in dispersion direction; NaN where it has none.

    Parameters
    ----------
    wavelengths : float64 array (ny, nx)
        Micron.
    aperture : Aperture
        Pixels count as far as they lie in it.
    """
    weights = share_inside(aperture.lower, aperture.upper, len(wavelengths))
    weights[~np.isfinite(wavelengths)] = 0.0
    total = weights.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(weights > 0, weights * np.nan_to_num(wavelengths), 0.0).sum(axis=0) / total
    whole = np.full(len(total), np.nan)
    known = np.isfinite(wavelengths).any(axis=0)
    whole[known] = np.nanmedian(wavelengths[:, known], axis=0)
    return np.where(total > 0, mean, whole)


def columns_of(sums_of_one, wavelengths, unit, pixel_area):
    """Return the columns of a spectrum.

    Parameters
    ----------
    sums_of_one : float64 array (9, nx)
        From `sums`, of one integration.
    wavelengths : float64 array (nx,)
        Micron.
    unit : str
        Of the data: "MJy/sr", "MJy", or that of count rates.
    pixel_area : float
        Solid angle of a pixel, sr.

    Returns
    -------
    dict of str to array (nx,)
        By the names of `COLUMNS`: FLUX in Jy, surface brightness in MJy/sr; count rates as they are. Without a pixel in
        the aperture FLUX is NaN, with DO_NOT_USE.
    """
    total, background, pixels = sums_of_one[0], sums_of_one[4], sums_of_one[8]
    has_pixels = pixels > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        per_pixel = np.where(has_pixels, 1 / pixels, 0.0)
    to_flux = {BRIGHTNESS_UNIT: pixel_area * _JANSKY, FLUX_UNIT: _JANSKY}.get(unit, 1.0)
    to_brightness = 0.0 if unit == FLUX_UNIT else 1.0
    # A flux is no surface brightness, but what lies beside a source is.
    beside = per_pixel / pixel_area if unit == FLUX_UNIT and pixel_area else per_pixel
    net = np.where(has_pixels, total - background, np.nan)
    columns: dict[str, Any] = {"WAVELENGTH": wavelengths.copy(), "FLUX": net * to_flux}
    columns["SURF_BRIGHT"] = net * per_pixel if to_brightness else np.zeros(len(net))
    columns["BACKGROUND"] = background * beside
    for number, part in enumerate(_PARTS):
        variance = sums_of_one[1 + number] + sums_of_one[5 + number]
        columns[f"FLUX_VAR_{part}"] = variance * to_flux**2
        columns[f"SB_VAR_{part}"] = variance * (per_pixel * to_brightness) ** 2
        columns[f"BKGD_VAR_{part}"] = sums_of_one[5 + number] * beside**2
    if to_brightness:
        columns["SURF_BRIGHT"][~has_pixels] = np.nan
    columns["DQ"] = np.where(has_pixels, 0, pixel.DO_NOT_USE).astype(np.uint32)
    columns["NPIXELS"] = pixels.copy()
    add_errors(columns)
    return columns


def add_errors(columns):
    """Give a spectrum its errors: square roots of the sums of the variances."""
    for error, kind in (("FLUX_ERROR", "FLUX"), ("SB_ERROR", "SB"), ("BKGD_ERROR", "BKGD")):
        columns[error] = np.sqrt(sum(columns[f"{kind}_VAR_{part}"] for part in _PARTS))


def as_table(columns, first=0, last=None):
    """Return the columns of a spectrum as a structured array (rows ``first <= row < last``)."""
    part = slice(first, last)
    kinds: list[Any] = [(name, "u4" if name == "DQ" else "f8") for name in COLUMNS]
    kinds += [(name, "f8", values.shape[1:]) for name, values in columns.items() if name not in COLUMNS]
    table = np.zeros(len(columns["WAVELENGTH"][part]), kinds)
    for name, *_ in kinds:
        table[name] = columns[name][part]
    return table
