"""Doing the work of one run in several threads: how many there may be, and pieces that cover a range of rows."""

import contextlib
import contextvars
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from hexcal.errors import ParameterError, ResourceError

_OF_RUN: contextvars.ContextVar[int | None] = contextvars.ContextVar("threads", default=None)
_MOST_THREADS = 1024
_BANDS_PER_THREAD = 4
"""More bands than threads, so that a band with many cosmic rays does not leave the other threads waiting."""
_here = threading.local()
"""Whether this thread works on a band: what it calls does not divide its work once more."""


def available_cores() -> int:
    """Number of cores that this process may use (a batch system may grant fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def number_of_threads(number: str | int | None) -> Iterator[None]:
    """Use this number of threads within the context, whatever HEXCAL_THREADS says.

    Parameters
    ----------
    number : str, int or None
        As given with ``--threads``; None leaves the number as it is.

    Raises
    ------
    ParameterError
        If it is not a positive whole number; or HEXCAL_THREADS is not, where that decides.
    """
    if number is None:
        default_threads()
        yield
        return
    token = _OF_RUN.set(_positive(number, "--threads"))
    try:
        yield
    finally:
        _OF_RUN.reset(token)


def _positive(number, name):
    text = str(number).strip()
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_THREADS:
        raise ParameterError(f"{name} must be a whole number from 1 to {_MOST_THREADS}, got {text!r}", where=name)
    return int(text)


def default_threads() -> int:
    """Number of threads of a run.

    ``--threads``, else the environment variable HEXCAL_THREADS, else all available cores.

    Raises
    ------
    ParameterError
        If HEXCAL_THREADS is not a positive whole number.
    """
    if (given := _OF_RUN.get()) is not None:
        return given
    text = os.environ.get("HEXCAL_THREADS", "").strip()
    return _positive(text, "the environment variable HEXCAL_THREADS") if text else available_cores()


def start_thread(work: Callable[[], Any], name: str) -> threading.Thread | None:
    """Call ``work()`` in a thread.

    Returns
    -------
    threading.Thread or None
        None where the machine gives no further thread, for want of memory or because of a limit of the user's.
    """
    thread = threading.Thread(target=work, name=name)
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread


def run_bands(kernel: Callable[..., Any], n_rows: int, *args: Any, threads: int | None = None) -> None:
    """Call ``kernel(first_row, last_row, *args)`` for bands that cover all rows.

    Parameters
    ----------
    kernel : callable
        Releases the GIL, writes only into its rows, and gives the same result wherever the bands are cut.
    n_rows : int
        Number of rows.
    *args
        Passed on.
    threads : int, optional
        Default: `default_threads`; within a band that another call has made, one. The calling thread is one of them, so
        that the work is done where the machine gives no other.
    """
    threads = 1 if getattr(_here, "is_band", False) else threads or default_threads()
    bands = max(1, min(n_rows, threads * _BANDS_PER_THREAD)) if threads > 1 else 1
    edges = [n_rows * band // bands for band in range(bands + 1)]
    work = _Bands(kernel, list(itertools.pairwise(edges)), args)
    helpers = [start_thread(work.run_one_after_the_other, "hexcal-band") for _ in range(min(threads, bands) - 1)]
    try:
        work.run_one_after_the_other()
    finally:
        work.stop()
        for helper in helpers:
            if helper is not None:
                helper.join()
    work.require_done()


@contextlib.contextmanager
def undivided() -> Iterator[None]:
    """Have what this thread calls within the context not divide its work: other threads need the cores."""
    before, _here.is_band = getattr(_here, "is_band", False), True
    try:
        yield
    finally:
        _here.is_band = before


class _Bands:
    """The bands of one call of `run_bands`: each thread takes the next one until none is left."""

    def __init__(self, kernel, rows, args):
        self._kernel, self._args = kernel, args
        self._waiting, self._done, self._errors = deque(rows), deque(), deque()
        self._n_bands = len(rows)

    def run_one_after_the_other(self):
        """Work on the bands that wait, until there is none."""
        with undivided() if self._n_bands > 1 else contextlib.nullcontext():
            self._run()

    def _run(self):
        while True:
            try:
                first, last = self._waiting.popleft()
            except IndexError:
                return
            try:
                self._kernel(first, last, *self._args)
            except Exception as error:  # noqa: BLE001 - raised again in the calling thread
                self._errors.append(error)
                self.stop()
            else:
                self._done.append(first)

    def stop(self):
        """Leave the bands that wait, so that an error or Ctrl-C does not wait for them."""
        self._waiting.clear()

    def require_done(self):
        """Raise the error of a thread.

        ResourceError if one has ended without its work, as it does when it finds no memory.
        """
        if self._errors:
            raise self._errors[0]
        if len(self._done) != self._n_bands:
            raise ResourceError(
                "not enough memory: a thread could not do its part of the work",
                hint="give the run more memory (ulimit -v), or fewer threads (--threads=1)",
            )
