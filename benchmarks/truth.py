#!/usr/bin/env python
"""How close to the truth.

Hexcal as documented, Hexcal as recommended, and the reference implementation, on the same simulated files.

    make truth
    .venv/bin/python benchmarks/truth.py ['flicker*' ...] [--seeds 1 2 3] [--sides recommended]

One line per case and figure. To add a case, write a function that makes the input and measures a result, and list it in
CASES. Inputs and products of the reference implementation are kept in HEXCAL_PARITY_DIR (default
~/.cache/hexcal-parity), below `truth`, under names that change with the code that makes them.
"""

import argparse
import fnmatch
import hashlib
import inspect
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PARITY = HERE.parent / "parity"
sys.path.insert(0, str(PARITY))

from peer_env import VERSION, peer_python  # noqa: E402
from truth_background import make_background, measure_background  # noqa: E402
from truth_emi import make_interference, measure_interference  # noqa: E402
from truth_events import make_events, measure_events  # noqa: E402
from truth_flicker import make_flicker, measure_flicker  # noqa: E402
from truth_imaging import make_mosaic, measure_alignment, measure_mosaic  # noqa: E402
from truth_jumps import OTHER_STEPS, make_jumps, measure_jumps  # noqa: E402
from truth_outliers import make_nods, measure_nods  # noqa: E402
from truth_ramps import make_faint, make_irs2, measure_faint, measure_irs2  # noqa: E402
from truth_spectra import is_available, make_spectra, make_stage3  # noqa: E402
from truth_spectra_figures import measure_cube, measure_extended, measure_spectra  # noqa: E402

SIDES = ("documents", "recommended", VERSION)


@dataclass(frozen=True)
class Case:
    """A comparison with the truth.

    make : called with a folder and the settings; writes the input, ``truth.npz`` and ``refs/``.
    measure : called with the product and the folder; gives figure -> number, smaller is better.
    params : of the step; in texts ``{folder}`` stands for the folder of the case, ``{side}`` for the side.
    steps : parameters of the steps of a pipeline, which saves its products itself (`output_dir`).
    input : name of the input file.
    """

    name: str
    target: str
    make: Callable
    measure: Callable
    settings: dict
    params: dict
    source: str = "truth_flicker.py"
    steps: dict = field(default_factory=dict)
    input: str = "input.fits"


def _flicker(name, params, **settings):
    return Case(name, "clean_flicker_noise", make_flicker, measure_flicker, settings, {"skip": False, **params})


def _background(name, n_backgrounds):
    files = [f"{{folder}}/b{number}_rate.fits" for number in range(n_backgrounds)]
    settings = {"n_backgrounds": n_backgrounds}
    params = {"bkg_list": files}
    return Case(name, "BackgroundStep", make_background, measure_background, settings, params, "truth_background.py")


def _mosaic(name, instrument, measure=measure_mosaic, **settings):
    return Case(
        name,
        "calwebb_image3",
        make_mosaic,
        measure,
        {"instrument": instrument, **settings},
        {"output_dir": "{folder}/{side}", "save_results": True},
        "truth_imaging.py",
        {"tweakreg": {"abs_refcat": "{folder}/refcat.ecsv", "save_catalogs": True}},
        "input.json",
    )


def _faint(name, params, **settings):
    return Case(name, "ramp_fit", make_faint, measure_faint, settings, params, "truth_ramps.py")


def _spectra(name, mode, association, refs="refs", extended=False, steps=None):
    return Case(
        name,
        "calwebb_spec2",
        make_spectra,
        measure_extended if extended else measure_spectra,
        {"mode": mode, "association": association, "refs": refs},
        {"output_dir": "{folder}/{side}", "save_results": True},
        "truth_spectra.py",
        steps or {"extract_1d": {}},
        "input.json",
    )


