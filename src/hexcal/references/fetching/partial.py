"""A file on its way into the cache.

Under a name of its own, held by one process at a time, continued by the next, renamed when it is whole.

The partial file carries the lock (flock), so that nothing else lies about in the cache, and a lock ends with its
process however that ends.
"""

import contextlib
import errno
import logging
import os
import time

from hexcal.errors import ResourceError
from hexcal.files import locks
from hexcal.references.fetching.web import Stopped

# Seconds between two looks at a file that another process holds.
_PAUSE = 0.05
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_log = logging.getLogger("hexcal.references")


def partial_path(path):
    """Return the name under which a file is received (str)."""
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.part")


class Partial:
    """An open partial file that this process holds.

    Parameters
    ----------
    descriptor : int
        Open for reading and writing, locked.
    target : str
        Path of the whole file.
    """

    def __init__(self, descriptor, target):
        self.descriptor, self.target, self.path = descriptor, target, partial_path(target)

    @property
    def size(self):
        """Bytes received so far."""
        return os.fstat(self.descriptor).st_size

    def append(self, data):
        """Write bytes at the end; where the disk is full the partial file goes, since it would keep the disk full."""
        try:
            os.lseek(self.descriptor, 0, os.SEEK_END)
            data = memoryview(data)
            while data:
                data = data[os.write(self.descriptor, data) :]
        except OSError as error:
            if error.errno in _FULL:
                self.drop()
            raise unwritable(error, self.target) from error

    def clear(self):
        """Forget all bytes."""
        os.truncate(self.descriptor, 0)

    def drop(self):
        """Remove the file."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def publish(self):
        """Give the file its final name; what had that name is replaced at once."""
        try:
            os.fsync(self.descriptor)
            os.replace(self.path, self.target)
        except OSError as error:
            if error.errno in _FULL:
                self.drop()
            raise unwritable(error, self.target) from error


@contextlib.contextmanager
def held(target, stop=None, patience=600.0):
    """Hold the partial file of a target; wait while another process holds it.

    Parameters
    ----------
    target : str
        Path of the whole file; its folder is made.
    stop : threading.Event, optional
        Ends the waiting.
    patience : float
        Seconds for which the holder may write nothing.

    Yields
    ------
    Partial
        An empty one is removed in the end; one with bytes in it is kept, to be continued.

    Raises
    ------
    ResourceError
        If the folder cannot be written, or the holder has stopped.
    """
    descriptor = _open_locked(target, stop, patience)
    part = Partial(descriptor, target)
    try:
        yield part
    finally:
        if part.size == 0 and locks.is_at(descriptor, part.path):
            part.drop()
        os.close(descriptor)


def sweep(target):
    """Remove the empty partial file beside a whole one, left by a process that was killed while it looked.

    Parameters
    ----------
    target : str
        Path of the whole file. A partial file with bytes in it, or that another process holds, is kept.
    """
    path = partial_path(target)
    # One that cannot be opened, or goes meanwhile, is harmless: nobody reads an empty file.
    with contextlib.suppress(OSError):
        if os.path.getsize(path):
            return
        descriptor = os.open(path, os.O_RDWR)
        try:
            if locks.lock(descriptor) and locks.is_at(descriptor, path):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _open_locked(target, stop, patience):
    path = partial_path(target)
    size, since = None, time.monotonic()
    while True:
        descriptor = _open(path, target)
        if _lock(descriptor, target):
            if locks.is_at(descriptor, path):
                return descriptor
            # Its former holder has renamed or removed it while it was being opened here: again, from the start.
            os.close(descriptor)
            continue
        now = os.fstat(descriptor).st_size
        os.close(descriptor)
        if size is None:
            _log.debug("Waiting for another process that fetches %s", os.path.basename(target))
        if now != size:
            size, since = now, time.monotonic()
        if time.monotonic() - since > patience:
            raise ResourceError(
                f"another process fetches {os.path.basename(target)} and has written nothing for {patience:.0f} s",
                where=path,
                hint="end that process and try again",
            )
        if stop is None:
            time.sleep(_PAUSE)
        elif stop.wait(_PAUSE):
            raise Stopped


def _open(path, target):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError as error:
        raise unwritable(error, target) from error


def _lock(descriptor, target):
    """Lock an open file; False if another holds it. Closes the file where that fails."""
    try:
        return locks.lock(descriptor)
    except ImportError as error:
        os.close(descriptor)
        raise ResourceError(
            "fetching needs a system that locks files as POSIX does, such as Linux or macOS",
            where=target,
            hint="copy the file there from such a system",
        ) from error
    except OSError as error:
        os.close(descriptor)
        raise unwritable(error, target) from error


def unwritable(error, path):
    """Return the exception for a file of the cache that cannot be written (`ResourceError`).

    Parameters
    ----------
    error : OSError
        As raised.
    path : str
        Of the file.
    """
    if error.errno in _FULL:
        return ResourceError(
            "the disk of the cache is full",
            where=path,
            hint=(
                "free some space, or set CRDS_PATH to a folder on a larger disk; "
                "nothing incomplete was left in the cache"
            ),
        )
    return ResourceError(
        f"the cache of reference files cannot be written: {error.strerror or error}",
        where=path,
        hint="set CRDS_PATH to a folder of your own, or ask its owner to fetch the file",
    )
