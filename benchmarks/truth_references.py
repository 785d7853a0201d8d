#!/usr/bin/env python
"""Reference files made of simulated darks and flats from nothing, against the true ones, for several seeds.

    make truth
    .venv/bin/python benchmarks/truth_references.py [--seeds 1 2 3] [--detectors NIRCAM MIRI]

A seed takes a minute of one processor (NIRCam), or half of one (MIRI). One line per figure, one column per seed; then
what is asked for, and what jwst_reffiles 1.0.1 gave when it was tried as a library (its command cannot be run). At the
end an exposure of a uniform scene is calibrated with the files that were made and with the true ones.
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

SUBARRAYS = {"NIRCAM": "SUB160P", "MIRI": "SUB64"}
DARKS, FLATS, GROUPS = 10, 8, 20
SCENE = 50.0
"""DN/s"""
ASKED = {
    "superbias: file - truth": "<= 0.1 DN",
    "superbias: scatter": "5.0 to 5.1 DN",
    "readnoise: file / truth": "1 +- 0.005",
    "gain: file / truth": "1 +- 0.01",
    "linearity: largest relative error, median and 95 %": "0.3 %, 0.6 %",
    "mask: DEAD found; false": ">= 99 %; <= 0.01 %",
    "mask: HOT found; false": ">= 99 %; <= 0.01 %",
    "mask: OPEN found; false": ">= 99 %",
    "science: rates, made / true references": "1 +- 0.005",
    "science: width of the pulls, made (recommended)": "1 +- 0.05",
}
ORIGINAL = {
    "superbias: file - truth": "0.03 DN",
    "superbias: pulls, mean and width": "ERR 14.4 for 5.0",
    "readnoise: file / truth": "0.980",
    "mask: DEAD found; false": "100 %; 0.14 %",
    "mask: HOT found; false": "0 of 16; 1.6 %",
    "dark: file - truth": "hot: 0.4 %",
}


def series(folder: Path, instrument: str, seed: int) -> dict[str, str]:
    """Make a set from nothing; returns figure -> text."""
    from hexcal.cli.main import main
    from hexcal.models.open import open as open_model
    from hexcal.reffiles import truth

    # The read noise of MIRI is measured beyond the groups that the reset disturbs.
    groups = GROUPS if instrument == "NIRCAM" else 2 * GROUPS
    words = ["simulate", "calibration", "--instrument", instrument, "--subarray", SUBARRAYS[instrument]]
    words += ["--darks", str(DARKS), "--flats", str(FLATS), "--dark-groups", str(groups), "--seed", str(seed)]
    with contextlib.redirect_stdout(sys.stderr):
        main([*words, "--output", str(folder / "sim")])
    words = ["reffiles", "make", "all", str(folder / "sim" / "*_uncal.fits"), "--author=A", "--no-report"]
    with contextlib.redirect_stdout(sys.stderr):
        main([*words, f"--output={folder}"])
    new_references = folder / "run000" / "references"
    figures = {}
    for path in sorted(new_references.glob("*.fits")):
        true = folder / "sim" / "truth" / path.name
        if true.is_file():
            rows = truth.rows(path.stem, open_model(path), open_model(true))
            figures |= {f"{path.stem}: {row.name.removeprefix('truth: ')}": row.value for row in rows}
    return {**figures, **science(folder, new_references, instrument, seed)}


def science(folder: Path, new_references: Path, instrument: str, seed: int) -> dict[str, str]:
    """Calibrate an exposure with both sets; returns figure -> text."""
    from hexcal.simulate.calibration import uniform
    from hexcal.simulate.conditions import Conditions
    from hexcal.simulate.exposure import simulate
    from hexcal.simulate.mode import exposure_mode

    mode = exposure_mode(instrument, None, SUBARRAYS[instrument], n_groups=GROUPS)
    conditions = Conditions(open_pixels=0.0005)
    simulation = simulate(mode, uniform(mode, SCENE), conditions, seed=seed + 1000, detector_seed=seed)
    exposure = simulation.save(folder / "science", references=False)["exposure"]
    result, rates = {}, {}
    for profile in ("documents", "recommended"):
        for name, references in (("true", folder / "sim" / "truth"), ("made", new_references)):
            rate: Any = calibrated(exposure, references, folder / f"{profile}-{name}", profile)
            good = np.isfinite(rate.data) & (rate.err > 0) & (rate.dq == 0) & (simulation.truth.dq == 0)
            pull = ((rate.data - simulation.truth.rate) / rate.err)[good]
            result[f"science: width of the pulls, {name} ({profile})"] = f"{pull.std():.3f}"
            rates[name] = np.where(good, rate.data, np.nan)
    ratio = np.nanmean(rates["made"][np.isfinite(rates["true"])]) / np.nanmean(rates["true"])
    return {"science: rates, made / true references": f"{ratio:.5f}", **result}


def calibrated(exposure: str, references: Path, output: Path, profile: str) -> Any:
    """Return the rates of an exposure."""
    from hexcal.core import cmdline
    from hexcal.models.open import open as open_model

    words = [f"--references={references}", f"--output_dir={output}", "--log-stream=null", f"--profile={profile}"]
    words += [f"--steps.{step}.skip=true" for step in ("ipc", "persistence", "emicorr")]
    output.mkdir()
    cmdline.run_target(["calwebb_detector1", exposure, *words])
    return open_model(next(output.glob("*_rate.fits")))


def main(words=None):
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--detectors", nargs="+", default=list(SUBARRAYS), choices=list(SUBARRAYS))
    options = parser.parse_args(words)
    for instrument in options.detectors:
        columns = []
        for seed in options.seeds:
            folder = Path(tempfile.mkdtemp(prefix="hexcal-truth-"))
            try:
                started = time.process_time()
                columns.append(series(folder, instrument, seed))
                print(f"{instrument}, seed {seed}: {time.process_time() - started:.0f} s of processor", file=sys.stderr)
            finally:
                shutil.rmtree(folder)
        print(f"\n{instrument} {SUBARRAYS[instrument]}, {DARKS} darks, {FLATS} flats")
        titles = [f"seed {seed}" for seed in options.seeds]
        print(f"{'figure':52s} " + " ".join(f"{text:>24s}" for text in (*titles, "asked for", "jwst_reffiles")))
        for name in columns[0]:
            texts = [figures.get(name, "") for figures in columns] + [ASKED.get(name, ""), ORIGINAL.get(name, "")]
            print(f"{name:52s} " + " ".join(f"{text:>24s}" for text in texts), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
