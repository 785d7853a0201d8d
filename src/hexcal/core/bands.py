"""The threads of a step: what the documented parameter ``maximum_cores`` stands for; `hexcal.threads` does the work."""

import contextlib
import logging
from collections.abc import Callable

from hexcal import threads
from hexcal.errors import ParameterError
from hexcal.threads import (
    available_cores,
    default_threads,
    number_of_threads,
    run_bands,
    start_thread,
)

__all__ = [
    "available_cores",
    "default_threads",
    "number_of_threads",
    "prepare_kernels",
    "run_bands",
    "start_thread",
    "threads_from",
    "threads_of",
]


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
        wanted = int(threads.available_cores() * share[text])
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

    What is said of the parameter holds; without that, the number of the whole run, as for every other step. The
    documented default, '1', is about processes that copy the data, which are not needed here.
    """
    if "maximum_cores" not in step.sources:
        return default_threads()
    return threads_from(step.parameters.maximum_cores)


def prepare_kernels(beside: Callable[[], None] | None = None) -> None:
    """Load what kernels need in a thread, while the input is read; the first run ever says that it compiles them.

    Parameters
    ----------
    beside : callable, optional
        What else is done in that thread, once the compiler is there.
    """

    def load():
        # Where memory is too short for it, the step that needs a kernel meets the same error, and tells of it.
        with contextlib.suppress(ImportError, MemoryError, OSError, SystemError):
            from hexcal.kernels import compiled

            compiled.tell_before_compiling(_say_that_kernels_are_compiled)
            if beside is not None:
                beside()
            compiled.prepare()

    start_thread(load, "hexcal-kernels")


def _say_that_kernels_are_compiled(folder):
    if folder is None:
        logging.getLogger("hexcal").warning(
            "The numerical kernels must be compiled: this is done now, some ten seconds, and again in every run, since "
            "there is no folder where they could be kept. Name one that can be written: NUMBA_CACHE_DIR=DIR"
        )
        return
    logging.getLogger("hexcal").info(
        "The numerical kernels are not compiled on this machine yet: this is done now, some ten seconds, once. "
        "They are kept in %s",
        folder,
    )
