"""Run a kernel over bands of rows in threads."""

import contextlib
import contextvars
import os

from hexcal.errors import ParameterError

_OF_RUN: contextvars.ContextVar[int | None] = contextvars.ContextVar("threads", default=None)
_MOST_THREADS = 1024
_BANDS_PER_THREAD = 4
"""More bands than threads, so that a band with many cosmic rays does not leave the other threads waiting."""


def available_cores():
    """Number of cores that this process may use (a batch system may grant fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def number_of_threads(number):
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


def _given_threads():
    """Number of threads that the user asked for, for the whole run; None if nothing was said."""
    if _OF_RUN.get() is not None:
        return _OF_RUN.get()
    text = os.environ.get("HEXCAL_THREADS", "").strip()
    return _positive(text, "the environment variable HEXCAL_THREADS") if text else None


def default_threads():
    """Number of threads of a run: ``--threads``, else the environment variable HEXCAL_THREADS, else all available cores.

    Raises
    ------
    ParameterError
        If HEXCAL_THREADS is not a positive whole number.
    """
    return _given_threads() or available_cores()


def threads_from(maximum_cores):
    """Return the number of threads that the documented parameter ``maximum_cores`` stands for.

    Parameters
    ----------
    maximum_cores : str
        'none' or '1' (one thread), 'quarter', 'half', 'all' (of the available cores), or a whole number.

    Returns
    -------
    int
        Never more than the run's number of threads, never less than 1.

    Raises
    ------
    ParameterError
        For any other text.
    """
    share = {"none": 0, "quarter": 0.25, "half": 0.5, "all": 1}
    text = str(maximum_cores).strip().lower()
    if text in share:
        wanted = int(available_cores() * share[text])
    elif text.isdigit():
        wanted = int(text)
    else:
        raise ParameterError(
            f"maximum_cores must be 'none', 'quarter', 'half', 'all' or a whole number, got {maximum_cores!r}",
            where="maximum_cores",
        )
    return max(1, min(wanted, default_threads()))


def threads_of(step):
    """Return the number of threads of a step with the documented parameter ``maximum_cores``.

    What the user says of the parameter holds; without that, what the user says of the whole run (``--threads``, HEXCAL_THREADS); without either, the
    documented default of the parameter.
    """
    if "maximum_cores" not in step.sources and _given_threads() is not None:
        return default_threads()
    return threads_from(step.parameters.maximum_cores)


def prepare_kernels():
    """Load what kernels need in a thread, while the input is read."""
    from threading import Thread

    def load():
        from hexcal.kernels import compiled

        compiled.prepare()

    Thread(target=load, name="hexcal-kernels").start()


def run_bands(kernel, n_rows, *args, threads=None):
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
        Default: `default_threads`.
    """
    threads = threads or default_threads()
    bands = max(1, min(n_rows, threads * _BANDS_PER_THREAD)) if threads > 1 else 1
    pairs = [(n_rows * band // bands, n_rows * (band + 1) // bands) for band in range(bands)]
    if threads == 1 or bands == 1:
        for first, last in pairs:
            kernel(first, last, *args)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(kernel, first, last, *args) for first, last in pairs]:
            future.result()
