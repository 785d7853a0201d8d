"""Reading FITS: headers at once, arrays only when asked for, and only the part asked for."""

import gzip
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.files import gate
from hexcal.models.bounds import require_regular

_BITPIX = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_UNSIGNED_ZERO = {"i2": 1 << 15, "i4": 1 << 31, "i8": 1 << 63}
CHUNK = 1 << 18
"""Elements converted at a time: they stay in the cache, and reading and writing never hold a second copy of a large array."""


@dataclass
class Extension:
    """One HDU of a file: its header, and where its data lie."""

    index: int
    name: str
    version: int
    header: Any
    shape: tuple
    offset: int
    size: int

    @property
    def dtype(self):
        """Type of the values as stored, big-endian."""
        return np.dtype(_BITPIX[self.header["BITPIX"]])

    @property
    def physical_dtype(self):
        """Native numpy type of the values, with BZERO of unsigned integers taken into account."""
        stored = self.dtype
        zero = self.header.get("BZERO", 0)
        if self.header.get("BSCALE", 1) == 1 and zero == _UNSIGNED_ZERO.get(stored.str[1:]):
            return np.dtype(f"u{stored.itemsize}")
        return stored.newbyteorder("=") if zero == 0 and self.header.get("BSCALE", 1) == 1 else np.dtype("f8")


def _unreadable(error, path):
    if "No SIMPLE card" in str(error):
        return InputError(
            "not a readable FITS file: it does not begin with SIMPLE",
            where=str(path),
            hint="check the name of the file",
        )
    return InputError(
        f"not a readable FITS file: {error}", where=str(path), hint="check that the file was completely copied"
    )


class FitsSource:
    """The FITS file behind a model.

    The file is not kept open: products with hundreds of extensions, and hundreds of models, need no file handles. If the file changes between
    two reads, that is an `InputError`, not a mixture of two files.

    Parameters
    ----------
    path : path-like
        A FITS file, plain or compressed with gzip.

    Raises
    ------
    InputError
        If the file is missing, not FITS, or shorter than its headers say.
    """

    def __init__(self, path):
        self.path = Path(path)
        gate.reading(path)
        self.compressed = False
        self.extensions = self._scan()
        self._by_name = {}
        for extension in self.extensions:
            self._by_name.setdefault((extension.name, extension.version), extension)

    def _scan(self):
        import warnings

        from astropy.io import fits
        from astropy.utils.exceptions import AstropyUserWarning

        require_file(self.path)
        stat = self.path.stat()
        self.signature = (stat.st_size, stat.st_mtime_ns)
        with open(self.path, "rb") as stream:
            self.compressed = stream.read(2) == b"\x1f\x8b"
        try:
            length = _gzip_length(self.path) if self.compressed else stat.st_size
            with warnings.catch_warnings():
                # astropy warns of a truncated file; the size is checked below, as an error.
                warnings.simplefilter("ignore", AstropyUserWarning)
                with fits.open(
                    self.path, memmap=not self.compressed, lazy_load_hdus=True, disable_image_compression=True
                ) as hdus:
                    extensions = [_describe(index, hdu) for index, hdu in enumerate(hdus)]
        except (OSError, EOFError, fits.VerifyError, ValueError, TypeError) as error:
            raise _unreadable(error, self.path) from error
        for extension in extensions:
            if extension.offset + extension.size > length:
                raise InputError(
                    f"the file is truncated: extension {extension.name or 'PRIMARY'} needs {extension.offset + extension.size} bytes, the file has {length}",
                    where=str(self.path),
                    hint="copy or download it again",
                )
        return extensions

    def find(self, name, version=1):
        """Return the extension of that EXTNAME and EXTVER, or None."""
        return self._by_name.get((name, version))

    @property
    def primary(self):
        """The primary header."""
        return self.extensions[0].header

    def _unchanged(self):
        stat = self.path.stat()
        # A model that was opened before the run began is read in it.
        gate.reading(self.path, status=stat)
        if (stat.st_size, stat.st_mtime_ns) != self.signature:
            raise InputError("the file was changed while it was in use", where=str(self.path), hint="run again")

    def stored(self, extension):
        """Return the array as stored, big-endian and unscaled: a read-only memory map (a copy for a compressed file)."""
        self._unchanged()
        if self.compressed:
            with gzip.open(self.path) as stream:
                stream.seek(extension.offset)
                raw = stream.read(int(np.prod(extension.shape)) * extension.dtype.itemsize)
            return np.frombuffer(raw, extension.dtype).reshape(extension.shape)
        return np.memmap(self.path, extension.dtype, "r", extension.offset, extension.shape)

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
        """
        dtype = np.dtype(dtype or extension.physical_dtype)
        stored = self.stored(extension)
        if index is not None:
            stored = stored[index]
        result = np.empty(stored.shape, dtype)
        _convert(stored, result, extension)
        return result

    def raw_bytes(self, extension):
        """Return the data unit as stored, padding included (a memory map or bytes)."""
        self._unchanged()
        if self.compressed:
            with gzip.open(self.path) as stream:
                stream.seek(extension.offset)
                return stream.read(extension.size)
        return np.memmap(self.path, "u1", "r", extension.offset, (extension.size,)) if extension.size else b""

    def table(self, extension):
        """Read a table extension with astropy: a structured array (FITS_rec), in memory."""
        from astropy.io import fits

        self._unchanged()
        with fits.open(self.path, memmap=False, disable_image_compression=True) as hdus:
            hdu: Any = hdus[extension.index]
            return hdu.data


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


def _gzip_length(path):
    with gzip.open(path) as stream:
        return stream.seek(0, os.SEEK_END)


def _describe(index, hdu):
    header = hdu.header
    info = hdu.fileinfo()
    shape = tuple(header[f"NAXIS{axis}"] for axis in range(header["NAXIS"], 0, -1))
    name = (header.get("EXTNAME") or ("PRIMARY" if index == 0 else "")).strip().upper()
    size = (
        abs(header["BITPIX"])
        // 8
        * header.get("GCOUNT", 1)
        * (header.get("PCOUNT", 0) + int(np.prod(shape, dtype=np.int64)))
        if shape
        else 0
    )
    return Extension(
        index,
        name,
        header.get("EXTVER", 1),
        header,
        shape,
        info["datLoc"],
        -(-size // 2880) * 2880 if index or size else 0,
    )


def _convert(stored, result, extension):
    """Copy big-endian stored values into the native `result`, scaled, a chunk at a time along the first axes."""
    scale, zero = extension.header.get("BSCALE", 1), extension.header.get("BZERO", 0)
    rows = max(1, CHUNK // max(1, int(np.prod(stored.shape[1:], dtype=np.int64)))) if stored.ndim else 1
    if stored.ndim > 2 and rows == 1 and stored[0].size > CHUNK:
        for source, target in zip(stored, result, strict=True):
            _convert(source, target, extension)
        return
    if stored.ndim == 0:
        result[...] = _scaled(stored, scale, zero)
        return
    for first in range(0, stored.shape[0], rows):
        part = slice(first, first + rows)
        result[part] = _scaled(stored[part], scale, zero)


def _scaled(values, scale, zero):
    if scale == 1 and zero == 0:
        return values
    if scale == 1 and zero == _UNSIGNED_ZERO.get(values.dtype.str[1:]):
        # Flipping the top bit is the exact shift from signed to unsigned, without a wider type.
        unsigned = values.astype(values.dtype.newbyteorder("=")).view(f"u{values.dtype.itemsize}")
        return unsigned ^ unsigned.dtype.type(zero)
    return values * scale + zero
