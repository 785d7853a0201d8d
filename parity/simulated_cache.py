#!/usr/bin/env python
"""The reference implementation uses a cache that `hexcal simulate` filled.

Same files chosen in every context, and calwebb_detector1 runs with nothing else.

    .venv/bin/python parity/simulated_cache.py

Two NIRCam exposures of the same mode with detectors of their own and one of MIRI are simulated into one cache: three
contexts. For every context and exposure the official client is asked for all types, on a copy of the cache and without
network; then each exposure goes through calwebb_detector1 of both sides, in the context made for it, and the products
must name the same context and files. Exit status 1 if anything differs.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXPOSURES = {
    "nircam_1": ({"subarray_name": "SUB160", "n_groups": 5}, 1),
    "nircam_2": ({"subarray_name": "SUB160", "n_groups": 5}, 2),
    "miri": ({"instrument": "MIRI", "subarray_name": "SUB64", "n_groups": 6, "n_ints": 2}, 1),
}


def simulated(folder, cache):
    """Exposure -> (raw file, the context made for it)."""
    from hexcal.simulate.exposure import simulate
    from hexcal.simulate.mode import exposure_mode
    from hexcal.simulate.reference_cache import add_references

    exposures = {}
    for name, (mode, seed) in EXPOSURES.items():
        simulation = simulate(exposure_mode(**mode), seed=seed)
        added = add_references(cache, simulation.references())
        exposures[name] = simulation.save(folder / name, references=False)["exposure"], added.context
    return exposures


def questions(exposures, cache):
    """(exposure, context, header, types) for all types, with Hexcal's answers.

    Of every exposure in every context that knows its instrument.
    """
    from hexcal.references.context import open_context
    from hexcal.references.header_cards import read_header

    queries, answers = [], []
    for name, (path, _) in exposures.items():
        cards = read_header(path)
        for _, context_name in exposures.values():
            context = open_context(context_name, str(cache), "jwst")
            instrument = context.instrument_of(cards)
            if instrument in context.instruments():
                types = context.types(instrument)
                values = context.values(cards, (context.instrument_parameter, *context.parameters(instrument)))
                queries.append((name, context_name, values, types))
                answers.append({kind: choice.name or "N/A" for kind, choice in context.choose(cards, types).items()})
    return queries, answers


def peer_side(queries, answers):
    """Run in the environment of the reference implementation: answers of its client."""
    import crds

    results = []
    for _, context, header, types in json.loads(Path(queries).read_text()):
        chosen = crds.getrecommendations(header, reftypes=types, context=context, observatory="jwst")
        results.append({kind: "N/A" if text == "NOT FOUND n/a" else text for kind, text in chosen.items()})
    Path(answers).write_text(json.dumps(results))


def recorded(folder):
    """Context and files that the rates in a folder name: (CRDS_CTX, {keyword: name}); N/A and absent are the same."""
    from astropy.io import fits

    (path,) = folder.glob("*_rate.fits")
    header = fits.getheader(path)
    return header["CRDS_CTX"], {key: header[key] for key in header if key.startswith("R_") and header[key] != "N/A"}


def report(passed, case, text):
    print(f"{'pass' if passed else 'FAIL'}  simulated_cache:{case:24s} {text}", flush=True)
    return not passed


def run(command, environment):
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True, check=False)
    return f"{command[0]} ended with status {done.returncode}: {done.stderr.strip()[-200:]}" if done.returncode else ""


def compare(folder):
    """Print one line per case; returns the number of failures."""
    from peer_env import VERSION, peer_python

    cache, copy = folder / "crds", folder / "copy"
    exposures = simulated(folder, cache)
    shutil.copytree(cache, copy)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CRDS_", "HEXCAL_REFERENCES"))}
    peer = {**clean, "CRDS_PATH": str(copy), "CRDS_SERVER_URL": "https://none.invalid"}
    queries, own_answers = questions(exposures, cache)
    files = folder / "questions.json", folder / "answers.json"
    files[0].write_text(json.dumps(queries))
    problem = run([peer_python(), __file__, "--peer-side", *files], peer)
    peer_answers = [] if problem else json.loads(files[1].read_text())
    total = sum(map(len, own_answers))
    differing = sum(
        ours.get(kind) != theirs.get(kind)
        for ours, theirs in zip(own_answers, peer_answers, strict=not problem)
        for kind in {*ours, *theirs}
    )
    text = (
        problem
        or f"differing: {differing}/{total} answers | {len(queries)} exposures in contexts (client of {VERSION})"
    )
    failures = report(not problem and not differing, "bestrefs", text)
    for name, (path, context) in exposures.items():
        programs = {"own": Path(sys.executable).with_name("hexcal"), "peer": peer_python().with_name("strun")}
        words = {"own": [programs["own"], "run"], "peer": [programs["peer"]]}
        results, problem = {}, ""
        for side, environment in (("own", {**clean, "CRDS_PATH": str(cache)}), ("peer", peer)):
            (folder / side / name).mkdir(parents=True)
            output = f"--output_dir={folder / side / name}"
            command = [*words[side], "calwebb_detector1", path, output]
            problem = problem or run(command, {**environment, "CRDS_CONTEXT": context})
            results[side] = None if problem else recorded(folder / side / name)
        same = not problem and results["own"] == results["peer"]
        text = problem or f"{results['own'][0]}, {len(results['own'][1])} files named" + (
            "" if same else f": {results}"
        )
        failures += report(same, name, text)
    return failures


def main():
    with tempfile.TemporaryDirectory(prefix="simulated_cache_") as folder:
        return 1 if compare(Path(folder)) else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer-side"]:
        peer_side(*sys.argv[2:])
    else:
        sys.path.insert(0, str(HERE))
        sys.exit(main())
