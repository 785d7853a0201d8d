"""How much memory a run may have, where a limit (``ulimit -v``, a batch system) is set."""

import contextlib
import contextvars
import ctypes
import functools
import gc
import os
import re
import threading
from collections.abc import Iterator
from typing import Any

from hexcal.errors import ParameterError, ResourceError

_OF_RUN: contextvars.ContextVar[int | None] = contextvars.ContextVar("memory", default=None)
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>[MGT]i?B?)", re.IGNORECASE)

SMALLEST = 640 << 20
"""Bytes of address space without which the compiled kernels and numpy cannot even be loaded: numba or LLVM would end
the process in their own ways.
"""
_SHORT = 128 << 20
"""Bytes: with less left, errors of any kind come from the want of memory."""


def limit():
    """Bytes of address space that the process may have; None if there is no limit, or the platform does not tell."""
    try:
        import resource
    except ImportError:
        return None
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if allowed == resource.RLIM_INFINITY else allowed


def parsed(text: str, name: str) -> int:
    """Return the bytes that a text such as ``2GB``, ``1.5 GiB`` or ``800M`` stands for.

    Parameters
    ----------
    text : str
        A number and a unit: MB, GB, TB (powers of ten), or MiB, GiB, TiB.
    name : str
        Whose value it is, for the message.

    Raises
    ------
    ParameterError
        If it is none.
    """
    match = _SIZE.fullmatch(str(text).strip())
    size = 0
    if match is not None:
        unit = match["unit"].upper().rstrip("B") + "B"
        size = int(float(match["number"]) * _UNITS[unit])
    if size <= 0:
        raise ParameterError(
            f"{name} must be a size with its unit, such as 2GB or 800MB, got {text!r}",
            where=name,
            hint=f"{name}=2GB",
        )
    return size


@contextlib.contextmanager
def bounded(text: str | None) -> Iterator[None]:
    """Bound the memory of the runs within the context, whatever HEXCAL_MEMORY says; None leaves the bound as it is."""
    token = None if text is None else _OF_RUN.set(parsed(text, "--memory"))
    try:
        yield
    finally:
        if token is not None:
            _OF_RUN.reset(token)


def bound_of_run() -> int | None:
    """Bytes that a run may take: ``--memory``, else the environment variable HEXCAL_MEMORY; None for no bound."""
    text = os.environ.get("HEXCAL_MEMORY", "").strip()
    return _OF_RUN.get() or (parsed(text, "the environment variable HEXCAL_MEMORY") if text else None)


def require_enough():
    """Raise ResourceError before the work if the limit is too small for any run."""
    allowed = limit()
    if allowed is not None and allowed < SMALLEST:
        raise ResourceError(
            f"a run needs at least {SMALLEST >> 20} MB of address space, and a limit allows {allowed >> 20} MB",
            where="the limit that `ulimit -v` shows",
            hint="raise it: ulimit -v unlimited, or ask the batch system for more memory",
        )


def is_short():
    """Whether hardly anything is left of the memory that a limit allows."""
    allowed = limit()
    if allowed is None:
        return False
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            used = int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, MemoryError):
        # Where even this cannot be read, and there is a limit, it is reached.
        return True
    return allowed - used < _SHORT


_DONTNEED = 4
"""MADV_DONTNEED of Linux: the pages are given back at once, and read as zeros if they are looked at again."""


@functools.cache
def _madvise() -> Any:
    """The system's madvise; None where there is none, or where it only takes advice."""
    if os.uname().sysname != "Linux" if hasattr(os, "uname") else True:
        return None
    call = getattr(ctypes.CDLL(None, use_errno=True), "madvise", None)
    if call is not None:
        call.argtypes, call.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int), ctypes.c_int
    return call


def give_back(array: Any) -> None:
    """Give the memory of a contiguous array, or of a contiguous part of one, back to the system: its values are lost.

    Does nothing where the system cannot.

    Parameters
    ----------
    array : ndarray
        Of numbers, in ordinary memory (not a map of a file), which nobody reads any more.
    """
    page, madvise = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0, _madvise()
    if madvise is None or not array.flags.c_contiguous:
        return
    begin, end = array.ctypes.data, array.ctypes.data + array.nbytes
    first, last = -(-begin // page) * page, end // page * page
    if last > first:
        madvise(first, last - first, _DONTNEED)


@functools.cache
def _of_glibc(name: str) -> Any:
    """A function of glibc's malloc; None elsewhere."""
    if os.uname().sysname != "Linux" if hasattr(os, "uname") else True:
        return None
    return getattr(ctypes.CDLL(None), name, None)


def give_back_freed() -> None:
    """Give memory that was freed back to the system, which the allocator keeps for the thread that had asked for it.

    Does nothing where the system cannot.
    """
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of two settings of glibc's malloc."""
_KEPT = 1 << 30
"""Bytes at the end of the heap up to which a run keeps what was freed."""
_SELDOM = 50_000
"""Objects, made and still there, after which a run looks for garbage among them; Python does so after 700."""
_runs: list[tuple[int, int, int]] = []
"""One entry per active run: the thresholds of the garbage collector before the first of them began."""
_counting = threading.Lock()


@contextlib.contextmanager
def kept_for_reuse() -> Iterator[None]:
    """Within, memory that is freed waits for the next array, and garbage is looked for less often.

    Arrays of an image come and go by the hundred. Each time the system takes their pages back, it has to fill others
    with zeros. Runs inside others or beside them share this; what is kept goes back with the end of the last one.
    """
    with _counting:
        often = _runs[0] if _runs else gc.get_threshold()
        if not _runs:
            _set_malloc(_KEPT, _KEPT)
            # 0: whoever has set it wants no search at all.
            if 0 < often[0] < _SELDOM:
                gc.set_threshold(_SELDOM, *often[1:])
        _runs.append(often)
    try:
        yield
    finally:
        with _counting:
            _runs.pop()
            if not _runs:
                gc.set_threshold(*often)
                # Where glibc's own rule ends up once an array of 32 MiB was freed.
                _set_malloc(64 << 20, 32 << 20)
                give_back_freed()


def _set_malloc(trim: int, mmap: int) -> None:
    """Set from which size on freed memory goes back to the system; what the user has set in the environment stays."""
    mallopt = _of_glibc("mallopt")
    if mallopt is not None and not _SET_BY_USER & os.environ.keys():
        mallopt(_TRIM_THRESHOLD, trim)
        mallopt(_MMAP_THRESHOLD, mmap)


_SET_BY_USER = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES"}
