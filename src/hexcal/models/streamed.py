"""Arrays and tables of a product that come piece by piece.

They wait in a scratch file as FITS stores them, and go from there into the product.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hexcal.models.fits_pieces import PIECE, as_stored, unsigned_zero
from hexcal.models.fits_table import stored_rows
from hexcal.models.scratch import Scratch


def stored_chunks(values: np.ndarray) -> Iterator[Any]:
    """Yield an array as FITS stores it, big-endian, a chunk at a time."""
    flat = np.ascontiguousarray(values).reshape(-1)
    for first in range(0, flat.size, PIECE):
        yield as_stored(flat[first : first + PIECE]).data


class Streamed:
    """An array (nplanes, ...) of which only the file is there.

    It takes the place of an array in a model that is saved to FITS.

    Parameters
    ----------
    scratch : Scratch
        Where the planes wait.
    name : str
        Name of the file there.

    Attributes
    ----------
    shape, dtype
        Those of the planes so far; None before the first.
    """

    def __init__(self, scratch: Scratch, name: str):
        self.scratch, self.name = scratch, name
        self.shape: Any = None
        self.dtype: Any = None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Size in the file."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __getitem__(self, index: Any) -> np.ndarray:
        """Read one plane again: `index` is its number, alone or in a tuple."""
        number = index[0] if isinstance(index, tuple) else index
        shape = self.shape[1:]
        stored = self.dtype.newbyteorder(">")
        plane = self.scratch.read(self.name, stored, shape, number * int(np.prod(shape, dtype=np.int64)))
        zero = self.dtype.type(unsigned_zero(self.dtype)) if self.dtype.kind == "u" else None
        plane = plane.astype(self.dtype)
        return plane if zero is None else plane ^ zero

    def append(self, planes: np.ndarray) -> None:
        """Add planes (n, ...), of the type and size of the first ones."""
        known = 0 if self.shape is None else self.shape[0]
        self.shape, self.dtype = (known + len(planes), *planes.shape[1:]), planes.dtype
        self.scratch.append(self.name, stored_chunks(planes))

    def chunks(self) -> Iterator[Any]:
        """Yield the content as it is stored."""
        yield from self.scratch.chunks(self.name)


class StreamedTable:
    """A table of which only the file is there; it takes the place of a table in a model that is saved to FITS.

    Tables that come one after the other may wait in one file.

    Parameters
    ----------
    scratch : Scratch
        Where the rows wait.
    name : str
        Name of the file there; the table begins at its end.

    Attributes
    ----------
    dtype : dtype
        Of the rows so far, whose columns are plain (`fits_table.plain_units`); None before the first.
    """

    def __init__(self, scratch: Scratch, name: str):
        self.scratch, self.name, self.first = scratch, name, scratch.size_of(name)
        self.dtype: Any = None
        self._n_rows = self._n_bytes = 0

    def __len__(self) -> int:
        return self._n_rows

    def append(self, rows: np.ndarray) -> None:
        """Add rows (n,), with the columns of the first ones; nothing else may have come into the file since."""
        content = stored_rows(rows)
        self.dtype, self._n_rows, self._n_bytes = rows.dtype, len(self) + len(rows), self._n_bytes + len(content)
        self.scratch.append(self.name, [content])

    def chunks(self) -> Iterator[Any]:
        """Yield the content as it is stored, without what fills up the last block."""
        yield from self.scratch.chunks(self.name, self.first, self._n_bytes)


def with_streamed(model: Any, arrays: Mapping[str, Streamed | StreamedTable]) -> Any:
    """Put streamed arrays and tables in place of those of a model.

    It is good for nothing but to be saved to FITS, and has its arrays from there then (`read_from`).
    """
    model.contents.arrays.update(arrays)
    return model


def read_from(model: Any, path: Any) -> None:
    """Have a model that was saved read from that file what was streamed into it."""
    from hexcal.models.fits_source import FitsSource

    names = [name for name, value in model.contents.arrays.items() if isinstance(value, Streamed)]
    if names:
        for name in names:
            del model.contents.arrays[name]
        model.contents.source = FitsSource(path, is_own=True)
        model.contents.removed.clear()
