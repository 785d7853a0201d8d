"""The grid of a mosaic: a tangent plane that holds all exposures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import InputError, ParameterError
from hexcal.models.stored_wcs import wcs_of
from hexcal.models.wcs import models
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.frames import plane_frame, sky_frame
from hexcal.steps.wcs.evaluate import pixel_to_sky, require_image, sky_to_pixel
from hexcal.steps.wcs.footprint import footprint
from hexcal.steps.wcs.sky_angles import eastward

_ARCSEC = 3600.0


@dataclass(frozen=True)
class OnSky:
    """An image on the sky.

    Attributes
    ----------
    wcs : Wcs or gwcs.WCS
        Its WCS.
    shape : tuple of int
        (ny, nx).
    corners : float64 array (4, 2)
        RA and Dec of its corners, degrees.
    reference : tuple of 2 float
        RA and Dec where its pixel scale is taken, degrees.
    angle : float
        Position angle of its y axis, degrees.
    parity : int
        -1 if East lies to the left where North is up, 1 for a mirrored image.
    name : str
        For messages.
    """

    wcs: Any
    shape: tuple
    corners: np.ndarray
    reference: tuple
    angle: float
    parity: int
    name: str = "image"


def on_sky(model, name=None):
    """Return where the image of a model lies, from its WCS and the keywords of its pointing.

    Parameters
    ----------
    model : ImageModel
        With ``meta.wcs``.
    name : str, optional
        For messages; default the name of its file.

    Returns
    -------
    OnSky

    Raises
    ------
    InputError
        If it has no WCS of an image.
    """
    name = name or model.meta.filename or str(model.path or "a model in memory")
    wcs: Any = wcs_of(model)
    if wcs is None:
        raise InputError("an exposure has no WCS", where=name, hint="run assign_wcs (stage 2) on it first")
    shape, info = model.shape[-2:], model.meta.wcsinfo
    # To the digits of S_REGION, from which others take them.
    corners = np.round(footprint(model), 9)
    if not np.isfinite(corners).all():
        raise InputError("the corners of an exposure are not on the sky", where=name, hint="run assign_wcs on it again")
    pointing = (info.ra_ref, info.dec_ref, info.roll_ref, info.v3yangle, info.vparity)
    if any(value is None for value in pointing):
        return _from_wcs(wcs, shape, corners, name)
    parity = -1 if info.vparity < 0 else 1
    angle = info.roll_ref - parity * info.v3yangle
    return OnSky(wcs, shape, corners, (info.ra_ref, info.dec_ref), angle, parity, name)


def _from_wcs(wcs, shape, corners, name):
    """Orientation and place of an image as its WCS has them at its centre."""
    x, y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    ra, dec = pixel_to_sky(wcs, [x, x + 1, x], [y, y, y + 1])
    east, north = eastward(ra[1:], ra[0], dec[0]), dec[1:] - dec[0]
    parity = 1 if east[0] * north[1] - east[1] * north[0] > 0 else -1
    return OnSky(wcs, shape, corners, (ra[0], dec[0]), np.degrees(np.arctan2(east[1], north[1])), parity, name)


def mosaic_wcs(images, *, pixel_scale_ratio=1.0, pixel_scale=None, rotation=None, crpix=None, crval=None, shape=None):
    """Return the WCS of a mosaic.

    A tangent plane with the orientation and pixel scale of the first image, which covers all.

    Parameters
    ----------
    images : list
        Each an `OnSky`, a model, or (wcs, shape).
    pixel_scale_ratio : float
        Pixel scale in units of that of the first image.
    pixel_scale : float, optional
        Pixel scale, arcsec.
    rotation : float, optional
        Position angle of the y axis, degrees; 0: North is up. Default: that of the first image.
    crpix : tuple of 2 float, optional
        0-based pixel (x, y) of the reference point. Default: all images just fit in.
    crval : tuple of 2 float, optional
        RA and Dec of the reference point, degrees. Default: the middle of all images.
    shape : tuple of 2 int, optional
        (ny, nx).

    Returns
    -------
    Wcs, tuple of int
        The WCS and (ny, nx).

    Raises
    ------
    InputError
        If there is no image, or one has no WCS.
    ParameterError
        If nothing of the images lies on the grid that is asked for.
    """
    images = [_as_on_sky(image) for image in images]
    if not images:
        raise InputError("a mosaic needs at least one exposure, there is none")
    first, corners = images[0], np.concatenate([image.corners for image in images])
    scale = pixel_scale / _ARCSEC if pixel_scale else pixel_scale_ratio * scale_at(first.wcs, first.reference)
    pc = _matrix(first.angle, first.parity) if rotation is None else _matrix(rotation, -1)
    given_crval, crval = crval, middle(corners) if crval is None else tuple(crval)
    centred = tangent_plane((0.0, 0.0), crval, pc, scale)
    x, y = sky_to_pixel(centred, corners[:, 0], corners[:, 1])
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise _not_one_field(images) if given_crval is None else _far_from(given_crval, images)
    crpix = (-x.min(), -y.min()) if crpix is None else tuple(crpix)
    if shape is None:
        shape = tuple(int(extent + 0.5) for extent in (y.max() + crpix[1], x.max() + crpix[0]))
    if min(shape) < 1:
        raise ParameterError(
            f"with crpix = {crpix} no exposure lies on the mosaic, whose size would be {shape[1]} x {shape[0]}",
            where="crpix",
            hint="leave crpix out, or give crval or output_shape too",
        )
    return bounded(tangent_plane(crpix, crval, pc, scale), shape), shape


def _as_on_sky(image):
    if isinstance(image, OnSky):
        return image
    if hasattr(image, "meta"):
        return on_sky(image)
    wcs, shape = image
    require_image(wcs)
    return _from_wcs(wcs, tuple(shape), footprint(wcs, shape), "image")


def _not_one_field(images):
    center = middle(images[0].corners)
    away = max(images, key=lambda image: separation(center, middle(image.corners)))
    return InputError(
        f"the exposures are too far apart for one tangent plane: {separation(center, middle(away.corners)):.1f} "
        "degrees",
        where=away.name,
        hint="check its pointing; take it out of the association, or make two mosaics",
    )


def _far_from(crval, images):
    away = max(images, key=lambda image: separation(crval, middle(image.corners)))
    return ParameterError(
        f"an exposure is {separation(crval, middle(away.corners)):.1f} degrees from crval = {crval[0]}, {crval[1]}, "
        f"and on no plane that touches the sky there: {away.name}",
        where="crval",
        hint="give the RA and Dec, in degrees, of a place near the exposures, or leave it out",
    )


def middle(corners):
    """Return the middle of corners on the sky, (RA, Dec) in degrees.

    Half way between the least and the largest of their Cartesian coordinates.
    """
    vectors = _vectors(corners[:, 0], corners[:, 1])
    x, y, z = (vectors.max(axis=1) + vectors.min(axis=1)) / 2
    return float(np.degrees(np.arctan2(y, x)) % 360), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def _vectors(ra, dec):
    ra, dec = np.radians(ra), np.radians(dec)
    return np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def separation(first, second):
    """Return the angle between two places (RA, Dec), degrees."""
    a, b = _vectors(*first), _vectors(*second)
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


def scale_at(wcs, place):
    """Return the size of a pixel at a place (RA, Dec) on the sky, degrees.

    The geometric mean of its width and height.
    """
    x, y = (float(np.ravel(value)[0]) for value in sky_to_pixel(wcs, *place))
    ra, dec = pixel_to_sky(wcs, [x, x + 1, x], [y, y, y + 1])
    return float(np.sqrt(separation((ra[0], dec[0]), (ra[1], dec[1])) * separation((ra[0], dec[0]), (ra[2], dec[2]))))


def mean_scale(wcs, shape):
    """Return the square root of the mean area of the pixels of an image, degrees."""
    ny, nx = shape
    across, up = np.arange(nx) - 0.5, np.arange(ny) - 0.5
    x = np.concatenate([across, np.full(ny, nx - 0.5), across[::-1] + 1, np.full(ny, -0.5)])
    y = np.concatenate([np.full(nx, -0.5), up, np.full(nx, ny - 0.5), up[::-1] + 1])
    ra, dec = pixel_to_sky(wcs, x, y)
    centre = middle(np.column_stack([ra, dec]))
    u, v = sky_to_pixel(tangent_plane((0.0, 0.0), centre, np.eye(2), 1.0), ra, dec)
    return float(np.sqrt(0.5 * abs(np.sum(u * np.roll(v, -1) - v * np.roll(u, -1))) / (nx * ny)))


def _matrix(angle, parity):
    """Return the PC matrix of an image whose y axis has this position angle."""
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    return np.array([[parity * cosine, sine], [-parity * sine, cosine]])


def tangent_plane(crpix, crval, pc, scale):
    """Return the WCS of a tangent plane.

    Parameters
    ----------
    crpix : tuple of 2 float
        0-based pixel (x, y) of the tangent point.
    crval : tuple of 2 float
        Its RA and Dec, degrees.
    pc : float64 array (2, 2)
        From pixels to East and North.
    scale : float
        Size of a pixel, degrees.

    Returns
    -------
    Wcs
    """
    transform = (
        models.Shift(-float(crpix[0]), name="crpix1") & models.Shift(-float(crpix[1]), name="crpix2")
        | models.AffineTransformation2D(np.asarray(pc, float), name="pc_rotation_matrix")
        | models.Scale(float(scale), name="cdelt1") & models.Scale(float(scale), name="cdelt2")
        | models.Pix2Sky_Gnomonic()
        | models.RotateNative2Celestial(float(crval[0]), float(crval[1]), 180.0)
    )
    return Wcs([(plane_frame("detector", ("x", "y"), "pix"), transform), (sky_frame("world"), None)])


def bounded(wcs, shape):
    """Give a WCS the bounding box and the shape (ny, nx) of its image; return it."""
    ny, nx = shape
    wcs.bounding_box = ((-0.5, nx - 0.5), (-0.5, ny - 0.5))
    wcs.pixel_shape = (nx, ny)
    return wcs


@dataclass(frozen=True)
class GivenGrid:
    """The grid of a mosaic that a file gives.

    Attributes
    ----------
    wcs : Wcs or gwcs.WCS
        Its WCS.
    shape : tuple of int
        (ny, nx).
    pixel_area : float or None
        Area of a pixel, sr, where the file says it.
    """

    wcs: Any
    shape: tuple
    pixel_area: float | None


def read_grid(path, shape=None):
    """Read the parameter ``output_wcs``.

    An ASDF file with a WCS under ``wcs``, and perhaps ``pixel_area``, ``pixel_shape``, ``array_shape``.

    Parameters
    ----------
    path : path-like
        The file.
    shape : tuple of 2 int, optional
        (ny, nx), instead of what the file says.

    Returns
    -------
    GivenGrid

    Raises
    ------
    InputError
        If the file is not there, has no such WCS, or nothing says how large the grid is.
    """
    from hexcal.models import stored_wcs

    tree, wcs = stored_grid(path)
    if isinstance(wcs, stored_wcs.StoredWcs):
        wcs = wcs.described() or wcs.read()
    if not (isinstance(wcs, Wcs) or stored_wcs.is_wcs(wcs)):
        raise InputError("output_wcs must be an ASDF file with a WCS (gwcs) under the key 'wcs'", where=str(path))
    require_image(wcs)
    shape = shape or size_of(tree, wcs, path)
    return GivenGrid(bounded(wcs, shape), shape, tree.get("pixel_area"))


def stored_grid(path) -> tuple[dict, Any]:
    """Return what a file of the parameter ``output_wcs`` holds, and what it has under the key ``wcs`` (None: nothing).

    It gives the grid of a mosaic, or that of a rectified slit.
    """
    from hexcal.models import asdf_tree
    from hexcal.models.fits_source import require_file

    require_file(Path(path))
    tree: Any = asdf_tree.from_file(Path(path))
    return (tree, tree.get("wcs")) if isinstance(tree, dict) else ({}, None)


def size_of(tree, wcs, path):
    """Return the size (ny, nx) of a grid as its file or its WCS has it.

    Raises
    ------
    InputError
        If neither has it.
    """
    for lengths, turned in (
        (tree.get("pixel_shape"), True),
        (tree.get("array_shape"), False),
        (wcs.pixel_shape, True),
    ):
        if lengths is not None:
            shape = tuple(int(length) for length in lengths)
            return shape[::-1] if turned else shape
    if wcs.bounding_box is None:
        raise InputError(
            "the size of the grid is not known: the WCS has no bounding box, pixel_shape or array_shape",
            where=str(path),
            hint="give output_shape = nx, ny",
        )
    from hexcal.steps.wcs.evaluate import box_of

    _, x_max, _, y_max = box_of(wcs) or (0, 0, 0, 0)
    return int(np.ceil(y_max + 0.5)), int(np.ceil(x_max + 0.5))
