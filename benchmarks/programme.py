"""`hexcal process` on a simulated programme, beside its jobs as single runs, and beside the reference implementation.

The jobs of the plan (stages 1, 2 and 3 of images and spectra) are run in their order, each as a command of its own:
`hexcal run PIPELINE INPUT` and, with `--programme-peer`, `strun PIPELINE INPUT`, with the same cache of references. The
reference implementation takes half an hour for it: its figures are kept, and printed with their date.
"""

import datetime
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path

from process import execute

PEER_RECORD = "programme_peer.json"
REPEAT_TARGET_S = 2
OVERHEAD_TARGET_MS = 50


def programme(bench):
    """Wall time of the programme, of its second run, of single runs, of the peer; overhead per job."""
    raw = _raw(bench)
    environment = {"CRDS_PATH": str(raw / "crds")}
    out = bench.work / "programme" / "products"
    words = _hexcal("process", raw, "--out", out, "--no-report")
    plan = json.loads(execute([*words, "--dry-run", "--json"], environment)["output"])["jobs"]
    # Once before, so that all kernels are compiled.
    for _ in range(2):
        shutil.rmtree(out, ignore_errors=True)
        whole = execute(words, environment)
    again = execute(words, environment)
    alone = _one_by_one(plan, raw, bench.work / "programme" / "alone", _hexcal("run"), environment)
    title = f"hexcal process, {len(plan)} jobs"
    bench.table.add(
        f"{title}: wall time, and of single runs", f"{whole['seconds']:.1f} s, {alone['seconds']:.1f} s", "",
        f"{alone['seconds'] / whole['seconds']:.1f} x",
    )  # fmt: skip
    seconds = again["seconds"]
    bench.table.add(
        f"{title}: again", f"{seconds:.2f} s", "", "", f"<= {REPEAT_TARGET_S} s", seconds <= REPEAT_TARGET_S
    )
    _overhead(bench, raw, bench.work / "programme" / "one_worker", environment, title)
    peer = _peer(bench, plan, raw)
    if peer:
        when = f"{peer['seconds']:.0f} s, {peer['cpu_s']:.0f} s of processors, {peer['failed']} failed"
        ratio = f"{peer['cpu_s'] / whole['seconds']:.1f} x of processors"
        bench.table.add(f"{title}: beside {peer['version']} file by file, {peer['date']}", "", when, ratio)


def _hexcal(*words):
    return [sys.executable, "-m", "hexcal", *map(str, words)]


def _raw(bench):
    raw = bench.work / "programme" / "raw"
    if not (raw / "done").exists():
        print("making a programme", file=sys.stderr)
        # The reference implementation takes no flat fields of windows for NIRSpec.
        execute(_hexcal("simulate", "programme", "--output", raw, "--overwrite", "--full-frame-references"))
        (raw / "done").touch()
    return raw


def _overhead(bench, raw, out, environment, title):
    """What each further job takes beside the time that its one worker is at work: of the programme, of one exposure."""
    waits, numbers = [], []
    for chosen in (sorted(raw.glob("*_uncal.fits"))[0], raw):
        shutil.rmtree(out, ignore_errors=True)
        words = ("process", chosen, "--out", out, "--workers", "1", "--no-report")
        took = execute(_hexcal(*words), environment)["seconds"]
        with sqlite3.connect(out / "hexcal-ledger.sqlite") as base:
            number, seconds = base.execute("SELECT count(*), sum(seconds) FROM jobs").fetchone()
        waits.append(took - seconds)
        numbers.append(number)
    each = (waits[1] - waits[0]) / (numbers[1] - numbers[0]) * 1e3
    bench.table.add(
        f"{title}: overhead per job", f"{each:.0f} ms", "", "", f"< {OVERHEAD_TARGET_MS} ms", each < OVERHEAD_TARGET_MS
    )


def _one_by_one(plan, raw, folder, program, environment):
    """Run the jobs of a plan as single commands; what they took together."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    took = {"seconds": 0.0, "cpu_s": 0.0, "failed": 0}
    products = raw.parent / "products"
    for path in raw.glob("*_msa.fits"):
        # The reference implementation looks for them where it is called, too.
        shutil.copy(path, folder)
    for job in plan:
        source = Path(job["source"])
        if source.suffix == ".json":
            # The association names what the runs before it have made, and lies beside it; the reference implementation
            # looks for members where it is called.
            source = Path(shutil.copy(products / source.name, folder))
        command = [*program, job["pipeline"], source, f"--output_dir={folder}"]
        run = execute(command, environment, check=False, folder=folder)
        took = {
            "seconds": took["seconds"] + run["seconds"],
            "cpu_s": took["cpu_s"] + run["cpu_s"],
            "failed": took["failed"] + (run["status"] != 0),
        }
        if run["status"]:
            print(f"status {run['status']}: {job['key']}: {run['output'].strip()[-300:]}", file=sys.stderr)
    return took


def _peer(bench, plan, raw):
    record = bench.work / PEER_RECORD
    if not bench.programme_peer:
        return json.loads(record.read_text()) if record.is_file() else None
    from peer_env import VERSION, peer_python

    cache = raw.parent / "peer_cache"
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(raw / "crds", cache)
    context = max(path.name for path in (cache / "mappings" / "jwst").glob("*.pmap"))
    environment = {
        "CRDS_PATH": str(cache),
        "CRDS_SERVER_URL": "https://none.invalid",
        "CRDS_CONTEXT": context,
        "OMP_NUM_THREADS": "1",
    }
    strun = [Path(peer_python()).with_name("strun")]
    peer = _one_by_one(plan, raw, bench.work / "programme" / "peer", strun, environment)
    peer |= {"version": VERSION, "date": datetime.date.today().isoformat(), "load": os.getloadavg()[0]}
    record.write_text(json.dumps(peer))
    return peer
