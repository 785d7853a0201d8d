"""Coordinates of NIRSpec and what is cut out by them: assign_wcs, msa_flagging, extract_2d, wavecorr."""

import numpy as np
from spectra_compare import Difference

from spectra_cases import Case

_EDGE, _SKY, _WAVELENGTH = 0.01, 1e-6 / 3600, 1e-9
"""Pixel, degrees, share of a wavelength."""
_PRISM = 1e-8
"""Share of a wavelength of the prism: its table has indices of refraction that differ in their last digits only, so
that the order of two additions moves some 20 of 4 million wavelengths by 1e-9 to 3e-9.
"""
_CHAIN = {"fs": ("extract_2d", "wavecorr"), "mos": ("msa_flagging", "extract_2d", "wavecorr"), "ifu": ("msa_flagging",),
          "bots": ("extract_2d", "wavecorr")}  # fmt: skip
_BEFORE = {
    ("fs", "extract_2d"): "bsub",
    ("mos", "extract_2d"): "bsub",
    ("bots", "extract_2d"): "assign_wcs",
    ("mos", "msa_flagging"): "assign_wcs",
    ("ifu", "msa_flagging"): "assign_wcs",
}


def cases():
    """Return the cases."""
    assigned = [
        Case(
            f"{run}: assign_wcs",
            run,
            "assign_wcs",
            after="assign_wcs",
            params={"nrs_ifu_slice_wcs": False} if run == "ifu" else {},
            check=_slices if run == "ifu" else _slits,
        )
        for run in ("fs", "mos", "ifu", "bots")
    ]
    later = [
        Case(
            f"{run}: {step}",
            run,
            step,
            before=_BEFORE.get((run, step), "srctype"),
            after=step,
            wcs=step != "msa_flagging",
        )
        for run, steps in _CHAIN.items()
        for step in steps
    ]
    return assigned + later


def _slits(own, peer):
    """Compare the slits of two exposures: boxes, coordinates of their pixels."""
    from hexcal import datamodels
    from hexcal.steps.wcs import nirspec_slits
    from hexcal.steps.wcs.evaluate import transform_points

    first, second = (datamodels.open(paths[0]).meta.wcs for paths in (own, peer))
    numbers = nirspec_slits.slit_numbers(second)
    same = nirspec_slits.slit_numbers(first) == numbers
    yield Difference("slits", int(not same), len(numbers), 0.0)
    for number in numbers if same else ():
        boxes = [np.array(nirspec_slits.box_of_slit(wcs, number)) for wcs in (first, second)]
        yield _compared(f"box of {number}", *boxes, _EDGE)
        x, y = np.meshgrid(*(np.arange(np.ceil(low), high) for low, high in boxes[1]))
        planes = [
            transform_points(nirspec_slits.slit_wcs(wcs, number), "detector", "world", x, y) for wcs in (first, second)
        ]
        tolerances = (_SKY, _SKY, _WAVELENGTH * planes[1][2])
        for name, values, true, tolerance in zip(("RA", "Dec", "wavelength"), *planes, tolerances, strict=True):
            yield _compared(f"{name} of {number}", values, true, tolerance)


def _slices(own, peer):
    """Compare the slices of two integral-field exposures."""
    from hexcal import datamodels
    from hexcal.steps.wcs.spectral import ifu_coordinates

    first, second = (ifu_coordinates(datamodels.open(paths[0])) for paths in (own, peer))
    tolerances = (_SKY, _SKY, _PRISM * second[2], 0.5)
    for name, values, true, tolerance in zip(
        ("RA", "Dec", "wavelength", "slice"), first, second, tolerances, strict=True
    ):
        yield _compared(name, values, true, tolerance)


def _compared(what, values, true, tolerance):
    """What a check yields."""
    seen = np.isfinite(true)
    excess = np.abs(values - true) / tolerance
    worst = float(np.max(excess[seen], initial=0.0))
    return Difference(
        what, int((excess[seen] > 1).sum() + (np.isfinite(values) != seen).sum()), int(np.size(true)), worst
    )
