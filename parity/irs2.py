#!/usr/bin/env python
"""Simulated NIRSpec IRS2 exposures of both detectors through calwebb_detector1 of both sides.

    .venv/bin/python parity/irs2.py

One line per exposure and product: how many values differ. Hexcal runs with the profile 3.0.0. Exit status 1 if more
differ than is known.
"""

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import numpy as np  # noqa: E402
from astropy.io import fits  # noqa: E402
from guider import run_side  # noqa: E402
from peer_env import VERSION, peer_python  # noqa: E402

SKIPPED = ("ipc", "persistence", "clean_flicker_noise")
SETTINGS = {"": {}, " irs2_mean_subtraction": {"irs2_mean_subtraction": True}}
SAVED = {"save_calibrated_ramp": True, "save_results": True}
TOLERANCE = {"ramp": 4e-3, "rate": 4e-3 / 73}
"""DN and DN/s: the spacing of float32 at 40000 DN, and what it makes in a rate of groups of 73 s."""


def jobs_for(folder):
    """Make the exposures; returns one job per exposure and setting, for either side."""
    from hexcal.simulate.irs2 import simulate_irs2

    jobs = []
    for detector in ("NRS1", "NRS2"):
        written = simulate_irs2(detector=detector, n_groups=4, seed=3).save(folder / detector)
        for name, more in SETTINGS.items():
            steps = {**{step: {"skip": True} for step in SKIPPED}, "refpix": more}
            job = {"id": f"{detector}{name}", "target": "calwebb_detector1", "input": written["exposure"]}
            jobs.append({**job, "steps": steps, "refs": written["references"]})
    return jobs


def products_of(side, folder, job):
    """Where a side saves the products of a job."""
    return folder / side / job["id"].replace(" ", "_")


def in_own_folders(side, folder, jobs):
    """Have the products of each job saved in a folder of its own, which is made."""
    for job in jobs:
        products_of(side, folder, job).mkdir(parents=True)
    return [{**job, "params": {"output_dir": str(products_of(side, folder, job))}} for job in jobs]


def differing(own, peer, product):
    """Number of values that differ, flags and numbers, and the largest difference of SCI."""
    with fits.open(own) as mine, fits.open(peer) as theirs:
        flags = "GROUPDQ" if product == "ramp" else "DQ"
        apart = np.abs(mine["SCI"].data - theirs["SCI"].data)
        one_is_nan = np.isnan(mine["SCI"].data) != np.isnan(theirs["SCI"].data)
        wrong = (apart > TOLERANCE[product] + 1e-5 * np.abs(theirs["SCI"].data)) | one_is_nan
        return int(wrong.sum()), int((mine[flags].data != theirs[flags].data).sum()), float(np.nanmax(apart))


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs = jobs_for(folder)
        for side, command, more in (
            ("own", [sys.executable, HERE / "own.py"], {"profile": "3.0.0"}),
            ("peer", [peer_python(), HERE / "peer.py"], {}),
        ):
            run_side(side, command, in_own_folders(side, folder, jobs), folder, **SAVED, **more)
            times = [entry for entry in json.loads((folder / f"{side}_report.json").read_text()) if "id" in entry]
            print(f"{side}: " + ", ".join(f"refpix of {t['id']} {t['steps_s'].get('refpix', 0):.1f} s" for t in times))
        for job in jobs:
            for product in TOLERANCE:
                paths = [next(products_of(side, folder, job).glob(f"*_{product}.fits")) for side in ("own", "peer")]
                values, flags, largest = differing(*paths, product)
                failures += bool(values or flags)
                word = "FAIL" if values or flags else "pass"
                print(f"{word}  {job['id']} {product}: SCI {values}, flags {flags} | largest difference {largest:.2g}")
    print(f"{len(jobs)} runs, {failures} failed (reference implementation {VERSION})")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
