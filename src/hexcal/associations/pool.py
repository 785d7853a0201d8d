"""A pool: the table of the exposures that the generator is to group, one row each."""

import csv
import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import ascii as astropy_ascii
from astropy.io.registry import IORegistryError
from astropy.table import Table

from hexcal.associations.pool_rows import IN_MEMORY, NULL, not_lower
from hexcal.errors import InputError, ResourceError, nearest
from hexcal.files import gate
from hexcal.files.atomic import atomic
from hexcal.models import bounds


class AssociationPool(Table):
    """Exposures and what is known about each of them: a table of texts.

    Files have one exposure per line, columns are separated by ``|``, and lines that begin with ``#`` are remarks. All
    names and values are lower-case texts once read; a cell that is left empty is ``null``. How file names were written
    is kept beside.

    Parameters
    ----------
    *args, **kwargs
        As for `astropy.table.Table`. ``meta["pool_file"]`` is the file that the pool came from; ``meta["file_names"]``
        has file names that were not in lower case: name in lower case -> name as written.
    """

    meta: Any

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.meta.setdefault("pool_file", IN_MEMORY)

    @property
    def name(self):
        """Name of the pool's file, without its folder; ``in-memory`` where there is none."""
        return os.path.basename(str(self.meta["pool_file"]))

    @classmethod
    def read(cls, filename, delimiter="|", format="ascii", **kwargs):
        """Read a pool.

        Parameters
        ----------
        filename : path-like
            The file.
        delimiter : str
            What stands between columns.
        format : str
            Any format that astropy reads; "ascii" is the usual text.
        **kwargs
            Handed to the reader of astropy.

        Returns
        -------
        AssociationPool
            Names and values in lower case.

        Raises
        ------
        InputError
            If the file is missing, is not a table, or has a row with too few or too many values (with its line number).
        """
        path = Path(filename)
        if not path.is_file():
            raise InputError(
                "the pool does not exist" if not path.exists() else "the pool is not a file", where=str(path)
            )
        gate.reading(path, "pool")
        if format == "ascii" and not kwargs:
            names, columns, comments, written = _read_text(path, delimiter)
        else:
            names, columns, comments, written = _read_by_astropy(path, delimiter, format, kwargs)
        pool = cls(columns, names=names, copy=False)
        if comments:
            pool.meta["comments"] = comments
        pool.meta["pool_file"] = str(filename)
        if written:
            pool.meta["file_names"] = written
        return pool

    def write(self, *args, **kwargs):
        """Write the pool, under a temporary name that is then renamed.

        Parameters
        ----------
        *args
            The file first, then as for `astropy.table.Table.write`.
        **kwargs
            ``delimiter`` ("|") and ``format`` ("ascii") as in `read`; ``overwrite=True`` to replace a file.
        """
        output = args[0] if args else kwargs.pop("output", None)
        if not isinstance(output, str | Path):
            self._for_astropy(kwargs).write(output, *args[1:], **kwargs)
            return
        path = Path(output)
        if path.exists() and not kwargs.pop("overwrite", False):
            raise ResourceError("the file already exists", where=str(path), hint="overwrite=True replaces it")
        kwargs.pop("overwrite", None)
        content = self.as_bytes(*args[1:], **kwargs)
        with atomic(path) as stream:
            stream.write(content)

    def as_bytes(self, *args, **kwargs):
        """Return what `write` would write; arguments but the file as there."""
        table = self._for_astropy(kwargs)
        # Some formats need a file to write to, so it gets one of its own.
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, "pool")
            table.write(path, *args, **kwargs)
            return path.read_bytes()

    def _for_astropy(self, kwargs):
        """The table with names as they were written; completes the arguments for the writer of astropy, in place."""
        kwargs.setdefault("format", "ascii")
        if kwargs["format"].startswith("ascii"):
            kwargs.setdefault("delimiter", "|")
        else:
            kwargs.pop("delimiter", None)
        table = Table(self, copy=False)
        table.meta = {name: value for name, value in self.meta.items() if name not in ("pool_file", "file_names")}
        written = self.meta.get("file_names")
        if written and "filename" in table.colnames:
            table["filename"] = [written.get(name, name) for name in table["filename"]]
        return table

    def exposures(self):
        """Return the rows as items of the generator (list of dict of lower-case str), ``null`` for no value."""
        names = [name.lower() for name in self.colnames]
        columns = [_lower_texts(self[name]) for name in self.colnames]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def written_names(self):
        """Return the file names that were not written in lower case: name in lower case -> name as written."""
        column = next((name for name in self.colnames if name.lower() == "filename"), None)
        return {**self.meta.get("file_names", {}), **(not_lower(self[column]) if column else {})}

    def require(self, columns):
        """Raise InputError if the pool has no exposure or lacks one of these columns (lower-case names)."""
        where = str(self.meta["pool_file"])
        present = [name.lower() for name in self.colnames]
        missing = [name for name in columns if name not in present]
        if missing:
            guesses = [f"{guess} for {name}?" for name in missing if (guess := nearest(name, present))]
            hint = "columns are separated by '|', and the first line names them" if len(present) < 2 else None
            raise InputError(
                f"the pool lacks columns that the rules need: {', '.join(missing)}",
                where=f"{where}, which has: {_some(present)}",
                hint=hint or (" ".join(guesses) if guesses else None),
            )
        if not len(self):
            raise InputError("the pool has no exposure", where=where)

    def duplicates(self):
        """Return the exposures that are listed more than once: file name -> row numbers from 0."""
        rows = defaultdict(list)
        for row, exposure in enumerate(self.exposures()):
            rows[exposure.get("filename", NULL)].append(row)
        return {name: where for name, where in rows.items() if len(where) > 1}


