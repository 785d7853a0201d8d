"""Whether a file can be written: asked before the work, and not found out after it."""

import os
from pathlib import Path

from hexcal.errors import ResourceError

_LONGEST_NAME = 255
"""Bytes of a file name that all file systems in use allow."""


def require_possible(path, what, hint, folder_is_made=True):
    """Raise ResourceError if a file cannot be written at a path, as far as can be told without writing it.

    Parameters
    ----------
    path : path-like
        Where the file will be.
    what : str
        What will be written, for the message: "the product".
    hint : str
        What to do next.
    folder_is_made : bool
        Whether missing folders are made when the file is written.
    """
    path = Path(path)
    reason = _why_not(path, folder_is_made)
    if reason is not None:
        raise ResourceError(f"{what} cannot be written: {reason}", where=str(path), hint=hint)


def _why_not(path, folder_is_made):
    if not all(character.isprintable() for character in str(path)):
        return "the name has a line break or another character that cannot be printed"
    for part in path.parts:
        if len(os.fsencode(part)) > _LONGEST_NAME:
            return f"the name '{part[:20]}...' has {len(os.fsencode(part))} bytes, at most {_LONGEST_NAME} are allowed"
    try:
        if path.is_dir():
            return "there is a directory of that name"
        folder = path.parent
        if not folder_is_made and not folder.exists():
            return f"there is no folder '{folder}'"
        while not folder.exists():
            folder = folder.parent
        return _why_not_in(folder)
    except OSError as error:
        return error.strerror


def _why_not_in(folder):
    """Why nothing can be written into a folder that exists; None if it can."""
    if not folder.is_dir():
        return f"'{folder}' is not a directory"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the directory '{folder}' is not writable"
    # Some file systems (/proc, /sys) grant access and allow no file: they have no space at all.
    if hasattr(os, "statvfs") and os.statvfs(folder).f_blocks == 0 and os.statvfs(folder).f_files == 0:
        return f"the file system of '{folder}' takes no files"
    return None
