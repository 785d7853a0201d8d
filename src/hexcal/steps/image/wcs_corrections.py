"""Corrections of the WCS of calibrated images by hand: shifted, turned, scaled, or taken over from another image."""

from copy import deepcopy
from typing import Any

import numpy as np

from hexcal.errors import InputError, ParameterError
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.image.tangent_planes import CORRECTED, TangentPlane
from hexcal.steps.wcs.changed import parts_of, values_of, with_steps

_ARCSEC = np.pi / 180 / 3600


def adjust_wcs(wcs, delta_ra=0.0, delta_dec=0.0, delta_roll=0.0, scale_factor=1.0):
    """Return the WCS of a calibrated image, moved, turned and scaled.

    Parameters
    ----------
    wcs : gwcs.WCS
        Of assign_wcs or tweakreg; not changed.
    delta_ra, delta_dec : float or Quantity
        Added to the position that the telescope points at, degrees.
    delta_roll : float or Quantity
        Added to the roll of the telescope, degrees.
    scale_factor : float
        Factor of the size of pixels, in the plane that touches the sphere at the reference point.

    Returns
    -------
    gwcs.WCS

    Raises
    ------
    InputError
        If it is no WCS of an image with the rotation from V2, V3 to the sky: that of a resampled image, for example.
    ParameterError
        If the factor is not positive.
    """
    if not scale_factor > 0:
        raise ParameterError(f"scale_factor must be positive, got {scale_factor}", where="adjust_wcs")
    steps: Any = [(step.frame, step.transform) for step in wcs.pipeline]
    frame, to_sky = steps[-2] if len(steps) > 1 else (None, None)
    # The rotation is changed, and may be in a description that others share.
    to_sky = deepcopy(to_sky)
    rotation = _rotation(to_sky)
    angles = values_of(rotation.angles)
    angles[2] += _degrees(delta_roll)
    angles[3] += _degrees(delta_dec)
    angles[4] -= _degrees(delta_ra)
    rotation.angles = tuple(map(float, angles))
    steps[-2] = (frame, to_sky)
    adjusted = with_steps(wcs, steps)
    if scale_factor == 1:
        return adjusted
    plane = TangentPlane(adjusted, angles[0] * 3600, -angles[1] * 3600, angles[2])
    plane.correct(scale_factor * np.eye(2), np.zeros(2))
    return plane.corrected_wcs()


def transfer_wcs_correction(to_image, from_image, matrix=None, shift=None):
    """Correct the WCS of an image as that of another one was.

    Parameters
    ----------
    to_image : ImageModel or path
        The image to be corrected, in place; a file is written again.
    from_image : ImageModel or path
        The image whose whole correction (that of tweakreg, for example) is taken, in its tangent plane.
    matrix : float array (2, 2), optional
        With `shift`: the correction ``p -> matrix p + shift`` in the plane of `from_image`, instead of its own.
    shift : float array (2,), optional
        Arcsec.

    Raises
    ------
    ParameterError
        If only one of matrix and shift is given.
    InputError
        If `from_image` has no correction and none is given, or one of them has no WCS that could be corrected.
    """
    from hexcal.models.open import open as open_model

    if (matrix is None) != (shift is None):
        raise ParameterError(
            "matrix and shift must be given together, or neither of them", where="transfer_wcs_correction"
        )
    is_file = not hasattr(to_image, "meta")
    target: Any = open_model(to_image) if is_file else to_image
    source: Any = from_image if hasattr(from_image, "meta") else open_model(from_image)
    plane = _plane(source)
    if matrix is None and CORRECTED not in wcs_of(source).available_frames:
        raise InputError(
            "the WCS has no correction that could be transferred",
            where=_name(source),
            hint="run tweakreg on it, or give matrix and shift",
        )
    linear = plane.matrix if matrix is None else np.asarray(matrix, float).reshape(2, 2)
    offset = plane.shift / _ARCSEC if shift is None else np.asarray(shift, float).reshape(2)
    corrected = _plane(target)
    corrected.correct_as(plane, linear, offset)
    target.meta.wcs = corrected.corrected_wcs()
    if is_file:
        target.save(to_image)


def _plane(model):
    info, wcs = model.meta.wcsinfo, wcs_of(model)
    if wcs is None:
        raise InputError("a WCS is needed", where=_name(model), hint="run assign_wcs first")
    return TangentPlane(wcs, info.v2_ref, info.v3_ref, info.roll_ref, _name(model))


def _name(model):
    return str(model.meta.filename or "image")


def _rotation(to_sky):
    """The part of the transform from V2, V3 to the sky that holds its five angles."""
    for part in parts_of(to_sky) if to_sky is not None else ():
        angles = getattr(part, "angles", None)
        if angles is not None and values_of(angles).size == 5:
            return part
    raise InputError(
        "the last step of the WCS is not the rotation from V2 and V3 to the sky",
        where="adjust_wcs",
        hint="only the WCS of calibrated images can be adjusted, not those of resampled ones",
    )


def _degrees(value):
    return float(value.to_value("deg")) if hasattr(value, "to_value") else float(value)
