"""The background that nods subtract."""

from spectra_cases import Case


def _with_backgrounds(association):
    """Roles of the members of an association, the science exposure as the step before left it."""

    def given(inputs, products):
        import json

        members = json.loads((inputs / association).read_text())["products"][0]["members"]
        science = next(iter(sorted(products.glob("*_assign_wcs.fits"))))
        others = [inputs / member["expname"] for member in members if member["exptype"] == "background"]
        return {"science": science, "background": others}

    return given


def cases():
    """Return the cases."""
    return [
        Case("lrs: background", "lrs", "background", after="bsub", given=_with_backgrounds("nod1_spec2_asn.json")),
        Case("fs: background", "fs", "background", after="bsub", given=_with_backgrounds("fs_spec2_1_asn.json")),
    ]
