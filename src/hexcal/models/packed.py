"""Files packed with gzip, bzip2 or xz: unpacked in memory, whole or not at all."""

import bz2
import gzip
import lzma
import zlib

import numpy as np

from hexcal.errors import InputError

_READERS = {b"\x1f\x8b": ("gzip", gzip.open), b"BZh": ("bzip2", bz2.open), b"\xfd7zXZ\x00": ("xz", lzma.open)}
_NOT_READ = {
    b"\x1f\x9d": "compress (.Z)",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
}
_PIECE = 1 << 22


def packing(path):
    """Return what a file is packed with: "gzip", "bzip2", "xz", or None for a plain file.

    Raises
    ------
    InputError
        If it is packed with something else.
    """
    with open(path, "rb") as stream:
        start = stream.read(6)
    for magic, name in _NOT_READ.items():
        if start.startswith(magic):
            raise InputError(
                f"the file is packed with {name}; plain files and those packed with gzip, bzip2 or xz can be read",
                where=str(path),
                hint="unpack it first",
            )
    return next((name for magic, (name, _) in _READERS.items() if start.startswith(magic)), None)


def unpacked(path, kind):
    """Return the content of a packed file as an array of bytes (uint8, read-only).

    Parameters
    ----------
    path : path-like
        The file.
    kind : str
        From `packing`.

    Raises
    ------
    InputError
        If the file is damaged or ends before its content does.
    """
    reader = dict(_READERS.values())[kind]
    content = bytearray()
    try:
        with reader(path, "rb") as stream:
            while piece := stream.read(_PIECE):
                content += piece
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise InputError(
            f"the file is truncated or damaged: it cannot be unpacked with {kind} ({error})",
            where=str(path),
            hint="copy or download it again",
        ) from error
    values = np.frombuffer(content, "u1")
    values.flags.writeable = False
    return values
