"""What a worker does: one job, in its own process, with the log in a file of its own."""

import contextlib
import logging
import os
import resource
import time
import warnings
from pathlib import Path
from typing import Any

from hexcal.core.log import ROOT
from hexcal.core.saved_records import collected
from hexcal.errors import DataUnusable, HexcalError, InputError, shortened
from hexcal.references import digest

_NO_SCIENCE = 64
"""Exit status of a run that finds no science data on the detector."""


def do(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job; never raises an error of the job.

    Parameters
    ----------
    job : dict
        ``pipeline``, ``source`` (path), ``words`` (options as of ``hexcal run``), ``log`` (path), ``groups`` (int or
        None: how many groups of a ramp are read), ``threads``.

    Returns
    -------
    dict
        ``state`` ("done", "failed", "no data"), ``error``, ``is_of_input`` (whether the error is one of what the
        job was given, and not of the machine or of the program), ``seconds``, ``peak_memory_mb``, ``products`` (list of
        dict: path, size, mtime_ns, sha256), ``made_of`` (what the products say of how they were made), ``worker``.
    """
    from hexcal.files import gate
    from hexcal.workflow import ledger

    started = time.perf_counter()
    _forget_peak()
    state, error, is_of_input = ledger.DONE, None, False
    with gate.run(digests=True) as files, collected() as records:
        try:
            _run(job)
        except HexcalError as failure:
            state = ledger.NO_DATA if failure.exit_status == _NO_SCIENCE else ledger.FAILED
            error, is_of_input = str(failure), isinstance(failure, InputError | DataUnusable)
        except MemoryError:
            state, error = ledger.FAILED, "not enough memory"
        except Exception as fault:  # noqa: BLE001 - one job must not end the worker, which has others to do
            state, error = ledger.FAILED, f"fault in the program: {type(fault).__name__}: {shortened(str(fault))}"
        written = [path for path in dict.fromkeys(files.written.values()) if os.path.isfile(path)]
    products = [path for path in written if path != job["log"]]
    return {
        "state": state,
        "error": error,
        "is_of_input": is_of_input,
        "seconds": round(time.perf_counter() - started, 3),
        "peak_memory_mb": _peak_memory_mb(),
        "products": _described(products, files.digests),
        "made_of": _made_of(records, job) if state == ledger.DONE else None,
        "worker": f"process {os.getpid()} on {os.uname().nodename}",
    }


def _run(job):
    from hexcal.core import cmdline
    from hexcal.core.names import make_folder

    make_folder(Path(job["log"]).parent)
    words = [*job["words"], f"--threads={job['threads']}", f"--log-file={job['log']}", "--log-stream=null"]
    with _warnings_to_log():
        if job.get("groups") is None:
            cmdline.run_target([job["pipeline"], job["source"], *words])
            return
        from hexcal.workflow.quick import with_first_groups

        with with_first_groups(job["source"], job["groups"]) as source:
            cmdline.run_target([job["pipeline"], source, *words])


@contextlib.contextmanager
def _warnings_to_log():
    """Have Python's warnings in the log of the job, and not on the terminal, among the lines of all jobs."""

    def tell(message, category, *_, **__):
        logging.getLogger(ROOT).warning("%s: %s", category.__name__, message)

    with warnings.catch_warnings():
        # The plan itself names exposures that lie in the folder of the raw data.
        warnings.filterwarnings("ignore", message=".*members are named with a folder")
        warnings.showwarning = tell
        yield


def _described(paths, digests):
    """What is noted of products; the digests of what was written are known, those of other files are computed."""
    of_written = [(path, *digests[path]) for path in paths if path in digests]
    digest.remember(of_written)
    known = {path: (status, sha256) for path, status, sha256 in of_written}
    return [_of_product(path, *known.get(path, (None, None))) for path in paths]


def _of_product(path, status, sha256):
    now = os.stat(path)
    if status is None or (now.st_ino, now.st_mtime_ns) != (status.st_ino, status.st_mtime_ns):
        sha256 = digest.sha256(path)
    return {"path": str(path), "size": now.st_size, "mtime_ns": now.st_mtime_ns, "sha256": sha256}


def _made_of(records, job):
    """What the records of the products say: inputs, references, with their digests; None where there is no record."""
    if not records:
        return None
    inputs = [item for record in records for item in _inputs(record, job)]
    references = [item for record in records for entry in record["steps"] for item in _references(entry)]
    # A product that is saved later has been through more steps: it repeats what the earlier ones say, and adds to it.
    return {"version": records[-1]["software"]["version"], "inputs": _once(inputs), "references": _once(references)}


def _once(items):
    """Return items without those that come again."""
    return [item for number, item in enumerate(items) if item not in items[:number]]


def _inputs(record, job):
    """The inputs of a record; of a job that has read a short copy, the exposure that it was copied from."""
    if job.get("groups") is not None:
        return [{"path": job["source"], "sha256": digest.sha256(job["source"])}]
    return [item for item in record["inputs"] if item is not None]


def _references(entry):
    """The references of a step: type, which exposure they are for (None: the whole), path, digest."""
    for kind, item in entry["references"].items():
        yield {"step": entry["step"], "type": kind, "exposure": None, **item}
    for item in entry.get("references_asked", ()):
        yield {"step": entry["step"], **item}
    for part in entry.get("parts", ()):
        for kind, item in part["references"].items():
            yield {"step": entry["step"], "type": kind, "exposure": part["name"], **item}


def _forget_peak():
    """Have the system measure the peak of the memory anew, where it can: a worker does one job after the other."""
    if os.access("/proc/self/clear_refs", os.W_OK):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_memory_mb():
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1e3, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1)
