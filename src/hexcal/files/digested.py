"""A file whose sha256 is known when it has been written: nobody has to read it again for that."""

import hashlib
import io
from concurrent.futures import Future, ThreadPoolExecutor

_LARGE = 1 << 18
"""Bytes from which on it is worth while to leave the computing to a thread (hashlib releases the GIL)."""
_PIECE = 1 << 22
"""The largest piece, in bytes: what waits does not grow with the array."""
_WAITING = 4
"""So many pieces may wait for the thread: they are copies, since the writer may change what it has handed over."""


class DigestedWriter(io.BufferedWriter):
    """Computes the sha256 of what is written, beside the writing.

    Parameters
    ----------
    raw : io.RawIOBase
        The file, new and empty.
    """

    def __init__(self, raw):
        super().__init__(raw)
        self._sha256 = hashlib.sha256()
        self._is_in_order = True
        self._thread: ThreadPoolExecutor | None = None
        self._pieces: list[Future] = []

    def write(self, buffer, /):
        """Write bytes at the end of the file; returns how many."""
        size = memoryview(buffer).nbytes
        if size >= _LARGE:
            whole = memoryview(buffer).cast("B")
            for start in range(0, size, _PIECE):
                piece = whole[start : start + _PIECE]
                self._in_thread(bytes(piece))
                super().write(piece)
            return size
        self._finish_pieces(0)
        self._sha256.update(buffer)
        return super().write(buffer)

    def seek(self, target, whence=0, /):
        """Go to another place: what is written there makes the digest unknown."""
        before = self.tell()
        after = super().seek(target, whence)
        self._is_in_order = self._is_in_order and after == before
        return after

    def truncate(self, pos=None, /):
        """Cut the file: its digest becomes unknown."""
        self._is_in_order = False
        return super().truncate(pos)

    def sha256(self):
        """Return the digest of all that was written (str); None if it was not written from beginning to end."""
        self._finish_pieces(0)
        return self._sha256.hexdigest() if self._is_in_order else None

    def close(self):
        """Close the file, and end the thread."""
        try:
            super().close()
        finally:
            if self._thread is not None:
                self._thread.shutdown()
                self._thread = None

    def _in_thread(self, piece):
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "hexcal-digest")
        self._finish_pieces(_WAITING - 1)
        self._pieces.append(self._thread.submit(self._sha256.update, piece))

    def _finish_pieces(self, left):
        """Wait until no more than so many pieces are left."""
        while len(self._pieces) > left:
            self._pieces.pop(0).result()
