"""Catalogues of stars in files: those that a user gives, and those that are saved."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hexcal.errors import InputError

if TYPE_CHECKING:
    from astropy.table import Table

log = logging.getLogger(__name__)

_POSITIONS = (("x", "y"), ("xcentroid", "ycentroid"), ("x_centroid", "y_centroid"))


def read_table(path, what: str) -> "Table":
    """Read a table in any format that astropy recognizes.

    Parameters
    ----------
    path : path-like
    what : str
        What it is, for messages.

    Raises
    ------
    InputError
        If it is not there or not readable.
    """
    from astropy.io.registry import IORegistryError
    from astropy.table import Table

    path = Path(path)
    if not path.is_file():
        raise InputError(f"the {what} is not there", where=str(path))
    problems = []
    # Tables of plain text are recognized only when their format is named.
    for options in ({}, {"format": "ascii"}):
        try:
            return Table.read(path, **options)
        except (IORegistryError, ValueError, TypeError, KeyError, OSError) as error:
            problems.append(error)
    raise InputError(f"the {what} cannot be read: {problems[0]!s:.200}", where=str(path)) from problems[0]


def read_stars(path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Read a catalogue of stars of an image that a user gives.

    Parameters
    ----------
    path : path-like
        With columns ``x`` and ``y`` (or ``xcentroid``, ``ycentroid``), 0-based pixels; ``weight`` if there is one.

    Returns
    -------
    x, y : float64 array (n,)
    weight : float64 array (n,) or None
    """
    table = read_table(path, "catalogue of stars")
    names = next((pair for pair in _POSITIONS if set(pair) <= set(table.colnames)), None)
    if names is None:
        raise InputError(
            "a catalogue of stars needs the columns x and y (or xcentroid, ycentroid); found: "
            f"{', '.join(table.colnames)}",
            where=str(path),
        )
    return _finite_rows(_numbers(table, names[0], path), _numbers(table, names[1], path), _weight(table, path), path)


def read_positions(path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Read a catalogue of positions on the sky.

    Parameters
    ----------
    path : path-like
        With columns ``RA`` and ``DEC``, in capital or small letters, in degrees or the unit that the file names; or
        with a column of sky coordinates, as catalogues of source_catalog have it (``sky_centroid``, ICRS or another
        frame). ``weight`` if there is one.

    Returns
    -------
    ra, dec : float64 array (n,)
        Degrees.
    weight : float64 array (n,) or None
    """
    table = read_table(path, "reference catalogue")
    by_name = {name.upper(): name for name in table.colnames}
    if {"RA", "DEC"} <= set(by_name):
        ra, dec = (_numbers(table, by_name[name], path, "deg") for name in ("RA", "DEC"))
        return _finite_rows(ra, dec, _weight(table, path), path)
    sky: Any = next((table[name] for name in table.colnames if hasattr(table[name], "icrs")), None)
    if sky is None:
        raise InputError(
            "a reference catalogue needs the columns RA and DEC (degrees), or a column of sky coordinates; "
            f"found: {', '.join(table.colnames)}",
            where=str(path),
        )
    ra, dec = (np.ma.filled(np.ma.asarray(angle.deg, np.float64), np.nan) for angle in (sky.icrs.ra, sky.icrs.dec))
    return _finite_rows(ra, dec, _weight(table, path), path)


def _finite_rows(first, second, weight, path):
    """Leave out the rows that have no position or no weight, and say how many; what is left must be something."""
    known = np.isfinite(first) & np.isfinite(second) & (True if weight is None else np.isfinite(weight))
    n_left_out = int(np.count_nonzero(~known))
    if n_left_out and not known.any():
        raise InputError("no row of a catalogue has numbers for its position and weight", where=str(path))
    if n_left_out:
        log.warning(
            "%s: %d of %d rows are left out: their position or weight is no finite number", path, n_left_out, known.size
        )
    return first[known], second[known], None if weight is None else weight[known]


def _weight(table, path):
    name = next((name for name in table.colnames if name.lower() == "weight"), None)
    return None if name is None else _numbers(table, name, path)


def _numbers(table, name, path, unit=None):
    """Values of a column; in a unit of angle, where one is asked for and the file names another."""
    column = table[name]
    try:
        if unit is not None and getattr(column.unit, "physical_type", None) == "angle":
            column = column.to(unit)
        return np.ma.filled(np.ma.asarray(column, np.float64), np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(f"the column {name} has to hold numbers", where=str(path)) from error


def read_catfile(path) -> dict[str, Path | None]:
    """Read the list of catalogues of images.

    Parameters
    ----------
    path : path-like
        Text: in each line the name of an image, and that of its catalogue, from the folder of the list; without a
        catalogue, stars are found in the image.

    Returns
    -------
    dict of str to pathlib.Path or None
        By the name of the image, without folder.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the list of catalogues (catfile) cannot be read: {error}", where=str(path)) from error
    catalogs: dict[str, Path | None] = {}
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].replace(",", " ").split()
        if len(words) > 2:
            raise InputError(f"line {number} of catfile needs an image and a catalogue: {line[:60]}", where=str(path))
        if words:
            catalogs[Path(words[0]).name] = path.parent / words[1] if len(words) == 2 else None
    return catalogs


def write_table(table: "Table", path, table_format: str = "ecsv") -> None:
    """Write a table, whole or not at all.

    Parameters
    ----------
    table : Table
    path : path-like
    table_format : str
        Of astropy: "ecsv", "fits", "csv", "votable" ...
    """
    import io

    from astropy.io.registry import IORegistryError

    from hexcal.files.atomic import atomic

    name = {"ecsv": "ascii.ecsv", "csv": "ascii.csv", "txt": "ascii.basic", "ascii": "ascii.basic"}.get(
        table_format, table_format
    )
    text = io.StringIO()
    if name.startswith("ascii"):
        table.write(text, format=name)
        content = text.getvalue().encode()
    else:
        binary = io.BytesIO()
        try:
            table.write(binary, format=name)
        except (IORegistryError, ValueError, TypeError) as error:
            raise InputError(
                f"a catalogue cannot be written as {table_format!r}: {error!s:.200}",
                hint="catalog_format: ecsv, csv, fits, votable",
            ) from error
        content = binary.getvalue()
    with atomic(path) as stream:
        stream.write(content)
