"""resample and outlier_detection."""

import json

import numpy as np

from imaging_cases import Case
from imaging_cases.stage2 import exposure

SHAPE, SCALE, PLACE = (120, 140), 0.031 / 3600, (53.16, -27.79)
_PLANES = ("SCI", "ERR", "WHT", "CON", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")
_VALUES = ("SCI", "ERR", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")
_BORDER = {"North up": 10, "coarser": 10, "finer": 10, "given place": 150}
"""Pixels at the border of the grid that differ (docs/decisions.md)."""
_STARS = [(30.0, 40.0, 3000.0), (90.0, 75.0, 20000.0), (60.0, 100.0, 800.0), (110.0, 20.0, 300.0)]


def _scene(wcs, shape):
    """Stars on a sky of 20, as an image with this WCS sees them."""
    from hexcal.steps.image.output_wcs import tangent_plane
    from hexcal.steps.wcs.evaluate import pixel_to_sky, sky_to_pixel

    centre = ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
    sky = pixel_to_sky(tangent_plane(centre, PLACE, np.array([[-1.0, 0], [0, 1]]), SCALE), *np.array(_STARS)[:, :2].T)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    image = np.full(shape, 20.0)
    for x, y, flux in zip(*sky_to_pixel(wcs, *sky), np.array(_STARS)[:, 2], strict=True):
        image += flux / 8 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 2 / 1.2**2)
    return image


def calibrated(folder, number, angle, dx, dy, level=0.0):
    """Write a calibrated exposure with a WCS, variances, bad pixels and cosmic rays; returns its name."""
    from hexcal import datamodels
    from hexcal.steps.image.output_wcs import bounded, tangent_plane
    from hexcal.steps.wcs.footprint import footprint, s_region

    name = f"sky_{number}_cal.fits"
    model = datamodels.open(exposure(folder, name, shape=SHAPE, seed=number, exposure__exposure_time=100.0 + number))
    rng = np.random.default_rng(100 + number)
    ra, dec = PLACE[0] + dx * SCALE / np.cos(np.radians(PLACE[1])), PLACE[1] + dy * SCALE
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    centre = ((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2)
    wcs = tangent_plane(centre, (ra, dec), np.array([[-cosine, sine], [sine, cosine]]), SCALE)
    model.meta.wcs = bounded(wcs, SHAPE)
    info = model.meta.wcsinfo
    info.wcsaxes = 2
    info.ra_ref, info.dec_ref, info.roll_ref, info.v3yangle, info.vparity = ra, dec, float(angle), 0.0, -1
    info.s_region = s_region(footprint(wcs, SHAPE))
    scene = _scene(wcs, SHAPE)
    model.var_rnoise = rng.uniform(0.8, 1.2, SHAPE).astype("f4")
    model.var_poisson, model.var_flat = (scene / 40).astype("f4"), (scene**2 * 1e-5).astype("f4")
    model.err = np.sqrt(model.var_rnoise + model.var_poisson + model.var_flat)
    model.data = (scene + level + rng.normal(0, 1, SHAPE) * model.err).astype("f4")
    model.data[rng.random(SHAPE) < 0.002] += 200
    model.dq = np.where(rng.random(SHAPE) < 0.02, 1, np.where(rng.random(SHAPE) < 0.02, 4, 0)).astype("u4")
    for plane in (model.data, model.err, model.var_rnoise, model.var_poisson, model.var_flat):
        plane[model.dq == 1] = np.nan
    model.meta.background.level, model.meta.background.subtracted = level, False
    model.meta.exposure.start_time, model.meta.exposure.end_time = 60200.2 + number, 60200.3 + number
    observation = model.meta.observation
    observation.program_number, observation.observation_number, observation.visit_number = "00042", "001", "001"
    observation.visit_group, observation.sequence_id, observation.activity_id = "02", "1", "01"
    observation.exposure_number = str(number + 1)
    model.meta.photometry.pixelarea_arcsecsq = (SCALE * 3600) ** 2
    model.meta.photometry.pixelarea_steradians = float(np.radians(SCALE) ** 2)
    model.save(folder / name)
    return name


def association(folder, turned=True):
    """Write four exposures and their association; returns its path."""
    names = [
        calibrated(folder, number, angle if turned else 30.0, dx, dy, level)
        for number, (angle, dx, dy, level) in enumerate(
            [(30.0, 0, 0, 0.0), (30.1, 5.3, -7.6, 0.5), (75.0, -6.2, 3.3, 0.0), (121.0, 2.4, 8.8, 1.5)]
        )
    ]
    members = [{"expname": name, "exptype": "science"} for name in names]
    content = {"asn_type": "image3", "asn_rule": "none", "asn_id": "a3001", "asn_pool": "none", "program": "00042"}
    content["products"] = [{"name": "sky", "members": members}]
    (folder / "refs").mkdir()
    path = folder / "sky.json"
    path.write_text(json.dumps(content))
    return str(path)


_RESAMPLE = {
    "by default": {},
    "exposure time": {"weight_type": "exptime"},
    "smaller drops": {"pixfrac": 0.6},
    "point": {"kernel": "point"},
    "turbo": {"kernel": "turbo"},
    "Gaussian": {"kernel": "gaussian"},
    "North up": {"rotation": 0.0},
    "coarser": {"pixel_scale": 0.05},
    "finer": {"pixel_scale_ratio": 0.6},
    "given place": {"crpix": [60.0, 70.0], "crval": [53.1601, -27.7901], "output_shape": [150, 160]},
    "flags": {"propagate_dq": True},
}
_OUTLIERS = {
    "by default": {},
    "limits": {"snr": "6.0 3.0", "scale": "2.0 0.5", "backg": 0.3},
    "point": {"kernel": "point", "maskpt": 0.5},
    "exposure time": {"weight_type": "exptime"},
}


def cases(folder):
    """Return the cases."""
    all_cases = []
    # Grids agree to 1e-7 pixel, which near the core of a bright star is 1e-5 of the value; weights are sums of float32
    # in another order.
    for name, params in _RESAMPLE.items():
        here = folder / f"resample_{name}"
        job = {"target": "resample", "input": association(here), "refs": str(here / "refs"), "params": params}
        known = dict.fromkeys(_PLANES, (_BORDER[name], "pixels at the border of the grid")) if name in _BORDER else {}
        if name == "smaller drops":
            known["WHT"] = (1, "a pixel that a drop only touches: rounding of the grid")
        known["WCS-keywords"] = (1, "S_REGION is the outline of the grid")
        all_cases.append(Case(f"resample: {name}", job, 1e-4, 1e-3, known, names={"resamplestep": "resample"}))
    for name, params in _OUTLIERS.items():
        here = folder / f"outliers_{name}"
        job = {"target": "outlier_detection", "input": association(here, False), "refs": str(here / "refs")}
        job["params"] = params
        # Values in float32 that lie on the limit.
        known = dict.fromkeys(("DQ", *_VALUES), (1, "a pixel within rounding of the limit")) if name == "limits" else {}
        all_cases.append(Case(f"outlier_detection: {name}", job, known=known, names={"outlierdetectionstep": "crf"}))
    return all_cases
