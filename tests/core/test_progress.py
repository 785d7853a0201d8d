"""Progress on a terminal: shown for runs that take long, with the time that remains, and nowhere else."""

import io
import os
import pty
import select
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from exposures import write_references, write_uncal
from rich.console import Console

from hexcal.core.progress import Progress


def steps(**weights):
    return [SimpleNamespace(name=name, relative_time=weight) for name, weight in weights.items()]


def test_time_that_remains_follows_from_the_weights_of_the_steps():
    stream = io.StringIO()
    progress = Progress(steps(first=1.0, second=3.0), Console(file=stream, force_terminal=True, width=100), 0.0)
    progress.begin("first")
    progress.end("first")
    progress.clock = time.monotonic() - 10
    progress.begin("second")
    progress.display.refresh()
    assert progress.done == 1.0 and progress.display.tasks[0].description == "second, about 30 s remaining"
    progress.close()
    assert "second, about 30 s remaining" in stream.getvalue()


def test_a_short_run_shows_nothing():
    stream = io.StringIO()
    progress = Progress(steps(only=1.0), Console(file=stream, force_terminal=True))
    progress.begin("only")
    progress.end("only")
    progress.close()
    assert stream.getvalue() == ""


def test_on_a_terminal_messages_and_progress_stand_side_by_side(tmp_path):
    if not hasattr(os, "openpty"):
        pytest.skip("this system has no terminals to test with")
    write_references(tmp_path / "refs")
    write_uncal(tmp_path, name="x_uncal.fits")
    code = (
        "import sys; from hexcal.core import progress; progress.QUIET_SECONDS = 0.0; "
        "progress.Progress.__init__.__defaults__ = (0.0,); from hexcal.cli.main import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ["run", "calwebb_detector1", "x_uncal.fits", "--references=refs"]
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-c", code, *words]
    run = subprocess.Popen(command, cwd=tmp_path, stdout=child, stderr=child, env=environment)
    os.close(child)
    text = b""
    while True:
        ready, _, _ = select.select([parent], [], [], 60)
        try:
            chunk = os.read(parent, 65536) if ready else b""
        except OSError:
            chunk = b""
        if not chunk:
            break
        text += chunk
    os.close(parent)
    assert run.wait(60) == 0
    assert b"remaining" in text and b"Step ramp_fit complete" in text
