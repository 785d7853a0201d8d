"""The tangent plane of an image, in which its WCS is corrected, and the corrected WCS."""

from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.models.wcs import models
from hexcal.steps.image.sky_polygons import directions, unit_vectors
from hexcal.steps.wcs.changed import parts_of, renamed, values_of, with_steps
from hexcal.steps.wcs.evaluate import transform_points

CORRECTED = "v2v3corr"
_NAME = "JWST tangent-plane linear correction. v1"
"""By this name other programs know that the correction is one."""
_ARCSEC = np.pi / 180 / 3600


class TangentPlane:
    """The plane that touches the sphere of V2 and V3 at the reference point of an image.

    It holds the correction of the WCS of the image.

    Coordinates are in arcsec, along axes turned by the roll angle: x east, y north for a telescope that is where its
    header says.

    Parameters
    ----------
    wcs : Wcs or gwcs.WCS
        With the frame ``v2v3`` (and ``v2v3vacorr``, and a correction ``v2v3corr`` if there is one).
    v2_ref, v3_ref : float
        Reference point, in arcsec.
    roll_ref : float
        Position angle of V3 there, in degrees.
    name : str
        For messages.
    """

    def __init__(self, wcs, v2_ref: float, v3_ref: float, roll_ref: float, name: str = "image"):
        frames = wcs.available_frames
        if "v2v3" not in frames or len(frames) < 3:
            raise InputError(
                f"the WCS has no frame v2v3, in which it could be corrected: {', '.join(frames)}",
                where=name,
                hint="only calibrated exposures with the WCS of assign_wcs can be aligned, not resampled images",
            )
        self.wcs, self.angles = wcs, (v2_ref / 3600, -v3_ref / 3600, roll_ref)
        self.matrix, self.shift = _present_correction(wcs) if CORRECTED in frames else (np.eye(2), np.zeros(2))
        last = CORRECTED if CORRECTED in frames else "v2v3vacorr" if "v2v3vacorr" in frames else "v2v3"
        self._axes = _axes(self.angles) @ _sphere_to_v2v3(wcs, last, frames[-1], name)

    def from_sky(self, ra, dec) -> np.ndarray:
        """Return plane coordinates (n, 2) of sky positions (degrees), as the WCS was when this was made."""
        x, y, z = self._axes @ unit_vectors(np.asarray(ra, float), np.asarray(dec, float)).T
        return np.stack([y / x, z / x], axis=-1) / _ARCSEC

    def to_sky(self, plane) -> tuple[np.ndarray, np.ndarray]:
        """Return the sky positions (degrees) of plane coordinates (n, 2)."""
        plane = np.asarray(plane, float) * _ARCSEC
        return directions(np.column_stack([np.ones(len(plane)), plane]) @ self._axes)

    def correct(self, matrix: np.ndarray, shift: np.ndarray) -> None:
        """Add a correction ``p -> matrix p + shift`` of plane coordinates (arcsec) to that of the WCS."""
        self.matrix, self.shift = matrix @ self.matrix, matrix @ self.shift + shift * _ARCSEC

    def correct_as(self, other: "TangentPlane", matrix: np.ndarray, shift: np.ndarray) -> None:
        """Add a correction that was found in the plane of another image.

        Near the tangent point both planes are taken as linear functions of each other.
        """
        points = self.from_sky(*other.to_sky([[0, 0], [1, 0], [0, 1]]))
        origin, turn = points[0], (points[1:] - points[0]).T
        own = turn @ matrix @ np.linalg.inv(turn)
        self.correct(own, turn @ shift + origin - own @ origin)

    def corrected_wcs(self):
        """Return the WCS with the correction in the frame ``v2v3corr`` after V2 and V3 (a new object, of its form)."""
        frames = self.wcs.available_frames
        steps: Any = [(step.frame, step.transform) for step in self.wcs.pipeline]
        model = correction_model(self.angles, self.matrix, self.shift)
        if CORRECTED in frames:
            before = frames.index(CORRECTED) - 1
            steps[before] = (steps[before][0], model)
        else:
            before = frames.index("v2v3vacorr" if "v2v3vacorr" in frames else "v2v3")
            frame, transform = steps[before]
            steps[before : before + 1] = [(frame, model), (renamed(frame, CORRECTED), transform)]
        return with_steps(self.wcs, steps)


