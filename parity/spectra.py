#!/usr/bin/env python
"""Spectra through both sides: each step in turn and whole pipelines, on simulated exposures; one line per case.

    .venv/bin/python parity/spectra.py ['fs: *' ...]

The inputs and the products of every step of the reference implementation are made once and kept
(parity/spectra_harness.py). A step of Hexcal starts from the product of the step before of the reference
implementation, so that differences do not add up; a pipeline starts from the rates. Hexcal runs with the profile 3.0.0.
Slits are matched by their names, and every array, column and keyword that the reference implementation has is compared.
Numbers agree within a share of the value, or the floor that a case gives in units of ERR. NaN equals only NaN, flags
must be the same. What differs for a reason is declared with the case (`known`): where, how many, and why. Exit status 1
if anything else differs.

To add cases, add a module to the folder spectra_cases and name it in `MODULES`.
"""

import argparse
import fnmatch
import importlib
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import spectra_harness as harness  # noqa: E402
from peer_env import VERSION  # noqa: E402
from spectra_compare import compare, compare_wcs  # noqa: E402

RESAMPLED_RTOL = 1e-4
MODULES = ("nirspec_slits", "pipelines", "corrections", "extraction", "cubes", "miri")


def job_of(case, folder):
    """The job of one case for Hexcal."""
    run = harness.RUNS[case.run]
    source = harness.inputs(run.inputs)
    products = harness.products(case.run)
    given = _input(case, run, source, products)
    params = {"profile": VERSION, **_in_folders(case.params, source, products)}
    steps = _in_folders({**({} if case.after or case.alone else run.steps), **case.steps}, source, products)
    job = {"id": case.name, "target": case.target, "input": given, "refs": str(source / run.refs), "steps": steps}
    if case.after is None and case.alone is None:
        params |= {"save_results": True, "output_dir": str(folder)}
        return {**job, "params": params, "all_steps": True}
    return {**job, "params": params, "outputs": [str(folder / f"result{index}.fits") for index in range(4)]}


def _input(case, run, source, products):
    if case.given is not None:
        return _as_text(case.given(source, products))
    return str(harness.product(products, case.before) if case.before else harness.association(case.run))


def _as_text(value):
    if isinstance(value, dict):
        return {name: _as_text(item) for name, item in value.items()}
    return [_as_text(item) for item in value] if isinstance(value, list | tuple) else str(value)


def _in_folders(value, source, products):
    if isinstance(value, dict):
        return {name: _in_folders(item, source, products) for name, item in value.items()}
    if isinstance(value, list):
        return [_in_folders(item, source, products) for item in value]
    return value.format(inputs=source, products=products) if isinstance(value, str) else value


def run_own(jobs, folder):
    """Run the jobs of Hexcal; returns name of a case -> error or None."""
    given, report = folder / "own.json", folder / "own_report.json"
    given.write_text(json.dumps(jobs))
    with open(folder / "own.log", "w") as log:
        command = [sys.executable, HERE / "own.py", given, report]
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    if not report.exists():
        raise SystemExit(f"Hexcal did not run: see {folder / 'own.log'}")
    return {entry["id"]: entry["error"] for entry in json.loads(report.read_text())[1:]}


def pairs(case, folder):
    """Yield (suffix, product of Hexcal, product of the reference implementation) of all products of a case."""
    products = harness.products(case.run)
    if case.alone is not None:
        run = harness.RUNS[case.run]
        job = {**job_of(case, folder), "target": case.alone}
        job["params"] = {name: value for name, value in job["params"].items() if name != "profile"}
        alone = harness.products_alone(case.name, {**job, "outputs": []}, harness.inputs(run.inputs))
        for peer in sorted(alone.glob("result*.fits")):
            yield peer.stem, folder / peer.name, peer
    elif case.after is None:
        for peer in sorted(products.glob("*.fits")):
            yield peer.stem.rpartition("_")[2], folder / (case.rename or str)(peer.name), peer
    else:
        suffixes = (case.after,) if isinstance(case.after, str) else case.after
        for index, suffix in enumerate(suffixes):
            yield suffix, folder / f"result{index}.fits", harness.product(products, suffix)