def _stage3(name, run, steps=None):
    return Case(
        name,
        "calwebb_spec3",
        make_stage3,
        measure_cube if run.startswith("ifu") else measure_spectra,
        {"run": run},
        {"output_dir": "{folder}/{side}", "save_results": True},
        "truth_spectra.py",
        steps or {"extract_1d": {}},
        "input.json",
    )


def _nods(name, mode, seed, **more):
    return Case(
        f"{name}, seed {seed}",
        "calwebb_spec3",
        make_nods,
        measure_nods,
        {"mode": mode, "seed": seed, **more},
        {"output_dir": "{folder}/{side}", "save_results": True},
        "truth_outliers.py",
        {"outlier_detection": {"save_results": True}},
        "input.json",
    )


def _jumps(name, rate, n_groups, hit=0.0, **more):
    return Case(
        f"{name}, {n_groups} groups, {rate:g} DN/s",
        "calwebb_detector1",
        make_jumps,
        measure_jumps,
        {"rate": rate, "n_groups": n_groups, "hit": hit, **more},
        {"output_dir": "{folder}/{side}", "save_results": True, "save_calibrated_ramp": True},
        "truth_jumps.py",
        {step: {"skip": True} for step in OTHER_STEPS},
    )


def _events(kind, search, seed):
    return Case(
        f"{kind}, seed {seed}",
        "calwebb_detector1",
        make_events,
        measure_events,
        {"kind": kind, "seed": seed},
        {"output_dir": "{folder}/{side}", "save_results": True, "save_calibrated_ramp": True},
        "truth_events.py",
        {"jump": search, "ipc": {"skip": True}, "persistence": {"skip": True}},
    )


def _interference(name, n_groups):
    return Case(
        name,
        "emicorr",
        make_interference,
        measure_interference,
        {"n_groups": n_groups},
        {"skip": False},
        "truth_emi.py",
    )


_ONE_CUBE = {"cube_build": {"output_type": "multi"}}

