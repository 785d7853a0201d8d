#!/usr/bin/env python
"""Imaging through both sides: steps and pipelines of stages 2 and 3 on simulated images; one line per case and product.

    .venv/bin/python parity/imaging.py ['photom*' ...]

Hexcal runs with the profile 3.0.0. Numbers are compared where both sides have one; they agree within a share of the
value, or the floor that a case gives for values near zero (in units of ERR). NaN equals only NaN, flags must be the
same. What differs for a reason is declared with the case (`known`): the plane, how many values may differ, and why.
Exit status 1 if anything else differs.

To add cases, add a module to the folder imaging_cases and name it in `MODULES`.
"""

import argparse
import fnmatch
import importlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import numpy as np  # noqa: E402
import wcs_positions  # noqa: E402
from astropy.io import fits  # noqa: E402
from peer_env import VERSION, peer_python  # noqa: E402

MODULES = ("stage2", "wcs", "mosaics", "stars")


def differing(own, peer, case, err):
    """Number of values of one plane that differ, and the largest difference as a multiple of what is tolerated."""
    if own.shape != peer.shape:
        return max(own.size, peer.size), np.inf
    if own.dtype.kind in "iub":
        return int(np.count_nonzero(own != peer)), 0.0
    own, peer = own.astype(float), peer.astype(float)
    both = np.isfinite(own) & np.isfinite(peer)
    tolerated = case.rtol * np.abs(peer) + case.floor * (0 if err is None else np.nan_to_num(np.abs(err)))
    tolerated = np.maximum(tolerated, np.finfo(np.float32).tiny)
    with np.errstate(invalid="ignore"):
        excess = np.where(both, np.abs(own - peer) / tolerated, 0)
    same_gaps = (np.isnan(own) == np.isnan(peer)) & (np.isinf(own) == np.isinf(peer))
    return int(np.count_nonzero((excess > 1) | ~same_gaps)), float(excess.max(initial=0))


_OF_WCS = re.compile(
    r"(CRPIX|CRVAL|CTYPE|CUNIT|CDELT)[12]|(CD|PC)[12]_[12]|[AB]P?_(\d_\d|ORDER)|S_REGION|WCSAXES|MT_AV(RA|DEC)"
)


def compare_wcs(own_path, peer_path, there):
    """Yield the same for the stored WCS and for the keywords that approximate it.

    The stored WCS is evaluated here and by the reference implementation.
    """
    peer = wcs_positions.here(peer_path)
    if peer is not None:
        sides = [wcs_positions.here(own_path), there.get(str(own_path))]
        positions = [wcs_positions.differing(side, peer) for side in sides]
        yield "WCS", max(count for count, _ in positions), 169, max(worst for _, worst in positions)
    headers = [fits.getheader(path, "SCI") for path in (own_path, peer_path)]
    keys = sorted({key for header in headers for key in header if _OF_WCS.fullmatch(key)})
    size = max(headers[1]["NAXIS1"], headers[1]["NAXIS2"])
    wrong = [key for key in keys if not _same(*(header.get(key) for header in headers), _rounding(key, size))]
    yield "WCS-keywords" + (f" {', '.join(wrong)}" if wrong else ""), len(wrong), len(keys), 0.0


def compare(own_path, peer_path, case):
    """Yield (what, number that differ, size, worst, known) for each plane and keyword that both sides should have."""
    with fits.open(own_path) as own, fits.open(peer_path) as peer:
        names = [hdu.name for hdu in peer[1:] if hdu.is_image and hdu.name not in case.ignored]
        for name in names:
            if name not in own:
                yield name, peer[name].data.size, peer[name].data.size, np.inf
                continue
            err = peer["ERR"].data if name == "SCI" and "ERR" in peer else None
            count, worst = differing(own[name].data, peer[name].data, case, err)
            yield name, count, peer[name].data.size, worst
        keys = sorted({key for key in peer[0].header if key.startswith("S_") and key != "S_REGION"})
        keys += [key for key in ("BUNIT", "PHOTMJSR", "PHOTUJA2", "PIXAR_SR", "PIXAR_A2") if key in peer["SCI"].header]
        wrong = [
            key
            for key in keys
            if not _same(*(side[0].header.get(key, side["SCI"].header.get(key)) for side in (own, peer)))
        ]
        yield "keywords" + (f" {', '.join(wrong)}" if wrong else ""), len(wrong), len(keys), 0.0


def _rounding(key, size):
    """What a coefficient may differ by: 1e-7 pixel at the border of an image of that size; 0 for other keywords."""
    powers = re.fullmatch(r"[AB]P?_(\d)_(\d)", key)
    return 1e-7 / size ** sum(map(int, powers.groups())) if powers else 0.0


