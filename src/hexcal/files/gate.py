"""The gate for writing: one place decides whether a path may be written.

Inside a run (of a step, a pipeline, a command) every file that is opened for reading is noted where files are opened,
so that no caller can forget it; whatever writes asks `check`. Refused are files that the run reads or will read, under
any of their names (symbolic and hard links), and files that it has written already. Outside of a run nothing is noted
and nothing refused: who saves a model by hand may replace its file.

What is noted belongs to the context of the run (`contextvars`), not to the process: runs side by side in threads know
nothing of each other. A thread that reads files on behalf of a run is started with a copy of the run's context.
"""

import contextlib
import contextvars
import os
from collections.abc import Iterator

from hexcal.errors import InputError


class Ledger:
    """What a run has read, has written and is going to write.

    A run inside another one adds to that of the outer one too.

    Parameters
    ----------
    outer : Ledger or None
        That of the run that this one is part of.
    digests : bool
        Whether the sha256 of what is written is wanted.
    """

    def __init__(self, outer, digests=False):
        self.outer = outer
        self.read, self.written, self.planned = {}, {}, {}
        self.wants_digests = digests or (outer is not None and outer.wants_digests)
        self.digests = {}
        """Path that was written -> what the system said of the file when it was whole, and its sha256."""
        self.edited = set()
        """Files that are changed in place: their parts are read up to the moment at which the new file takes their
        place.
        """
        self.tidied = set()
        """Folders in which what killed runs have left was looked for."""

    def chain(self):
        """Yield this ledger and those of the runs around it."""
        ledger = self
        while ledger is not None:
            yield ledger
            ledger = ledger.outer


_ledger: contextvars.ContextVar[Ledger | None] = contextvars.ContextVar("hexcal_files_of_run", default=None)


@contextlib.contextmanager
def run(digests=False) -> Iterator[Ledger]:
    """Note and protect the files of what happens inside; yields the `Ledger`.

    `digests`: whether that also notes the sha256 of what is written.
    """
    ledger = Ledger(_ledger.get(), digests)
    token = _ledger.set(ledger)
    try:
        yield ledger
    finally:
        _ledger.reset(token)


def current():
    """Return the ledger of the present run, or None."""
    return _ledger.get()


def reading(path, role="file that is read", status=None):
    """Note that the run reads a file; from now on it is not written.

    Parameters
    ----------
    path : path-like
        The file. One that does not exist is left to whoever opens it.
    role : str
        What it is, for messages: "input", "member of the association" ...
    status : os.stat_result, optional
        Of the file, where it is known already.

    Raises
    ------
    InputError
        If the run is going to write that file (see `plan`).
    """
    ledger = _ledger.get()
    if ledger is None or (status is not None and (status.st_dev, status.st_ino) in ledger.read):
        return
    keys = _keys(path, status)
    if len(keys) < 2:
        return
    if any(key in each.edited for each in ledger.chain() for key in keys):
        return
    for each in ledger.chain():
        for key in keys:
            if key in each.planned:
                raise _refused(each.planned[key], role)
            each.read.setdefault(key, role)


def plan(path):
    """Note that the run is going to write a file, after `check`.

    If it reads that file later, the error comes then and not after the work.

    Parameters
    ----------
    path : path-like
        What will be written.
    """
    check(path)
    ledger = _ledger.get()
    if ledger is None:
        return
    keys = _keys(path)
    if any(key in each.planned for each in ledger.chain() for key in keys):
        raise _twice(path)
    ledger.planned.update(dict.fromkeys(keys, os.fspath(path)))


def check(path, again=False):
    """Raise InputError if a file must not be written in the present run.

    Parameters
    ----------
    path : path-like
        What is to be written.
    again : bool
        Whether the run may write the file although it has written it before (a log, a list that grows).
    """
    ledger = _ledger.get()
    if ledger is None:
        return
    keys = _keys(path)
    for each in ledger.chain():
        for key in keys:
            if key in each.read:
                raise _refused(path, each.read[key])
            if key in each.written and not again:
                raise _twice(path)


def wants_digests():
    """Whether the present run wants the sha256 of what it writes."""
    ledger = _ledger.get()
    return ledger is not None and ledger.wants_digests


def wrote(path, status=None, digest=None):
    """Note that the run has written a file.

    Parameters
    ----------
    path : path-like
        Its name.
    status : os.stat_result, optional
        What the system says of the whole file.
    digest : str, optional
        Its sha256, where it is known.
    """
    ledger = _ledger.get()
    if ledger is not None:
        for each in ledger.chain():
            each.written.update(dict.fromkeys(_keys(path), os.fspath(path)))
            if digest is not None:
                each.digests[os.fspath(path)] = status, digest


def is_written(path):
    """Whether the present run has written a file of that name."""
    ledger = _ledger.get()
    return ledger is not None and any(key in each.written for each in ledger.chain() for key in _keys(path))


def begin_anew():
    """Forget what the present run has read and written.

    For a command that goes on until it is ended: each of its rounds may write again what an earlier one has written.
    """
    ledger = _ledger.get()
    for each in ledger.chain() if ledger is not None else ():
        for noted in (each.read, each.written, each.planned, each.edited, each.digests):
            noted.clear()


def edits(path):
    """Allow the present run to replace a file although it reads it.

    For commands that change a file in place, as their user knows.
    """
    ledger = _ledger.get()
    for each in ledger.chain() if ledger is not None else ():
        for key in _keys(path):
            each.read.pop(key, None)
            each.edited.add(key)


def _keys(path, status=None):
    """What a file is known by.

    Its real path, and device and inode of the file that is there (all hard links share these).
    """
    try:
        status = status or os.stat(path)
    except (OSError, ValueError):
        # Nothing there, or nothing that can be: only the name is left to compare.
        return [os.path.realpath(path)] if "\0" not in os.fspath(path) else []
    return [(status.st_dev, status.st_ino), os.path.realpath(path)]


def _twice(path):
    return InputError(
        "two results of this run would be written to one file",
        where=os.fspath(path),
        hint="give one of them another name",
    )


def _refused(path, role):
    return InputError(
        f"the output would overwrite what this run reads ({role}); it was not written",
        where=os.fspath(path),
        hint="give another name or folder for the output",
    )
