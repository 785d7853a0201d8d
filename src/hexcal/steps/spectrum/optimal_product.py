"""Optimal extraction within the step extract_1d: where the source is, its spectra, and images of the fit."""

from dataclasses import replace

import numpy as np

from hexcal.steps.spectrum import box_extraction
from hexcal.steps.spectrum.optimal_extraction import best_shift, fit_profile, nod_offset, read_profiles
from hexcal.steps.spectrum.parts import name_of_part
from hexcal.steps.spectrum.source_place import row_wavelengths

_OF_BRIGHTNESS = ("SURF_BRIGHT", "SB_ERROR", "SB_VAR_POISSON", "SB_VAR_RNOISE", "SB_VAR_FLAT")
_OF_BACKGROUND = ("BKGD_ERROR", "BKGD_VAR_POISSON", "BKGD_VAR_RNOISE", "BKGD_VAR_FLAT")


def optimal(slit, model, step, psf, view, aperture, units):
    """Return the spectra of a slit by the fit of a profile, and the aperture that this stands for: the whole slit.

    Parameters
    ----------
    slit, model : DataModel
        The slit, and the product that it is a part of.
    step : Extract1dStep
        Its parameters.
    psf : SpecPsfModel
        The profiles.
    view : Turned
        The slit.
    aperture : Aperture
        The source is in its middle.
    units : (str, float)
        Of the data; area of a pixel, sr.

    Returns
    -------
    list of dict, Aperture, float64 array (2, ny, nx)
        The last: with which factors the pixels count in the flux, and in a background.
    """
    given, name = step.parameters, slit.get_meta("name")
    profiles = read_profiles(psf, name, model.meta.exposure.type, view.dispaxis)
    view = view.integrations(0, len(view.data))
    rows = row_wavelengths(view.wavelengths)
    trace = (aperture.lower.min(axis=0) + aperture.upper.max(axis=0)) / 2
    subtract = aperture.has_background if given.subtract_background is None else given.subtract_background
    order = None if not subtract else (aperture.order if aperture.fit == "poly" else 0)
    if given.optimize_psf_location:
        shift = best_shift(_mean(view), profiles, rows, trace, order)
        step.log.info("The profile fits best %.3f pixels from where the source is expected", shift)
        trace = trace + shift
    negative = _negative_image(model, step, view, profiles, rows, trace, order)
    fit = fit_profile(view.data, view.variances, profiles.at(rows, trace, view.shape[0]), order, negative)
    spectra = [box_extraction.columns_of(total, rows, *units) for total in fit.sums]
    for columns in spectra:
        for column in _OF_BRIGHTNESS:
            columns[column][:] = 0.0
        if order is not None:
            for column in _OF_BACKGROUND:
                columns[column][:] = np.nan
    _save_images(slit, model, step, view, fit)
    whole = np.full((1, len(rows)), view.shape[0] - 0.5)
    weights = np.stack([fit.weights, np.zeros_like(fit.weights)])
    return spectra, replace(aperture, lower=np.full_like(whole, -0.5), upper=whole), weights


def _mean(view):
    """Mean of the integrations; NaN where none has a value."""
    finite = np.isfinite(view.data)
    count = np.maximum(finite.sum(axis=0), 1)
    return np.where(finite.any(axis=0), np.where(finite, view.data, 0).sum(axis=0) / count, np.nan)


def _negative_image(model, step, view, profiles, rows, trace, order):
    """Profile of the negative image that a subtracted nod leaves; None where there is none."""
    if not step.parameters.model_nod_pair or model.get_meta("meta.cal_step.bkg_subtract") != "COMPLETE":
        return None
    offset = nod_offset(_mean(view), profiles, rows, trace, order)
    if offset is None:
        step.log.info("No negative image of a nod is found")
        return None
    step.log.info("The negative image of a nod, %.2f pixels from the source, is fitted with it", offset)
    return profiles.at(rows, trace + offset, view.shape[0])


def _save_images(slit, model, step, view, fit):
    """Write the images that are asked for, as the slit lies in its file."""
    given = step.parameters
    images = {
        "profile": (given.save_profile, fit.profile[None]),
        "scene_model": (given.save_scene_model, fit.scene),
        "residual": (given.save_residual_image, view.data - fit.scene),
    }
    name = slit.get_meta("name")
    has_many = slit is not model and name and name_of_part(slit) != "the exposure"
    for suffix, (is_wanted, image) in images.items():
        if is_wanted:
            product = _image(model, image if view.dispaxis == 1 else np.swapaxes(image, 1, 2))
            step.save_model(product, suffix=f"{str(name).lower()}_{suffix}" if has_many else suffix, force=True)


def _image(model, values):
    """An image, or a cube of integrations, with the metadata of an exposure."""
    from hexcal.models.science import CubeModel, ImageModel

    values = np.ascontiguousarray(values, np.float32)
    product = ImageModel(values[0]) if len(values) == 1 else CubeModel(values)
    product.observatory = model.observatory
    product.update(model, only="PRIMARY")
    for name in ("xstart", "ystart", "xsize", "ysize"):
        product.set_meta(f"meta.subarray.{name}", None)
    return product
