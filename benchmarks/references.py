#!/usr/bin/env python
"""Choosing reference files.

All types for a NIRCam exposure, by Hexcal and by the official client, each in processes of its own.

Part ``references`` of run.py. This file is also what those processes run: it imports nothing of the other side, and of
its own only what it measures.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REAL_DATA = Path(os.environ.get("HEXCAL_REAL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
HEADER = {
    "META.TELESCOPE": "JWST",
    "META.INSTRUMENT.NAME": "NIRCAM",
    "META.INSTRUMENT.DETECTOR": "NRCA1",
    "META.INSTRUMENT.CHANNEL": "SHORT",
    "META.INSTRUMENT.MODULE": "A",
    "META.INSTRUMENT.FILTER": "F200W",
    "META.INSTRUMENT.PUPIL": "CLEAR",
    "META.INSTRUMENT.CORONAGRAPH": "NONE",
    "META.EXPOSURE.TYPE": "NRC_IMAGE",
    "META.EXPOSURE.READPATT": "RAPID",
    "META.SUBARRAY.NAME": "FULL",
    "META.VISIT.TSOVISIT": "F",
    "META.OBSERVATION.DATE": "2023-02-25",
    "META.OBSERVATION.TIME": "01:02:03",
}
WARM_CALLS = 200


def references(bench):
    """Time to choose all references of an exposure: in a process that has read nothing yet, again, and as a command."""
    if not (REAL_DATA / "crds_cache" / "mappings").is_dir():
        bench.table.add("choosing references", f"skipped: {REAL_DATA / 'crds_cache'} is not there (HEXCAL_REAL_DATA)")
        return
    bench.need_peer()
    with tempfile.TemporaryDirectory(dir=bench.work) as scratch:
        # The client writes into its cache.
        cache = Path(scratch, "crds_cache")
        shutil.copytree(REAL_DATA / "crds_cache", cache, copy_function=shutil.copyfile)
        for folder, _, _ in os.walk(cache):
            os.chmod(folder, 0o755)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CRDS_")},
            "CRDS_PATH": str(cache),
            "CRDS_SERVER_URL": "https://none.invalid",
        }
        context, types = _newest(cache)
        _calls(bench, environment, context, types)
        _commands(bench, environment, context)


def _newest(root):
    """The newest context of a cache, and its types of references for NIRCam."""
    from hexcal.references.cache import ReferenceCache
    from hexcal.references.context import Context

    context = Context(ReferenceCache(root, "jwst"), "newest")
    return context.name, context.types("NIRCAM")


def _calls(bench, environment, context, types):
    runs = {"own": [], "peer": []}
    for number in range(bench.runs + 1):
        for side, done in runs.items():
            command = [str(bench.sides[side][0]), __file__, side, context, ",".join(types)]
            output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            if number:
                done.append(json.loads(output.splitlines()[-1]))
    own, peer = runs["own"][0], runs["peer"][0]
    differing = [name for name in peer["chosen"] if own["chosen"].get(name) != peer["chosen"][name]]
    what = f"references of a NIRCam exposure, {len(peer['chosen'])} types, {context}"
    bench.table.add(
        f"{what}: answers that differ",
        ", ".join(differing) or "none",
        "",
        "",
        "none",
        bool(peer["chosen"]) and not differing,
    )
    for name, words in (("cold_ms", "first choice in a process"), ("warm_ms", "every further one")):
        own, peer = (statistics.median(run[name] for run in runs[side]) for side in ("own", "peer"))
        ratio = peer / own
        bench.table.add(f"{what}: {words}", f"{own:.2f} ms", f"{peer:.2f} ms", f"{ratio:.1f} x", ">= 1 x", ratio >= 1)


def _commands(bench, environment, context):
    path, _ = bench.exposure((2, 8, 128, 128), subarray="SUB128", outputs=1, frame_time=0.3)
    programs = {side: Path(words[0]).parent for side, words in bench.sides.items()}
    commands = {
        "own": [programs["own"] / "hexcal", "crds", "bestrefs", "--context", context, path],
        "peer": [programs["peer"] / "crds", "bestrefs", "--new-context", context,
                 "--all-types", "--print-new-references", "--files", path],
    }  # fmt: skip
    seconds = {side: [] for side in commands}
    for number in range(bench.runs + 1):
        for side, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, env=environment, capture_output=True, check=True)
            if number:
                seconds[side].append(time.perf_counter() - start)
    own, peer = (statistics.median(seconds[side]) for side in ("own", "peer"))
    ratio = peer / own
    what = "hexcal crds bestrefs FILE / crds bestrefs --files FILE"
    bench.table.add(what, f"{own:.2f} s", f"{peer:.2f} s", f"{ratio:.1f} x", ">= 3 x", ratio >= 3)


# ---- what the processes run


def _own(cache, context, types):
    from hexcal.references.context import open_context

    def choose():
        choices = open_context(context, cache, "jwst").choose(HEADER, types)
        return {name: choice.name or choice.status.upper() for name, choice in choices.items()}

    return choose


def _peer(cache, context, types):
    import crds

    def choose():
        chosen = crds.getrecommendations(HEADER, reftypes=types, context=context, observatory="jwst", fast=True)
        return {name: str(text) for name, text in chosen.items()}

    return choose


def _plain(text):
    text = text.upper()
    if text in ("N/A", "NOT FOUND N/A"):
        return "N/A"
    return "NOT FOUND" if text.startswith("NOT FOUND") else text


def _process(side, context, types):
    choose = {"own": _own, "peer": _peer}[side](os.environ["CRDS_PATH"], context, types.split(","))
    seconds = []
    for _ in range(WARM_CALLS + 1):
        start = time.perf_counter()
        chosen = choose()
        seconds.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "cold_ms": 1000 * seconds[0],
                "warm_ms": 1000 * statistics.median(seconds[1:]),
                "chosen": {name: _plain(text) for name, text in chosen.items()},
            }
        )
    )


if __name__ == "__main__":
    _process(*sys.argv[1:])
