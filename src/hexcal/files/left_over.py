"""Partial files of runs that were killed.

Known by their names, removed by the next run into their folder unless somebody still writes them.
"""

import contextlib
import logging
import os
import re
import secrets
import socket
import time
import zlib

from hexcal.files import gate, locks

_DAY = 86400.0
_NAME = re.compile(r"\..*\.hexcal-(?P<host>[0-9a-f]{8})-[0-9a-f]{8}\.part", re.DOTALL)
_log = logging.getLogger("hexcal.files")


def partial_name(name):
    """Return a name for the partial file of `name`: hidden, unique, and that of this computer."""
    # A file name has at most 255 bytes; that of the partial file must fit wherever the final one does.
    return f".{name[:40]}.hexcal-{_host()}-{secrets.token_hex(4)}.part"


def _host():
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def tidy(folder):
    """Remove what killed runs have left in a folder: once in a run, and nothing outside of a run.

    Parameters
    ----------
    folder : path-like
        Into which the run is about to write.
    """
    ledger = gate.current()
    if ledger is None:
        return
    folder = os.path.realpath(folder)
    if any(folder in each.tidied for each in ledger.chain()):
        return
    ledger.tidied.add(folder)
    # A folder that cannot be listed can still be written into.
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match:
                _remove_abandoned(entry.path, match["host"] == _host())


def _remove_abandoned(path, is_ours):
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        # Renamed meanwhile by its writer, or a file of somebody else's.
        return
    try:
        # Locks may not reach from one computer to another: there, age tells.
        abandoned = is_ours or time.time() - os.fstat(descriptor).st_mtime > _DAY
        if abandoned and locks.lock(descriptor) and locks.is_at(descriptor, path):
            os.unlink(path)
            _log.info("Removed %s, which a run that was killed had left", path)
    except (ImportError, OSError) as error:
        # Without locks nobody can tell whether it is still being written.
        _log.debug("Left %s: %s", path, error)
    finally:
        os.close(descriptor)
