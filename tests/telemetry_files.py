"""Telemetry of a known attitude, and exposures to point by it."""

import numpy as np

from hexcal import datamodels, observatories
from hexcal.steps.pointing import rotations
from hexcal.steps.pointing.telemetry import COMMANDED, DETECTOR, FSM, J2FGS, POSITION, QUATERNION

START, END = 59733.7261, 59733.7263
COMMAND, STAR = (22.4, -8.2), (22.5, -8.1)
J = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""From J to the guider."""


def attitude(ra=120.0, dec=-30.0, roll=50.0):
    """Rotation from the sky to the telescope: V1 looks at a position, V3 has a position angle there."""
    ra, dec, roll = np.radians([ra, dec, roll])
    out = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    east = np.array([-np.sin(ra), np.cos(ra), 0.0])
    north = np.cross(out, east)
    v3 = np.cos(roll) * north + np.sin(roll) * east
    return np.array([out, np.cross(v3, out), v3])


def telemetry_of(eci2v, guider="FGS1_FULL_OSS"):
    """Values of all mnemonics for an attitude without aberration (dict)."""
    from scipy.spatial.transform import Rotation

    v2fgs = rotations.v2siaf(observatories.get("jwst").apertures[guider])
    q = Rotation.from_matrix((J.T @ v2fgs @ eci2v).T).as_quat()
    values = dict(zip(QUATERNION, q, strict=True)) | dict(zip(J2FGS, J.T.ravel(), strict=True))
    values |= dict(zip(COMMANDED, COMMAND, strict=True)) | dict(zip(POSITION, STAR, strict=True))
    return values | dict.fromkeys(FSM, 0.01) | {DETECTOR: 1}


def write_telemetry(path, values, times=(START, (START + END) / 2, END), without=()):
    """Write a file of telemetry in which nothing changes; returns its path."""
    lines = ["mnemonic,mjd,value"]
    lines += [
        f"{name},{time!r},{float(value)!r}" for name, value in values.items() if name not in without for time in times
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def star_of(eci2v, guider="FGS1_FULL_OSS"):
    """Right ascension and declination of the guide star, degrees."""
    v2fgs = rotations.v2siaf(observatories.get("jwst").apertures[guider])
    x, y = np.radians(np.array(STAR) / 3600)
    vector = eci2v.T @ v2fgs.T @ [np.sin(x) * np.cos(y), np.sin(y), np.cos(x) * np.cos(y)]
    return np.degrees(np.arctan2(vector[1], vector[0])) % 360, np.degrees(np.arcsin(vector[2]))


def raw(path, eci2v, mode="COARSE", aperture="MIRIM_FULL", exposure_type="MIR_IMAGE", velocity=None):
    """Write a raw exposure without pointing; returns its path."""
    model = datamodels.Level1bModel((1, 1, 8, 8))
    model.update({"meta": {"telescope": "JWST", "instrument": {"name": "MIRI", "detector": "MIRIMAGE"}}})
    model.meta.exposure.type, model.meta.aperture.name = exposure_type, aperture
    model.meta.exposure.start_time, model.meta.exposure.end_time = START, END
    model.meta.guidestar.gs_pcs_mode = mode
    model.meta.guidestar.gs_ra, model.meta.guidestar.gs_dec = map(float, star_of(eci2v))
    model.meta.target.ra, model.meta.target.dec = 121.0, -31.0
    for axis, value in zip("xyz", velocity or (None,) * 3, strict=True):
        model.set_meta(f"meta.ephemeris.velocity_{axis}_bary", value)
    model.save(path)
    return path
