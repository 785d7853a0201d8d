"""Where the HDUs of a FITS file lie, and whether the file is whole.

Every header complete with END, every data unit complete to its last block.
"""

import math
import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.models.fits_header import Header

BLOCK = 2880
_BITPIX = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
UNSIGNED_ZERO = {"i2": 1 << 15, "i4": 1 << 31, "i8": 1 << 63}
_MOST_AXES = 64
"""Of a numpy array; the standard allows 999."""
_END = re.compile(rb"END {77}")
_COMPRESSED_CARD = re.compile(
    r"Z(IMAGE|TENSION|SIMPLE|EXTEND|BLOCKED|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TILE\d+|CMPTYPE"
    r"|NAME\d+|VAL\d+|QUANTIZ|DITHER0|BLANK|MASKCMP|HECKSUM|DATASUM)"
)
_COPY_AGAIN = "copy or download it again"


@dataclass
class Extension:
    """One HDU of a file: its header, and where its data lie.

    Parameters
    ----------
    index : int
        0 for the primary HDU.
    name : str
        EXTNAME in capitals; PRIMARY for a primary HDU without one.
    version : int
        EXTVER.
    header : Header
        Its cards.
    kind : str
        "image", "table" (binary or of text), "compressed" (an image in tiles in a table), or "other": carried along,
        not read.
    shape : tuple of int
        Of the image, compressed or not; of the rows and bytes of a table; empty where there are no data.
    offset, size : int
        First byte of the data unit, and its length with its padding.
    """

    index: int
    name: str
    version: int
    header: Any
    kind: str
    shape: tuple
    offset: int
    size: int

    @property
    def is_image(self):
        """Whether it holds an image, compressed or not."""
        return self.kind in ("image", "compressed")

    @cached_property
    def dtype(self):
        """Type of the values as stored, big-endian."""
        return np.dtype(_BITPIX[self.header["ZBITPIX" if self.kind == "compressed" else "BITPIX"]])

    @cached_property
    def scaling(self):
        """(BSCALE, BZERO)."""
        return self.header.get("BSCALE", 1), self.header.get("BZERO", 0)

    @cached_property
    def blank(self):
        """The stored integer that stands for "no value", or None."""
        return None if self.dtype.kind == "f" or self.is_unsigned else self.header.get("BLANK")

    @cached_property
    def is_unsigned(self):
        """Whether BZERO makes unsigned integers of the stored signed ones."""
        scale, zero = self.scaling
        return scale == 1 and zero == UNSIGNED_ZERO.get(self.dtype.str[1:])

    @cached_property
    def physical_dtype(self):
        """Native numpy type of the values: BZERO of unsigned integers, other scaling and BLANK taken into account."""
        stored = self.dtype
        if self.is_unsigned:
            return np.dtype(f"u{stored.itemsize}")
        plain = self.scaling == (1, 0) and self.blank is None
        return stored.newbyteorder("=") if plain else np.dtype("f8")

    def is_of_storage(self, keyword):
        """Whether a card describes how an image is compressed: it goes when the image is written anew."""
        return self.kind == "compressed" and _COMPRESSED_CARD.fullmatch(keyword) is not None


def scan(stream, length, path):
    """Return the extensions of a FITS file.

    Parameters
    ----------
    stream : binary file
        Of the plain (not compressed) content.
    length : int
        Bytes of the content.
    path : path-like
        For messages.

    Returns
    -------
    list of Extension

    Raises
    ------
    InputError
        If it is not FITS, or ends before its last HDU is complete.
    """
    extensions, position = [], 0
    while position < length:
        header, data_at = read_header(stream, position, length, len(extensions), path)
        extension = _describe(len(extensions), header, data_at, path)
        end = extension.offset + extension.size
        if end > length:
            raise InputError(
                f"the file is truncated: extension {extension.name} needs {end} bytes, the file has {length}",
                where=str(path),
                hint=_COPY_AGAIN,
            )
        extensions.append(extension)
        position = end
    if not extensions:
        raise InputError("not a readable FITS file: it is empty", where=str(path), hint=_COPY_AGAIN)
    return extensions


def primary_header(path) -> Header:
    """Return the primary header of a FITS file, and read nothing else.

    Raises
    ------
    InputError
        If the file does not begin with a header of FITS.
    """
    with open(path, "rb") as stream:
        header, _ = read_header(stream, 0, os.fstat(stream.fileno()).st_size, 0, path)
    return header


