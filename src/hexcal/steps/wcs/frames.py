"""The names of the frames of a WCS and the transforms that all modes share, as descriptions.

Velocity aberration, and from V2V3 to the sky.
"""

from typing import NamedTuple

from hexcal.errors import InputError
from hexcal.models.wcs import models

DETECTOR, V2V3, V2V3_ABERRATED, WORLD = "detector", "v2v3", "v2v3vacorr", "world"
"""Names of the frames; ``v2v3vacorr`` is V2V3 after the correction for differential velocity aberration."""

_KEYWORDS = {"v2_ref": "V2_REF", "v3_ref": "V3_REF", "roll_ref": "ROLL_REF", "ra_ref": "RA_REF", "dec_ref": "DEC_REF"}


class Pointing(NamedTuple):
    """Where the telescope points: the point of the focal plane that sees a point of the sky, and the roll there.

    Parameters
    ----------
    v2, v3 : float
        The point, arcsec.
    roll : float
        Position angle of the V3 axis there, degrees (north over east).
    ra, dec : float
        What it sees, degrees, ICRS.
    """

    v2: float
    v3: float
    roll: float
    ra: float
    dec: float


def pointing_of(model):
    """Return where the telescope points, by the header of an exposure.

    Raises
    ------
    InputError
        If one of V2_REF, V3_REF, ROLL_REF, RA_REF, DEC_REF is missing.
    """
    values = {name: model.get_meta(f"meta.wcsinfo.{name}") for name in _KEYWORDS}
    missing = [_KEYWORDS[name] for name, value in values.items() if value is None]
    if missing:
        raise InputError(
            f"the pointing is needed to place the exposure on the sky: {', '.join(missing)} not in the header of SCI",
            where=str(model.path or "model in memory"),
            hint="set_telescope_pointing writes these keywords",
        )
    return Pointing(values["v2_ref"], values["v3_ref"], values["roll_ref"], values["ra_ref"], values["dec_ref"])


def aberration_of(model, log):
    """Return VA_SCALE of an exposure, None without it, which is logged (`velocity_aberration`)."""
    scale = model.get_meta("meta.velocity_aberration.scale_factor")
    if scale is None:
        log.warning(
            "There is no VA_SCALE: no correction for velocity aberration (up to 0.1 arcsec at 1000 arcsec from the "
            "reference point)"
        )
    return scale


def velocity_aberration(scale, v2, v3):
    """Return the transform from V2V3 to V2V3 corrected for differential velocity aberration.

    The telescope is steered so that the reference point is where it should be; around it the motion of the observatory
    shrinks or stretches the field: ``v' = v_ref + scale (v - v_ref)``.

    Parameters
    ----------
    scale : float or None
        VA_SCALE; None: there is no correction.
    v2, v3 : float
        The reference point, arcsec.

    Returns
    -------
    Transform
        Named ``DVA_Correction``.

    Notes
    -----
    JWST pipeline documentation 1.13.5, assign_wcs, "Corrections due to spacecraft motion".
    """
    scale = 1.0 if scale is None else float(scale)
    stretch = models.Scale(scale, name="dva_scale_v2") & models.Scale(scale, name="dva_scale_v3")
    shift = models.Shift((1 - scale) * v2, name="dva_v2_shift") & models.Shift((1 - scale) * v3, name="dva_v3_shift")
    correction = stretch | shift
    correction.name = "DVA_Correction"
    return correction


def v2v3_to_sky(pointing):
    """Return the transform from V2V3 to the sky, a rotation of the sphere.

    Parameters
    ----------
    pointing : Pointing
        What it is turned to.

    Returns
    -------
    Transform
        From V2, V3 (arcsec) to right ascension and declination (degrees, 0 to 360). Named ``v23tosky``.

    Notes
    -----
    JWST pipeline documentation 1.13.5, assign_wcs: a rotation by Euler angles, from V2_REF, V3_REF, ROLL_REF, DEC_REF
    and RA_REF. The angles are those of JWST-STScI-001550 (SIAF document), section 5: turn the reference point onto the
    x axis, roll about it, turn it to the target.
    """
    angles = [pointing.v2 / 3600, -pointing.v3 / 3600, pointing.roll, pointing.dec, -pointing.ra]
    to_sky = (
        models.Scale(1 / 3600) & models.Scale(1 / 3600)
        | models.SphericalToCartesian(wrap_lon_at=180)
        | models.RotationSequence3D(angles, axes_order="zyxyz")
        | models.CartesianToSpherical(wrap_lon_at=360)
    )
    to_sky.name = "v23tosky"
    return to_sky
