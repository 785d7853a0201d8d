"""Catalogues: tables with units in text files (ECSV), as sources of an image or the photometry of a time series."""

import io
from pathlib import Path
from typing import Any

from hexcal.errors import InputError
from hexcal.files import gate
from hexcal.files.atomic import atomic
from hexcal.models import bounds
from hexcal.models.datamodel import DataModel

SUFFIX = ".ecsv"


class CatalogModel(DataModel):
    """A catalogue: one table, whose columns have units and descriptions, and its metadata.

    Parameters
    ----------
    init : path-like, Table or None
        An ECSV file; or a table of astropy (not copied).
    """

    model_type = "CatalogModel"
    _table: Any = None

    def __init__(self, init=None):
        super().__init__()
        if isinstance(init, str | Path):
            self.contents.file = Path(init)
            gate.reading(self.contents.file)
            self.table = _read(self.contents.file)
        else:
            self.table = init

    @property
    def table(self):
        """The table (`astropy.table.Table`)."""
        return self._table

    @table.setter
    def table(self, table):
        from astropy.table import Table

        if table is None:
            table = Table()
        if not isinstance(table, Table):
            raise InputError(f"a catalogue needs a table of astropy, got {type(table).__name__}")
        self._table = table
        for name, value in (table.meta or {}).items():
            self.set_unchecked(f"meta.{name}", value)

    @property
    def path(self):
        """File that the catalogue was read from, or None."""
        return self.contents.file

    def copied(self, shares_wcs=False):
        """Return an independent catalogue."""
        other = CatalogModel(self._table.copy())
        other.contents.tree = super().copied(shares_wcs).contents.tree
        other.contents.file = self.contents.file
        return other

    def save(self, path=None, dir_path=None, overwrite=True, file_format="ecsv"):
        """Write the catalogue as ECSV; see `DataModel.save`."""
        path = self._path_to_save(path, dir_path)
        if file_format != "ecsv" or path.suffix != SUFFIX:
            raise InputError(f"a catalogue is written as {SUFFIX}", where=str(path), hint=f"{path.stem}{SUFFIX}")
        if not overwrite and path.exists():
            raise InputError("the file already exists", where=str(path), hint="give another name, or overwrite=True")
        self.on_save(path)
        table = self._table.copy(copy_data=False)
        table.meta.update(self.meta.instance)
        text = io.StringIO()
        table.write(text, format="ascii.ecsv")
        with atomic(path) as stream:
            stream.write(text.getvalue().encode())
        return str(path)

    def __repr__(self):
        return (
            f"<CatalogModel of {len(self._table)} "
            f"rows{f' from {self.contents.file.name}' if self.contents.file else ''}>"
        )

    def _repr_html_(self):
        return self._table._repr_html_()


def _read(path):
    from astropy.table import Table

    text = bounds.read_bytes(path, "a catalogue").decode("utf-8", "replace")
    try:
        return Table.read(text.splitlines(), format="ascii.ecsv")
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"not readable as a catalogue (ECSV): {str(error).splitlines()[0]}",
            where=str(path),
            hint="check that the file was completely copied",
        ) from error
