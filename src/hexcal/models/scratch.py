"""Where arrays wait that are not needed now, such as those of a model that was given back to its container.

A folder of temporary files.
"""

import mmap
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import ResourceError
from hexcal.models.fits_table import structured

_SMALL = 1 << 16
"""Arrays below this size (bytes) stay in memory: a file would cost more than it frees."""
_PIECE = 1 << 20
"""Bytes that are copied at a time."""


def let_go(array: np.ndarray) -> None:
    """Free the memory of what was read of an array that `Scratch.mapped` returned; nothing may have been written to it.

    An array in memory is left alone.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


class Scratch:
    """A folder of temporary files, made when it is first needed.

    It is removed with the container that uses it or when the program ends.

    It lies in the folder that the environment variable HEXCAL_SCRATCH names, else in the system's folder for temporary
    files.

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
                # Of a table that astropy has read, the values are kept, not what its file stores for them.
                values = structured(array) if array.dtype.names else np.asarray(array)
                np.save(stream, values, allow_pickle=False)
            os.replace(new, folder / name)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise _resource_error(error, folder) from error
        return self.mapped(name)

    def mapped(self, name: str) -> np.ndarray:
        """Return a stored array.

        It takes no memory until it is used, and what is written to it does not reach the file.
        """
        return np.asarray(np.load(self._made() / name, mmap_mode="c"))

    def append(self, name: str, chunks: Iterable[Any]) -> None:
        """Add bytes to the end of a file, which is made when it is not there.

        Parameters
        ----------
        name : str
            Name of the file.
        chunks : iterable of bytes-like
            What is added.
        """
        folder = self._made()
        try:
            with (folder / name).open("ab") as stream:
                for chunk in chunks:
                    stream.write(chunk)
        except OSError as error:
            raise _resource_error(error, folder) from error

    def read(self, name: str, dtype: Any, shape: tuple, first: int) -> np.ndarray:
        """Read an array from a file that was made with `append`.

        Unlike a map of the file, nothing of it stays in memory.

        Parameters
        ----------
        name : str
            Name of the file.
        dtype, shape
            Of the array.
        first : int
            Number of values before it.
        """
        array = np.empty(shape, dtype)
        with (self._made() / name).open("rb") as stream:
            stream.seek(first * array.itemsize)
            read = stream.readinto(array.reshape(-1).view(np.uint8).data)
        if read != array.nbytes:
            raise ResourceError("a scratch file was cut while it was in use", where=str(self._made() / name))
        return array

    def read_window(
        self, name: str, dtype: Any, shape: tuple[int, int, int], window: tuple[slice, slice]
    ) -> np.ndarray:
        """Read some rows and columns of all images of a file that was made with `append`.

        Parameters
        ----------
        name, dtype : str, dtype
            The file, and the type of its values.
        shape : tuple of int
            (nimages, ny, nx) of what it holds.
        window : tuple of slice
            Rows and columns, with first and last.

        Returns
        -------
        ndarray (nimages, nrows, ncolumns)
        """
        (rows, columns), (count, ny, nx) = window, shape
        lines = np.empty((rows.stop - rows.start, nx), dtype)
        values = np.empty((count, len(lines), columns.stop - columns.start), dtype)
        with (self._made() / name).open("rb", buffering=0) as stream:
            for number in range(count):
                stream.seek((number * ny + rows.start) * nx * lines.itemsize)
                if stream.readinto(lines.reshape(-1).view(np.uint8).data) != lines.nbytes:
                    raise ResourceError("a scratch file was cut while it was in use", where=str(self._made() / name))
                values[number] = lines[:, columns]
        return values

    def write_window(
        self, name: str, values: np.ndarray, shape: tuple[int, int, int], window: tuple[slice, slice]
    ) -> None:
        """Put values, (nimages, nrows, ncolumns), into the place that `read_window` reads.

        The file has its size already.
        """
        (rows, columns), (count, ny, nx) = window, shape
        whole = columns == slice(0, nx)
        try:
            with (self._made() / name).open("r+b", buffering=0) as stream:
                for number in range(count):
                    pieces = [values[number]] if whole else values[number]
                    for row, piece in enumerate(pieces):
                        at = (number * ny + rows.start + row) * nx + columns.start
                        stream.seek(at * values.itemsize)
                        stream.write(np.ascontiguousarray(piece).data)
        except OSError as error:
            raise _resource_error(error, self._made()) from error

    def chunks(self, name: str, first: int = 0, n_bytes: int | None = None) -> Iterator[bytes]:
        """Yield the content of a file in pieces: by default all, else `n_bytes` behind the first ones."""
        with (self._made() / name).open("rb") as stream:
            stream.seek(first)
            left = os.fstat(stream.fileno()).st_size - first if n_bytes is None else n_bytes
            while left > 0 and (piece := stream.read(min(left, _PIECE))):
                left -= len(piece)
                yield piece

    def size_of(self, name: str) -> int:
        """Return the size of a file in bytes; 0 where there is none."""
        return (self._made() / name).stat().st_size if self.holds(name) else 0

    def remove(self) -> None:
        """Remove the folder now; what is stored later makes a new one."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

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
        f"data that are needed later cannot be kept in the scratch folder: {error.strerror or error}",
        where=str(folder),
        hint=(
            "set HEXCAL_SCRATCH to a folder with more room (or keep the members of an association in memory with "
            "in_memory=True)"
        ),
    )
