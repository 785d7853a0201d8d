"""Cosmic rays that stage 1 has left in nodded spectra of slits: how many outlier_detection finds, and what else."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

PARITY = Path(__file__).resolve().parent.parent / "parity"
_CLASSES = ((20.0, np.inf, "hits above 20 sigma missed (%)"), (10.0, 20.0, "hits of 10 to 20 sigma missed (%)"))
_FAR = 10.0
"""Beside a source: pixels that are less than so many errors off the sky without their hit."""
_NOT_NEEDED = {name: {"skip": True} for name in ("resample_spec", "extract_1d")}
"""Of stage 2."""


def make_nods(folder, mode, seed, n_exposures=3, hits=2e-3):
    """Simulate nods with cosmic rays, and calibrate them as the documents say: one input for all sides."""
    from hexcal.simulate.spectra.modes import series_of

    made = folder / "made"
    written = series_of(mode, seed=seed, n_exposures=n_exposures, hits=hits).save(made, overwrite=True)
    params = {"output_dir": str(made), "save_results": True}
    job = {"target": "calwebb_spec2", "refs": written["references"], "steps": _NOT_NEEDED, "params": params}
    paths = [path for path in written["associations"] if "alone" not in Path(path).name]
    (made / "jobs.json").write_text(json.dumps([{**job, "id": path, "input": path} for path in paths]))
    command = [sys.executable, PARITY / "own.py", made / "jobs.json", made / "report.json"]
    with open(made / "log.txt", "w") as log:
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=True)
    (folder / "refs").rmdir()
    (folder / "refs").symlink_to(made / "references")
    table = json.loads((made / "asn_spec3.json").read_text())
    for member in table["products"][0]["members"]:
        member["expname"] = str(made / member["expname"])
    (folder / "input.json").write_text(json.dumps(table))
    np.savez(folder / "truth.npz", mode=mode)


def measure_nods(product, folder):
    """Hits that are missed beside and on sources, and the share of other pixels that are flagged."""
    from astropy.table import Table

    hits = Table.read(folder / "made" / "truth" / "hits.ecsv")
    missed = {name: [] for *_, name in _CLASSES} | {"hits on sources missed (%)": []}
    n_flagged = n_others = 0
    for exposure, part, (bottom, left) in _parts(folder / product.stem):
        flagged, clean = _outliers(part), _clean(folder, exposure, part, (bottom, left))
        y, x = np.asarray(hits["y"]) - bottom, np.asarray(hits["x"]) - left
        inside = (y >= 0) & (y < flagged.shape[0]) & (x >= 0) & (x < flagged.shape[1])
        others = np.isfinite(clean)
        for row, column in zip(y[inside], x[inside], strict=True):
            # What a hit leaves in the nods that subtract it is wrong, too.
            others[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = False
        n_flagged, n_others = n_flagged + np.count_nonzero(flagged & others), n_others + np.count_nonzero(others)
        own = inside & (np.asarray(hits["exposure"]) == exposure)
        for row, column, sigma in zip(y[own], x[own], np.asarray(hits["sigma"])[own], strict=True):
            beside = np.abs(clean[row, column] - sigma) < _FAR
            for low, high, name in _CLASSES:
                if beside and low <= sigma < high:
                    missed[name].append(not flagged[row, column])
            if not beside and sigma >= _CLASSES[0][0] and np.isfinite(clean[row, column]):
                missed["hits on sources missed (%)"].append(not flagged[row, column])
    figures = {name: 100 * float(np.mean(values)) for name, values in missed.items() if values}
    return figures | {"other pixels flagged (%)": 100 * n_flagged / n_others}


def _parts(folder):
    """Yield the name of an exposure, a part of it with its flags, and where that begins in the window (y, x)."""
    from hexcal import datamodels

    for path in sorted(folder.glob("*_crf.fits")):
        model = datamodels.open(path)
        for part in getattr(model, "exposures", None) or [model]:
            start = [number or 1 for number in (part.get_meta("ystart"), part.get_meta("xstart"))]
            name = part.meta.filename or path.name
            yield "_".join(name.split("_")[:4]), part, (start[0] - 1, start[1] - 1)


def _outliers(part):
    from hexcal.models.dqflags import pixel

    return (part.dq & pixel.OUTLIER) != 0


def _clean(folder, exposure, part, corner):
    """The values before outliers became NaN, in units of their errors."""
    from hexcal import datamodels

    model = datamodels.open(folder / "made" / f"{exposure}_cal.fits")
    for slit in getattr(model, "slits", None) or [model]:
        start = [(slit.get_meta(name) or 1) - 1 for name in ("ystart", "xstart")]
        if tuple(start) == corner and slit.shape == part.shape:
            return slit.data / slit.err
    raise ValueError(f"{exposure} has no slit at {corner}")
