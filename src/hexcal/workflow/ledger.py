"""The ledger: what became of each job of a programme, in a database (SQLite) beside the products."""

import contextlib
import datetime
import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from hexcal.errors import ResourceError
from hexcal.files import locks
from hexcal.references.digest import sha256

NAME = "hexcal-ledger.sqlite"
LOCK = ".hexcal-process.lock"
DONE, FAILED, RUNNING, NO_DATA = "done", "failed", "running", "no data"
INTERRUPTED = "the run was interrupted"
"""What is said to be wrong with jobs that a killed run has left."""
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    key TEXT PRIMARY KEY, pipeline TEXT, source TEXT, state TEXT, why TEXT, error TEXT, started TEXT,
    seconds REAL, peak_memory_mb REAL, made_of TEXT, products TEXT, log TEXT, worker TEXT
);
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT);
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, started TEXT, ended TEXT, host TEXT, pid INTEGER, version TEXT, words TEXT
);
"""
_JSON = ("made_of", "products")


class Ledger:
    """The ledger of a folder of products.

    Parameters
    ----------
    folder : path-like
        Where the products are.
    writes : bool
        Whether it is made if it is not there; else reading one that is not there is an error.

    Raises
    ------
    ResourceError
        If it cannot be opened; on file systems without locks, that it says so.
    """

    def __init__(self, folder, writes=True):
        self.path = Path(folder, NAME)
        if not writes and not self.path.is_file():
            raise ResourceError(
                "there is no ledger: nothing has been processed into this folder",
                where=str(folder),
                hint="hexcal process FILES --out DIR makes one",
            )
        self._unwritten: list[tuple[str, tuple[Any, ...]]] = []
        try:
            self._base = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            self._base.row_factory = sqlite3.Row
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.executescript(_TABLES)
        except sqlite3.Error as error:
            raise ResourceError(
                f"the ledger cannot be opened: {error}",
                where=str(self.path),
                hint="put --out on a local disk: network file systems often lack the locks that it needs",
            ) from error

    def close(self):
        """Close the database."""
        self._base.close()

    def begin_run(self, words, version):
        """Note that a run begins; returns its number. Jobs that a killed run has left running are no longer."""
        values = (_now(), os.uname().nodename, os.getpid(), version, json.dumps(list(words)))
        try:
            self._base.execute("UPDATE jobs SET state=?, error=? WHERE state=?", (FAILED, INTERRUPTED, RUNNING))
            return self._base.execute(
                "INSERT INTO runs (started, host, pid, version, words) VALUES (?, ?, ?, ?, ?)", values
            ).lastrowid
        except sqlite3.OperationalError as error:
            raise self._cannot_write(error) from error

    def end_run(self, number):
        """Note that a run has ended.

        Raises
        ------
        ResourceError
            If something could not be noted, since the disk is full; the run went on without.
        """
        error = self._write("UPDATE runs SET ended=? WHERE number=?", (_now(), number))
        if error is not None:
            raise self._cannot_write(error) from error

    def _write(self, statement, values):
        """Change the ledger; what cannot be written, on a full disk, is tried again with the next change.

        Returns the error if something has not been written; the jobs go on, and what was not noted is made again.
        """
        self._unwritten.append((statement, values))
        try:
            while self._unwritten:
                self._base.execute(*self._unwritten[0])
                self._unwritten.pop(0)
        except sqlite3.OperationalError as error:
            return error
        return None

    def _cannot_write(self, error):
        return ResourceError(
            f"the ledger cannot be written: {error}",
            where=str(self.path),
            hint="free some space and give the same command again: it makes what is missing",
        )

    def job(self, key) -> dict[str, Any] | None:
        """Return what is known of a job; None if it was never begun."""
        row = self._base.execute("SELECT * FROM jobs WHERE key=?", (key,)).fetchone()
        return _plain(row) if row is not None else None

    def jobs(self) -> list[dict[str, Any]]:
        """Return what is known of all jobs, in the order of their first beginning."""
        return [_plain(row) for row in self._base.execute("SELECT * FROM jobs ORDER BY rowid")]

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs, the latest last."""
        return [dict(row) for row in self._base.execute("SELECT * FROM runs ORDER BY number")]

    def begin(self, job, why):
        """Note that a job runs."""
        self._write(
            "INSERT INTO jobs (key, pipeline, source, state, why, started) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET pipeline=excluded.pipeline, source=excluded.source, "
            "state=excluded.state, why=excluded.why, started=excluded.started, error=NULL",
            (job.key, job.pipeline, str(job.source), RUNNING, why, _now()),
        )

    def end(self, key, **values):
        """Note how a job ended: any of the columns of the table."""
        values = {name: json.dumps(value) if name in _JSON else value for name, value in values.items()}
        names = ", ".join(f"{name}=?" for name in values)
        self._write(f"UPDATE jobs SET {names} WHERE key=?", (*values.values(), key))

    def digest(self, path) -> str | None:
        """Return the sha256 of a file, None where there is none.

        Computed again only if size or time of the file have changed.
        """
        try:
            status = os.stat(path)
        except OSError:
            return None
        path, known = str(path), (status.st_size, status.st_mtime_ns)
        row = self._base.execute("SELECT size, mtime_ns, sha256 FROM files WHERE path=?", (path,)).fetchone()
        if row is not None and (row["size"], row["mtime_ns"]) == known:
            return row["sha256"]
        digest = sha256(path)
        # A file that was written this very moment may be written again within the grain of its time.
        if time.time_ns() - status.st_mtime_ns > 2_000_000_000:
            self._write("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (path, *known, digest))
        return digest


def _plain(row):
    values = dict(row)
    return {name: json.loads(value) if name in _JSON and value is not None else value for name, value in values.items()}


def _now():
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@contextlib.contextmanager
def locked(folder):
    """Hold the folder of products for one run, so that two of them do not write into it at once.

    Raises
    ------
    ResourceError
        If another run holds it.
    """
    path = Path(folder, LOCK)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ResourceError(f"the folder cannot be written: {error.strerror}", where=str(folder)) from error
    try:
        if not _is_mine(descriptor, path):
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            raise ResourceError(
                "another run is processing into this folder",
                where=f"{folder}: {holder}" if holder else str(folder),
                hint="wait for it (hexcal status DIR shows it), or give another --out",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}, since {_now()}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_held(folder) -> bool:
    """Whether a run on this machine, or on one that shares the locks of its file system, holds the folder now."""
    path = Path(folder, LOCK)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _is_mine(descriptor, path)
    finally:
        os.close(descriptor)


def _is_mine(descriptor, path):
    try:
        return locks.lock(descriptor)
    except OSError as error:
        raise ResourceError(
            f"the file system has no locks ({error.strerror}): two runs could write into one folder",
            where=str(path),
            hint="put --out on a local disk",
        ) from error
