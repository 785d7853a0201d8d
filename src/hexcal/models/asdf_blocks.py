"""Whether an ASDF file is whole.

Its blocks of binary data follow each other to the end, each as long as its header says.

Source: ASDF Standard 1.6, "Low-level file layout".
"""

import os
import struct

from hexcal.errors import InputError

_MAGIC = b"\xd3BLK"
_INDEX = b"#ASDF BLOCK INDEX"
_STREAMED = 1
_HEADER = struct.Struct(">II QQQ")
"""Flags, compression, space that the block takes, space that is used, size of its data."""


def require_whole(path, first_block):
    """Raise InputError if an ASDF file ends within its blocks.

    Parameters
    ----------
    path : path-like
        The file.
    first_block : int
        Where they may begin: the end of the tree.
    """
    length = os.path.getsize(path)
    with open(path, "rb") as stream:
        position = _start_of_blocks(stream, first_block)
        while position is not None and position < length:
            stream.seek(position)
            start = stream.read(6)
            if not _MAGIC.startswith(start[:4]):
                _require_index(start + stream.read(), path, length)
                return
            header = stream.read(int.from_bytes(start[4:], "big"))
            if len(start) < 6 or len(header) < _HEADER.size:
                raise _truncated(path, length)
            flags, _, allocated, _, _ = _HEADER.unpack(header[: _HEADER.size])
            if flags & _STREAMED:
                return
            position += 6 + len(header) + allocated
    if position is not None and position > length:
        raise _truncated(path, length)


def _start_of_blocks(stream, first_block):
    """Position of the first block behind the padding that may follow the tree; None where there is no block."""
    stream.seek(first_block)
    rest = stream.read(1 << 16)
    place = rest.find(_MAGIC)
    return None if place < 0 or rest[:place].strip(b"\0\r\n ") else first_block + place


def _require_index(text, path, length):
    """The index of the blocks stands at the end, and ends as YAML does."""
    if _INDEX.startswith(text[: len(_INDEX)]) and not text.rstrip().endswith(b"..."):
        raise _truncated(path, length)


def _truncated(path, length):
    return InputError(
        f"the file is truncated: it ends within a block of binary data, after {length} bytes",
        where=str(path),
        hint="copy or download it again",
    )
