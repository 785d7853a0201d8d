"""Reading the tables of an observatory."""

from hexcal.errors import InputError

__all__ = ["read_table"]


def read_table(filename, columns):
    """Read a tab-separated table.

    Parameters
    ----------
    filename : str
        The table; the first line names the columns.
    columns : sequence of str
        The columns that must stand there, in this order.

    Returns
    -------
    list of list of str
        The rows, one string per column.

    Raises
    ------
    InputError
        If the file cannot be read, the header differs, or a row has another number of columns.
    """
    try:
        with open(filename, encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    except OSError as error:
        raise InputError("table of an observatory cannot be read", where=f"{filename}: {error.strerror}") from error
    if not lines or lines[0].split("\t") != list(columns):
        raise InputError(f"the first line must name the columns {', '.join(columns)}", where=filename)
    rows = [line.split("\t") for line in lines[1:] if line]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(columns):
            raise InputError(
                f"{len(columns)} columns are required, {len(row)} found", where=f"{filename}, row {number}"
            )
    return rows
