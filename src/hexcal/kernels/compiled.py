"""The one way in which Hexcal compiles kernels and the functions that they are made of.

A kernel is compiled by numba where it is used for the first time with arguments of a kind; its machine code is kept on
disk (`stored`). From then on a run takes it from there (`machine_code`) and never loads numba, which would take longer
than all steps of a small exposure.
"""

import functools
import os
import threading
from collections.abc import Callable
from typing import Any

from hexcal.kernels import stored

_elsewhere: dict[Any, Callable[[], Any]] = {}
"""Kernels that another process compiles -> what waits for it."""


class Helper:
    """A function that kernels call; compiled as a part of them.

    Called from Python all the same, by a test, it is compiled once more, by itself.
    """

    def __init__(self, function, **options):
        functools.update_wrapper(self, function)
        self.function, self.options = function, options

    def __call__(self, *args):
        """Call it from Python."""
        from hexcal.kernels import compiling

        return compiling.part(self)(*args)


class Kernel:
    """A function that is compiled where it is first used with arguments of a kind."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function
        self.options: dict[str, Any] = {}
        self._ways: dict[Any, Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, *args, **named):
        """Call it, with arguments of types that kernels have: arrays, numbers, tuples of them."""
        from hexcal.kernels import machine_code

        if named:
            args += tuple(
                named[name] for name in self.function.__code__.co_varnames[len(args) : len(args) + len(named)]
            )
        values = []
        kinds = machine_code.taken_apart(args, values)
        way = self._ways.get(kinds) or self._first_way(kinds, args)
        return way(args, values)

    @property
    def kinds(self):
        """Kinds of arguments with which it has been used."""
        return list(self._ways)

    def _first_way(self, kinds, args):
        # Every thread waits: one that went on would compile what another thread or process is about to provide.
        with self._lock:
            if kinds not in self._ways:
                wait = _elsewhere.pop(self, None)
                if wait is not None:
                    wait()
                self._ways[kinds] = self._loaded(kinds) or self._compiled(kinds, args)
            return self._ways[kinds]

    def _loaded(self, kinds):
        from hexcal.kernels import machine_code

        code = stored.read(self.function, kinds)
        if code == machine_code.LEFT_TO_NUMBA:
            return self._by_numba()
        return machine_code.way(code) if code is not None else None

    def _compiled(self, kinds, args):
        from hexcal.kernels import compiling, machine_code, one_at_a_time

        _tell_once()
        with one_at_a_time.alone(stored.path(self.function, kinds)):
            # Another process may have compiled it meanwhile.
            if (way := self._loaded(kinds)) is not None:
                return way
            code = compiling.machine_code_of(self, kinds, args)
            stored.write(self.function, kinds, code or machine_code.LEFT_TO_NUMBA)
        return machine_code.way(code) if code else self._by_numba()

    def _by_numba(self):
        from hexcal.kernels import compiling

        whole = compiling.whole(self)
        return lambda args, values: whole(*args)


def kernel(function) -> Any:
    """Compile a function.

    The GIL is released so that bands of rows run in threads; the machine code is kept on disk, so that only the first
    run pays for it; a division by zero gives inf or NaN as in numpy. Neither ``fastmath`` nor ``parallel``: the same
    bits must come out for any number of threads.

    Parameters
    ----------
    function : callable
        As said in docs/design.md.
    """
    return function if _is_off() else Kernel(function)


def helper(function, **options) -> Any:
    """Compile a function that kernels call, as a part of them.

    It has no machine code of its own on disk and no way in from Python, which shortens the first run.

    Parameters
    ----------
    function : callable
        As for a kernel.
    **options
        Further ones of numba.
    """
    return function if _is_off() else Helper(function, **options)


def borrower(function):
    """As `helper`, for a function that makes no array and returns none.

    It works on the arrays of its caller and does not count references to them, which leaves much less to compile.
    """
    return helper(function, _nrt=False)


def inlined(function):
    """As `helper`, for a function with one caller.

    It is compiled as if it stood there, instead of first by itself and again in its caller.
    """
    return helper(function, inline="always")


def _is_off():
    """Whether the environment asks numba not to compile, to look for a fault with a debugger."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def is_on_disk(kernel: Any) -> bool:
    """Whether a kernel has been compiled on this machine, from the present source."""
    return _is_off() or stored.has_any(kernel.function)


def is_being_compiled(kernel: Any) -> bool:
    """Whether another process compiles a kernel now, for arguments of whatever kind."""
    return stored.is_being_made(kernel.function)


def is_waited_for(kernel: Any) -> bool:
    """Whether this process has begun another one that compiles a kernel, which it has not used yet."""
    return kernel in _elsewhere


def wait_before(kernel: Any, wait: Callable[[], Any]) -> None:
    """Have ``wait()`` called before a kernel is used for the first time: another process compiles it."""
    _elsewhere[kernel] = wait


_tell: Callable[[str], Any] | None = None


def tell_before_compiling(tell: Callable[[str], Any]) -> None:
    """Have ``tell(folder)`` called once, before a kernel is compiled that is not on disk yet.

    `folder` is where it will be kept; None if it cannot be kept anywhere.
    """
    global _tell
    _tell = tell


def _tell_once():
    global _tell
    tell, _tell = _tell, None
    if tell is not None:
        tell(stored.folder())


def prepare():
    """Load what calls machine code; and, if there is none on disk yet, the compiler: it takes half a second."""
    from hexcal.kernels import machine_code

    machine_code.prepare()
    if stored.is_empty():
        from hexcal.kernels import compiling  # noqa: F401
