"""Rectified and extracted spectra."""

from spectra_cases import Case

_REGION = "corners of S_REGION of MIRI LRS differ by 8e-9 degrees: the width lies across the slit in the tangent plane"
_ROUNDING = (2, "weights of pixels that are hit by less than 1e-6 of a pixel: float32")
_RUNS = ("fs", "mos", "lrs")
_OTHERS = {
    "ratio": {"pixel_scale_ratio": 0.5},
    "point": {"kernel": "point", "weight_type": "exptime"},
    "pixfrac": {"pixfrac": 0.5},
    "flags": {"propagate_dq": True},
}


def cases():
    """Return the cases."""
    return [*_rectified(), *_extracted()]


def _rectified():
    for run in _RUNS:
        known = {"key S_REGION": (1, _REGION)} if run == "lrs" else {"WHT": _ROUNDING}
        options = {"before": "cal", "after": "s2d", "known": known, "wcs": True}
        yield Case(f"{run}: resample_spec", run, "resample_spec", **options)
    for name, params in _OTHERS.items():
        for run in ("fs", "lrs"):
            known = {"key S_REGION": (1, _REGION)} if run == "lrs" else {"WHT": _ROUNDING}
            options = {"before": "cal", "alone": "resample_spec", "known": known, "params": params}
            yield Case(f"{run}: resample_spec {name}", run, "resample_spec", **options)


_NO_CORRECTION = (
    "3.0.0 makes no aperture correction of slits of NIRSpec, whatever the table has (a table of 2.0 changes nothing)"
)
_VARIANCE_OF_NAN = (
    "where a pixel of the aperture is NaN, 3.0.0 subtracts the background of the others, "
    "but adds the variance of the background of all"
)
_CORRECTED = (
    *("FLUX", "FLUX_ERROR", "SURF_BRIGHT", "SB_ERROR"),
    *(f"{kind}_VAR_{part}" for kind in ("FLUX", "SB") for part in ("POISSON", "RNOISE", "FLAT")),
)
_BACKGROUND = ("BKGD_ERROR", *(f"BKGD_VAR_{part}" for part in ("POISSON", "RNOISE", "FLAT")))


_WITHOUT = {"fs": (15, 49), "mos": (34, 338)}
"""Run -> fluxes and variances that an aperture correction changes by more than is tolerated."""


def known_of(run):
    """What differs in extracted spectra of a run, whether extract_1d alone or the pipeline has made them."""
    run = run.removesuffix("-alone")
    if run in _WITHOUT:
        fluxes, variances = _WITHOUT[run]
        return {name: (variances if "_VAR_" in name else fluxes, _NO_CORRECTION) for name in _CORRECTED}
    if run == "lrs-slitless":
        return dict.fromkeys((*_CORRECTED, *_BACKGROUND), (30, _VARIANCE_OF_NAN))
    return {}


def _extracted():
    step, rows = "extract_1d", {"integrations_as": "rows"}
    given = {"override_extract1d": "{inputs}/refs/extract1d.json", "override_apcorr": "{inputs}/refs/apcorr.fits"}
    for run in _WITHOUT:
        yield Case(f"{run}: extract_1d", run, step, before="s2d", after="x1d", known=known_of(run))
        alone = {**given, "apply_apcorr": False}
        yield Case(f"{run}: extract_1d without correction", run, step, before="s2d", alone=step, params=alone)
    yield Case("lrs: extract_1d", "lrs", step, before="s2d", after="x1d")
    yield Case(
        "fs: extract_1d not rectified", "fs", step, before="cal", alone=step, params={**given, "apply_apcorr": False}
    )
    yield Case("bots: extract_1d", "bots", step, before="calints", after="x1dints", params=rows)
    yield Case(
        "lrs-slitless: extract_1d",
        "lrs-slitless",
        step,
        before="calints",
        after="x1dints",
        params=rows,
        known=known_of("lrs-slitless"),
    )
    yield Case("ifu: extract_1d", "ifu", step, before="s3d", after="x1d")
    given = {"override_extract1d": "{inputs}/refs/extract1d.asdf", "override_apcorr": "{inputs}/refs/apcorr.asdf"}
    options = {"ifu_autocen": True, "ifu_covar_scale": 1.5}
    yield Case("ifu: extract_1d brightest", "ifu", step, before="s3d", alone=step, params={**given, **options})
    options = {"center_xy": [20.0, 23.0], "subtract_background": False, "apply_apcorr": False}
    yield Case("ifu: extract_1d centre", "ifu", step, before="s3d", alone=step, params={**given, **options})
