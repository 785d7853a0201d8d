"""The first run ever: its largest kernels are compiled beside it.

They are compiled in processes of their own, while the run does what comes before them.
"""

import contextlib
import importlib
import sys
from pathlib import Path

from hexcal import memory
from hexcal.threads import available_cores, default_threads

_PROGRAM = "import importlib, sys; getattr(importlib.import_module(sys.argv[1]), sys.argv[2]).compile_kernels()"


def processes_to_use():
    """How many processes may compile: as many as the run has threads beside its own.

    One where there is a second core all the same: the first run with a single thread would take twice as long.
    """
    # A limit on memory holds for each process; two of them could need more than there is.
    if memory.limit() is not None or not _is_python(sys.executable):
        return 0
    return max(default_threads(), min(available_cores(), 2)) - 1


def compile_elsewhere(steps, processes):
    """Begin to compile the kernels of steps that are not on disk yet.

    A process that cannot be had, or fails, costs nothing: the step compiles its kernels itself, as it would have
    without.

    Parameters
    ----------
    steps : iterable of Step
        Those that will run, the last first: there is most time until they do. A step that names no `largest_kernel` is
        left alone. Nothing is begun where machine code cannot be kept, since the run could not take it from there.
    processes : int
        The most to begin.
    """
    from hexcal.kernels import stored

    left = processes if stored.folder() is not None else 0
    for step in steps:
        if step.largest_kernel is None or left < 1:
            continue
        module, _, name = step.largest_kernel.partition(":")
        from hexcal.kernels import compiled

        kernel = getattr(importlib.import_module(module), name)
        if compiled.is_on_disk(kernel) or compiled.is_being_compiled(kernel) or compiled.is_waited_for(kernel):
            continue
        import subprocess

        with contextlib.suppress(OSError):
            # -P: what lies in the folder where the user works is not imported.
            words = [sys.executable, "-P", "-c", _PROGRAM, type(step).__module__, type(step).__name__]
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            compiled.wait_before(kernel, process.wait)
            left -= 1


def _is_python(program):
    """Whether a program is an interpreter, and not one that has Python built in."""
    return bool(program) and Path(program).name.startswith("python")
