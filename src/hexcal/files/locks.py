"""Locks on open files: they end with the process that holds them, however it ends."""

import os


def lock(descriptor):
    """Lock an open file without waiting.

    Parameters
    ----------
    descriptor : int
        Open for writing.

    Returns
    -------
    bool
        False if another process holds it.

    Raises
    ------
    ImportError
        On a system without POSIX locks.
    OSError
        If the file system has no locks.
    """
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(descriptor, path):
    """Whether an open file is the one that has this name now (its holder may have renamed or removed it)."""
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
