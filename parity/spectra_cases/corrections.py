"""Corrections of slits and of integral-field images: flat_field, pathloss, barshadow, photom."""

import itertools
import json

from spectra_cases import Case

_CHAINS = {
    "fs": ("wavecorr", "flat_field", "pathloss", "photom"),
    "mos": ("wavecorr", "flat_field", "pathloss", "barshadow", "photom"),
    "ifu": ("srctype", "flat_field", "pathloss", "photom"),
    "bots": ("wavecorr", "flat_field", "photom"),
    "lrs": ("flat_field", "pathloss", "photom"),
    "lrs-slitless": ("flat_field", "photom"),
    "mrs12": ("mirifushort_fringe", "photom"),
}
"""Run -> suffixes of the products, one step after the other."""
_VARIANCES = ("VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")
_UNIT = {"key BUNIT": (12, "taken back it is DN/s again; 3.0.0 writes another one")}
_TAKEN_BACK = {
    "flat_field": ("fs", "mos", "ifu"),
    "pathloss": ("fs", "mos"),
    "barshadow": ("mos",),
    "photom": ("fs", "mos"),
}


def _signs(run):
    """Numbers of values and errors that have the other sign in 3.0.0."""
    values, errors = {"fs": (0, 22), "mos": (46, 64), "bots": (30, 45), "mrs12": (242, 242)}.get(run, (0, 0))
    why = "3.0.0 gives positive values to what is negative throughout, and negative errors (docs/decisions.md)"
    return {"SCI": (values, why), "ERR": (errors, why)}


def _with_imprints(inputs, products):
    """The science exposure as the step before left it, and the imprints of its association."""
    members = json.loads((inputs / "ifu_spec2_1_asn.json").read_text())["products"][0]["members"]
    science = next(iter(sorted(products.glob("*_msa_flagging.fits"))))
    return {
        "science": science,
        "imprint": [inputs / each["expname"] for each in members if each["exptype"] == "imprint"],
    }


def cases():
    """Return the cases."""
    steps = [
        Case(f"{run}: {after}", run, after, before=before, after=after)
        for run, chain in _CHAINS.items()
        for before, after in itertools.pairwise(chain)
    ]
    inverse = [
        Case(f"{run}: {step} inverse", run, step, before=step, alone=step, params={"inverse": True}, known=_UNIT)
        for step, runs in _TAKEN_BACK.items()
        for run in runs
    ]
    forced = [
        Case(f"{run}: {step} {kind}", run, step, before=before, alone=step, params={"source_type": kind})
        for run, step, before in (
            *(("fs", "pathloss", "flat_field"), ("mos", "pathloss", "flat_field")),
            *(("mos", "barshadow", "pathloss"), ("mos", "photom", "barshadow")),
        )
        for kind in ("POINT", "EXTENDED")
    ]
    places = [
        Case(
            f"lrs: pathloss at {place} arcsec",
            "lrs",
            "pathloss",
            before="flat_field",
            alone="pathloss",
            params={"user_slit_loc": place},
        )
        for place in (-0.1, 0.2, 1.0)
    ]
    replaced = [
        Case(
            f"{run}: pixel_replace {algorithm}",
            run,
            "pixel_replace",
            before="photom",
            alone="pixel_replace",
            params={"skip": False, "algorithm": algorithm},
            # Of the numerical minimisation, in single precision: 5e-4, once 1.5e-3; variances twice that.
            rtol=1.5e-3 if algorithm == "fit_profile" else 1e-5,
            rtols=dict.fromkeys(_VARIANCES, 3e-3) if algorithm == "fit_profile" else {},
            known=_signs(run) if algorithm == "fit_profile" else {},
        )
        for run in ("fs", "mos", "bots", "lrs", "mrs12", "ifu")
        for algorithm in ("fit_profile", "mingrad")
    ]
    imprint = Case("ifu: imprint", "ifu", "imprint", after="imprint_subtract", given=_with_imprints)
    return [imprint, *steps, *inverse, *forced, *places, *replaced]
