"""Associations written to files: all of them, or none."""

from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hexcal.errors import HexcalError, ParameterError, ResourceError
from hexcal.files.atomic import all_or_none
from hexcal.models.association_text import format_named

__all__ = ["save_all", "texts_of"]


def texts_of(associations, format="json", complete=True):
    """Return the texts of associations by file name, numbered where names repeat; if `complete`, each must be valid."""
    texts = {}
    for association in associations:
        name, text = association.dump(format=format) if complete else format_named(format).dump(association)
        stem, dot, ending = name.rpartition(".")
        number = 1
        while name in texts:
            number += 1
            name = f"{stem}-{number}{dot}{ending}"
        texts[name] = text
    return texts


def save_all(folder, texts, orphaned: Any = None, orphans_file=None):
    """Write associations (`texts` by file name) and a pool of orphans into a folder, created if missing.

    If something cannot be written, nothing is, and the folder is as before (ResourceError); the orphans never replace
    the pool itself (ParameterError).
    """
    folder = Path(folder)
    if orphans_file is not None:
        _not_the_pool(orphaned, Path(orphans_file))
    try:
        with _created(folder), all_or_none() as open_part:
            for name, text in texts.items():
                open_part(folder / name).write(text.encode("utf-8"))
            if orphans_file is not None:
                open_part(Path(orphans_file)).write(orphaned.as_bytes())
    except OSError as error:
        raise ResourceError(
            f"associations cannot be written: {getattr(error, 'message', None) or error.strerror}",
            where=str(getattr(error, "where", None) or folder),
            hint="give another folder with -p FOLDER; nothing was written",
        ) from error


@contextmanager
def _created(folder):
    """The folder, created if missing, and taken away again if writing fails."""
    new_folders = [new_folder for new_folder in (folder, *folder.parents) if not new_folder.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except (OSError, HexcalError):
        for new_folder in new_folders:
            if new_folder.is_dir() and not any(new_folder.iterdir()):
                new_folder.rmdir()
        raise


def _not_the_pool(orphaned, path):
    source = orphaned.meta.get("pool_file")
    if source and path.exists() and Path(source).exists() and path.samefile(source):
        raise ParameterError("the orphans would overwrite the pool", where=str(path), hint="give another name")
