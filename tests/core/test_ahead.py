"""The first run ever: what it says, and what other processes compile for it."""

import threading
import time

import pytest
from exposures import write_references, write_uncal

from hexcal.core import ahead, bands
from hexcal.kernels import compiled, jump, ramp_fit, stored
from hexcal.pipeline import Detector1Pipeline
from hexcal.steps.detector.jump import JumpStep
from hexcal.steps.detector.ramp_fit import RampFitStep

KERNELS = {RampFitStep: ramp_fit.fit_ramps, JumpStep: jump.find_jumps}


@pytest.fixture(autouse=True)
def none_waits(monkeypatch):
    monkeypatch.setattr(compiled, "_elsewhere", {})


class Process:
    """Stands for one that compiles."""

    started: list = []

    def __init__(self, words, **_):
        self.started.append(words)
        self.waits = 0

    def wait(self):
        self.waits += 1


@pytest.fixture
def started(monkeypatch):
    monkeypatch.setattr(Process, "started", [])
    monkeypatch.setattr("subprocess.Popen", Process)
    monkeypatch.setattr(compiled, "is_on_disk", lambda kernel: False)
    return Process.started


@pytest.mark.parametrize(
    ("threads", "cores", "classes"),
    [
        (1, 1, []),
        (1, 16, ["RampFitStep"]),
        (2, 2, ["RampFitStep"]),
        (16, 16, ["RampFitStep", "JumpStep"]),
    ],
)
def test_as_many_processes_as_threads_beside_the_own_one_but_one_on_a_second_core(
    monkeypatch, started, threads, cores, classes
):
    monkeypatch.setattr(ahead, "default_threads", lambda: threads)
    monkeypatch.setattr(ahead, "available_cores", lambda: cores)
    ahead.compile_elsewhere([RampFitStep(), JumpStep()], ahead.processes_to_use())
    assert [words[-1] for words in started] == classes


def prepare(pipeline):
    """As a run does, and wait for what is done beside it."""
    pipeline.prepare()
    for thread in threading.enumerate():
        if thread.name == "hexcal-kernels":
            thread.join()


def test_what_is_on_disk_and_what_is_skipped_is_not_compiled(monkeypatch, started):
    monkeypatch.setattr(ahead, "default_threads", lambda: 16)
    pipeline = Detector1Pipeline(steps={"jump": {"skip": True}})
    prepare(pipeline)
    assert [words[-1] for words in started] == ["RampFitStep"]
    monkeypatch.setattr(compiled, "is_on_disk", lambda kernel: True)
    prepare(pipeline)
    assert len(started) == 1


def test_nothing_is_compiled_elsewhere_that_could_not_be_taken_from_there(monkeypatch, started):
    monkeypatch.setattr(stored, "folder", lambda: None)
    ahead.compile_elsewhere([RampFitStep(), JumpStep()], 16)
    assert not started


def test_who_can_keep_nothing_is_told_so(caplog):
    caplog.set_level("INFO", "hexcal")
    bands._say_that_kernels_are_compiled(None)
    assert "again in every run" in caplog.text and "NUMBA_CACHE_DIR" in caplog.text


def test_what_the_process_of_another_run_compiles_is_not_begun_again(monkeypatch, started):
    monkeypatch.setattr(compiled, "is_being_compiled", lambda kernel: True)
    ahead.compile_elsewhere([RampFitStep(), JumpStep()], 16)
    assert not started


def test_what_an_earlier_run_of_this_process_has_begun_is_not_begun_again(started):
    for _ in range(2):
        ahead.compile_elsewhere([RampFitStep(), JumpStep()], 16)
    assert [words[-1] for words in started] == ["RampFitStep", "JumpStep"]


def test_a_kernel_that_another_process_compiles_is_waited_for_once():
    process = Process([])

    @compiled.kernel
    def next_number(x):
        return x + 1

    compiled.wait_before(next_number, process.wait)
    assert (next_number(1), next_number(2)) == (2, 3)
    assert process.waits == 1


@pytest.mark.parametrize("step", KERNELS)
def test_what_is_compiled_ahead_is_what_the_run_needs(tmp_path, step):
    step.compile_kernels()
    before = KERNELS[step].kinds
    exposure = write_uncal(tmp_path, (1, 5, 32, 32))
    write_references(tmp_path / "refs", (1, 5, 32, 32))
    Detector1Pipeline(references=str(tmp_path / "refs")).run(exposure)
    assert KERNELS[step].kinds == before


def test_the_first_kernel_that_is_compiled_is_told_of_once(tmp_path, monkeypatch):
    told = []
    compiled.tell_before_compiling(told.append)
    monkeypatch.setattr(stored, "read", lambda *_: None)
    monkeypatch.setattr(stored, "write", lambda *_: None)
    for _ in range(2):
        assert compiled.kernel(_next_number)(1) == 2
    assert told == [stored.folder()]


def _next_number(x):
    return x + 1


def test_every_thread_waits_for_the_kernel_that_another_process_compiles(monkeypatch):
    ready, used_early = threading.Event(), []

    def read(*_):
        used_early.append(not ready.is_set())

    monkeypatch.setattr(stored, "read", read)
    monkeypatch.setattr(stored, "write", lambda *_: None)
    kernel = compiled.kernel(_next_number)
    compiled.wait_before(kernel, ready.wait)
    threads = [threading.Thread(target=kernel, args=(1,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    ready.set()
    for thread in threads:
        thread.join()
    assert used_early and not any(used_early)