def _some(names):
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "no column"


def _lower_texts(column):
    """Return a column as a list of lower-case texts."""
    values = np.ma.asarray(column)
    if values.dtype.kind == "U" and values.size and not np.ma.is_masked(values):
        # One text is lowered many times faster than thousands.
        texts = "\0".join(values.data.tolist()).lower().split("\0")
    else:
        texts = [_text(value) for value in values.tolist()]
    return [text or NULL for text in texts]


def _text(value):
    if value is None:
        return NULL
    return (value.decode() if isinstance(value, bytes) else str(value)).strip().lower()


def _read_text(path, delimiter):
    """Return (names, columns, remarks) of the usual text; ECSV is left to astropy."""
    try:
        text = bounds.read_bytes(path, "the file of a pool").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"the pool is not a text in UTF-8 (byte {error.start})", where=str(path)) from error
    except OSError as error:
        raise InputError(f"the pool cannot be read: {error.strerror}", where=str(path)) from error
    if text.startswith("# %ECSV"):
        return _read_by_astropy(path, None, "ascii.ecsv", {})
    comments, rows, numbers, lines = _rows(text, delimiter)
    names = _names(rows, path)
    for row, number in zip(rows, numbers, strict=True):
        if len(row) != len(names):
            raise InputError(
                f"the row has {len(row)} values, the header names {len(names)} columns",
                where=f"{path}, line {number}",
                hint=f"a value that contains '{delimiter}' is put into double quotes",
            )
    columns = [_column(values) for values in zip(*rows[1:], strict=True)] or _no_rows(names)
    written = _written(lines, names.index("filename"), delimiter) if "filename" in names else {}
    return names, columns, comments, written


def _rows(text, delimiter):
    """Return the remarks, the rows in lower case, the line on which each row ends, and the lines as written."""
    comments, lines, numbers = [], [], []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip(" \t")
        if line.startswith("#"):
            comments.append(line[1:].strip())
        elif line:
            lines.append(line)
            numbers.append(number)
    if '"' not in text:
        return comments, [line.lower().split(delimiter) for line in lines], numbers, lines
    reader = _csv((line.lower() for line in lines), delimiter)
    rows = [(row, numbers[reader.line_num - 1]) for row in reader]
    return comments, [row for row, _ in rows], [number for _, number in rows], lines


def _csv(lines, delimiter):
    return csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, skipinitialspace=True)


def _written(lines, place, delimiter):
    """Return the file names that are not in lower case: name in lower case -> name as written."""
    if any('"' in line for line in lines):
        return not_lower(row[place].strip() for row in list(_csv(lines, delimiter))[1:])
    return not_lower(line.split(delimiter, place + 1)[place].strip() for line in lines[1:])


def _column(values):
    return np.array([value.strip() or NULL for value in values])


def _no_rows(names):
    return [np.array([], dtype="U1") for _ in names]


def _names(rows, path):
    if not rows:
        raise InputError("the pool is empty: a line with the names of the columns is needed", where=str(path))
    names = [name.strip() for name in rows[0]]
    if not all(names) or any(name.replace(".", "").isdigit() for name in names):
        raise InputError(
            "the first line must name every column, such as FILENAME|PROGRAM|EXP_TYPE",
            where=str(path),
            hint=f"it is: {'|'.join(names)[:80]}",
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"the header names a column twice: {', '.join(twice)}", where=str(path))
    return names


def _read_by_astropy(path, delimiter, format, kwargs):
    if format.startswith("ascii") and format != "ascii.ecsv":
        kwargs = {"converters": {"*": [astropy_ascii.convert_numpy(str)]}, **kwargs, "delimiter": delimiter}
    try:
        table = Table.read(path, format=format, **kwargs)
    except (OSError, ValueError, KeyError, IndexError, TypeError, IORegistryError) as error:
        # Readers of astropy list every format they tried; the first lines say what is wrong.
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"the pool cannot be read as '{format}': {reason}", where=str(path)) from error
    names = _names([[name.lower() for name in table.colnames]], path)
    columns = [np.array(_lower_texts(table[name])) for name in table.colnames]
    written = not_lower(table[table.colnames[names.index("filename")]]) if "filename" in names else {}
    return names, columns if len(table) else _no_rows(names), list(table.meta.get("comments", [])), written
