#!/usr/bin/env python
"""Compare Hexcal with the reference implementation as a black box: same input, same references, one line per case.

    .venv/bin/python parity/run.py                          all cases
    .venv/bin/python parity/run.py 'nircam_corner*' '*:jump'     those whose names match
    .venv/bin/python parity/run.py --list

A line says: pass or FAIL, the case, how many values differ in each plane compared (0 where it is alone; flags, out of
the samples flagged on either side), the tolerance, the worst difference and, where there are differences for a known
reason, that reason. Exit status 1 if a case fails. Rules: parity/README.md.
"""

import argparse
import fnmatch
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cases as table  # noqa: E402
import compare  # noqa: E402
import formulas  # noqa: E402
import inputs  # noqa: E402
from peer_env import VERSION, peer_python  # noqa: E402


def digest(*parts):
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:10]


class Workplace:
    """Where inputs and the peer's products of one exposure are kept.

    A second run of the comparison needs only Hexcal.
    """

    def __init__(self, exposure, root, real_data):
        self.exposure = exposure
        key = digest(
            exposure, *((HERE / name).read_bytes() for name in ("inputs.py", "inputs_scene.py", "inputs_references.py"))
        )
        self.folder = root / f"{exposure.name}-{key}"
        self.refs = self.folder / "refs"
        self.key = key
        self.real_data = real_data

    def prepare(self):
        """Make the inputs if they are not there; returns the raw exposure."""
        done = self.folder / "inputs.json"
        if not done.exists():
            path = inputs.make(self.exposure, self.folder, self.real_data)
            done.write_text(json.dumps(path.name))
        return self.folder / json.loads(done.read_text())

    def job(self, side, target, source, outputs, params, steps, saves):
        """A job for one side; its products lie in a folder of its own, named after all that they depend on."""
        key = digest(
            self.key,
            side,
            target,
            source,
            sorted(params.items()),
            sorted(steps.items()),
            VERSION if side == "peer" else time.time(),
        )
        folder = self.folder / side / f"{target}-{key}"
        job = {
            "id": key,
            "target": target,
            "input": str(source),
            "refs": str(self.refs),
            "params": dict(params),
            "steps": steps,
            "folder": folder,
        }
        if saves:
            job["params"].update(save_results=True, output_dir=str(folder))
        else:
            job["outputs"] = [str(folder / f"{label or target}.fits") for label in outputs]
        return job


def products(job):
    """Label -> path of what a job has written."""
    return {
        path.stem.rpartition("_")[2] if not job.get("outputs") else path.stem: path
        for path in job["folder"].glob("*.fits")
    }


def run_jobs(command, jobs, log):
    """Run jobs in one process of one side; returns the errors by job id. Jobs that succeed are not done again."""
    todo = {job["id"]: job for job in jobs if _outcome(job).get("error", "not run")}
    if todo:
        for job in todo.values():
            job["folder"].mkdir(parents=True, exist_ok=True)
        jobs_file, report_file = log.with_suffix(".jobs.json"), log.with_suffix(".report.json")
        jobs_file.write_text(json.dumps([{**job, "folder": str(job["folder"])} for job in todo.values()]))
        report_file.unlink(missing_ok=True)
        with open(log, "w") as stream:
            done = subprocess.run(
                [*command, jobs_file, report_file], stdout=stream, stderr=subprocess.STDOUT, check=False
            )
        if not report_file.exists():
            raise SystemExit(f"{command[1]} ended with status {done.returncode} and no report; see {log}")
        for entry in json.loads(report_file.read_text()):
            if "id" in entry:
                (todo[entry["id"]]["folder"] / "done.json").write_text(json.dumps(entry))
    return {job["id"]: _outcome(job)["error"] for job in jobs}


def _outcome(job):
    path = job["folder"] / "done.json"
    return json.loads(path.read_text()) if path.exists() else {}


