"""Where an exposure of NIRSpec is known to see light, whatever is in its data."""

import numpy as np

from hexcal.errors import InputError
from hexcal.models.dqflags import pixel

_FIXED_SLIT_ROWS = slice(922, 1116)
"""Rows of a full frame that the fixed slits light, which are always open."""
_FULL = 2048
_BEHIND_SHUTTERS = ("NRS_MSASPEC", "NRS_IFU")


def draft_with_wcs(step, ramp):
    """Return an image with the metadata of a ramp, its WCS, and the flags of shutters that cannot close.

    In stage 1 no coordinates are there yet: assign_wcs and msa_flagging run for this image, with their references, and
    nothing of it goes into the product.

    Parameters
    ----------
    step : Step
        On whose behalf they run.
    ramp : RampModel
        Of NIRSpec spectra, (nints, ngroups, ny, nx).

    Returns
    -------
    ImageModel or IFUImageModel
        (ny, nx), without data.
    """
    from hexcal.models.science import IFUImageModel, ImageModel
    from hexcal.steps.wcs.assign_wcs import AssignWcsStep
    from hexcal.steps.wcs.msa_flagging import MSAFlagOpenStep

    image = (IFUImageModel if ramp.is_ifu else ImageModel)(np.zeros(ramp.shape[-2:], np.float32))
    image.update(ramp)
    image = AssignWcsStep(name="assign_wcs", parent=step).run(image)
    if image.meta.exposure.type in _BEHIND_SHUTTERS:
        image = MSAFlagOpenStep(name="msa_flagging", parent=step).run(image)
    return image


def lit_by_spectra(model):
    """Return which pixels lie in the footprint of a slit, slitlet or slice, as the WCS knows them: bool (ny, nx).

    Parameters
    ----------
    model : DataModel
        An exposure of NIRSpec spectra, with its WCS.

    Raises
    ------
    InputError
        If it has no WCS.

    Notes
    -----
    Slits and slitlets: their bounding boxes. Slices: the pixels whose wavelength is known.
    """
    from hexcal.steps.wcs import nirspec_slits, spectral
    from hexcal.steps.wcs.evaluate import box_of

    wcs = model.meta.wcs
    if wcs is None:
        raise InputError(
            "the WCS is needed to know where light is expected, and there is none",
            where=str(model.path or "model in memory"),
            hint="run the step assign_wcs first, or give a user_mask",
        )
    lit = np.zeros(model.shape[-2:], bool)
    if model.is_ifu:
        return np.isfinite(spectral.ifu_wavelengths(model))
    numbers = nirspec_slits.slit_numbers(wcs)
    boxes = [box_of(nirspec_slits.slit_wcs(wcs, number)) for number in numbers] if numbers else [box_of(wcs)]
    for box in boxes:
        if box is not None:
            left, bottom = (max(int(np.ceil(edge)), 0) for edge in (box[0], box[2]))
            right, top = (max(int(np.floor(edge)) + 1, 0) for edge in (box[1], box[3]))
            lit[bottom:top, left:right] = True
    return lit


def always_lit(model):
    """Return which pixels may see light through shutters that cannot close, or through the fixed slits: bool.

    Parameters
    ----------
    model : DataModel
        An exposure of NIRSpec: DQ (ny, nx) or (nints, ny, nx), with the flags of the step msaflagopen.

    Returns
    -------
    bool array (ny, nx)
    """
    failed = model.dq & pixel.MSA_FAILED_OPEN != 0
    lit = failed.any(axis=0) if failed.ndim == 3 else failed
    if model.meta.exposure.type in _BEHIND_SHUTTERS and model.shape[-2:] == (_FULL, _FULL):
        lit[_FIXED_SLIT_ROWS] = True
    return lit
