"""assign_wcs and assign_mtwcs; the plane WCS of all products is compared besides (parity/wcs_positions.py)."""

import contextlib
import json
import logging
import os
from pathlib import Path

from imaging_cases import Case

_NAMES = {"assignwcsstep": "assign_wcs", "assignmtwcsstep": "assign_mtwcs"}
_WAY_BACK = {"WCS-keywords": (60, "SIP of the way back up to degree 6 (docs/decisions.md)")}
_TYPES = {
    "NIRCAM": "NRC_TACQ NRC_TACONFIRM NRC_FOCUS NRC_CORON NRC_TSIMAGE",
    "MIRI": "MIR_TACQ MIR_LYOT MIR_4QPM MIR_CORONCAL MIR_TACONFIRM",
    "NIRISS": "NIS_TACQ NIS_TACONFIRM NIS_FOCUS NIS_AMI",
    "FGS": "FGS_FOCUS",
}


def _rates(folder, instrument, size=128, n_exposures=1):
    """Exposures with the pointing of one sky, and their reference files."""
    from hexcal.simulate.imaging import Imaging
    from hexcal.simulate.imaging_setups import SETUPS

    setup = SETUPS[instrument]
    written = Imaging(setup, setup.camera(size), n_exposures=n_exposures, seed=11).save(folder)
    return written["exposures"], written["references"]


def _changed(path, name, **meta):
    """Write an exposure with other metadata beside it; returns the path."""
    from hexcal import datamodels

    model = datamodels.open(path)
    for item, value in meta.items():
        model.set_meta(f"meta.{item.replace('__', '.')}", value)
    return model.save(Path(path).with_name(f"{name}_rate.fits"))


def _assign_cases(folder):
    for instrument, types in _TYPES.items():
        (path,), refs = _rates(folder / f"wcs_{instrument}", instrument)
        job = {"target": "assign_wcs", "refs": refs}
        yield Case(f"assign_wcs: {instrument}", {**job, "input": path}, names=_NAMES)
        for kind in types.split():
            changed = _changed(path, kind.lower().replace("_", "-"), exposure__type=kind)
            yield Case(f"assign_wcs: {kind}", {**job, "input": changed}, names=_NAMES)
    (path,), refs = _rates(folder / "wcs_changed", "NIRCAM")
    job = {"target": "assign_wcs", "refs": refs}
    for name, settings, meta in (
        ("subarray elsewhere", {}, {"subarray__xstart": 301, "subarray__ystart": 77}),
        ("no velocity aberration", {}, {"velocity_aberration__scale_factor": None}),
        ("near a pole, across RA 0", {}, {"wcsinfo__ra_ref": 0.001, "wcsinfo__dec_ref": 88.0}),
        ("no SIP", {"sip_approx": False}, {}),
        ("SIP of degree 3, back 4", {"sip_degree": 3, "sip_inv_degree": 4}, {}),
        ("SIP of 20 points", {"sip_npoints": 20}, {}),
        ("SIP as documented", {"sip_max_pix_error": 0.1, "sip_max_inv_pix_error": 0.1}, {}),
    ):
        changed = _changed(path, name.replace(" ", "-").replace(",", ""), **meta)
        yield Case(f"assign_wcs: {name}", {**job, "input": changed, "params": settings}, names=_NAMES)


def _miri_cases(folder):
    """The real reference files of MIRI."""
    data = Path(os.environ.get("HEXCAL_REAL_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data")
    real = data / "references" / "miri_wcs"
    if not real.is_dir():
        return
    (path,), _ = _rates(folder / "wcs_real", "MIRI", size=1024)
    refs = folder / "wcs_real" / "real"
    refs.mkdir()
    for kind, name in (("distortion", "imager_distortion_flt9"), ("filteroffset", "filteroffset_full_flt9")):
        (refs / f"{kind}.asdf").write_bytes((real / f"jwst_miri_{name}.asdf").read_bytes())
    for element in ("F560W", "F770W", "F1130W", "F2550W"):
        changed = _changed(path, f"real-{element.lower()}", instrument__filter=element)
        job = {"target": "assign_wcs", "refs": str(refs), "input": changed}
        yield Case(f"assign_wcs: MIRI {element}, real reference files", job, names=_NAMES, known=_WAY_BACK)


@contextlib.contextmanager
def _silence():
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _moving_cases(folder):
    from hexcal.core import registry

    here = folder / "wcs_moving"
    paths, refs = _rates(here, "NIRCAM", n_exposures=3)
    members = []
    for number, path in enumerate(paths):
        with _silence():
            model = registry.find("assign_wcs").call(path, references=refs)
        model.meta.target.type = "MOVING"
        model.meta.wcsinfo.mt_ra = model.meta.wcsinfo.ra_ref + 0.001 * number
        model.meta.wcsinfo.mt_dec = model.meta.wcsinfo.dec_ref - 0.002 * number
        name = Path(path).name.replace("_rate", "_cal")
        members.append({"expname": model.save(here / name), "exptype": "science"})
    table = {"asn_type": "image3", "asn_rule": "none", "asn_id": "a3001", "asn_pool": "none", "program": "1"}
    (here / "asn.json").write_text(json.dumps({**table, "products": [{"name": "moving", "members": members}]}))
    job = {"target": "AssignMTWcsStep", "refs": refs, "input": str(here / "asn.json")}
    yield Case("assign_mtwcs: 3 exposures", job, names=_NAMES)


def cases(folder):
    """Make the inputs below a folder; returns the cases."""
    return [case for make in (_assign_cases, _miri_cases, _moving_cases) for case in make(folder)]
