"""Associations written to files: all of them, or none."""

from contextlib import contextmanager
from pathlib import Path

from hexcal.errors import HexcalError, ParameterError, ResourceError
from hexcal.files.atomic import all_or_none
from hexcal.models.association_text import format_named

__all__ = ["save_all", "texts_of"]


def texts_of(associations, format="json", complete=True):
    """Return the texts of associations by file name.

    Parameters
    ----------
    associations : list of Association
    format : str
        ``"json"`` or ``"yaml"``.
    complete : bool
        Require that each is valid.

    Returns
    -------
    dict of str to str
        Where names repeat, as rules of users may have it, the further ones get a number.

    Raises
    ------
    AssociationNotValidError
        If one of them is not valid.
    """
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


def save_all(folder, texts, orphaned=None, orphans_file=None):
    """Write associations, and a pool of orphans.

    Parameters
    ----------
    folder : path-like
        Where the associations go; it is made if it is not there.
    texts : dict of str to str
        File names and contents.
    orphaned : AssociationPool, optional
        The exposures in no association.
    orphans_file : path-like, optional
        Where to write them; without it they are not written.

    Raises
    ------
    ResourceError
        If something cannot be written: then nothing is, and a folder that was made is gone.
    ParameterError
        If the orphans would be written over the pool itself.
    """
    folder = Path(folder)
    if orphans_file is not None:
        _not_the_pool(orphaned, Path(orphans_file))
    try:
        with _made(folder), all_or_none() as open_part:
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
def _made(folder):
    """The folder, made if it is not there, and taken away again if writing fails."""
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except (OSError, HexcalError):
        for one in made:
            if one.is_dir() and not any(one.iterdir()):
                one.rmdir()
        raise


def _not_the_pool(orphaned, path):
    source = orphaned.meta.get("pool_file")
    if source and path.exists() and Path(source).exists() and path.samefile(source):
        raise ParameterError("the orphans would overwrite the pool", where=str(path), hint="give another name")
