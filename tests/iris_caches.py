"""A reference cache of TMT for tests: made here, or with the real mappings, and simulated reference files in it."""

import shutil
from pathlib import Path

from crds_caches import DATES, imap, make_cache, pmap, rmap

from hexcal.simulate.iris import IrisMode, simulate_frame

DARK = """Match({
    ('IRIS1', 'CUSTOM') : UseAfter({
        '1900-01-01 00:00:00' : 'tmt_iris_dark_0001.fits',
    }),
    ('IRIS1', 'FULL') : UseAfter({
        '1900-01-01 00:00:00' : 'tmt_iris_dark_0001.fits',
    }),
})"""
FLAT = """Match({
    ('IRIS1', 'K', 'CLEAR') : UseAfter({
        '2015-06-01 00:00:00' : 'tmt_iris_flat_0003.fits',
    }),
})"""
MASK = """Match({
    ('IRIS1', 'GENERIC') : UseAfter({
        '2015-10-01 00:00:00' : 'tmt_iris_mask_0001.fits',
    }),
})"""
_AREA = ("META.INSTRUMENT.DETECTOR", "META.SUBARRAY.NAME")
_OPTICS = ("META.INSTRUMENT.DETECTOR", "META.INSTRUMENT.FILTER", "META.INSTRUMENT.PUPIL")
FILES = {"dark": "tmt_iris_dark_0001.fits", "flat": "tmt_iris_flat_0003.fits", "mask": "tmt_iris_mask_0001.fits"}


def mappings():
    """Mappings of the names and rules that the TMT documents speak of."""
    of_iris = {"instrument": "IRIS", "observatory": "TMT"}
    any_area = {"META.SUBARRAY.NAME": {"GENERIC": "N/A"}}
    return {
        "tmt_0001.pmap": pmap({"IRIS": "tmt_iris_0003.imap"}, observatory="TMT", ignore_checksum=True),
        "tmt_iris_0003.imap": imap(
            {
                "DARK": "tmt_iris_dark_0001.rmap",
                "DFLAT": "N/A",
                "FLAT": "tmt_iris_flat_0003.rmap",
                "MASK": "tmt_iris_mask_0001.rmap",
            },
            **of_iris,
        ),
        "tmt_iris_dark_0001.rmap": rmap(DARK, (_AREA, DATES), filekind="DARK", **of_iris),
        "tmt_iris_flat_0003.rmap": rmap(FLAT, (_OPTICS, DATES), filekind="FLAT", **of_iris),
        "tmt_iris_mask_0001.rmap": rmap(MASK, (_AREA, DATES), filekind="MASK", substitutions=any_area, **of_iris),
    }


def iris_cache(root, real=None):
    """A cache with TMT's mappings.

    `real` is the folder of real data, whose mappings are then taken (of both observatories).
    """
    if real is None:
        return make_cache(root, mappings(), "tmt", operational_context="tmt_0001.pmap")
    for part in ("mappings", "config"):
        for name in ("tmt", "ligeriri"):
            shutil.copytree(Path(real) / "crds_cache" / part / name, Path(root) / part / name)
    return Path(root)


def fill(root, simulation):
    """Put the simulated references into a cache, under the names that the rules know."""
    folder = Path(root) / "references" / "tmt" / "iris"
    folder.mkdir(parents=True, exist_ok=True)
    for kind, name in FILES.items():
        simulation.references[kind].save(folder / name)


def frames(folder, seed=1, **mode):
    """A small simulated frame with its references, saved; the simulation and the path of the frame."""
    simulation = simulate_frame(IrisMode(size=96, **mode), seed=seed)
    return simulation, simulation.save(folder)["exposure"]
