"""How much memory a run may have, where a limit (``ulimit -v``, a batch system) is set."""

import os

from hexcal.errors import ResourceError

SMALLEST = 640 << 20
"""Bytes of address space without which the compiled kernels and numpy cannot even be loaded: numba or LLVM would end the process in their own ways."""
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
