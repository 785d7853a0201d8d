"""Arrays in ASDF files: blocks of binary data behind the tree, and arrays written out in it.

Source: ASDF Standard 1.6, "Low-level file layout" and schema ndarray-1.1.0.
"""

import bz2
import hashlib
import struct
import weakref
import zlib
from typing import Any

import numpy as np

MAGIC = b"\xd3BLK"
_HEADER = struct.Struct(">I4sQQQ16s")
"""Flags, compression, space that the block takes, space that is used, size of its data, MD5 of what is used."""
_UNCOMPRESSED = bytes(4)
_LARGE = 1 << 18
"""Bytes of an array that is looked for among those of other files: a map of slices, which all exposures of a detector
have.
"""
_SHARED: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
"""Digest of content, type and shape: the array, as long as anyone has it."""
_DECOMPRESS: dict[bytes, Any] = {_UNCOMPRESSED: bytes, b"zlib": zlib.decompress, b"bzp2": bz2.decompress}


class NotReadable(Exception):
    """An array in a form that only the ASDF library reads."""


def block_of(values):
    """Return an array as a block: bytes with its header."""
    data = np.ascontiguousarray(values).tobytes()
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    header = _HEADER.pack(0, _UNCOMPRESSED, len(data), len(data), len(data), digest)
    return MAGIC + struct.pack(">H", len(header)) + header + data


def data_of(block):
    """Return what is in a block, decompressed (bytes)."""
    size = struct.unpack_from(">H", block, 4)[0]
    _, compression, _, used, _, _ = _HEADER.unpack_from(block, 6)
    decompress = _DECOMPRESS.get(compression)
    if decompress is None:
        raise NotReadable(f"compression {compression!r}")
    return decompress(block[6 + size : 6 + size + used])


def array_of(content, blocks):
    """Return an array.

    Parameters
    ----------
    content : dict or list
        What its node says: source, datatype, byteorder, shape, offset, strides; or the values.
    blocks : sequence of bytes
        Blocks of the file.

    Returns
    -------
    array
        In native byte order. A large one cannot be written to: it is the same object for all files that hold the same.
    """
    if not isinstance(content, dict):
        return np.array(content)
    dtype = _dtype(content.get("datatype", "float64"), content.get("byteorder", "big"))
    if "data" in content:
        rows, native = content["data"], dtype.newbyteorder("=")
        if dtype.names:
            return np.array([tuple(row) for row in rows], native)
        return np.array(rows, native if "datatype" in content else None)
    source = content.get("source")
    if not isinstance(source, int) or not 0 <= source < len(blocks) or "mask" in content:
        raise NotReadable("an array that is not in a block of the file")
    shape = tuple(content["shape"])
    view = np.ndarray(shape, dtype, data_of(blocks[source]), content.get("offset", 0), content.get("strides"))
    native = view.astype(view.dtype.newbyteorder("="))
    return native if native.nbytes < _LARGE else _shared(native)


def _shared(array):
    """Return the array that holds the same as another one, if somebody has it; else the other one."""
    array.flags.writeable = False
    digest = hashlib.blake2b(np.ravel(array).view(np.uint8).data, digest_size=16).digest()
    key = digest, str(array.dtype), array.shape
    return _SHARED.setdefault(key, array)


def _dtype(kind, byteorder):
    sign: Any = {"big": ">", "little": "<"}[byteorder]
    if isinstance(kind, str):
        if kind == "bool8":
            return np.dtype(bool)
        try:
            return np.dtype(kind).newbyteorder(sign)
        except TypeError:
            raise NotReadable(f"datatype {kind}") from None
    if len(kind) == 2 and isinstance(kind[1], int):
        code = {"ascii": "S", "ucs4": "U"}.get(kind[0])
        if code is None:
            raise NotReadable(f"datatype {kind}")
        return np.dtype(f"{code}{kind[1]}").newbyteorder(sign)
    fields = []
    for number, field in enumerate(kind):
        field = field if isinstance(field, dict) else {"datatype": field}
        inner = _dtype(field["datatype"], field.get("byteorder", byteorder))
        fields.append((field.get("name", f"f{number}"), inner, tuple(field.get("shape", ()))))
    return np.dtype(fields)
