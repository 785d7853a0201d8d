"""Reference files of the optics of NIRSpec: what `nirspec_optics` computes, as transforms in the delivered layouts."""

from typing import Any

import numpy as np

from hexcal import datamodels
from hexcal.simulate.spectra import nirspec_optics as optics

_APERTURE = [(name, "f8") for name in ("NO", "XC", "YC", "SIZEX", "SIZEY")]


def _models() -> Any:
    from astropy.modeling import models

    return models


def optical_references():
    """Return the references that lead from pixels to the sky, by type (dict of str to TreeModel)."""
    return {
        "camera": datamodels.CameraModel(model=_camera()),
        "collimator": datamodels.CollimatorModel(model=_collimator()),
        "disperser": _disperser(),
        "fpa": _detectors(),
        "fore": datamodels.FOREModel(model=fore_optics(np.array(optics.FORE))),
        "ote": datamodels.OTEModel(model=_telescope()),
        "msa": datamodels.MSAModel(Q5=openings([*optics.SLITS.values(), optics.IFU])),
        "wavelengthrange": datamodels.WavelengthrangeModel(
            waverange_selector=["CLEAR_PRISM"], order=[0], wavelengthrange=[[1e-6 * end for end in optics.RANGE]]
        ),
    }


def openings(holes):
    """Return slits as the reference file tells them: number, middle and size, and where the frame of these lies."""
    rows = [(number, hole.x, hole.y, hole.width, hole.height) for number, hole in enumerate(holes, 1)]
    return {"data": np.array(rows, _APERTURE), "model": moved(0.0, 0.0, 0.0)}


def moved(x, y, angle):
    """Return a rotation (degrees) and a shift."""
    models = _models()
    return models.Rotation2D(angle) | models.Shift(x) & models.Shift(y)


def _bent(bend):
    """Bending and its inverse: x + a y², then y + b x²; each is undone exactly."""
    models, (a, b) = _models(), bend
    twice = models.Mapping((0, 1, 0, 1))

    def parts(sign):
        x_first = models.Polynomial2D(2, c1_0=1.0, c0_2=sign * a) & models.Polynomial2D(2, c0_1=1.0)
        then_y = models.Polynomial2D(2, c1_0=1.0) & models.Polynomial2D(2, c0_1=1.0, c2_0=sign * b)
        return twice | x_first, twice | then_y

    (first, second), (undo_first, undo_second) = parts(1), parts(-1)
    return first | second, undo_second | undo_first


def scaled(width, height, x, y):
    """Return a scale with a shift, and its inverse."""
    models = _models()
    scale, shift = np.diag([width, height]), np.array([x, y])
    back = np.diag([1 / width, 1 / height])
    return models.AffineTransformation2D(scale, shift), models.AffineTransformation2D(back, -back @ shift)


def _with_inverse(forward, backward):
    forward.inverse = backward
    return forward


def _camera():
    """From metres on the detectors to tangents."""
    bent, straight = _bent(optics.CAMERA_BEND)
    to, back = scaled(*optics.CAMERA, 0.0, optics.OFF_AXIS)
    return _with_inverse(bent | to, back | straight)


def _collimator():
    """From tangents to metres in the plane of the shutters."""
    models = _models()
    bent, straight = _bent(optics.COLLIMATOR_BEND)
    to, back = scaled(*optics.COLLIMATOR, 0.0, 0.0)
    up, down = (models.Shift(0.0) & models.Shift(sign * optics.OFF_AXIS) for sign in (1, -1))
    return _with_inverse(up | bent | to, back | straight | down)


def _disperser():
    models = _models()
    x, y, z = optics.THETA
    scale, zero = optics.READING_SCALE, optics.ZERO_READING
    return datamodels.DisperserModel(
        angle=optics.PRISM_ANGLE, kcoef=list(optics.GLASS_K), lcoef=list(optics.GLASS_L), tcoef=[0.0] * 6, tref=37.0,
        pref=0.0, wbound=[4e-7, 7e-6], theta_x=x, theta_y=y, theta_z=z, tilt_x=0.0, tilt_y=optics.TILT,
        gwa_tiltx={
            "temperatures": [37.0], "tilt_model": models.Polynomial1D(1, c0=-scale * zero, c1=scale),
            "unit": "arcsec", "zeroreadings": [zero],
        },
        gwa_tilty={
            "temperatures": [37.0], "tilt_model": models.Polynomial1D(1, c0=0.0, c1=0.0), "unit": "arcsec",
            "zeroreadings": [0.0334],
        },
    )  # fmt: skip


def _detectors():
    """From pixels of each detector to metres; the second one stands on its head beside the first."""
    models = _models()
    x, y = optics.FPA_SHIFT

    def detector(sign):
        pixel = models.AffineTransformation2D(sign * optics.PIXEL * np.eye(2), np.zeros(2))
        return pixel | models.Shift(sign * x) & models.Shift(sign * y)

    return datamodels.FPAModel(nrs1_model=detector(1), nrs2_model=detector(-1))


def fore_optics(matrix, shift=(0.0, 0.0)):
    """Return a linear transform of x, y that is handed the wavelength as well, as the fore-optics are."""
    models = _models()
    plane = models.Mapping((0, 1), n_inputs=3)
    back, shift = np.linalg.inv(matrix), np.asarray(shift, float)
    forward = plane | models.AffineTransformation2D(matrix, shift)
    return _with_inverse(forward, plane.copy() | models.AffineTransformation2D(back, -back @ shift))


def _telescope():
    to, back = scaled(*optics.TELESCOPE, *optics.V2V3)
    return _with_inverse(to, back)
