"""assign_wcs of MIRI, and the steps of MIRI MRS: badpix_selfcal, srctype, straylight, fringe, residual_fringe."""

import json

import numpy as np
from spectra_compare import Difference

from spectra_cases import Case

_SHOWERS = {"clean_showers": True, "shower_x_stddev": 6.0, "shower_y_stddev": 4.0, "shower_plane": 5}
_FRINGES = {"SCI": (75_000, "waves of its own (docs/decisions.md)")}


def _exposure(asn):
    """What finds the science exposure of an association in the folder of inputs."""

    def find(inputs, products):
        members = json.loads((inputs / asn).read_text())["products"][0]["members"]
        return inputs / next(member["expname"] for member in members if member["exptype"] == "science")

    return find


def _wavelengths(own, peer):
    """The range of wavelengths in the ASDF extension, as the reference implementation has it."""
    from hexcal import datamodels

    ranges = [datamodels.open(paths[0]).get_meta("meta.wcsinfo.spectral_region") for paths in (own, peer)]
    off = np.abs(np.subtract(*ranges)) / 1e-9
    difference = Difference("spectral_region")
    difference.add(int((off > 1).sum()), 2, float(off.max()))
    yield difference


def cases():
    """Return the cases."""
    associations = {
        "lrs": "nod1_spec2_asn.json",
        "lrs-alone": "plain1_spec2_asn.json",
        "lrs-slitless": "tso_spec2_asn.json",
        "mrs12": "sub1_12SHORT_spec2_asn.json",
        "mrs34": "sub1_34SHORT_spec2_asn.json",
    }
    assigned = [
        Case(
            f"{run}: assign_wcs",
            run,
            "assign_wcs",
            given=_exposure(asn),
            after="assign_wcs",
            wcs=True,
            check=_wavelengths if run.startswith("mrs") else None,
        )
        for run, asn in associations.items()
    ]
    steps = [
        Case(f"{run}: {step}", run, step, before=before, after=f"{detector}_{step}", **more)
        for run, detector in (("mrs12", "mirifushort"), ("mrs34", "mirifulong"))
        for step, before, more in (
            ("srctype", "bsub", {}),
            # 2e-6 DN/s r.m.s.; at the brightest pixels the last bit of float32 of thousands of DN/s.
            ("straylight", "srctype", {"floor": 4e-4}),
            ("fringe", "flat_field", {}),
            ("residual_fringe", "photom", {"known": _FRINGES, "params": {"skip": False}}),
        )
    ]
    alone = [
        Case(
            "mrs12: straylight clean_showers",
            "mrs12",
            "straylight",
            before="srctype",
            alone="straylight",
            params=_SHOWERS,
            floor=1e-3,
        ),
        *(
            Case(f"{run}: srctype {kind}", run, "srctype", before=before, alone="srctype", params={"source_type": kind})
            for run, before in (("mrs12", "bsub"), ("lrs", "bsub"), ("fs", "extract_2d"), ("mos", "extract_2d"))
            for kind in ("POINT", "EXTENDED")
        ),
        *(
            Case(
                f"mrs12: badpix_selfcal{name}",
                "mrs12",
                "badpix_selfcal",
                before="assign_wcs",
                alone="badpix_selfcal",
                params={"skip": False, "force_single": True, **params},
            )
            for name, params in (("", {}), (" of 7 pixels", {"kernel_size": 7, "flagfrac_upper": 0.01}))
        ),
    ]
    return [*assigned, *steps, *alone]
