"""Writing files whole or not at all, through the gate: everything that Hexcal writes is written here."""

import contextlib
import errno
import os
from pathlib import Path

from hexcal.errors import HexcalError, ResourceError
from hexcal.files import endings, gate, left_over, locks

# What file systems without hard links answer.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class _Partial:
    """A file on its way, under a name of its own; it is locked, so that nobody takes it for something left over."""

    def __init__(self, path, again):
        # Absolute: the working directory may change before the file is finished.
        self.path, self.again = Path(os.path.abspath(path)), again
        gate.check(self.path, again)
        folder = self.path.parent
        left_over.tidy(folder)
        self.temporary, descriptor = _created(folder, self.path.name)
        # The lock lasts as long as one of the two is open.
        self.lock = os.dup(descriptor)
        self.stream = _digested(descriptor) if gate.wants_digests() else os.fdopen(descriptor, "wb")

    def publish(self, replace=True):
        """Give the file its final name; the lock ends after that."""
        # Some file systems say only here that the disk is full.
        self.stream.close()
        status = os.fstat(self.lock)
        digest = getattr(self.stream, "sha256", lambda: None)()
        # What is read may have become known while this was written.
        gate.check(self.path, self.again)
        if replace:
            os.replace(self.temporary, self.path)
        else:
            _link(self.temporary, self.path)
        gate.wrote(self.path, status, digest)

    def discard(self):
        """Close, and remove what has not got its final name."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.temporary)
        endings.done(self.temporary)
        # What is left in the buffer of a full disk cannot be written, and need not be.
        with contextlib.suppress(OSError):
            self.stream.close()
        os.close(self.lock)


def _digested(descriptor):
    from hexcal.files.digested import DigestedWriter

    return DigestedWriter(os.fdopen(descriptor, "wb", 0))


def _created(folder, name):
    while True:
        temporary = os.path.join(folder, left_over.partial_name(name))
        # Noted before it is there: a signal may come as soon as it is.
        endings.begun(temporary)
        try:
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError:
            endings.done(temporary)
            raise
        try:
            held = locks.lock(descriptor)
        except (ImportError, OSError):
            # A file system without locks: nobody will be able to lock the file, and so nobody removes it.
            held = True
        if held and locks.is_at(descriptor, temporary):
            return temporary, descriptor
        endings.done(temporary)
        os.close(descriptor)


def _link(temporary, path):
    """Give a finished file a name that is still free; FileExistsError if a file has it."""
    try:
        # Unlike a rename, a link fails where there is a file.
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with open(path, "xb"):
            os.replace(temporary, path)


@contextlib.contextmanager
def all_or_none(again=False):
    """Write several files, of which all get their names, or none.

    Parameters
    ----------
    again : bool
        Whether files may be replaced that the present run has written.

    Yields
    ------
    callable
        ``open(path) -> stream`` for bytes. The files get their names at the end, in that order.

    Raises
    ------
    InputError
        If the gate refuses one of them: the run reads it, or has written it.
    ResourceError
        If a folder is missing or not writable, or the disk is full.
    """
    parts = []

    def open_part(path):
        with _as_resource_error(path):
            parts.append(_Partial(path, again))
        return parts[-1].stream

    try:
        yield open_part
        for part in parts:
            with _as_resource_error(part.path):
                if part.path.is_dir():
                    raise IsADirectoryError(errno.EISDIR, "there is a folder of that name")
                part.stream.close()
        for part in parts:
            with _as_resource_error(part.path):
                part.publish()
    finally:
        for part in parts:
            part.discard()


@contextlib.contextmanager
def atomic(path, again=False):
    """Open a temporary file beside `path` for writing bytes.

    On success it takes the name `path`, on failure nothing is left.

    Parameters
    ----------
    path : path-like
        Its final name.
    again : bool
        Whether the present run may replace what it has written itself.

    Raises
    ------
    InputError
        If the gate refuses: the present run reads the file, or has written it.
    ResourceError
        If the directory is missing or not writable, or the disk is full.
    """
    with _as_resource_error(path), all_or_none(again) as open_part:
        yield open_part(path)


@contextlib.contextmanager
def new(path):
    """As `atomic`, for a file that must not be there yet, also when several processes try.

    Raises
    ------
    FileExistsError
        If there is such a file.
    OSError
        If it cannot be written.
    """
    part = _Partial(path, again=False)
    try:
        yield part.stream
        part.publish(replace=False)
    finally:
        part.discard()


@contextlib.contextmanager
def _as_resource_error(path):
    try:
        yield
    except OSError as error:
        if isinstance(error, HexcalError):
            raise
        raise _resource_error(error, Path(path)) from error


def cause_of(error):
    """Return what the system said (OSError), of an error that `atomic` has put into words."""
    return error.__cause__ if isinstance(error.__cause__, OSError) else error


def _resource_error(error, path):
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError(
            "the disk is full; nothing was written", where=str(path), hint="free some space or give another output_dir"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ResourceError("the directory is not writable", where=str(path.parent), hint="give another output_dir")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return ResourceError(
            "the output directory does not exist", where=str(path.parent), hint="create it, or give another output_dir"
        )
    return ResourceError(f"cannot write: {error.strerror or error}", where=str(path))
