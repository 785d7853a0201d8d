"""However a run is ended, the next good run leaves whole products and nothing else."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal import datamodels

pytestmark = pytest.mark.usefixtures("signals_reach_children")

SHAPE = (1, 4, 512, 512)
_STATUS = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGKILL: -9}
TRIALS = int(os.environ.get("HEXCAL_ENDINGS", "3"))
"""How many runs are ended; each takes seconds."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("endings")
    write_uncal(folder, SHAPE, name="x_uncal.fits")
    write_references(folder / "refs", SHAPE)
    return folder


def start(folder, *words):
    command = [
        sys.executable,
        "-m",
        "hexcal",
        "run",
        "superbias",
        "x_uncal.fits",
        "--references=refs",
        "--output_dir=out",
        *words,
    ]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(folder, marker, process):
    """Wait until the run has come so far, so that a signal meets it at work."""
    while process.poll() is None and not any(marker in name for name in os.listdir(folder)):
        time.sleep(0.002)


SLOW = """
import hexcal.cli.start
import sys, time
from hexcal.files import atomic
publish = atomic._Partial.publish
def slow(self, replace=True):
    time.sleep(60)
    publish(self, replace)
atomic._Partial.publish = slow
sys.exit(hexcal.cli.start.hexcal())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_while_it_writes_leaves_nothing_or_what_the_next_removes(folder, number):
    out = folder / "out"
    out.mkdir(exist_ok=True)
    words = ["run", "superbias", "x_uncal.fits", "--references=refs", "--output_dir=out"]
    process = subprocess.Popen([sys.executable, "-c", SLOW, *words], cwd=folder, stderr=subprocess.PIPE, text=True)
    wait_for(out, ".part", process)
    process.send_signal(number)
    _, error = process.communicate()
    assert process.returncode == _STATUS[number]
    assert "Traceback" not in error
    if number is signal.SIGKILL:
        assert [name for name in os.listdir(out) if name.endswith(".part")]
        assert start(folder).wait() == 0
        assert os.listdir(out) == ["x_superbias.fits"]
        return
    assert len(error.splitlines()) == 1 and ("ended by" in error or "interrupted" in error)
    assert not [name for name in os.listdir(out) if name.endswith(".part")]


def test_runs_ended_at_random_moments_and_then_a_good_one(folder):
    dice = random.Random(8)
    started = time.perf_counter()
    assert start(folder).wait() == 0
    whole = time.perf_counter() - started
    expected = datamodels.open(folder / "out" / "x_superbias.fits").data
    for _ in range(TRIALS):
        process = start(folder)
        time.sleep(dice.uniform(0, 1.1) * whole)
        process.send_signal(dice.choice([signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]))
        process.wait()
    assert start(folder).wait() == 0
    assert os.listdir(folder / "out") == ["x_superbias.fits"]
    with fits.open(folder / "out" / "x_superbias.fits", checksum=True) as hdus:
        assert np.array_equal(hdus["SCI"].data, expected)


def test_a_signal_that_is_ignored_stays_ignored(folder):
    code = "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); from hexcal.files import endings\n"
    code += "import os\nwith endings.orderly():\n    os.kill(os.getpid(), signal.SIGHUP)\nprint('goes on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "goes on\n"


def test_a_script_that_calls_a_step_ends_in_order_too(folder):
    code = "import os, signal, sys\nfrom hexcal.step import SuperBiasStep\n"
    code += "end = lambda ramp: os.kill(os.getpid(), signal.SIGTERM)\n"
    code += "SuperBiasStep.call('x_uncal.fits', references='refs', post_hooks=[end])\nprint('not reached')"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 143 and "Traceback" not in done.stderr and "not reached" not in done.stdout


def test_ctrl_c_at_the_very_beginning_prints_no_traceback(folder):
    """The command is stopped while it is still importing what it needs."""
    code = "import hexcal.cli.start, os, signal\nprint('started', flush=True)\n"
    code += "os.kill(os.getpid(), signal.SIGINT)\nimport hexcal.cli.main"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT and done.stdout == "started\n" and not done.stderr


@pytest.mark.parametrize("delay", [0.06, 0.1, 0.15, 0.25])
def test_ctrl_c_soon_after_the_beginning_prints_no_traceback(folder, delay):
    code = "import hexcal.cli.start, sys\nprint('started', flush=True)\nsys.exit(hexcal.cli.start.hexcal())"
    words = ["run", "superbias", "x_uncal.fits", "--references=refs", "--output_dir=soon"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert "Traceback" not in error and process.returncode in (130, -signal.SIGINT)


def test_after_ctrl_c_was_left_to_the_system_a_run_still_ends_in_order(folder):
    code = (
        "import hexcal.cli.start, os, signal\nfrom hexcal.files import endings\nfrom hexcal.files.atomic import "
        "atomic\n"
    )
    code += "with endings.orderly(), atomic('half') as stream:\n    os.kill(os.getpid(), signal.SIGINT)\n"
    before = os.listdir(folder)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 130 and done.stderr.startswith("hexcal: interrupted") and os.listdir(folder) == before


def test_a_signal_in_the_middle_of_an_import_ends_the_process_all_the_same(folder):
    """An exception there would leave the lock of the imports, for which a thread waits for ever."""
    (folder / "slow_import.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    code = "import threading, time\nfrom hexcal.files import endings\n"
    code += "threading.Thread(target=lambda: (time.sleep(0.2), __import__('wave'))).start()\n"
    code += "with endings.orderly():\n    import slow_import\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=False, timeout=60)
    assert done.returncode == 143
