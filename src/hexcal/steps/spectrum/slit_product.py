"""The product of rectified slits: metadata, arrays and coordinates."""

from typing import Any

import numpy as np

from hexcal.models import meta
from hexcal.models.science import MultiSlitModel, SlitModel
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.image.mosaic_product import Summary, errors_of
from hexcal.steps.spectrum.slit_resampling import coupled_slit, resampled_slit

FLUX = "MJy"
"""BUNIT of point sources of NIRSpec: flux of a pixel, not surface brightness."""
_NOT_KEPT = ("meta.wcs", "meta.filename", "meta.model_type", "meta.date", "meta.wcsinfo.s_region")


def is_flux(slit):
    """Whether the values of a slit are fluxes of pixels (MJy), and no surface brightness."""
    return slit.meta.bunit_data == FLUX


def new_product(slits, is_blended) -> Any:
    """Return an empty product with the metadata of its exposures.

    Parameters
    ----------
    slits : Slits
        What goes into it.
    is_blended : bool
        Whether the metadata of several exposures are blended; otherwise those of the first hold.

    Returns
    -------
    MultiSlitModel or SlitModel
    """
    product, summary, wcsinfo = MultiSlitModel() if slits.has_many else SlitModel(), Summary(is_blended), {}
    for number, exposure in enumerate(slits.each_exposure()):
        wcsinfo = wcsinfo or dict(exposure.metadata_tree().get("meta", {}).get("wcsinfo", {}))
        summary.add(exposure, number)
    summary.fill(product)
    for name, value in wcsinfo.items():
        product.set_unchecked(f"meta.wcsinfo.{name}", value)
    return product


def rectify(part, source, grid, manner, is_part):
    """Rectify a slit, and give its model what belongs to it.

    Parameters
    ----------
    part : SlitModel
        Changed in place.
    source : Source
        The slit in each exposure.
    grid : SlitGrid
        The grid.
    manner : Manner
        How the exposures are resampled.
    is_part : bool
        Whether the model is a part of a product, which has the metadata of the exposures.
    """
    first = next(source.each())
    _take_metadata(part, first, is_part)
    result = resampled_slit(source.each(), len(source.exposures), grid, manner)
    factor = _set_arrays(part, result, grid, manner)
    if manner.covariance:
        _set_covariance(part, coupled_slit(source.each(), result.weights, grid, manner), factor)
    part.meta.wcs = grid.wcs(_positions_in_slit(first, grid))
    part.meta.wcsinfo.s_region = grid.region(first) if grid.is_sky else None


def _take_metadata(target, source, is_part):
    """Copy what the metadata of a slit say of it: of a part, all that is not in the primary header."""
    for path, value in meta.walk(source.metadata_tree()):
        entry = source.keywords.of_path(path)
        if path.startswith("meta.") and (not is_part or entry is None or entry.hdu == "PRIMARY"):
            continue
        if path not in _NOT_KEPT:
            target.set_unchecked(path, value)


def _set_covariance(part, coupling, factor):
    """Give a slit what says how its pixels vary together; ERR is no error of the mean that a pixel is."""
    from hexcal.steps.spectrum.covariance import neighbours

    with np.errstate(divide="ignore", invalid="ignore"):
        own = coupling.own * (factor / part.err.astype(float)) ** 2
    part.covar_own = np.where(np.isfinite(own) & (own > 0), own, 1.0).astype(np.float32)
    part.covar_factor, part.covar_pairs, part.covar_lags = neighbours(coupling)


def _positions_in_slit(slit, grid):
    """Position in the slit of NIRSpec of the pixels along it, at the middle wavelength; None for others."""
    from hexcal.steps.wcs.spectral import sky_to_slit
    from hexcal.steps.wcs.spectral_parts import SLIT_FRAME

    if not grid.is_sky or SLIT_FRAME not in wcs_of(slit).available_frames:
        return None
    ra, dec = grid.sky(np.arange(grid.n_along))
    return sky_to_slit(slit, ra, dec, grid.middle_wavelength)[1]


def _set_arrays(part, result, grid, manner):
    """Give a slit its arrays and pixel areas; return what the values were multiplied by."""
    scale = grid.scale / grid.input_scale
    # A pixel of twice the size sees two of the exposure: half the variance of their mean, twice the flux.
    factor = scale if is_flux(part) else 1.0
    result.scale_variances(factor**2 / scale)
    if factor != 1:
        result.data *= np.float32(factor)
        result.data[result.weights == 0] = manner.fill
    part.data, part.wht = result.data, result.weights
    part.wavelength = grid.wavelength_image()
    part.con, part.dq = result.context, result.dq
    variances = (result.var_poisson, result.var_rnoise, result.var_flat)
    part.var_poisson, part.var_rnoise, part.var_flat = variances
    part.err = errors_of(variances, result.weights, manner.fill)
    for name in ("pixelarea_steradians", "pixelarea_arcsecsq"):
        area = part.get_meta(f"meta.photometry.{name}")
        if area is not None:
            part.set_meta(f"meta.photometry.{name}", area * scale)
    return factor