CASES = [
    _flicker("flicker, median", {}),
    _flicker("flicker, strong, median", {}, sigma=25.0),
    _flicker("flicker, 20 groups, median", {}, n_groups=20),
    _flicker("flicker, background model", {"background_method": "model"}),
    _flicker("flicker, Fourier fit", {"fit_method": "fft"}),
    _background("background, 2 exposures", 2),
    _background("background, 4 exposures", 4),
    _background("background, 12 exposures", 12),
    _mosaic("mosaic, NIRCam, 4 exposures", "NIRCAM"),
    _mosaic("mosaic, NIRCam, 8 exposures", "NIRCAM", n_exposures=8),
    _mosaic("mosaic, MIRI, 4 exposures", "MIRI"),
    _mosaic("mosaic, NIRISS, 3 exposures", "NIRISS", n_exposures=3),
    # Hits of the backgrounds that stage 2 leaves are outliers of all exposures.
    _mosaic("mosaic, MIRI, 2 backgrounds, documents", "MIRI", n_backgrounds=2),
    _mosaic("mosaic, MIRI, 2 backgrounds, recommended", "MIRI", n_backgrounds=2, stage2="recommended"),
    _mosaic("mosaic, NIRCam, few stars", "NIRCAM", measure_alignment, size=512),
    *(_jumps("ramps", *what) for what in ((0.05, 40), (0.05, 80), (0.1, 60), (0.3, 60), (1, 20), (10, 10))),
    *(_jumps("ramps", 1, n_groups, size=600) for n_groups in (3, 4, 5, 8)),
    *(_jumps("hits of 5 sigma", 5, n_groups, 5.0, size=600) for n_groups in (3, 4, 5, 10, 20)),
    *(_jumps("hits of 40 sigma", 10, n_groups, 40.0, size=600) for n_groups in (5, 8, 20)),
    *(_events("snowballs", {"expand_large_events": True}, seed) for seed in (1, 2)),
    *(_events("showers", {"find_showers": True}, seed) for seed in (1, 2)),
    _faint("60 faint groups, OLS_C", {"algorithm": "OLS_C"}),
    _faint("60 faint groups, LIKELY", {"algorithm": "LIKELY"}),
    _faint("20 groups, 1 DN/s, OLS_C", {"algorithm": "OLS_C"}, rate=1.0, n_groups=20),
    _faint("20 groups, 1 DN/s, LIKELY", {"algorithm": "LIKELY"}, rate=1.0, n_groups=20),
    _faint("10 faint integrations, LIKELY", {"algorithm": "LIKELY"}, rate=0.1, n_groups=5, n_ints=10, size=300),
    *(_interference(f"interference, {n_groups} groups", n_groups) for n_groups in (10, 20, 60)),
    *(_nods("hits in fixed slits, 3 nods", "nirspec-fs", seed) for seed in (1, 2, 3)),
    *(_nods("hits in MOS, 3 nods", "nirspec-mos", seed) for seed in (1, 2)),
    _nods("hits in LRS, 4 nods", "miri-lrs", 1, n_exposures=4),
    _nods("hits in NIRSpec IFU, 4 dithers", "nirspec-ifu", 1, n_exposures=4),
    _nods("hits in MRS, 2 dithers", "miri-mrs", 1, n_exposures=2),
    Case("IRS2", "refpix", make_irs2, measure_irs2, {}, {}, "truth_ramps.py"),
]
SPECTRA = [
    _spectra("fixed slits, nods", "fs", "fs_spec2_1_asn.json"),
    _spectra("fixed slits, sky", "fs", "fs_spec2_1_nobkg_asn.json", extended=True),
    _spectra("MOS, nods", "mos", "mos_spec2_1_asn.json"),
    _spectra("MOS, master background", "mos", "mos_spec2_1_nobkg_asn.json"),
    _spectra("NIRSpec IFU", "ifu", "ifu_spec2_1_asn.json"),
    _spectra("NIRSpec IFU, background", "ifu", "ifu_spec2_1_bkg_asn.json"),
    _spectra("bright object, series", "bots", "bots_spec2_asn.json"),
    _spectra("LRS, nods", "miri-lrs", "nod1_spec2_asn.json"),
    _spectra("LRS, no background", "miri-lrs", "plain1_spec2_asn.json"),
    _spectra("LRS slitless, series", "miri-lrs-slitless", "tso_spec2_asn.json"),
    _spectra("MRS 12, background", "miri-mrs", "sub1_12SHORT_spec2_asn.json", "refs_12SHORT", steps=_ONE_CUBE),
    _spectra("MRS 34, background", "miri-mrs", "sub1_34SHORT_spec2_asn.json", "refs_34SHORT", steps=_ONE_CUBE),
    _stage3("stage 3, fixed slits", "fs-3"),
    _stage3("stage 3, MOS", "mos-3"),
    _stage3("stage 3, LRS", "lrs-3"),
    _stage3("stage 3, NIRSpec IFU", "ifu-3"),
    # Beside what the reference implementation makes without the model. With pixels as they are the cube is, too.
    _stage3("stage 3, IFU, trace model", "ifu-3", {"adaptive_trace_model": {"skip": False, "oversample": 2}}),
    _stage3("stage 3, MRS", "mrs-3"),
]
"""On exposures that scripts beside Hexcal make (`spectra_harness.HARNESS`); left out where these are not."""


def of_seed(case, seed):
    """Return the case with other noise, and where it has none, None."""
    if "seed" not in inspect.signature(case.make).parameters:
        return None
    name = f"{case.name.partition(', seed')[0]}, seed {seed}"
    return replace(case, name=name, settings={**case.settings, "seed": seed})