def report(case, folder, error):
    """Print the lines of one case, one per product; returns whether it passes."""
    if error:
        print(f"FAIL  {case.name}: {error.splitlines()[0]}", flush=True)
        return False
    try:
        passed, products = True, list(pairs(case, folder))
    except SystemExit as stopped:
        # What the reference implementation cannot do in one case does not end the others.
        print(f"FAIL  {case.name}: {str(stopped).splitlines()[0]}", flush=True)
        return False
    for suffix, own, peer in products:
        name = f"{case.name} _{suffix}" if len(products) > 1 else case.name
        if not own.exists():
            print(f"FAIL  {name}: Hexcal has not written {own.name}", flush=True)
            passed = False
            continue
        # What is resampled is summed in another order, with overlaps that are computed in another way.
        tolerant = replace(case, rtol=max(case.rtol, RESAMPLED_RTOL)) if suffix in ("s2d", "s3d") else case
        differences, n_parts = compare(own, peer, tolerant)
        if case.wcs:
            differences += compare_wcs(own, peer)
        passed &= _line(case, name, suffix, differences, n_parts)
    if case.check is not None:
        differences = list(case.check(*(list(side) for side in zip(*(pair[1:] for pair in products), strict=True))))
        passed &= _line(case, f"{case.name} check", "", differences, 1)
    return passed and bool(products)


def _line(case, name, suffix, differences, n_parts):
    reasons, words, wrong, worst = [], [], [], 0.0
    for difference in differences:
        allowed, why = case.known.get(f"{suffix}:{difference.what}") or case.known.get(difference.what, (0, ""))
        if difference.differing > allowed:
            wrong.append(difference.what)
        if difference.differing:
            reasons.append(why)
        if not difference.what.startswith("key ") or difference.differing > allowed:
            words.append(f"{difference.what} {difference.differing}/{difference.size}")
        worst = max(worst, difference.worst if not allowed else 0.0)
    known = "; ".join(dict.fromkeys(filter(None, reasons)))
    parts = f" | {n_parts} parts" if n_parts > 1 else ""
    text = f"{name}: differing {' '.join(words)}{parts} | rtol {case.rtol:g} | worst {worst:.2g}"
    print(f"{'FAIL' if wrong else 'pass'}  {text}{f' | known: {known}' if known else ''}", flush=True)
    return not wrong


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases (patterns as of a shell); default all")
    parser.add_argument("--keep", type=Path, help="folder for Hexcal's products, kept afterwards")
    parser.add_argument("--list", action="store_true", help="only print the names of the cases")
    parser.add_argument("--products", action="store_true", help="only make inputs and products of all runs")
    options = parser.parse_args(words)
    if not harness.available():
        return 0
    if options.products:
        for name in harness.RUNS:
            print(name, harness.products(name), flush=True)
        return 0
    modules = [importlib.import_module(f"spectra_cases.{name}") for name in MODULES]
    cases = [case for module in modules for case in module.cases()]
    cases = [case for case in cases if any(fnmatch.fnmatch(case.name, name) for name in options.names or ["*"])]
    if options.list:
        print("\n".join(case.name for case in cases))
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        # One process per run: what a mode leaves in memory is gone with it.
        for run in dict.fromkeys(case.run for case in cases):
            failed += compare_run([case for case in cases if case.run == run], folder / run)
    print(f"{len(cases)} cases, {failed} differ")
    return int(failed > 0)


def compare_run(cases, folder):
    """Run and compare all cases of one run; returns how many differ."""
    places = {case.name: folder / str(number) for number, case in enumerate(cases)}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    errors = run_own([job_of(case, places[case.name]) for case in cases], folder)
    return sum(not report(case, places[case.name], errors.get(case.name)) for case in cases)


if __name__ == "__main__":
    sys.exit(main())
