"""sha256 of the files of a run, computed beside the calibration (hashing releases the GIL)."""

import threading
from collections import deque

from hexcal.core.bands import start_thread
from hexcal.references.digest import sha256

_LOOK_AGAIN = 0.2
"""Seconds after which it is looked whether the thread still lives: one that finds no memory ends without a word."""


class Digests:
    """Digests of files by path."""

    def __init__(self):
        self._asked, self._waiting, self._known = set(), deque(), {}
        self._changed = threading.Condition()
        self._thread = None

    def begin(self, path: str) -> None:
        """Begin to compute the digest of a file, after those that wait already."""
        with self._changed:
            if path in self._asked:
                return
            self._asked.add(path)
            self._waiting.append(path)
            if self._thread is None:
                self._thread = start_thread(self._work, "hexcal-digests")

    def __contains__(self, path: str) -> bool:
        return path in self._asked

    def of(self, path: str) -> str:
        """Return the digest of a file that was begun; waits for it."""
        with self._changed:
            while path not in self._known and self._thread is not None and self._thread.is_alive():
                self._changed.wait(_LOOK_AGAIN)
            if path in self._known:
                return self._known[path]
        # No thread could be had, or the file could not be read by it: here its error is told.
        digest = sha256(path)
        with self._changed:
            self._known[path] = digest
        return digest

    def close(self) -> None:
        """Leave the files that nobody has asked for, and wait for the thread."""
        with self._changed:
            self._waiting.clear()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self):
        while (path := self._next()) is not None:
            try:
                digest = sha256(path)
            except OSError:
                # `of` meets it again, in the thread of the caller.
                digest = None
            with self._changed:
                if digest is not None:
                    self._known[path] = digest
                self._changed.notify_all()

    def _next(self):
        """The first path that waits, or None; then the thread ends, and the next `begin` starts another."""
        with self._changed:
            if not self._waiting:
                self._thread = None
                return None
            return self._waiting.popleft()
