"""sha1 of published files: computed once, remembered as long as a file does not change."""

import hashlib
import os
import threading


class Checksums:
    """sha1 by path, in memory; many threads may ask at once."""

    def __init__(self):
        self._known = {}
        self._locks = {}
        self._filling = None
        self._starting = threading.Lock()
        self._stopped = False

    def of(self, path):
        """Return the sha1 of a file (str of hexadecimal digits), computing it if need be.

        Raises
        ------
        OSError
            If the file is not readable.
        """
        # One thread reads a file, the others that ask for it wait for the result.
        with self._locks.setdefault(path, threading.Lock()):
            state = _state(path)
            known = self._known.get(path)
            if known is not None and known[0] == state:
                return known[1]
            with open(path, "rb") as stream:
                digest = hashlib.file_digest(stream, "sha1").hexdigest()
            self._known[path] = state, digest
            return digest

    def remembered(self, path):
        """Return the sha1 of a file if it is known, else None; OSError if the file is gone."""
        known = self._known.get(path)
        return known[1] if known is not None and known[0] == _state(path) else None

    def fill(self, paths, patience):
        """Compute those that are not known, in a thread of its own that goes on afterwards; wait for it for some time.

        Parameters
        ----------
        paths : list of str
            Of a large cache: this may take minutes.
        patience : float
            Seconds to wait.
        """
        unknown = [path for path in paths if not self._is_known(path)]
        if unknown:
            with self._starting:
                if self._filling is None or not self._filling.is_alive():
                    self._filling = threading.Thread(target=self._fill, args=(unknown,), daemon=True)
                    self._filling.start()
        if self._filling is not None:
            self._filling.join(patience)

    def stop(self):
        """End the work in the background after the file that is being read."""
        self._stopped = True

    def _is_known(self, path):
        try:
            return self.remembered(path) is not None
        except OSError:
            # Gone since it was listed: there is nothing to compute.
            return True

    def _fill(self, paths):
        for path in paths:
            if self._stopped:
                return
            try:
                self.of(path)
            except OSError:
                # Gone or unreadable since it was listed: whoever asks for it by name is told so.
                continue


def _state(path):
    stat = os.stat(path)
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
