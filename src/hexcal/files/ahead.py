"""Asking the system to read files before they are needed, beside the work.

They lie in its cache then, and take no memory of the process.
"""

import contextlib
import os


def read_ahead(path: str | os.PathLike[str]) -> None:
    """Have a file read into the cache of the system; returns at once. Does nothing where the system cannot.

    Parameters
    ----------
    path : path-like
        What will be read soon. If it cannot be opened, whoever reads it says so.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    with contextlib.suppress(OSError, ValueError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)
