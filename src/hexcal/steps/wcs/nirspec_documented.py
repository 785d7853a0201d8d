"""Documented functions for the slits of NIRSpec (JWST pipeline documentation 1.13.5, assign_wcs)."""

import logging

from hexcal.errors import InputError
from hexcal.models.stored_wcs import opened, wcs_of
from hexcal.steps.wcs import nirspec, nirspec_open_slits, nirspec_range, nirspec_slits

log = logging.getLogger(__name__)


def nrs_wcs_set_input(input_model, slit_name, wavelength_range=None, slit_y_low=None, slit_y_high=None):
    """Return the WCS of one slit, slitlet or slice of an exposure of NIRSpec.

    Parameters
    ----------
    input_model : DataModel
        An exposure that assign_wcs has seen.
    slit_name : int or str
        Number of a slice, name of a fixed slit, number of a slitlet.
    wavelength_range, slit_y_low, slit_y_high : optional
        Of the bounding box in older releases; the stored one holds, and another wish is refused: run assign_wcs with
        `slit_y_low` and `slit_y_high`.

    Returns
    -------
    gwcs.WCS
        From pixels of the exposure, with the bounding box of the slit.

    Raises
    ------
    InputError
        If the exposure has no WCS with slits, or not this slit.
    """
    where = str(input_model.path or "model in memory")
    if (wavelength_range, slit_y_low, slit_y_high) != (None, None, None):
        raise InputError(
            "the bounding box of a slit is stored with its WCS; another range of wavelengths or height is refused",
            where=where,
            hint="run assign_wcs with slit_y_low and slit_y_high",
        )
    wcs = wcs_of(input_model)
    if wcs is None or not nirspec_slits.slit_numbers(wcs):
        raise InputError("a WCS that holds slits is required", where=where, hint="run assign_wcs first")
    return opened(nirspec_slits.slit_wcs(wcs, _number(wcs, slit_name)))


def _number(wcs, name):
    """Number in the WCS of a slit that is called by its name or number."""
    for step in wcs.pipeline:
        for slit in getattr(step.transform, "slits", None) or ():
            if str(getattr(slit, "name", slit)) == str(name):
                return getattr(slit, "slit_id", slit)
    return name


def nrs_ifu_wcs(input_model):
    """Return the WCS of each slice of an integral-field exposure of NIRSpec (list of gwcs.WCS).

    Parameters
    ----------
    input_model : IFUImageModel
        An exposure that assign_wcs has seen, with its slices one by one (`nrs_ifu_slice_wcs`).
    """
    wcs = wcs_of(input_model)
    numbers = [] if wcs is None else nirspec_slits.slit_numbers(wcs)
    if not numbers:
        raise InputError(
            "a WCS that holds slices one by one is required",
            where=str(input_model.path or "model in memory"),
            hint="run assign_wcs with nrs_ifu_slice_wcs=true",
        )
    return [opened(nirspec_slits.slit_wcs(wcs, number)) for number in numbers]


def get_open_slits(input_model, reference_files=None, slit_y_range=nirspec.EDGES):
    """Return the open slits of an exposure of NIRSpec, whether or not they fall on the detector (list of Slit).

    Parameters
    ----------
    input_model : DataModel
        The exposure.
    reference_files : dict, optional
        Taken for the sake of older calls; slits are known without them.
    slit_y_range : (float, float)
        Lower and upper edge of a slit, slit_y.

    Raises
    ------
    InputError
        If the exposure has no slits, or its MSA metadata file is missing.
    """
    mode = nirspec.mode_of(input_model)
    if mode not in (nirspec.FIXED, nirspec.SHUTTERS):
        raise InputError(
            f"an exposure with slits is required, this one is of type {input_model.meta.exposure.type}",
            where=str(input_model.path or "model in memory"),
        )
    return nirspec_open_slits.open_slits(input_model, mode, tuple(slit_y_range), log)


def get_spectral_order_wrange(input_model, wavelengthrange_file):
    """Return the spectral order and the range of wavelengths (metres) of an exposure, by its WAVELENGTHRANGE file.

    Parameters
    ----------
    input_model : DataModel
        The exposure.
    wavelengthrange_file : path-like
        The file.

    Returns
    -------
    order : int
    wavelength_range : list of float
    """
    from hexcal.models.open import open as open_model

    order, wavelength_range, _ = nirspec_range.order_and_range(input_model, open_model(wavelengthrange_file))
    return order, list(wavelength_range)
