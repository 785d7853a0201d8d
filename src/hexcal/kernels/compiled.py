"""The one way in which Hexcal compiles kernels and the functions that they are made of."""

from collections.abc import Callable
from typing import Any

import numba
from numba.core import event

_OPTIONS = {"nogil": True, "error_model": "numpy"}

_elsewhere: dict[Any, Callable[[], Any]] = {}
"""Kernels that another process compiles -> what waits for it."""


def kernel(function):
    """Compile a function.

    The GIL is released so that bands of rows run in threads; the machine code is kept on disk, so that only the first
    run pays for it; a division by zero gives inf or NaN as in numpy. Neither ``fastmath`` nor ``parallel``: the same
    bits must come out for any number of threads.

    Parameters
    ----------
    function : callable
        As said in docs/design.md.
    """
    if numba.config.DISABLE_JIT:
        return function
    compiled = numba.njit(cache=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
    load_or_compile = compiled._compile_for_args

    def when_first_used(*args, **named):
        # Every thread waits: one that went on would compile what the other process is about to put on disk.
        wait = _elsewhere.get(compiled)
        if wait is not None:
            wait()
            _elsewhere.pop(compiled, None)
        return load_or_compile(*args, **named)

    compiled._compile_for_args = when_first_used
    return compiled


def is_on_disk(compiled) -> bool:
    """Whether a kernel has been compiled on this machine, from the present source."""
    try:
        return bool(compiled._cache._cache_file._load_index())
    except (AttributeError, OSError):
        # Another release of numba: then nothing is done ahead.
        return True


def wait_before(compiled, wait: Callable[[], Any]) -> None:
    """Have ``wait()`` called before a kernel is used for the first time: another process compiles it."""
    _elsewhere[compiled] = wait


def helper(function, **options):
    """Compile a function that kernels call, as a part of them.

    It has no machine code of its own on disk and no way in from Python, which shortens the first run. Called from
    Python all the same, by a test, it is compiled once more, by itself.

    Parameters
    ----------
    function : callable
        As for a kernel.
    **options
        Further ones of numba.
    """
    if numba.config.DISABLE_JIT:
        return function
    part = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS, **options)(function)
    alone = []

    def callable_from_python(*_):
        if not alone:
            alone.append(numba.njit(**_OPTIONS)(function))
        return alone[0]

    def add_overload(result):
        # Without the entry that a call from Python would take: it leads nowhere.
        part.overloads[tuple(result.signature.args)] = result

    part.add_overload, part._compile_for_args = add_overload, callable_from_python
    return part


def inlined(function):
    """As `helper`, for a function with one caller.

    It is compiled as if it stood there, instead of first by itself and again in its caller.
    """
    return helper(function, inline="always")


class _FirstOfAll(event.Listener):
    """Tells when the first kernel is compiled that is not on disk."""

    def __init__(self):
        self.tell: Callable[[str], Any] | None = None

    def on_start(self, event):
        """Something is going to be compiled."""
        dispatcher = event.data["dispatcher"]
        if self.tell is not None and dispatcher.py_func.__module__.startswith("hexcal.kernels."):
            tell, self.tell = self.tell, None
            tell(str(dispatcher.stats.cache_path))

    def on_end(self, event):
        """It has been compiled."""


_first_of_all = _FirstOfAll()
event.register("numba:compile", _first_of_all)


def tell_before_compiling(tell: Callable[[str], Any]) -> None:
    """Have ``tell(folder)`` called once, before a kernel is compiled that is not on disk yet.

    `folder` is where it will be kept.
    """
    _first_of_all.tell = tell


@kernel
def _nothing():
    return 0


def prepare():
    """Load the compiler's run-time support, so that the first real kernel does not wait for it.

    It takes some tenths of a second.
    """
    _without_linear_algebra()
    _nothing()


def _without_linear_algebra():
    """Load that part of numba which looks for scipy.linalg, without the look.

    Importing it takes longer than many a kernel, and no kernel needs it.

    A function that uses linear algebra still asks for it when it is compiled.
    """
    from numba.np import linalg

    look = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        from numba.np import arraymath

        arraymath.ensure_blas = look
    finally:
        linalg.ensure_blas = look
