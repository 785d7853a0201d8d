"""Where simulated files go: never over others without being asked to."""

from pathlib import Path

from hexcal.errors import InputError, ResourceError


def prepared(folder, names, overwrite=False):
    """Make a folder, and return the paths of the files that will be written into it.

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
    ResourceError
        If the folder cannot be made.
    """
    paths = [Path(folder) / name for name in names]
    existing = [path.name for path in paths if path.exists()]
    if existing and not overwrite:
        more = f" and {len(existing) - 3} more" if len(existing) > 3 else ""
        raise InputError(
            f"these files exist already: {', '.join(existing[:3])}{more}", where=str(folder), hint="give another folder, or --overwrite to replace them"
        )
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(f"the folder cannot be made: {error.strerror}", where=str(folder), hint="give another folder") from error
    return paths
