"""calwebb_spec2 of each mode, with the products of all its steps; and the background that nods subtract."""

import json

from spectra_cases import Case


def _with_backgrounds(association):
    """Roles of the members of an association, the science exposure as the step before left it."""

    def given(inputs, products):
        members = json.loads((inputs / association).read_text())["products"][0]["members"]
        science = next(iter(sorted(products.glob("*_assign_wcs.fits"))))
        others = [inputs / member["expname"] for member in members if member["exptype"] == "background"]
        return {"science": science, "background": others}

    return given


def _steps():
    yield Case("lrs: background", "lrs", "background", after="bsub", given=_with_backgrounds("nod1_spec2_asn.json"))
    yield Case("fs: background", "fs", "background", after="bsub", given=_with_backgrounds("fs_spec2_1_asn.json"))


def _pipelines():
    for run in ("fs", "fs-alone", "mos", "mos-alone", "ifu", "ifu-background", "bots"):
        yield Case(f"{run}: calwebb_spec2", run, "calwebb_spec2", params={"save_bsub": True})
    for run in ("lrs", "lrs-alone", "lrs-slitless", "mrs12", "mrs12-alone", "mrs34"):
        yield Case(f"{run}: calwebb_spec2", run, "calwebb_spec2", params={"save_bsub": True})


def cases():
    """Return the cases."""
    return [*_steps(), *_pipelines()]
