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
    return [*_rectified()]


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