def chain_jobs(place, raw, last):
    """The peer's jobs that make the input of every step up to `last`; step -> job."""
    jobs, source = {}, raw
    for step in table.chain_of(place.exposure):
        labels = table.outputs_of(step)
        jobs[step] = place.job("peer", step, source, labels, table.STEP_PARAMETERS.get(step, {}), {}, False)
        source = Path(jobs[step]["outputs"][0])
        if step == last:
            break
    return jobs


def run_exposure(exposure, chosen, options):
    """Run all chosen cases of one exposure on both sides; prints their lines and returns the number of failures."""
    place = Workplace(exposure, options.work, options.real_data)
    raw = place.prepare()
    order = table.chain_of(exposure)
    needed = {case.after for case in chosen if case.after} | {
        case.target for case in chosen if case.after and case.target in order
    }
    last = max(needed, key=order.index, default=None)
    chain = chain_jobs(place, raw, last) if last else {}
    peer_jobs, own_jobs, pairs = list(chain.values()), [], {}
    for case in chosen:
        source = Path(chain[case.after]["outputs"][0]) if case.after else raw
        own_steps = {
            name: {**case.steps.get(name, {}), **case.own_steps.get(name, {})}
            for name in {**case.steps, **case.own_steps}
        }
        jobs = [
            place.job("peer", case.target, source, case.outputs, case.params, case.steps, case.saves),
            place.job("own", case.target, source, case.outputs, {**case.params, **case.own}, own_steps, case.saves),
        ]
        peer_jobs += [jobs[0]] if jobs[0]["id"] not in {job["id"] for job in peer_jobs} else []
        own_jobs.append(jobs[1])
        pairs[case.name] = jobs
    environment = [str(peer_python()), str(HERE / "peer.py")]
    peer_errors = run_jobs(environment, peer_jobs, place.folder / "peer.log")
    own_errors = run_jobs([sys.executable, str(HERE / "own.py")], own_jobs, place.folder / "own.log")
    failures = 0
    for case in chosen:
        peer_job, own_job = pairs[case.name]
        errors = (own_errors[own_job["id"]], peer_errors[peer_job["id"]])
        failures += not report(case, own_job, peer_job, errors, options)
        if case.target.startswith("calwebb_") and not any(errors):
            failures += not report_reading(case, own_job)
        if not options.keep:
            for path in own_job["folder"].glob("*"):
                path.unlink()
            own_job["folder"].rmdir()
    return failures


def report(case, own_job, peer_job, errors, options):
    """Print the line of one case; returns whether it passed."""
    if any(errors):
        who = "both sides" if all(errors) else "Hexcal" if errors[0] else "the peer"
        print(f"FAIL  {case.name:40s} {who} stopped: {(errors[0] or errors[1]).splitlines()[0]}", flush=True)
        return False
    own, peer = products(own_job), products(peer_job)
    results = []
    for label, planes in case.outputs.items():
        name = label or case.target
        if name not in own and name not in peer:
            continue
        if name not in own or name not in peer:
            results.append(
                compare.PlaneResult(name, problem=f"only {'the peer' if name in peer else 'Hexcal'} made it")
            )
            continue
        results += compare.compare_files(
            own[name],
            peer[name],
            planes,
            case.rtol,
            table.FLOORS[planes],
            case.tables,
            label if len(case.outputs) > 1 else "",
        )
    if case.pedestal:
        folders = own_job["folder"], peer_job["folder"]
        results += formulas.check_pedestal(*folders, own_job["input"], table.PEDESTAL_FLOOR)
    # A product that nobody asked for is a difference as well (not for a step run alone: the peer calls its product
    # after the class).
    extra = (set(own) ^ set(peer)) - set(case.outputs) if case.target.startswith("calwebb_") else ()
    for name in sorted(extra):
        results.append(compare.PlaneResult(name, problem=f"only {'the peer' if name in peer else 'Hexcal'} made it"))
    passed = bool(results) and all(
        result.passed(case.known_counts.get(result.name.rpartition(":")[2], 0)) for result in results
    )
    print(line(case, results, passed), flush=True)
    for result in results if options.examples else ():
        for place, mine, theirs in result.examples:
            print(f"        {result.name} {place}: {mine!r}, the peer's {theirs!r}")
    return passed


