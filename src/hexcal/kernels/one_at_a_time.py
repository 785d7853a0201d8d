"""One process at a time compiles a kernel: the others wait for it, and take what it has put on disk."""

import contextlib
import os
import time

SUFFIX = ".lock"

PATIENCE = 60.0
"""Seconds after which one that waits compiles itself: the holder may have been stopped."""


@contextlib.contextmanager
def alone(path):
    """Hold the lock of a file of machine code, after whoever holds it.

    The lock ends with its process. Where there are no locks, or nothing can be written, nobody waits.

    Parameters
    ----------
    path : Path or None
        The file that is about to be made; None if it is not kept.
    """
    descriptor = None if path is None else _opened(path)
    if descriptor is None:
        yield
        return
    end = time.monotonic() + PATIENCE
    while not (is_ours := _locked(descriptor)) and time.monotonic() < end:
        time.sleep(0.02)
    try:
        yield
    finally:
        if is_ours:
            with contextlib.suppress(OSError):
                _name(path).unlink(missing_ok=True)
        os.close(descriptor)


def is_held(lock):
    """Whether a process holds the lock of a file of machine code now.

    Parameters
    ----------
    lock : Path
        The file that is locked: that of the machine code with `SUFFIX` after its name.
    """
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _locked(descriptor)
    finally:
        os.close(descriptor)


def _name(path):
    return path.with_name(f"{path.name}{SUFFIX}")


def _opened(path):
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(_name(path), os.O_RDWR | os.O_CREAT, 0o666)
    return None


def _locked(descriptor):
    """Lock an open file without waiting; true also where there are no locks, since nobody can be waited for there."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
    return True
