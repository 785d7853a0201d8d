"""Runs a command and measures it: time, time of the processor, peak memory.

Linux counts for a process what its parent held when it was started. The parent here has simulated exposures and holds
much, so that commands are started by a small process in between: this file, run as a script.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def execute(command, environment=None, check=True, folder=None):
    """Run a process.

    Parameters
    ----------
    command : list
        Program and words.
    environment : dict, optional
        Added to the environment.
    check : bool
        End with its output if it fails.
    folder : path-like, optional
        Where it runs; default: here.

    Returns
    -------
    dict
        ``seconds``, ``cpu_s``, ``peak_mb``, ``status``, ``output``.
    """
    with tempfile.TemporaryDirectory() as scratch:
        report, log = Path(scratch) / "report.json", Path(scratch) / "log"
        words = [sys.executable, "-I", "-S", Path(__file__).resolve(), report, *command]
        # As it is where packages are installed: the source is not translated anew by each process.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with log.open("wb") as stream:
            subprocess.run(
                [str(word) for word in words],
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**inherited, **(environment or {})},
                cwd=folder,
                check=False,
            )
        output = log.read_text(errors="replace")
        if not report.exists():
            raise SystemExit(f"{' '.join(map(str, command))}\ncould not be started:\n{output[-3000:]}")
        run = {**json.loads(report.read_text()), "output": output}
    if check and run["status"]:
        raise SystemExit(f"{' '.join(map(str, command))}\nended with status {run['status']}:\n{output[-3000:]}")
    return run


def _measure(report, command):
    start = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    measured = {
        "seconds": time.perf_counter() - start,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "status": os.waitstatus_to_exitcode(status),
    }
    Path(report).write_text(json.dumps(measured))


if __name__ == "__main__":
    _measure(sys.argv[1], sys.argv[2:])
