"""What a run does with memory that is freed, and how it leaves the process."""

import gc
import subprocess
import sys
import threading

import pytest

from hexcal import memory

_KEEPS = """
import resource
import numpy as np
from hexcal import memory

def resident():
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * resource.getpagesize()

def parts():
    # Together more than what malloc keeps by itself.
    arrays = [np.ones(8 << 20, np.uint8) for _ in range(40)]
    del arrays

without = resident()
with memory.kept_for_reuse():
    parts()
    assert resident() > without + (300 << 20), "what was freed waits for the next array"
    first = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    parts()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - first < 1000, "no page is filled with zeros again"
assert resident() < without + (50 << 20), "what was kept goes back"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read as Linux tells it")
def test_a_run_keeps_what_was_freed_and_gives_it_back_at_its_end():
    if memory._of_glibc("mallopt") is None:
        pytest.skip("the allocator is not that of glibc")
    # On a busy machine a process may lose pages that it still has: of three, one must have kept them.
    errors = []
    while len(errors) < 3:
        done = subprocess.run([sys.executable, "-c", _KEEPS], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        errors.append(done.stderr)
    pytest.fail(errors[-1])


def test_runs_side_by_side_leave_the_search_for_garbage_as_it_was():
    before, inner, outer = gc.get_threshold(), threading.Event(), threading.Event()

    def run():
        with memory.kept_for_reuse():
            inner.set()
            outer.wait(10)

    thread = threading.Thread(target=run)
    try:
        gc.set_threshold(700, 10, 10)
        with memory.kept_for_reuse():
            thread.start()
            assert inner.wait(10)
            assert gc.get_threshold()[0] > 700
        assert gc.get_threshold()[0] > 700
        outer.set()
        thread.join()
        assert gc.get_threshold() == (700, 10, 10)
    finally:
        outer.set()
        gc.set_threshold(*before)


@pytest.mark.parametrize("often", [0, 200_000])
def test_whoever_looks_for_garbage_less_often_is_left_alone(often):
    before = gc.get_threshold()
    try:
        gc.set_threshold(often, 10, 10)
        with memory.kept_for_reuse():
            assert gc.get_threshold() == (often, 10, 10)
        assert gc.get_threshold() == (often, 10, 10)
    finally:
        gc.set_threshold(*before)
