"""Write files that are not there yet: whole or not at all, and never over another, also when several processes try."""

import contextlib
import os

from hexcal.errors import ReferenceError_, ResourceError
from hexcal.files import atomic


@contextlib.contextmanager
def new_file(path):
    """Open a temporary file beside `path` for writing bytes.

    On success it takes the name `path`, on failure nothing is left.

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
    try:
        with atomic.new(path) as stream:
            yield stream
    except FileExistsError as error:
        raise ReferenceError_(
            "the file already exists; no file of a cache is ever replaced",
            where=os.fspath(path),
            hint="give it another name or another folder",
        ) from error
    except ResourceError:
        raise
    except OSError as error:
        raise ResourceError(f"the file cannot be written: {error.strerror or error}", where=os.fspath(path)) from error
