"""Run a kernel over bands of rows in threads."""

import os

from hexcal.errors import ParameterError

_BANDS_PER_THREAD = 4
"""More bands than threads, so that a band with many cosmic rays does not leave the other threads waiting."""


def available_cores():
    """Number of cores that this process may use (a batch system may grant fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads():
    """Number of threads of a run: the environment variable HEXCAL_THREADS, else all available cores.

    Raises
    ------
    ParameterError
        If HEXCAL_THREADS is not a positive whole number.
    """
    text = os.environ.get("HEXCAL_THREADS", "").strip()
    if not text:
        return available_cores()
    if not text.isdigit() or int(text) < 1:
        raise ParameterError(
            f"HEXCAL_THREADS must be a whole number of at least 1, got {text!r}",
            where="environment variable HEXCAL_THREADS",
        )
    return int(text)


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
    if "maximum_cores" not in step.sources and os.environ.get("HEXCAL_THREADS", "").strip():
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
