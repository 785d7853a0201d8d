#!/usr/bin/env python
"""Times and peak memory of Hexcal and of the reference implementation, on the same input.

One after the other on the same machine.

    .venv/bin/python benchmarks/run.py [--runs 3] [--json FILE] [--only ROWS...]

Both sides run in the same way: a new process per run, which imports, runs one job and writes the products
(parity/own.py, parity/peer.py); after one warm-up each, own and peer take turns, and the medians are printed. "call" is
the time inside the process, from the file name to the written products; "process" includes start and imports. Times of
steps are those within the pipeline. Peak memory is the largest resident size of the process.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARITY = HERE.parent / "parity"
sys.path.insert(0, str(PARITY))

import numpy as np  # noqa: E402
from asn_generate import associations  # noqa: E402
from astropy.io import fits  # noqa: E402
from cases import PIPELINE_STEPS  # noqa: E402
from detector_options import detector_options  # noqa: E402
from image2 import image2  # noqa: E402
from image3 import image3  # noqa: E402
from inputs import Exposure, make  # noqa: E402
from peer_env import VERSION, peer_python  # noqa: E402
from process import execute  # noqa: E402
from programme import programme  # noqa: E402
from references import references  # noqa: E402
from spec2 import spec2  # noqa: E402
from spec3 import spec3  # noqa: E402

PARTS = (
    "pipeline",
    "memory4",
    "series",
    "threads",
    "clip",
    "options",
    "container",
    "compile",
    "start",
    "references",
    "associations",
    "programme",
    "image2",
    "image3",
    "spec2",
    "spec3",
)


@dataclass
class Run:
    """What one process took."""

    process_s: float
    call_s: float
    peak_mb: float
    steps_s: dict
    folder: Path
    last_cpu_s: float = math.nan
    """Time of processors that the last job took, from the file name to the written products."""
    process_cpu_s: float = math.nan


@dataclass
class Table:
    """Rows of the report: what, figures, target, whether it is met (None: no target)."""

    rows: list = field(default_factory=list)

    def add(self, what, own, peer="", ratio="", target="", met=None):
        self.rows.append({"what": what, "hexcal": own, "peer": peer, "ratio": ratio, "target": target, "met": met})
        print(f"  {what}: {own} {peer} {ratio}", file=sys.stderr, flush=True)

    def text(self):
        heads = {
            "what": "",
            "hexcal": "Hexcal",
            "peer": f"reference {VERSION}",
            "ratio": "ratio",
            "target": "target",
            "met": "met",
        }
        rows = [heads, *({**row, "met": {True: "yes", False: "NO", None: ""}[row["met"]]} for row in self.rows)]
        widths = {key: max(len(str(row[key])) for row in rows) for key in heads}
        return "\n".join("  ".join(str(row[key]).ljust(widths[key]) for key in heads).rstrip() for row in rows)


class Bench:
    """The inputs, and how to run a side on them."""

    def __init__(self, options):
        self.work, self.size, self.runs = options.work, options.size, options.runs
        self.asn_peer, self.programme_peer = options.asn_peer, options.programme_peer
        self.sides = {"own": [sys.executable, PARITY / "own.py"]}
        self.table = Table()

    def need_peer(self):
        self.sides["peer"] = [peer_python(), PARITY / "peer.py"]

    def exposure(self, shape, instrument="NIRCAM", **more):
        """Make an exposure once; returns (path, folder of references)."""
        name = f"{instrument.lower()}_{'x'.join(map(str, shape))}"
        folder = self.work / name
        entry = Exposure(name, instrument, shape, hits=2e-4, **more)
        path = folder / entry.uncal
        if not (folder / "done").exists():
            print(f"making {name}", file=sys.stderr)
            path = make(entry, folder)
            (folder / "done").touch()
        return path, folder / "refs"

    def job(self, exposure, label, **more):
        folder = self.work / "out" / label
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.fits"):
            old.unlink()
        path, refs = exposure
        steps = {**PIPELINE_STEPS, **more.pop("steps", {})}
        params = {"save_results": True, "output_dir": str(folder), **more}
        return {
            "id": label,
            "target": "calwebb_detector1",
            "input": str(path),
            "refs": str(refs),
            "params": params,
            "steps": steps,
        }, folder

    def run(self, side, jobs, environment=None):
        """Run jobs in one process of a side."""
        with tempfile.TemporaryDirectory() as scratch:
            jobs_file, report_file = Path(scratch, "jobs.json"), Path(scratch, "report.json")
            jobs_file.write_text(json.dumps([job for job, _ in jobs]))
            took = execute([*self.sides[side], jobs_file, report_file], environment)
            entries = json.loads(report_file.read_text())[1:]
        return Run(
            took["seconds"],
            sum(entry["call_s"] for entry in entries),
            took["peak_mb"],
            entries[-1]["steps_s"],
            jobs[-1][1],
            entries[-1]["cpu_s"],
            took["cpu_s"],
        )


def cores():
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def median(runs, figure):
    return statistics.median(figure(run) for run in runs)


def pipeline(bench):
    """NIRCam, 10 groups: the whole pipeline, its steps, and peak memory, against the peer."""
    bench.need_peer()
    exposure = bench.exposure((1, 10, bench.size, bench.size))
    # As a user gets it without a word, and with the number of threads said (jump and ramp_fit have one by default, as
    # documented).
    counts = sorted({1, 2, cores()})
    environments = {"own": {}, **{f"own, {n} threads": {"HEXCAL_THREADS": str(n)} for n in counts}, "peer": {}}
    runs = {name: [] for name in environments}
    for number in range(bench.runs + 1):
        for side, done in runs.items():
            run = bench.run(side.partition(",")[0], [bench.job(exposure, side)], environments[side])
            if number:
                done.append(run)
            print(
                f"{side} {'run ' + str(number) if number else 'warm-up'}: {run.process_s:.2f} s, {run.peak_mb:.0f} MB",
                file=sys.stderr,
                flush=True,
            )
    title = f"NIRCam {bench.size}² x 10 groups"

    def compare(what, figure, factor, unit="s", digits=2, side="own"):
        own, peer = median(runs[side], figure), median(runs["peer"], figure)
        target, met = (f">= {factor:g} x", peer / own >= factor) if factor else ("", None)
        bench.table.add(
            what, f"{own:.{digits}f} {unit}", f"{peer:.{digits}f} {unit}", f"{peer / own:.1f} x", target, met
        )

    compare(f"{title}: pipeline, process", lambda run: run.process_s, 12)
    compare(f"{title}: pipeline, call", lambda run: run.call_s, None)
    for n in counts:
        which = f"{n} thread{'s' if n > 1 else ''}" + (f" (all {n} cores)" if n == cores() else "")
        compare(f"{title}: pipeline, process, {which}", lambda run: run.process_s, None, side=f"own, {n} threads")
        compare(f"{title}: pipeline, call, {which}", lambda run: run.call_s, None, side=f"own, {n} threads")
    single, most = (median(runs[f"own, {n} threads"], lambda run: run.call_s) for n in (1, counts[-1]))
    bench.table.add(f"{title}: pipeline, call, 1 thread / {counts[-1]} threads", f"{single / most:.2f}")
    compare(f"{title}: jump + ramp_fit", lambda run: run.steps_s["jump"] + run.steps_s["ramp_fit"], 15)
    for step in [
        step for step in runs["own"][0].steps_s if step in runs["peer"][0].steps_s and not step.startswith("calwebb")
    ]:
        if median(runs["own"], lambda run: run.steps_s[step]) > 0:  # noqa: B023  used at once
            compare(f"{title}: {step}", lambda run: run.steps_s[step], None)  # noqa: B023
    compare(f"{title}: peak memory", lambda run: run.peak_mb, 3, "MB", 0)
    peak = median(runs[f"own, {counts[-1]} threads"], lambda run: run.peak_mb)
    bench.table.add(f"{title}: peak memory, all threads", f"{peak:.0f} MB", "", "", "<= 500 MB", peak <= 500)


def memory4(bench):
    """Four integrations: peak memory against the float32 ramp."""
    shape = (4, 10, bench.size, bench.size)
    ramp_mb = math.prod(shape) * 4 / 2**20
    run = bench.run("own", [bench.job(bench.exposure(shape), "own4")])
    ratio = run.peak_mb / ramp_mb
    what = f"4 integrations x 10 groups: peak / float32 ramp of {ramp_mb:.0f} MB"
    bench.table.add(what, f"{run.peak_mb:.0f} MB", "", f"{ratio:.2f}", "<= 2.5", ratio <= 2.5)
    bench.table.add("4 integrations x 10 groups: pipeline, call", f"{run.call_s:.2f} s")


def series(bench):
    """Time series of 50 and of 400 integrations, which pass in blocks.

    Peak memory must not grow with their number, the time in proportion.
    """
    # From minimum_sigclip_groups integrations on (100), jumps are found by sigma clipping, in two passes over the
    # integrations.
    for method, least in (("two-point differences", 10**6), ("sigma clipping", 2)):
        runs = {}
        for n_ints in (50, 400):
            exposure = bench.exposure(
                (n_ints, 10, 64, 256), subarray="SUB64P", outputs=1, frame_time=0.05, exp_type="NRC_TSIMAGE", tso=True
            )
            steps = {"jump": {"minimum_sigclip_groups": least}}
            runs[n_ints] = [bench.run("own", [bench.job(exposure, f"series{n_ints}", steps=steps)]) for _ in range(3)][
                1:
            ]
        title = f"time series x 10 groups x 64 x 256, 50 and 400 integrations, {method}"
        few, many = (min(run.peak_mb for run in runs[n_ints]) for n_ints in (50, 400))
        figures, ratio = f"{few:.0f} MB, {many:.0f} MB", many / few
        bench.table.add(f"{title}: peak memory", figures, "", f"{ratio:.2f}", "<= 1.1", ratio <= 1.1)
        few, many = (min(run.call_s for run in runs[n_ints]) / n_ints * 1e3 for n_ints in (50, 400))
        figures, ratio = f"{few:.1f} ms, {many:.1f} ms", many / few
        bench.table.add(f"{title}: call per integration", figures, "", f"{ratio:.2f}", "<= 1.1", ratio <= 1.1)


def threads(bench):
    """One and two threads must give the same bits."""
    exposure = bench.exposure((1, 10, bench.size, bench.size))
    steps = {step: {**PIPELINE_STEPS.get(step, {}), "maximum_cores": "all"} for step in ("jump", "ramp_fit")}
    folders, seconds = [], []
    for number in ("1", "2"):
        run = bench.run(
            "own",
            [bench.job(exposure, f"threads{number}", steps=steps, save_calibrated_ramp=True)],
            {"HEXCAL_THREADS": number},
        )
        folders.append(run.folder)
        seconds.append(run.call_s)
    differing, compared = [], 0
    for path in sorted(folders[0].glob("*.fits")):
        with fits.open(path) as first, fits.open(folders[1] / path.name) as second:
            for hdu in (hdu for hdu in first[1:] if hdu.is_image):
                compared += 1
                if hdu.data.tobytes() != second[hdu.name].data.tobytes():
                    differing.append(f"{path.name}[{hdu.name}]")
    what = f"1 and 2 threads: {compared} arrays compared bit by bit"
    bench.table.add(
        what,
        "identical" if not differing else ", ".join(differing),
        "",
        "",
        "identical",
        compared > 0 and not differing,
    )
    bench.table.add("1 and 2 threads (jump and ramp_fit too): call", f"{seconds[0]:.2f} s, {seconds[1]:.2f} s")


def clip(bench):
    """Jumps of time series, which both sides find by sigma clipping from 100 integrations on.

    Time per sample, and that of two-point differences.
    """
    bench.need_peer()
    per_sample = {}
    # As many samples in both, so that the start of the step (loading compiled kernels) weighs the same.
    for n_ints, size in ((200, 128), (800, 64)):
        shape = (n_ints, 10, size, size)
        exposure = bench.exposure(
            shape, subarray="SUB64P", outputs=1, frame_time=0.05, exp_type="NRC_TSIMAGE", tso=True
        )

        def jump(side, label, exposure=exposure, shape=shape, **parameters):
            runs = [bench.run(side, [bench.job(exposure, label, steps={"jump": parameters})]) for _ in range(2)]
            return min(run.steps_s["jump"] for run in runs) / math.prod(shape) * 1e9

        own, peer = jump("own", "clip"), jump("peer", "clip_peer")
        two_point = jump("own", "two_point", minimum_sigclip_groups=10**6)
        title = f"jump, {n_ints} integrations x 10 groups x {size}²"
        bench.table.add(
            f"{title}: sigma clipping", f"{own:.1f} ns/sample", f"{peer:.1f} ns/sample", f"{peer / own:.1f} x"
        )
        ratio = own / two_point
        bench.table.add(
            f"{title}: two-point differences", f"{two_point:.1f} ns/sample", "", f"{ratio:.2f}", "<= 2", ratio <= 2
        )
        per_sample[n_ints] = own
    ratio = per_sample[800] / per_sample[200]
    bench.table.add(
        "sigma clipping: time per sample, 800 / 200 integrations", f"{ratio:.2f}", "", "", "<= 1.3", ratio <= 1.3
    )


def container(bench):
    """Members of a container that are changed one after the other: peak memory must not grow with their number."""
    run = bench.run("own", [bench.job(bench.exposure((1, 10, bench.size, bench.size)), "own")])
    exposure = next(run.folder.glob("*_rate.fits"))
    figures = {}
    for count in (6, 60):
        took = execute([sys.executable, HERE / "containers.py", exposure, count])
        figures[count] = [float(word) for word in took["output"].split()[-2:]]
    few, many = figures[6][0], figures[60][0]
    what = f"container of 6 and of 60 images of {bench.size}², each changed twice: peak memory"
    bench.table.add(what, f"{few:.0f} MB, {many:.0f} MB", "", f"{many - few:+.0f} MB", "<= +100 MB", many - few <= 100)
    seconds = figures[60][1]
    what = "a hundred members opened for their metadata: processor time"
    bench.table.add(what, f"{seconds:.2f} s", "", "", "< 1 s", seconds < 1)


def compile_(bench):
    """The first run ever, with an empty cache of compiled kernels, less the same run again."""
    small = {"frame_time": 0.3}
    near = bench.exposure((1, 5, 64, 64), subarray="SUB64P", outputs=1, **small)

    def default(cache):
        return bench.run("own", [bench.job(near, "first_default")], {"NUMBA_CACHE_DIR": cache})

    with tempfile.TemporaryDirectory() as cache:
        seconds = default(cache).process_s - default(cache).process_s
    what = "first run ever: compiling what calwebb_detector1 needs by default (near infrared)"
    bench.table.add(what, f"{seconds:.1f} s", "", "", "<= 8 s", seconds <= 8)
    nircam = bench.exposure((2, 8, 128, 128), subarray="SUB128", outputs=1, **small)
    miri = bench.exposure(
        (2, 8, 64, 72), "MIRI", corner=(1, 779), subarray="SUB64", readpatt="FAST", exp_type="MIR_IMAGE", **small
    )
    ipc = {"ipc": {"skip": False}}

    def run(cache):
        jobs = [bench.job(nircam, "first", steps=ipc), bench.job(miri, "first_miri", steps=ipc)]
        return bench.run("own", jobs, {"NUMBA_CACHE_DIR": cache})

    with tempfile.TemporaryDirectory() as cache:
        first, again = run(cache), run(cache)
    seconds = first.process_s - again.process_s
    bench.table.add(
        "first run ever: compiling all kernels (near-infrared and MIRI)",
        f"{seconds:.1f} s",
        "",
        "",
        "<= 20 s",
        seconds <= 20,
    )
    bench.table.add("the same small runs again, process", f"{again.process_s:.2f} s")


def start(bench):
    """What a user waits for before anything happens."""
    program = Path(sys.executable).with_name("hexcal")
    command = (
        [program]
        if program.exists()
        else [sys.executable, "-c", "import sys; from hexcal.cli.main import main; sys.exit(main())"]
    )
    tiny, refs = bench.exposure((1, 5, 64, 64), subarray="SUB64P", outputs=1, frame_time=0.3)
    folder = bench.work / "out" / "tiny"
    words = ["run", "calwebb_detector1", str(tiny), f"--references={refs}", f"--output_dir={folder}"]
    seconds = min(execute([*command, *words])["cpu_s"] for _ in range(6))
    what = "hexcal run calwebb_detector1 on 64² pixels, processor time"
    bench.table.add(what, f"{seconds:.2f} s", "", "", "<= 0.8 s", seconds <= 0.8)
    seconds = min(execute([*command, "run", "calwebb_detector1", "--help"])["seconds"] for _ in range(5))
    bench.table.add("hexcal run calwebb_detector1 --help", f"{seconds:.3f} s", "", "", "<= 0.3 s", seconds <= 0.3)
    bare = min(execute([sys.executable, "-c", "pass"])["seconds"] for _ in range(5))
    bench.table.add("Python alone", f"{bare:.3f} s")
    for statement in ("import hexcal", "import hexcal.datamodels", "from hexcal.pipeline import Detector1Pipeline"):
        seconds = min(execute([sys.executable, "-c", statement])["seconds"] for _ in range(5))
        bench.table.add(f"{statement} (with Python)", f"{seconds:.3f} s")
    done = subprocess.run([sys.executable, "-c", _CONSTRUCT], capture_output=True, text=True, check=True)
    for name, microseconds in zip(("ImageModel()", "RampModel()"), map(float, done.stdout.split()), strict=True):
        bench.table.add(f"datamodels.{name}", f"{microseconds:.1f} µs", "", "", "<= 50 µs", microseconds <= 50)


_CONSTRUCT = """
import timeit
from hexcal import datamodels
for model in (datamodels.ImageModel, datamodels.RampModel):
    print(min(timeit.repeat(model, number=2000, repeat=5)) / 2000 * 1e6)