def report_reading(case, own_job):
    """Print whether the models of the reference implementation open Hexcal's products of one case.

    Returns whether all do.
    """
    files = sorted(str(path) for path in products(own_job).values())
    done = subprocess.run(
        [str(peer_python()), str(HERE / "reader.py"), *files], capture_output=True, text=True, check=True
    )
    read = json.loads(done.stdout.splitlines()[-1])
    bad = [f"{Path(entry['file']).name}: {entry['error']}" for entry in read if entry["error"]]
    models = ", ".join(f"{Path(entry['file']).stem.rpartition('_')[2]} as {entry['model']}" for entry in read)
    outcome = "; ".join(bad) or f"{len(read)} products opened by the original: {models}"
    print(f"{'FAIL' if bad else 'pass'}  {case.name + ' reading':40s} {outcome}", flush=True)
    return not bad


def line(case, results, passed):
    """One line for a case."""
    counts = " ".join(f"{result.name} {result.problem or _count(result)}" for result in results)
    worst = max((result for result in results), key=lambda result: result.worst, default=None)
    extreme = (
        f"worst {worst.worst:.2g} x tolerance in {worst.name}" if worst is not None and worst.worst > 0 else "worst 0"
    )
    limits = {plane: floor for planes in case.outputs.values() for plane, floor in table.FLOORS[planes].items()}
    floors = ", ".join(f"{plane} {_floor(floor)}" for plane, floor in limits.items())
    differs = any(result.differing for result in results)
    known = f" | known: {case.known}" if case.known and differs else ""
    return (
        f"{'pass' if passed else 'FAIL'}  {case.name:40s} differing: {counts} | rtol {case.rtol:g}, "
        f"floor {floors or 0} | {extreme}{known}"
    )


def _floor(floor):
    if isinstance(floor, float):
        return f"{floor:g}"
    plane, power, factor = floor
    return f"{factor:g} {plane}" + ("²" if power == 2 else "")


def _count(result):
    if not result.differing:
        return "0"
    whole = f"{result.flagged} flagged" if result.is_flags else result.size
    return f"{result.differing}/{whole} ({result.fraction:.1e})"


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases (patterns as of a shell); default all")
    parser.add_argument("--list", action="store_true", help="only print the names of the cases")
    parser.add_argument("--examples", action="store_true", help="also print some of the values that differ")
    parser.add_argument("--keep", action="store_true", help="keep Hexcal's products")
    default = os.environ.get("HEXCAL_PARITY_DIR") or Path.home() / ".cache" / "hexcal-parity"
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(default),
        help="where inputs and the peer's products are kept (some 10 GB); default %(default)s",
    )
    parser.add_argument(
        "--real-data",
        type=Path,
        default=Path(os.environ.get("HEXCAL_REAL_DATA", HERE.parent.parent / "shared" / "data")),
    )
    options = parser.parse_args(words)
    options.work.mkdir(parents=True, exist_ok=True)
    chosen = [
        case
        for case in table.all_cases()
        if not options.names or any(fnmatch.fnmatch(case.name, name) for name in options.names)
    ]
    if not chosen:
        raise SystemExit(f"no case matches {' '.join(options.names)}; --list shows all")
    if options.list:
        print("\n".join(case.name for case in chosen))
        return 0
    failures = compared = 0
    for exposure in table.EXPOSURES:
        mine = [case for case in chosen if case.exposure is exposure]
        if exposure.real and mine and not Path(options.real_data, exposure.real).exists():
            print(f"skip  {exposure.name}: {exposure.real} is not in {options.real_data} (HEXCAL_REAL_DATA)")
            continue
        if mine:
            failures += run_exposure(exposure, mine, options)
            compared += len(mine)
    print(f"{compared} cases, {failures} failed (reference implementation {VERSION})")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
