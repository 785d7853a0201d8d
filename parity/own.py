#!/usr/bin/env python
"""Run steps or pipelines of Hexcal.

Same jobs and same report as peer.py, so that both sides are started and timed in the same way.
"""

import json
import sys
import time
import traceback

import step_times


def run(job):
    from hexcal.core import registry

    cls = registry.find(job["target"])
    parameters = {"references": job["refs"], **job.get("params", {})}
    steps = {name: {"save_results": True} for name in cls.step_defs} if job.get("all_steps") else {}
    for name, values in job.get("steps", {}).items():
        steps.setdefault(name, {}).update(values)
    if steps:
        parameters["steps"] = steps
    with step_times.collected("hexcal") as spent:
        start = time.perf_counter()
        result = cls.call(job["input"], **parameters)
        seconds = time.perf_counter() - start
    is_many = isinstance(result, list | tuple) or type(result).__name__ == "ModelContainer"
    results = list(result) if is_many else [result]
    for model, path in zip(results, job.get("outputs", []), strict=False):
        model.save(path)
    return seconds, spent


def main(jobs_file, report_file):
    start = time.perf_counter()
    import hexcal.core.registry
    import hexcal.datamodels  # noqa: F401

    report = [{"import_s": time.perf_counter() - start}]
    with open(jobs_file) as stream:
        jobs = json.load(stream)
    for job in jobs:
        entry = {"id": job["id"], "error": None, "call_s": None, "cpu_s": None, "steps_s": {}}
        try:
            start = time.process_time()
            entry["call_s"], entry["steps_s"] = run(job)
            entry["cpu_s"] = time.process_time() - start
        except Exception as error:  # noqa: BLE001  report, then go on with the next
            traceback.print_exc()
            entry["error"] = f"{type(error).__name__}: {error}"
        report.append(entry)
    with open(report_file, "w") as stream:
        json.dump(report, stream)
    return int(any(entry.get("error") for entry in report))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
