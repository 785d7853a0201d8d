"""World coordinates of frames, from the keywords of their headers."""

from typing import NamedTuple

import numpy as np

from hexcal.core import Step
from hexcal.errors import InputError
from hexcal.models.wcs import models
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.frames import plane_frame, sky_frame
from hexcal.steps.wcs.footprint import footprint, s_region

_NEEDED = ("crpix1", "crpix2", "crval1", "crval2")
_TYPES = ("RA---TAN", "DEC--TAN")


class IrisAssignWcsStep(Step):
    """Give a frame its world coordinates: a tangent plane, by the keywords of its header.

    CRPIX counts the pixels of the image that is in the file, also of a window, as FITS has it. Distortion and the
    residual of atmospheric dispersion are not part of it.
    """

    alias = "iris_assign_wcs"
    status = "assign_wcs"
    default_suffix = "assign_wcs"
    input_model = "IRISImageModel"

    def require(self, model):
        """The keywords of a tangent plane."""
        tangent_plane_of(model)

    def process(self, frame):
        wcs = wcs_from(tangent_plane_of(frame), frame.shape)
        frame.meta.wcs = wcs
        frame.meta.wcsinfo.s_region = s_region(footprint(wcs, frame.shape))
        return frame


class TangentPlane(NamedTuple):
    """CRPIX (from 1), the matrix from pixels to degrees (CDELT and PC, or CD), and CRVAL (degrees)."""

    crpix: tuple
    matrix: np.ndarray
    crval: tuple


def tangent_plane_of(model):
    """Return the tangent plane that the header of a frame describes.

    Raises
    ------
    InputError
        If a keyword is missing, the projection is another one, or the matrix cannot be inverted.
    """
    info, where = model.branch("meta.wcsinfo"), str(model.path or model.meta.filename or "model in memory")
    missing = [name.upper() for name in _NEEDED if info.get(name) is None]
    if missing:
        raise InputError(
            f"world coordinates need the keywords of a tangent plane; missing in the header: {', '.join(missing)}",
            where=where,
            hint="add them to the header of SCI, or leave the step out with skip=true",
        )
    types = tuple(str(info.get(name) or needed) for name, needed in zip(("ctype1", "ctype2"), _TYPES, strict=True))
    if types != _TYPES:
        raise InputError(f"CTYPE1 and CTYPE2 must be {' and '.join(_TYPES)}, they are {types}", where=where)
    matrix = _matrix(info)
    if not np.isfinite(matrix).all() or np.linalg.det(matrix) == 0:
        raise InputError("the keywords CD, or CDELT and PC, give no matrix that can be inverted", where=where)
    return TangentPlane((info["crpix1"], info["crpix2"]), matrix, (info["crval1"], info["crval2"]))


def _matrix(info):
    """From pixels to degrees on the tangent plane: CD, else CDELT times PC (FITS paper II)."""
    cd = [[info.get(f"cd{i}_{j}") for j in (1, 2)] for i in (1, 2)]
    if any(value is not None for row in cd for value in row):
        return np.array([[value or 0.0 for value in row] for row in cd])
    pc = [[info.get(f"pc{i}_{j}") for j in (1, 2)] for i in (1, 2)]
    identity = np.eye(2)
    pc = np.array([[identity[i, j] if pc[i][j] is None else pc[i][j] for j in (0, 1)] for i in (0, 1)])
    cdelt = [info.get(name) for name in ("cdelt1", "cdelt2")]
    return np.diag([np.nan if value is None else value for value in cdelt]) @ pc


def wcs_from(plane, shape):
    """Return the WCS of a tangent plane.

    Parameters
    ----------
    plane : TangentPlane
        As the header has it.
    shape : tuple of int
        (ny, nx) of the image.

    Returns
    -------
    Wcs
        From pixels, the first one at 0, 0, to right ascension and declination, degrees.

    Notes
    -----
    Calabretta & Greisen 2002, A&A 395, 1077: gnomonic projection, LONPOLE 180.
    """
    transform = (
        models.Shift(1.0 - plane.crpix[0], name="crpix1") & models.Shift(1.0 - plane.crpix[1], name="crpix2")
        | models.AffineTransformation2D(plane.matrix, name="cd_matrix")
        | models.Pix2Sky_Gnomonic(name="TAN")
        | models.RotateNative2Celestial(plane.crval[0], plane.crval[1], 180.0, name="crval")
    )
    wcs = Wcs([(plane_frame("detector", ("x", "y"), "pix"), transform), (sky_frame("world"), None)])
    wcs.bounding_box = ((-0.5, shape[1] - 0.5), (-0.5, shape[0] - 0.5))
    return wcs