def read_header(stream, position, length, index, path):
    """Return the header that begins at a position, and the position of its data.

    Parameters
    ----------
    stream, length, path
        As in `scan`.
    position : int
        First byte of the header.
    index : int
        Number of the HDU; 0 is the primary one.

    Returns
    -------
    header : Header
    data_at : int
    """
    stream.seek(position)
    blocks = []
    while True:
        block = stream.read(BLOCK)
        if not blocks:
            _require_beginning(block, position, length, index, path)
        if len(block) < BLOCK:
            raise InputError(
                f"not a readable FITS file: it is truncated in the header of {_ordinal(index)}, after {length} bytes",
                where=str(path),
                hint=_COPY_AGAIN,
            )
        if not block.isascii():
            raise InputError(
                f"not a readable FITS file: the header of {_ordinal(index)} holds bytes that are no text, and no END",
                where=str(path),
                hint=_COPY_AGAIN,
            )
        blocks.append(block)
        end = next((match.start() for match in _END.finditer(block) if match.start() % 80 == 0), None)
        if end is not None:
            text = b"".join(blocks)[: (len(blocks) - 1) * BLOCK + end].decode("ascii")
            return Header(text), position + len(blocks) * BLOCK


def _require_beginning(block, position, length, index, path):
    """Raise InputError unless a block begins as the header of an HDU does."""
    if index == 0 and not block.startswith(b"SIMPLE  ="):
        raise InputError(
            "not a readable FITS file: it does not begin with SIMPLE",
            where=str(path),
            hint="check the name of the file",
        )
    if index and not block.startswith(b"XTENSION"[: len(block)]):
        raise InputError(
            f"{_ordinal(index)} is required to begin with XTENSION after {position} bytes; "
            f"the {length - position} bytes found there are something else",
            where=str(path),
            hint=f"{_COPY_AGAIN}; if they are left over from another program, cut the file to {position} bytes",
        )


def _ordinal(index):
    return f"extension {index}" if index else "the primary HDU"


def _describe(index, header, offset, path):
    where = f"{path}, {header.get('EXTNAME') or _ordinal(index)}"
    bitpix = header.get("BITPIX")
    if bitpix not in _BITPIX or isinstance(bitpix, bool):
        raise InputError(f"BITPIX must be 8, 16, 32, 64, -32 or -64, found {bitpix!r}", where=where, hint=_COPY_AGAIN)
    axes = _axes(header, "NAXIS", where)
    extension_type = str(header.get("XTENSION", "")).strip().upper()
    groups = index == 0 and axes and axes[0] == 0 and header.get("GROUPS") is True
    count, group_count = (
        _length(header, keyword, where, default) for keyword, default in (("PCOUNT", 0), ("GCOUNT", 1))
    )
    values = math.prod(axes[1:] if groups else axes) if axes else 0
    size = abs(bitpix) // 8 * (group_count * (count + values) if index or groups else values)
    kind = _kind(index, extension_type, header, groups)
    shape = axes[::-1]
    if kind == "compressed":
        shape = _axes(header, "ZNAXIS", where)[::-1]
        if header.get("ZBITPIX") not in _BITPIX:
            raise InputError(f"ZBITPIX must be 8, 16, 32, 64, -32 or -64, found {header.get('ZBITPIX')!r}", where=where)
    for keyword in ("BSCALE", "BZERO") if kind in ("image", "compressed") else ():
        if not isinstance(header.get(keyword, 1), int | float):
            raise InputError(f"{keyword} must be a number, found {header.get(keyword)!r}", where=where)
    name = str(header.get("EXTNAME") or "").strip().upper() or ("PRIMARY" if index == 0 else "")
    version = header.get("EXTVER", 1)
    return Extension(
        index, name, version if isinstance(version, int) else 1, header, kind, shape, offset, -(-size // BLOCK) * BLOCK
    )


def _kind(index, extension_type, header, groups):
    if index == 0:
        return "other" if groups else "image"
    if extension_type == "BINTABLE" and header.get("ZIMAGE") is True:
        return "compressed"
    return {"IMAGE": "image", "IUEIMAGE": "image", "BINTABLE": "table", "A3DTABLE": "table", "TABLE": "table"}.get(
        extension_type, "other"
    )


def _axes(header, keyword, where):
    """Return the lengths of the axes, in the order of the header."""
    count = _length(header, keyword, where, None)
    if count > _MOST_AXES:
        raise InputError(
            f"{keyword} is {count}; arrays of up to {_MOST_AXES} axes can be read",
            where=where,
            hint="check that this is a file of the kind it is named",
        )
    return tuple(_length(header, f"{keyword}{axis}", where, None) for axis in range(1, count + 1))


def _length(header, keyword, where, default):
    value = header.get(keyword, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        actual = "it is absent" if keyword not in header else f"found {value!r}"
        raise InputError(f"{keyword} must be a whole number of 0 or more, {actual}", where=where, hint=_COPY_AGAIN)
    return value
