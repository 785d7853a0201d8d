"""Reading FITS: headers at once, arrays only when asked for, and only the part asked for."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.files import gate
from hexcal.models import exact, fits_pieces, fits_table, packed
from hexcal.models.bounds import require_regular
from hexcal.models.fits_scan import Extension, scan

CHUNK = fits_pieces.PIECE
"""Elements converted at a time: they stay in the cache, and reading and writing never hold a second copy of a large
array.
"""


class FitsSource:
    """The FITS file behind a model.

    The file is not kept open: products with hundreds of extensions, and hundreds of models, need no file handles. If
    the file changes between two reads, that is an `InputError`, not a mixture of two files.

    Parameters
    ----------
    path : path-like
        A FITS file, plain or packed with gzip, bzip2 or xz. The content of a packed one is kept in memory until
        `release`.
    is_own : bool
        Whether the run has just written it itself, and so reads nothing that it will write.

    Raises
    ------
    InputError
        If the file is missing, not FITS, or not whole.
    """

    def __init__(self, path, is_own=False):
        self.path = Path(path)
        if not is_own:
            gate.reading(path)
        require_file(self.path)
        stat = self.path.stat()
        self.signature = (stat.st_size, stat.st_mtime_ns)
        self.packing = packed.packing(self.path)
        self._content: Any = None
        if self.packing:
            content = self._bytes()
            self.extensions = scan(io.BytesIO(content), len(content), self.path)
        else:
            with open(self.path, "rb") as stream:
                self.extensions = scan(stream, stat.st_size, self.path)
        self._index()

    def _index(self):
        self._by_name: dict[tuple[str, int], Extension] = {}
        for extension in self.extensions:
            # A primary HDU without data is no array, whatever it is called.
            if extension.index or extension.shape:
                self._by_name.setdefault((extension.name, extension.version), extension)

    @property
    def compressed(self):
        """Whether the file is packed."""
        return self.packing is not None

    def find(self, name, version=1):
        """Return the extension of that EXTNAME and EXTVER, or None."""
        return self._by_name.get((name, version))

    def of(self, spec, version=1):
        """Return the extension that holds an array or a table of a model, or None.

        Parameters
        ----------
        spec : Array or Table
            Its `hdus` are tried in turn: names, PRIMARY, numbers of HDUs.
        version : int
            EXTVER.
        """
        for name in spec.hdus:
            number = 0 if name == "PRIMARY" else int(name) if name.isdigit() else None
            extension = self.find(name.upper(), version) if number is None else self._numbered(number)
            if extension is not None:
                return extension
        return None

    def _numbered(self, number):
        """The primary HDU if it holds an image, or the HDU of a number if it has no name.

        None if there is no such HDU.
        """
        extension = self.extensions[number] if number < len(self.extensions) else None
        if extension is None or (number and extension.name) or not extension.shape:
            return None
        return extension

    def count(self, name):
        """Return how many extensions have that EXTNAME, each with an EXTVER of its own."""
        return sum(known == name for known, _ in self._by_name)

    @property
    def primary(self):
        """The primary header."""
        return self.extensions[0].header

    def release(self):
        """Give back the memory that the content of a packed file takes; it is unpacked again if asked for."""
        self._content = None

    def _bytes(self):
        """The content of a packed file (uint8 array)."""
        if self._content is None:
            self._content = packed.unpacked(self.path, self.packing)
        return self._content

    def _unchanged(self):
        stat = self.path.stat()
        # A model that was opened before the run began is read in it.
        gate.reading(self.path, status=stat)
        if (stat.st_size, stat.st_mtime_ns) != self.signature:
            raise InputError("the file was changed while it was in use", where=str(self.path), hint="run again")

    def _where(self, extension):
        return f"{self.path}, extension {extension.name}"

    def stored(self, extension):
        """Return the array of an image as stored, big-endian and unscaled.

        A read-only memory map, or a view of the unpacked content.
        """
        self._unchanged()
        if extension.kind != "image":
            raise InputError(f"an image is required, this is a {extension.kind}", where=self._where(extension))
        if 0 in extension.shape:
            return np.empty(extension.shape, extension.dtype)
        if not self.packing:
            return np.memmap(self.path, extension.dtype, "r", extension.offset, extension.shape)
        length = int(np.prod(extension.shape)) * extension.dtype.itemsize
        raw = self._bytes()[extension.offset : extension.offset + length]
        return raw.view(extension.dtype).reshape(extension.shape)

    def read(self, extension, dtype=None, index=None):
        """Read an image extension, or a part of it, as a native, contiguous, writable array.

        Parameters
        ----------
        extension : Extension
            Which one.
        dtype : dtype, optional
            Type of the result; default the physical type of the file.
        index : slices, optional
            Part to read; default everything.

        Returns
        -------
        ndarray
            Never a view of the file.

        Raises
        ------
        NotRepresentable
            If `dtype` cannot hold a value of the file.
        """
        if extension.kind == "compressed":
            return self._decompressed(extension, dtype, index)
        dtype, where = np.dtype(dtype or extension.physical_dtype), self._where(extension)
        box = fits_pieces.box_of(extension.shape, index) if extension.kind == "image" and not self.packing else None
        if box is not None and fits_pieces.is_worth_it(box):
            self._unchanged()
            result = np.empty(box.shape, dtype)
            fits_pieces.read_box(
                self.path,
                extension.offset,
                extension.dtype,
                box,
                result,
                lambda values: _typed(values, dtype, extension, where),
            )
            return result
        stored = self.stored(extension)
        if index is not None:
            stored = stored[index]
        result = np.empty(stored.shape, dtype)
        _convert(stored, result, extension, where)
        return result

    def _decompressed(self, extension, dtype, index):
        """Read an image that is compressed in tiles (FITS 4.0, section 10), with astropy."""
        values = self._with_astropy(extension, compressed=True)
        values = np.asarray(values if index is None else values[index])
        dtype = np.dtype(dtype or extension.physical_dtype)
        return exact.as_type(values, dtype, f"extension {extension.name}", str(self.path)).copy()

    def raw_bytes(self, extension):
        """Return the data unit as stored, padding included.

        A memory map, or a view of the unpacked content; b"" where there are no data.
        """
        self._unchanged()
        if not extension.size:
            return b""
        if self.packing:
            return self._bytes()[extension.offset : extension.offset + extension.size]
        return np.memmap(self.path, "u1", "r", extension.offset, (extension.size,))

    def table(self, extension):
        """Read a table extension with astropy: a structured array (FITS_rec), in memory."""
        if extension.kind != "table":
            raise InputError(f"a table is required, this is an {extension.kind}", where=self._where(extension))
        return self._with_astropy(extension, compressed=False)

    def plain_table(self, extension):
        """Read a table extension as a structured array.

        Without astropy where its columns are plain (see `fits_table.read_plain`).
        """
        plain = fits_table.read_plain(extension.header, self.raw_bytes(extension))
        return self.table(extension) if plain is None else plain

    def _with_astropy(self, extension, compressed):
        """Return the data of one extension as astropy reads them, from a file of that extension alone."""
        from astropy.io import fits

        header = extension.header.text + f"{'END':80s}"
        header += " " * (-len(header) % 2880)
        content = fits.PrimaryHDU().header.tostring().encode() + header.encode() + bytes(self.raw_bytes(extension))
        try:
            with fits.open(io.BytesIO(content), memmap=False, disable_image_compression=not compressed) as hdus:
                hdu: Any = hdus[1]
                return hdu.data
        except (fits.VerifyError, OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise InputError(
                f"the table cannot be read: {' '.join(str(error).split())}",
                where=self._where(extension),
                hint="check with another program that the extension is well formed",
            ) from error


def require_file(path):
    """Raise InputError unless `path` is a file that can be read; carries the nearest name in its folder."""
    require_regular(path)
    if not path.exists():
        from hexcal.errors import nearest

        siblings = os.listdir(path.parent) if path.parent.is_dir() else []
        guess = nearest(path.name, siblings)
        raise InputError(
            "there is no such file",
            where=str(path),
            hint=f"did you mean '{guess}'?" if guess else f"looked in {path.parent.resolve()}",
        )
    if not os.access(path, os.R_OK):
        raise InputError("the file is not readable", where=str(path), hint="check its permissions")


def _convert(stored, result, extension, where):
    """Copy big-endian stored values into the native `result`, scaled, a chunk at a time along the first axes."""
    rows = max(1, CHUNK // max(1, int(np.prod(stored.shape[1:], dtype=np.int64)))) if stored.ndim else 1
    if stored.ndim > 2 and rows == 1 and stored[0].size > CHUNK:
        for source, target in zip(stored, result, strict=True):
            _convert(source, target, extension, where)
        return
    if stored.ndim == 0:
        result[...] = _typed(stored[None], result.dtype, extension, where)[0]
        return
    for first in range(0, stored.shape[0], rows):
        part = slice(first, first + rows)
        result[part] = _typed(stored[part], result.dtype, extension, where)


def _typed(stored, dtype, extension, where):
    """Return physical values that may be assigned to an array of `dtype`."""
    values = _scaled(stored, extension)
    if exact.same_bits(values.dtype, dtype):
        return values.astype(np.int32).view(dtype)
    if exact.loses(values.dtype, dtype):
        exact.require_exact(values, dtype, f"extension {extension.name}", where)
    return values


def _scaled(values, extension):
    scale, zero = extension.scaling
    if extension.is_unsigned:
        # Flipping the top bit is the exact shift from signed to unsigned, without a wider type.
        unsigned = values.astype(values.dtype.newbyteorder("=")).view(f"u{values.dtype.itemsize}")
        return unsigned ^ unsigned.dtype.type(zero)
    if (scale, zero) == (1, 0) and extension.blank is None:
        return values
    physical = values * np.float64(scale) + zero
    if extension.blank is not None:
        physical[values == extension.blank] = np.nan
    return physical


__all__ = ["CHUNK", "Extension", "FitsSource", "require_file"]