def _same(own, peer, rounding=0.0):
    if isinstance(own, float) and isinstance(peer, float):
        return abs(own - peer) <= 1e-6 * abs(peer) + rounding
    return own == peer or {own, peer} <= {None, "SKIPPED"}


def run_side(side, command, jobs, folder):
    """Run the jobs on one side; returns id -> error or None."""
    given, report = folder / f"{side}.json", folder / f"{side}_report.json"
    given.write_text(json.dumps(jobs))
    with open(folder / f"{side}.log", "w") as log:
        subprocess.run([*command, given, report], stdout=log, stderr=subprocess.STDOUT, check=False)
    if not report.exists():
        raise SystemExit(f"{side} did not run: see {folder / f'{side}.log'}")
    return {entry["id"]: entry["error"] for entry in json.loads(report.read_text())[1:]}


def jobs_of(cases, folder, side):
    """The jobs of one side; each case has a folder of products for it."""
    jobs = []
    for number, case in enumerate(cases):
        job = {"steps": {}, "params": {}, **case.job}
        out = folder / str(number) / side
        out.mkdir(parents=True)
        params = {**job["params"], "output_dir": str(out), "save_results": True}
        if side == "own":
            params["profile"] = VERSION
        jobs.append({**job, "id": case.name, "params": params})
    return jobs


def report(case, number, folder, errors, there):
    """Print the lines of one case; returns whether it passes."""
    if errors["own"].get(case.name) or errors["peer"].get(case.name):
        print(
            f"FAIL  {case.name}: own {errors['own'].get(case.name)}; peer {errors['peer'].get(case.name)}", flush=True
        )
        return False
    peers = sorted((folder / str(number) / "peer").glob("*.fits")) if case.planes else []
    passed = bool(peers) or not case.planes
    for peer in peers:
        own = (
            folder
            / str(number)
            / "own"
            / f"{peer.stem.rpartition('_')[0]}_{case.names.get(_suffix(peer), _suffix(peer))}.fits"
        )
        if not own.exists():
            print(f"FAIL  {case.name} {peer.name}: Hexcal has not written it", flush=True)
            passed = False
            continue
        words, worst_of_all = [], 0.0
        for what, count, size, worst in (*compare(own, peer, case), *compare_wcs(own, peer, there)):
            plane = what.split()[0]
            allowed, _ = case.known.get(f"{_suffix(peer)}:{plane}") or case.known.get(plane, (0, ""))
            passed &= count <= allowed
            words.append(f"{what} {count}/{size}")
            worst_of_all = max(worst_of_all, worst if allowed == 0 else 0)
        reasons = "; ".join(dict.fromkeys(why for _, why in case.known.values()))
        line = f"{case.name} {peer.name}: differing {' '.join(words)} | rtol {case.rtol:g} | worst {worst_of_all:.2g}"
        print(f"{'pass' if passed else 'FAIL'}  {line}{f' | known: {reasons}' if reasons else ''}", flush=True)
    return passed and _checked(case, folder / str(number))


def _checked(case, folder):
    """Print and judge what a case compares beside planes and keywords."""
    if case.check is None:
        return True
    results = list(case.check(folder / "own", folder / "peer"))
    differing_parts = [(what, count) for what, count, _, _ in results if count > case.known.get(what, (0, ""))[0]]
    words = " ".join(f"{what} {count}/{size}" for what, count, size, _ in results)
    worst = max((worst for _, _, _, worst in results), default=0.0)
    passed = bool(results) and not differing_parts
    print(f"{'pass' if passed else 'FAIL'}  {case.name}: differing {words} | worst {worst:.2g}", flush=True)
    return passed


def _suffix(path):
    return path.stem.rpartition("_")[2]


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases (patterns as of a shell); default all")
    parser.add_argument("--keep", type=Path, help="folder for inputs and products, kept afterwards")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        modules = [importlib.import_module(f"imaging_cases.{name}") for name in MODULES]
        cases = [case for module in modules for case in module.cases(folder / "inputs")]
        cases = [case for case in cases if any(fnmatch.fnmatch(case.name, name) for name in options.names or ["*"])]
        sides = {"own": [sys.executable, HERE / "own.py"], "peer": [peer_python(), HERE / "peer.py"]}
        errors = {
            side: run_side(side, command, jobs_of(cases, folder, side), folder) for side, command in sides.items()
        }
        there = wcs_positions.there(peer_python(), sorted(folder.glob("*/own/*.fits")), folder)
        failed = sum(not report(case, number, folder, errors, there) for number, case in enumerate(cases))
    print(f"{len(cases)} cases, {failed} differ")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
