"""What a run does with memory that is freed, and how it leaves the process."""

import gc
import subprocess
import sys
import threading

import pytest

from hexcal import memory

_TRIM, _MMAP = -1, -3


@pytest.fixture
def allocator(monkeypatch):
    """What is asked of glibc's malloc, as (name, *arguments); nothing of it is done."""
    asked = []
    monkeypatch.setattr(memory, "_of_glibc", lambda name: lambda *given: asked.append((name, *given)))
    for name in memory._SET_BY_USER:
        monkeypatch.delenv(name, raising=False)
    return asked


def test_a_run_keeps_what_was_freed_and_gives_it_back_at_its_end(allocator):
    # How many pages a process has is no measure of it: a busy system may count and take them as it likes.
    with memory.kept_for_reuse():
        kept, allocator[:] = dict(call[1:] for call in allocator), []
        with memory.kept_for_reuse():
            assert allocator == []
        assert allocator == [], "the run around it still needs what was freed"
    assert min(kept[_TRIM], kept[_MMAP]) > 300 << 20, "the arrays of a run together"
    *back, last = allocator
    assert dict(call[1:] for call in back) == {_TRIM: 64 << 20, _MMAP: 32 << 20}
    assert last == ("malloc_trim", 0), "what was kept goes back, after the settings"


@pytest.mark.parametrize("name", sorted(memory._SET_BY_USER))
def test_what_the_user_has_set_of_the_allocator_stays(allocator, monkeypatch, name):
    monkeypatch.setenv(name, "131072")
    with memory.kept_for_reuse():
        assert allocator == []
    assert allocator == [("malloc_trim", 0)]


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is that of Linux")
def test_glibc_takes_the_settings():
    mallopt = memory._of_glibc("mallopt")
    if mallopt is None:
        pytest.skip("the allocator is not that of glibc")
    asked = f"f({_TRIM}, memory._KEPT), f({_MMAP}, memory._KEPT)"
    code = f"from hexcal import memory; f = memory._of_glibc('mallopt'); print({asked})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]


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