"""


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--runs", type=int, default=3, help="runs of each side after the warm-up; medians are printed (default 3)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to measure (default all)")
    parser.add_argument("--size", type=int, default=2048, help="pixels per side; the targets are for 2048")
    parser.add_argument(
        "--asn-peer", action="store_true", help="measure the reference implementation's asn_generate anew (minutes)"
    )
    parser.add_argument(
        "--programme-peer",
        action="store_true",
        help="run the jobs of `programme` by the reference implementation (an hour)",
    )
    default = os.environ.get("HEXCAL_BENCH_DIR") or Path.home() / ".cache" / "hexcal-bench"
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(default),
        help="where inputs and products are kept (some 5 GB); default %(default)s",
    )
    options = parser.parse_args(words)
    options.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options)
    for part, measure in zip(
        PARTS,
        (
            pipeline,
            memory4,
            series,
            threads,
            clip,
            detector_options,
            container,
            compile_,
            start,
            references,
            associations,
            programme,
            image2,
            image3,
            spec2,
            spec3,
        ),
        strict=True,
    ):
        if part in options.only:
            measure(bench)
    print(f"{cores()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}, numpy {np.__version__}")
    print(bench.table.text())
    if options.json:
        record = {
            "cores": os.cpu_count(),
            "python": sys.version,
            "numpy": np.__version__,
            "peer": VERSION,
            "runs": options.runs,
            "size": options.size,
        }
        options.json.write_text(json.dumps({**record, "rows": bench.table.rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
