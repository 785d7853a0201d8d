"""Write files that are not there yet: whole or not at all, and never over another, also when several processes try."""

import contextlib
import errno
import os
import tempfile

from hexcal.errors import ReferenceError_, ResourceError

# What file systems without hard links answer.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


@contextlib.contextmanager
def new_file(path):
    """Open a temporary file beside `path` for writing bytes; on success it takes the name `path`, on failure nothing is left.

    Parameters
    ----------
    path : path-like
        Where; its folder is there.

    Raises
    ------
    ReferenceError_
        If there is such a file already.
    ResourceError
        If it cannot be written.
    """
    path = os.fspath(path)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(
            prefix=f".{os.path.basename(path)}.", suffix=".part", dir=os.path.dirname(path) or "."
        )
        with os.fdopen(handle, "wb") as stream:
            yield stream
        os.chmod(temporary, 0o666 & ~_umask())
        _publish(temporary, path)
    except FileExistsError as error:
        raise ReferenceError_(
            "the file is there already; no file of a cache is ever replaced",
            where=path,
            hint="give it another name or another folder",
        ) from error
    except ResourceError:
        raise
    except OSError as error:
        raise ResourceError(f"the file cannot be written: {error.strerror or error}", where=path) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


def _publish(temporary, path):
    """Give a finished file its name; FileExistsError if a file has it."""
    try:
        # Unlike a rename, a link fails where there is a file.
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with open(path, "xb"):
            os.replace(temporary, path)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