def _axes(angles):
    """Rotation that takes vectors of V2 and V3 to the axes of the plane.

    About z by v2, y by -v3, x by the roll (degrees).
    """
    z, y, x = np.radians(angles)
    about_z = np.array([[np.cos(z), np.sin(z), 0], [-np.sin(z), np.cos(z), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), np.sin(x)], [0, -np.sin(x), np.cos(x)]])
    return about_x @ about_y @ about_z


def _sphere_to_v2v3(wcs, frame, world, name):
    """The rotation from sky to V2 and V3, measured on the WCS."""
    v2, v3 = np.array([0.0, 300.0, 0.0, 500.0]), np.array([0.0, 0.0, 300.0, 700.0])
    sky = unit_vectors(*transform_points(wcs, frame, world, v2, v3))
    v2v3 = unit_vectors(v2 / 3600, v3 / 3600)
    solution = np.linalg.lstsq(sky, v2v3, rcond=None)[0].T
    left, _, right = np.linalg.svd(solution)
    rotation = left @ right
    if np.abs(sky @ rotation.T - v2v3).max() > 1e-10:
        raise InputError(
            "the step from V2 and V3 to the sky is not a rotation", where=name, hint="run assign_wcs again"
        )
    return rotation


def _present_correction(wcs):
    """Matrix and shift (radians) of the correction that a WCS has."""
    correction = wcs.pipeline[wcs.available_frames.index(CORRECTED) - 1].transform
    affine = next(part for part in parts_of(correction) if part.name == "tp_affine")
    return values_of(affine.matrix), values_of(affine.translation).ravel()


def correction_model(angles: tuple[float, float, float], matrix: np.ndarray, shift: np.ndarray) -> Any:
    """Return the transform of a correction: from V2, V3 (arcsec) to V2, V3.

    Parameters
    ----------
    angles : tuple of float
        V2, -V3 and roll of the tangent point, in degrees.
    matrix : float64 array (2, 2)
    shift : float64 array (2,)
        In radians.

    Notes
    -----
    Its parts and their names are those of tweakwcs (``JWSTWCSCorrector``), so that the original, tweakwcs and jdaviz
    take it for what it is.
    """
    inverse = np.linalg.inv(matrix)
    forward = _chain(angles, matrix, shift, "tp_affine")
    forward.name = _NAME
    backward = _chain(angles, inverse, -inverse @ shift, "tp_affine_inv")
    backward.name = f"Inverse {_NAME}"
    forward.inverse = backward
    return forward


def _chain(angles, matrix, shift, name):
    def both(factor, label):
        pair = models.Scale(factor, name=f"{label}_1D") & models.Scale(factor, name=f"{label}_1D")
        pair.name = f"{label}_2D"
        return pair

    to_axis = models.RotationSequence3D(list(angles), "zyx", name="det_to_optic_axis")
    from_axis = to_axis.inverse
    from_axis.name = "optic_axis_to_det"
    ratios = models.Mapping((0, 1, 2), name="xyz") / models.Mapping((0, 0, 0), n_inputs=3, name="xxx")
    to_plane = ratios | models.Mapping((1, 2), name="xtyt")
    to_plane.name = "Cartesian 3D to TAN"
    from_plane = models.Mapping((0, 0, 1), n_inputs=2, name="xtyt2xyz") | (
        models.Const1D(1, name="one") & models.Identity(2, name="I(2D)")
    )
    from_plane.name = "TAN to cartesian 3D"
    affine = models.AffineTransformation2D(matrix, shift, name=name)
    return (
        both(1 / 3600, "arcsec_to_deg")
        | models.SphericalToCartesian(name="s2c", wrap_lon_at=180)
        | to_axis
        | to_plane
        | affine
        | from_plane
        | from_axis
        | models.CartesianToSpherical(name="c2s", wrap_lon_at=180)
        | both(3600.0, "deg_to_arcsec")
    )
