"""Where the arrays of a model wait while it is given back to its container: a folder of temporary files."""

import os
import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np

from hexcal.errors import ResourceError

_SMALL = 1 << 16
"""Arrays below this size (bytes) stay in memory: a file would cost more than it frees."""


class Scratch:
    """A folder of temporary files, made when it is first needed, and removed with the container that uses it or when the program ends.

    It lies in the folder that the environment variable HEXCAL_SCRATCH names, else in the system's folder for temporary files.

    Attributes
    ----------
    folder : pathlib.Path or None
        None while nothing was stored.
    """

    def __init__(self):
        self.folder: Path | None = None

    def store(self, name: str, array: np.ndarray) -> np.ndarray:
        """Put an array into a file, in place of what was stored under that name.

        Parameters
        ----------
        name : str
            Name of the file.
        array : ndarray
            Of any type but Python objects.

        Returns
        -------
        ndarray
            As of `mapped`. Small arrays are returned as they are.

        Raises
        ------
        ResourceError
            If the disk is full.
        """
        if array.nbytes < _SMALL or array.dtype.hasobject:
            return array
        folder = self._made()
        new = folder / f"{name}.new"
        try:
            with new.open("xb") as stream:
                np.save(stream, np.asarray(array), allow_pickle=False)
            os.replace(new, folder / name)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise _resource_error(error, folder) from error
        return self.mapped(name)

    def mapped(self, name: str) -> np.ndarray:
        """Return a stored array; it takes no memory until it is used, and what is written to it does not reach the file."""
        return np.asarray(np.load(self._made() / name, mmap_mode="c"))

    def holds(self, name: str) -> bool:
        """Whether something is stored under a name."""
        return self.folder is not None and (self.folder / name).exists()

    def _made(self):
        if self.folder is None:
            parent = os.environ.get("HEXCAL_SCRATCH") or None
            try:
                self.folder = Path(tempfile.mkdtemp(prefix=f"hexcal-{os.getpid()}-", dir=parent))
            except OSError as error:
                raise _resource_error(error, parent or tempfile.gettempdir()) from error
            # Also called at the end of the program, and so after Ctrl-C and the signals that end a run in the same way.
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        return self.folder


def _resource_error(error, folder):
    return ResourceError(
        f"the members of the association cannot wait in the scratch folder: {error.strerror or error}",
        where=str(folder),
        hint="set HEXCAL_SCRATCH to a folder with more room, or keep them in memory with in_memory=True",
    )
