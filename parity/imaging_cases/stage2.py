"""flat_field, photom, background and calwebb_image2."""

import json
from pathlib import Path

import numpy as np

from imaging_cases import Case

DO_NOT_USE, NO_FLAT_FIELD, UNRELIABLE_FLAT = 1, 2**18, 2**25
SHAPE = (48, 64)
_MODES = {
    "NIRCAM": ("NRCA1", "NRC_IMAGE", "F200W", "CLEAR"),
    "NIRISS": ("NIS", "NIS_IMAGE", "CLEAR", "F200W"),
    "MIRI": ("MIRIMAGE", "MIR_IMAGE", "F770W", None),
    "FGS": ("GUIDER1", "FGS_IMAGE", None, None),
}
_MID_TIME = 60200.25
_NAMES = {"flatfieldstep": "flat_field", "photomstep": "photom"}
_BORDER = {
    f"i2d:{plane}": (200, "_i2d: pixels at the border of the grid (docs/decisions.md)")
    for plane in ("SCI", "ERR", "WHT", "CON", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")
} | {"i2d:WCS-keywords": (1, "S_REGION of a mosaic is the outline of its grid (docs/decisions.md)")}


def exposure(folder, name, instrument="NIRCAM", n_ints=0, corner=(1, 1), shape=SHAPE, seed=1, level=20.0, **meta):
    """Write rates with NaN and flags of every kind; returns the path."""
    from hexcal import datamodels

    rng = np.random.default_rng(seed)
    shape = (n_ints, *shape) if n_ints else shape
    kind = datamodels.CubeModel if n_ints else datamodels.ImageModel
    model = kind(rng.normal(level, 3, shape).astype("f4"))
    model.var_poisson, model.var_rnoise = (rng.uniform(0.5, 2, shape).astype("f4") for _ in range(2))
    model.err = np.sqrt(model.var_poisson + model.var_rnoise)
    model.dq = np.where(rng.random(shape) < 0.02, 2 ** rng.integers(0, 28, shape), 0).astype("u4")
    for plane in (model.data, model.err, model.var_poisson, model.var_rnoise):
        plane[rng.random(shape) < 0.01] = np.nan
    model.data[rng.random(shape) < 0.01] *= 50
    detector, exposure_type, filter_name, pupil = _MODES[instrument]
    model.meta.telescope, model.meta.instrument.name, model.meta.instrument.detector = "JWST", instrument, detector
    model.meta.instrument.filter, model.meta.instrument.pupil = filter_name, pupil
    model.meta.exposure.type, model.meta.exposure.mid_time = exposure_type, _MID_TIME
    model.meta.observation.date, model.meta.observation.time = "2023-09-13", "06:00:00"
    model.meta.subarray.name, model.meta.subarray.xstart, model.meta.subarray.ystart = "SUB64", *corner
    model.meta.subarray.ysize, model.meta.subarray.xsize = shape[-2:]
    model.meta.bunit_data = model.meta.bunit_err = "DN/s"
    model.meta.visit.tsovisit = False
    for path, value in meta.items():
        model.set_meta(f"meta.{path.replace('__', '.')}", value)
    model.meta.filename = name
    folder.mkdir(parents=True, exist_ok=True)
    return model.save(folder / name)


def reference(folder, kind, model, instrument="NIRCAM", corner=(1, 1), shape=SHAPE):
    """Write a reference file with the keywords that each must have."""
    from hexcal.simulate.reference_files import Place, describe

    detector, exposure_type, filter_name, pupil = _MODES[instrument]
    describe(model, kind, Place(instrument, detector, "SUB64", *corner, shape[1], shape[0]), f"Made for {kind}")
    model.meta.exposure.type = exposure_type
    model.meta.instrument.filter, model.meta.instrument.pupil = filter_name, pupil
    folder.mkdir(parents=True, exist_ok=True)
    return model.save(folder / f"{kind}.fits")


def flat(folder, instrument="NIRCAM", corner=(1, 1), shape=SHAPE, seed=3):
    """Write a flat field with NaN, zeros, NaN errors and flags."""
    from hexcal import datamodels
    from hexcal.simulate.reference_files import flag_definitions

    rng = np.random.default_rng(seed)
    model = datamodels.FlatModel(rng.normal(1, 0.1, shape).astype("f4"))
    model.err, model.dq = rng.uniform(0.001, 0.01, shape).astype("f4"), np.zeros(shape, "u4")
    model.data[rng.random(shape) < 0.01] = np.nan
    model.data[rng.random(shape) < 0.01] = 0
    model.err[rng.random(shape) < 0.01] = np.nan
    for flags in (DO_NOT_USE, NO_FLAT_FIELD, DO_NOT_USE | NO_FLAT_FIELD):
        model.dq[rng.random(shape) < 0.01] |= flags
    model.dq_def = flag_definitions("flat")
    return reference(folder, "flat", model, instrument, corner, shape)


def factors(folder, instrument, rows, tables=None, area_shape=SHAPE):
    """Write a table of conversion factors, with coefficients of the change with time, and a map of pixel areas."""
    from hexcal import datamodels

    columns = {"MIRI": ["filter", "subarray"], "FGS": []}.get(instrument, ["filter", "pupil"])
    elements = [(column, "S12") for column in columns]
    prefix = {"NIRCAM": "Nrc", "NIRISS": "Nis", "MIRI": "Mir", "FGS": "Fgs"}[instrument]
    kinds = [*elements, ("photmjsr", "f4"), ("uncertainty", "f4")]
    model = getattr(datamodels, f"{prefix}ImgPhotomModel")(phot_table=np.array(rows, kinds))
    for name, (numbers, values) in (tables or {}).items():
        kinds = [*elements, *((number, "f4") for number in numbers)]
        setattr(model, name, np.array([(*row[: len(elements)], *values) for row in rows], kinds))
    model.meta.photometry.pixelarea_steradians, model.meta.photometry.pixelarea_arcsecsq = 2e-14, 8.5e-4
    reference(folder, "photom", model, instrument)
    area = datamodels.PixelAreaModel(np.random.default_rng(5).normal(1, 0.01, area_shape).astype("f4"))
    area.meta.photometry.pixelarea_steradians, area.meta.photometry.pixelarea_arcsecsq = 2.1e-14, 8.9e-4
    reference(folder, "area", area, instrument, shape=area_shape)


_ROWS = {
    "NIRCAM": [("F090W", "CLEAR", 7, 1), ("F200W", "F323N", 3, 1), ("F200W", "CLEAR", 2.1, 1)],
    "NIRISS": [("F277W", "CLEARP", 3, 1), ("CLEAR", "F200W", 0.4, 1)],
    "MIRI": [("F770W", "FULL", 3, 1), ("F770W", "GENERIC", 0.37, 1)],
    "FGS": [(1.3, 1)],
}
_CHANGES = {
    "timecoeff_linear": (("t0", "lossperyear"), (59800, 0.05)),
    "timecoeff_exponential": (("t0", "amplitude", "tau", "const"), (59800, 0.3, 200, 0.8)),
    "timecoeff_powerlaw": (("t0", "year1value", "tsoft", "alpha"), (59800, 0.9, 10, -0.1)),
}


def _flat_cases(folder):
    for name, settings, params in (
        ("image", {}, {}),
        ("integrations", {"n_ints": 3}, {}),
        ("miri", {"instrument": "MIRI"}, {}),
        ("inverse", {}, {"inverse": True}),
    ):
        here = folder / f"flat_{name}"
        flat(here / "refs", settings.get("instrument", "NIRCAM"))
        job = {"input": exposure(here, "x_rate.fits", **settings), "refs": str(here / "refs"), "params": params}
        yield Case(f"flat_field: {name}", {"target": "flat_field", **job}, names=_NAMES)
    here = folder / "flat_subarray"
    flat(here / "refs", shape=(100, 120))
    path = exposure(here, "x_rate.fits", corner=(17, 31))
    yield Case(
        "flat_field: subarray", {"target": "flat_field", "input": path, "refs": str(here / "refs")}, names=_NAMES
    )


def _photom_cases(folder):
    for instrument, rows in _ROWS.items():
        here = folder / f"photom_{instrument}"
        factors(here / "refs", instrument, rows)
        path = exposure(here, "x_rate.fits", instrument)
        yield Case(
            f"photom: {instrument}", {"target": "photom", "input": path, "refs": str(here / "refs")}, names=_NAMES
        )
    here = folder / "photom_time"
    factors(here / "refs", "NIRCAM", _ROWS["NIRCAM"], _CHANGES)
    for name, settings, params in (
        ("change with time", {}, {}),
        ("integrations", {"n_ints": 2, "exposure__type": "NRC_TSIMAGE"}, {}),
        ("without change with time", {}, {"apply_time_correction": False}),
        ("inverse", {}, {"inverse": True}),
    ):
        path = exposure(here, f"{name.replace(' ', '-')}_rate.fits", **settings)
        yield Case(
            f"photom: {name}",
            {"target": "photom", "input": path, "refs": str(here / "refs"), "params": params},
            names=_NAMES,
        )


def _background_cases(folder):
    rms = {"ERR": (10**6, "ERR of integrations: 3.0.0 takes the r.m.s., not the error of the mean (docs/decisions.md)")}
    cases = {
        "1 image": ({}, [{}], {}),
        "2 images": ({}, [{}] * 2, {}),
        "12 images": ({}, [{}] * 12, {}),
        "12 images, 1.5 sigma, 2 iterations": ({}, [{}] * 12, {"sigma": 1.5, "maxiters": 2}),
        "integrations": ({"n_ints": 3}, [{"n_ints": 11}] * 4, {}),
        "subarray of full frames": ({"corner": (9, 5), "shape": (20, 30)}, [{}] * 3, {}),
    }
    for name, (target, backgrounds, params) in cases.items():
        here = folder / f"background_{name.replace(' ', '_').replace(',', '')}"
        (here / "refs").mkdir(parents=True)
        path = exposure(here, "x_rate.fits", seed=20, **target)
        files = [exposure(here, f"b{n}_rate.fits", seed=n, **settings) for n, settings in enumerate(backgrounds)]
        job = {"target": "BackgroundStep", "input": path, "refs": str(here / "refs")}
        params = {"bkg_list": [str(file) for file in files], "save_combined_background": True, **params}
        yield Case(
            f"background: {name}",
            {**job, "params": params},
            known=rms if name == "integrations" else {},
            floor=1e-5,
            names={"backgroundstep": "background"},
        )


def _pipeline_cases(folder):
    from hexcal.simulate.imaging import Imaging
    from hexcal.simulate.imaging_setups import SETUPS

    for instrument, setup in SETUPS.items():
        here = folder / f"image2_{instrument}"
        written = Imaging(setup, setup.camera(128), n_exposures=2, n_backgrounds=2, seed=7).save(here)
        association = json.loads(Path(written["associations"][0]).read_text())
        for member in association["products"][0]["members"]:
            # The reference implementation looks for members in the present folder.
            member["expname"] = str(here / member["expname"])
        path = here / "whole_asn.json"
        path.write_text(json.dumps(association))
        job = {"target": "calwebb_image2", "refs": written["references"]}
        area = {
            "AREA": (
                128 * 128,
                "AREA: 3.0.0 cuts a map of the size of the subarray as if it were of the whole detector",
            )
        }
        i2d = ("ASDF", "HDRTAB")
        yield Case(
            f"calwebb_image2: {instrument}",
            {**job, "input": written["exposures"][0]},
            known={**area, **_BORDER}, ignored=i2d, rtol=1e-4, floor=1e-3,
        )  # fmt: skip
        yield Case(
            f"calwebb_image2: {instrument}, backgrounds",
            {**job, "input": str(path), "params": {"save_bsub": True}, "steps": {"resample": {"skip": True}}},
            known=area,
        )


def cases(folder):
    """Make the inputs below a folder; returns the cases."""
    return [case for make in (_flat_cases, _photom_cases, _background_cases, _pipeline_cases) for case in make(folder)]
