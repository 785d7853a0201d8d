"""sha256 of files, remembered: a reference file is read for its digest once, not in every run."""

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path


def cache_directory():
    """Folder for what can be made again: HEXCAL_CACHE, else ``hexcal`` in the user's cache directory."""
    return Path(
        os.environ.get("HEXCAL_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "hexcal")
    )


def sha256(path):
    """Return the sha256 of a file, as hexadecimal digits.

    The digest is remembered under the file's real path, size, inode and time of change. Where the cache cannot be used,
    it is computed every time.
    """
    path = Path(path).resolve()
    key = _key(path, path.stat())
    try:
        with _database() as database:
            row = database.execute("SELECT digest FROM sha256 WHERE file = ?", (key,)).fetchone()
            if row:
                return row[0]
            digest = _compute(path)
            database.execute("INSERT OR REPLACE INTO sha256 VALUES (?, ?)", (key, digest))
            return digest
    except (sqlite3.Error, OSError, RuntimeError):
        # A cache that is read-only or damaged, or a user without a home, costs time, never the result.
        return _compute(path)


def remember(digests):
    """Remember digests of files that were computed while these were written.

    Parameters
    ----------
    digests : iterable of (path-like, os.stat_result, str)
        A file, what the system said of it when it had those bytes, and their sha256.
    """
    rows = [(_key(Path(path).resolve(), status), digest) for path, status, digest in digests]
    # A cache that is read-only or damaged, or a user without a home, costs time, never the result.
    with contextlib.suppress(sqlite3.Error, OSError, RuntimeError), _database() as database:
        database.executemany("INSERT OR REPLACE INTO sha256 VALUES (?, ?)", rows)


def _key(path, status):
    return f"{path}|{status.st_size}|{status.st_ino}|{status.st_mtime_ns}"


def _compute(path):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def _database():
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(directory / "sha256.sqlite", timeout=5)) as database, database:
        # What can be computed again need not wait for the disk.
        database.execute("PRAGMA synchronous=OFF")
        database.execute("CREATE TABLE IF NOT EXISTS sha256 (file TEXT PRIMARY KEY, digest TEXT)")
        yield database
