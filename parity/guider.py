#!/usr/bin/env python
"""Exposures of all guider functions, simulated with their tables, through calwebb_guider of both sides.

A dark through calwebb_dark.

    .venv/bin/python parity/guider.py

One line per function: how many values differ in SCI, ERR and DQ, and whether the tables are the same. Hexcal runs with
the profile 3.0.0. Exit status 1 if anything differs.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import compare  # noqa: E402
import numpy as np  # noqa: E402
from astropy.io import fits  # noqa: E402
from peer_env import VERSION, peer_python  # noqa: E402

SHAPES = {"id": (256, 256), "stack": (256, 256)}
PLANES = {"calwebb_guider": ("SCI", "ERR", "DQ"), "calwebb_dark": ("SCI", "PIXELDQ", "GROUPDQ")}


def in_columns_of_release_3(raw):
    """Give the tables the columns on which the models of 3.0.0 insist.

    A further one for planned stars, HGA_motion as text; the documents have others.
    """
    stars, pointing = raw.planned_star_table, raw.pointing_table
    if stars is not None:
        columns = [(name, stars.dtype[name]) for name in stars.dtype.names]
        raw.planned_star_table = filled(stars, [columns[0], ("reference_order", "i4"), *columns[1:]])
    if pointing is not None:
        columns = [(name, "S16" if name == "HGA_motion" else "f8") for name in pointing.dtype.names]
        raw.pointing_table = filled(pointing, columns)


def filled(table, columns):
    """A table of other columns with the values of one that has most of them."""
    result = np.zeros(len(table), columns)
    for name in set(result.dtype.names) & set(table.dtype.names):
        result[name] = table[name].astype(result.dtype[name])
    return result


def jobs_for(folder):
    """Make the exposures; returns one job per exposure, for either side."""
    from hexcal.simulate.exposure import simulate
    from hexcal.simulate.guider import FUNCTIONS, simulate_guider
    from hexcal.simulate.mode import exposure_mode

    exposures = {
        function: ("calwebb_guider", simulate_guider(function, seed=3, shape=SHAPES.get(function)))
        for function in FUNCTIONS
    }
    modes = {"dark_nircam": {"subarray_name": "SUB160", "n_groups": 5}}
    modes["dark_miri"] = {"instrument": "MIRI", "subarray_name": "SUB64", "n_groups": 6, "n_ints": 2}
    exposures |= {name: ("calwebb_dark", simulate(exposure_mode(**mode), seed=3)) for name, mode in modes.items()}
    for target, simulation in exposures.values():
        if target == "calwebb_guider":
            in_columns_of_release_3(simulation.exposure)
    jobs = []
    for name, (target, simulation) in exposures.items():
        written = simulation.save(folder / name)
        # The rule of rscd in 3.0.0 is another one than that of the documents (docs/decisions.md).
        steps = {"ipc": {"skip": True}, "rscd": {"skip": True}} if target == "calwebb_dark" else {}
        jobs.append(
            {"id": name, "target": target, "input": written["exposure"], "refs": written["references"], "steps": steps}
        )
    return jobs


def run_side(side, command, jobs, folder, **parameters):
    """Run the jobs on one side; returns the path of the product of each."""
    mine = [
        {
            **job,
            "params": {**parameters, **job.get("params", {})},
            "outputs": [str(folder / f"{job['id']}_{side}.fits")],
        }
        for job in jobs
    ]
    given, report = folder / f"{side}.json", folder / f"{side}_report.json"
    given.write_text(json.dumps(mine))
    with open(folder / f"{side}.log", "w") as log:
        subprocess.run([*command, given, report], stdout=log, stderr=subprocess.STDOUT, check=False)
    errors = {entry["id"]: entry["error"] for entry in json.loads(report.read_text()) if entry.get("error")}
    for name, error in errors.items():
        print(f"FAIL  {name}: {side} stopped: {error}")
    return {job["id"]: job["outputs"][0] for job in mine if job["id"] not in errors}


def tables_differ(own, peer):
    """Names of the tables that are not the same on both sides, in their columns, values or units."""
    with fits.open(own) as mine, fits.open(peer) as theirs:
        names = {hdu.name for hdu in (*mine, *theirs) if isinstance(hdu, fits.BinTableHDU)} - {"ASDF"}
        return sorted(name for name in names if not _same(mine, theirs, name))


def _same(mine, theirs, name):
    if name not in mine or name not in theirs:
        return False
    own, peer = mine[name], theirs[name]
    return own.columns.names == peer.columns.names and all(
        np.array_equal(own.data[column], peer.data[column]) for column in own.columns.names
    )


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs = jobs_for(folder)
        own = run_side("own", [sys.executable, HERE / "own.py"], jobs, folder, profile="3.0.0")
        peer = run_side("peer", [peer_python(), HERE / "peer.py"], jobs, folder)
        for job in jobs:
            if job["id"] not in own or job["id"] not in peer:
                failures += 1
                continue
            files = own[job["id"]], peer[job["id"]]
            results = compare.compare_files(*files, PLANES[job["target"]])
            other = tables_differ(*files)
            passed = all(result.passed() for result in results) and not other
            failures += not passed
            counts = " ".join(f"{result.name} {result.problem or result.differing}" for result in results)
            worst = max(result.worst for result in results)
            print(
                f"{'pass' if passed else 'FAIL'}  {job['target']} {job['id']:12s} differing: {counts} | "
                f"worst {worst:.2g} x tolerance | tables that differ: {', '.join(other) or 'none'}"
            )
    print(f"{len(jobs)} exposures, {failures} failed (reference implementation {VERSION})")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
