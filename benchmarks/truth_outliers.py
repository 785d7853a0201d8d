"""Cosmic rays that stage 1 has left in exposures of spectra: how many outlier_detection finds, and what else.

The same exposures are calibrated a second time without them: the difference is what they are in the calibrated
exposures, and what they leave in nods that subtract them.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

PARITY = Path(__file__).resolve().parent.parent / "parity"
_CLASSES = ((20.0, np.inf, "above 20 sigma"), (10.0, 20.0, "of 10 to 20 sigma"))
_FAR = 10.0
"""Beside a source: pixels that are less than so many errors off the sky without their hit."""
_PLACES = ("beside sources", "on sources", "on negative images of sources")
_UNTOUCHED = 0.5
"""Errors that a hit may change a pixel by which has none."""
_NOT_NEEDED = {name: {"skip": True} for name in ("resample_spec", "extract_1d", "cube_build")}
"""Of stage 2."""
_OWN, _LEFT = "hits", "left in other nods,"


def make_nods(folder, mode, seed, n_exposures=3, hits=2e-3):
    """Simulate exposures with cosmic rays, and calibrate them as the documents say: one input for all sides."""
    simulated = folder / "made"
    references = _calibrated(simulated, mode, seed, n_exposures, hits)
    _calibrated(folder / "clean", mode, seed, n_exposures, 0.0)
    shutil.rmtree(folder / "clean" / "references")
    (folder / "refs").rmdir()
    (folder / "refs").symlink_to(references)
    table = json.loads((simulated / "asn_spec3.json").read_text())
    for member in table["products"][0]["members"]:
        member["expname"] = str(simulated / member["expname"])
    (folder / "input.json").write_text(json.dumps(table))
    np.savez(folder / "truth.npz", mode=mode)


def _calibrated(folder, mode, seed, n_exposures, hits):
    """Simulate exposures and run calwebb_spec2; returns the folder of the references."""
    from hexcal.simulate.spectra.modes import series_of

    written = series_of(mode, seed=seed, n_exposures=n_exposures, hits=hits).save(folder, overwrite=True)
    params = {"output_dir": str(folder), "save_results": True}
    job = {"target": "calwebb_spec2", "refs": written["references"], "steps": _NOT_NEEDED, "params": params}
    paths = [path for path in written["associations"] if "alone" not in Path(path).name]
    (folder / "jobs.json").write_text(json.dumps([{**job, "id": path, "input": path} for path in paths]))
    command = [sys.executable, PARITY / "own.py", folder / "jobs.json", folder / "report.json"]
    with open(folder / "log.txt", "w") as log:
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=True)
    return Path(written["references"])


def measure_nods(product, folder):
    """Hits that are missed beside and on sources, how many there are, and the share of other pixels that are flagged.

    Where one nod subtracts another there are negative images of the sources: no spectrum is taken from them.
    """
    from astropy.table import Table

    hits = Table.read(folder / "made" / "truth" / "hits.ecsv")
    missed, others, on_sources = {}, [0, 0], [0, 0]
    for exposure, part, corner in _parts(folder / product.stem):
        flagged = _outliers(part)
        size, light = _added(folder, exposure, part, corner)
        own = np.zeros(flagged.shape, bool)
        y, x = (np.asarray(hits[name]) - start for name, start in zip("yx", corner, strict=True))
        inside = (np.asarray(hits["exposure"]) == exposure) & (y >= 0) & (x >= 0)
        inside &= (y < flagged.shape[0]) & (x < flagged.shape[1])
        own[y[inside], x[inside]] = True
        for which, pixels in ((_OWN, own), (_LEFT, ~own)):
            for place, near in zip(_PLACES, (np.abs(light) < _FAR, light >= _FAR, light <= -_FAR), strict=True):
                for low, high, name in _CLASSES:
                    these = pixels & near & (np.abs(size) >= low) & (np.abs(size) < high)
                    missed.setdefault(f"{which} {name} {place} missed (%)", []).extend(~flagged[these])
        untouched = np.abs(size) < _UNTOUCHED
        for counts, pixels in ((others, untouched), (on_sources, untouched & (np.abs(light) >= _FAR))):
            counts[0] += np.count_nonzero(flagged & pixels)
            counts[1] += np.count_nonzero(pixels)
    figures = {}
    for name, values in missed.items():
        if values:
            figures[name] = 100 * float(np.mean(values))
            figures[name.replace(" missed (%)", ", number")] = len(values)
    figures["untouched pixels flagged (%)"] = 100 * others[0] / others[1]
    figures["untouched pixels of sources flagged (%)"] = 100 * on_sources[0] / max(on_sources[1], 1)
    return figures


def _parts(folder):
    """Yield the name of an exposure, a part of it with its flags, and where that begins in the window (y, x)."""
    from hexcal import datamodels

    for path in sorted(folder.glob("*_crf.fits")):
        model = datamodels.open(path)
        for part in getattr(model, "exposures", None) or [model]:
            name = part.meta.filename or path.name
            yield "_".join(name.split("_")[:4]), part, _corner(part)


def _corner(part):
    return tuple((part.get_meta(name) or 1) - 1 for name in ("ystart", "xstart"))


def _outliers(part):
    from hexcal.models.dqflags import pixel

    return (part.dq & pixel.OUTLIER) != 0


def _added(folder, exposure, part, corner):
    """What hits add to a part of an exposure, and its light without them, both in units of its errors."""
    with_hits, without = (_part_of(folder / which, exposure, part, corner) for which in ("made", "clean"))
    return (with_hits.data - without.data) / without.err, without.data / without.err


def _part_of(folder, exposure, part, corner):
    from hexcal import datamodels

    model = datamodels.open(folder / f"{exposure}_cal.fits")
    for slit in getattr(model, "slits", None) or [model]:
        if _corner(slit) == corner and slit.shape == part.shape:
            return slit
    raise ValueError(f"{exposure} has no slit at {corner}")