def run_case(case, root, sides=SIDES):
    """Run sides of a case and return side -> figures, or the error of a side."""
    key = hashlib.sha256(
        json.dumps([case.name, case.settings, case.params, case.steps, VERSION]).encode()
        + (HERE / case.source).read_bytes()
    ).hexdigest()[:10]
    folder = root / f"{case.target}-{key}"
    if not (folder / "truth.npz").exists():
        (folder / "refs").mkdir(parents=True, exist_ok=True)
        case.make(folder, **case.settings)
    return {side: _run(case, folder, side) for side in sides}


def _run(case, folder, side):
    product = folder / f"{side}.fits"
    report = folder / f"{side}.report.json"
    if side != VERSION:
        product.unlink(missing_ok=True)
        shutil.rmtree(folder / side, ignore_errors=True)
    if not product.exists():
        params = {**_in_folder(case.params, folder, side), **({"profile": side} if side != VERSION else {})}
        job = {"id": side, "target": case.target, "input": str(folder / case.input), "refs": str(folder / "refs")}
        job["steps"] = _in_folder(case.steps, folder, side)
        jobs = folder / f"{side}.jobs.json"
        outputs = [] if case.steps else [str(product)]
        jobs.write_text(json.dumps([{**job, "params": params, "outputs": outputs}]))
        command = [peer_python(), PARITY / "peer.py"] if side == VERSION else [sys.executable, PARITY / "own.py"]
        # Where the reference implementation writes its catalogues of stars.
        (folder / side).mkdir(exist_ok=True)
        with open(folder / f"{side}.log", "w") as log:
            options: dict[str, Any] = {"stdout": log, "stderr": subprocess.STDOUT, "check": False}
            subprocess.run([*command, jobs, report], cwd=folder / side, **options)
    entry = json.loads(report.read_text())[-1] if report.exists() else {"error": f"no report; see {folder}"}
    if case.steps and not entry["error"]:
        product.touch()
    if entry["error"]:
        return {"error": str(entry["error"]).splitlines()[0]}
    return {**case.measure(product, folder), "time (s)": entry["call_s"]}


def _in_folder(value, folder, side) -> Any:
    if isinstance(value, dict):
        return {name: _in_folder(item, folder, side) for name, item in value.items()}
    if isinstance(value, list):
        return [_in_folder(item, folder, side) for item in value]
    return value.format(folder=folder, side=side) if isinstance(value, str) else value


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases (patterns as of a shell); default all")
    parser.add_argument("--seeds", nargs="+", type=int, help="noise of other seeds than the one of the case")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES, help="default all")
    options = parser.parse_args(words)
    root = Path(os.environ.get("HEXCAL_PARITY_DIR") or Path.home() / ".cache" / "hexcal-parity").absolute() / "truth"
    if not is_available():
        print("The scripts that make spectra are not here (HEXCAL_HARNESS): their cases are left out", flush=True)
    cases = [*CASES, *(SPECTRA if is_available() else [])]
    chosen = [case for case in cases if any(fnmatch.fnmatch(case.name, name) for name in options.names or ["*"])]
    if not chosen:
        raise SystemExit(f"no case matches {' '.join(options.names)}; there are: {', '.join(c.name for c in cases)}")
    if options.seeds:
        seeded = {case.name: case for was in chosen for seed in options.seeds if (case := of_seed(was, seed))}
        chosen = list(seeded.values())
    print(f"{'case':34s} {'figure':34s} " + " ".join(f"{side:>12s}" for side in options.sides), flush=True)
    failed, start = 0, time.perf_counter()
    for case in chosen:
        sides = run_case(case, root, options.sides)
        figures = next((figures for figures in sides.values() if "error" not in figures), {})
        for figure in figures:
            numbers = " ".join(f"{values.get(figure, float('nan')):12.3f}" for values in sides.values())
            print(f"{case.name:34s} {figure:34s} {numbers}", flush=True)
        for side, values in sides.items():
            if "error" in values:
                failed += 1
                print(f"{case.name:34s} {side} stopped: {values['error']}", flush=True)
    print(f"{len(chosen)} cases in {time.perf_counter() - start:.0f} s, {failed} stopped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
