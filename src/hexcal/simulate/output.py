"""Where simulated files go: never over others without being asked to."""

from pathlib import Path

from hexcal.errors import InputError, ResourceError


def planned(folder, names, overwrite=False):
    """Return the paths of the files that will be written into a folder; nothing is made yet.

    Parameters
    ----------
    folder : path-like
    names : iterable of str
        File names.
    overwrite : bool
        Whether files of these names may be there.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        If one of the files exists and `overwrite` is False.
    """
    paths = [Path(folder) / name for name in names]
    existing = [path.name for path in paths if path.exists()]
    if existing and not overwrite:
        more = f" and {len(existing) - 3} more" if len(existing) > 3 else ""
        raise InputError(
            f"these files exist already: {', '.join(existing[:3])}{more}",
            where=str(folder),
            hint="give another folder, or --overwrite to replace them",
        )
    return paths


def make_folder(folder):
    """Make a folder, with those above it; ResourceError if that cannot be done."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"the folder cannot be created: {error.strerror}", where=str(folder), hint="give another folder"
        ) from error
