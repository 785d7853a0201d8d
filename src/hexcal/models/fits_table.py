"""Binary tables of plain columns (numbers, truth values, texts), read and written without astropy.

The table machinery of astropy takes most of a second to load.

The forms of columns are those of the FITS standard 4.0, section 7.3.
"""

import re
from functools import lru_cache
from typing import Any

import numpy as np

from hexcal.models.fits_header import formatted

_FORMS = {"L": "S1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8", "C": ">c8", "M": ">c16"}
_LETTERS = {"u1": "B", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D", "c8": "C", "c16": "M"}
_UNSIGNED = {"u2": "I", "u4": "J", "u8": "K"}
_TFORM = re.compile(r"(\d*)([LBIJKEDCMA])\s*")
_NOT_PLAIN = ("TSCAL", "TNULL")


def structured(table: Any) -> np.ndarray:
    """Return a table of a model as an ordinary structured array, with its values and not with what the file stores.

    ``numpy.array(table)`` of a table that astropy has read gives the stored numbers: flags that are stored as signed
    integers, with an offset, come out wrong.

    Parameters
    ----------
    table : structured array or FITS_rec
        Columns of numbers, truth values and texts.

    Returns
    -------
    structured array
        A copy, native.
    """
    columns = {name: np.asarray(table[name]) for name in table.dtype.names}
    result = np.empty(
        len(table), [(name, values.dtype.newbyteorder("="), values.shape[1:]) for name, values in columns.items()]
    )
    for name, values in columns.items():
        result[name] = values
    return result


def read_plain(header: Any, content: bytes | np.ndarray) -> np.ndarray | None:
    """Read a table whose columns need no conversion but that of byte order.

    Parameters
    ----------
    header : Header
        Of the table.
    content : bytes or uint8 array
        Its data unit.

    Returns
    -------
    structured array or None
        Native; texts as bytes without the blanks at their end. None if a column is scaled or of variable length.
    """
    if header.get("XTENSION", "").strip() != "BINTABLE" or header.get("PCOUNT", 0):
        return None
    stored, native = [], []
    for number in range(1, header.get("TFIELDS", 0) + 1):
        form = _TFORM.fullmatch(str(header.get(f"TFORM{number}", "")))
        name = str(header.get(f"TTYPE{number}", "")).strip()
        scaled = any(header.get(f"{word}{number}") is not None for word in _NOT_PLAIN)
        if form is None or not name or scaled:
            return None
        kind, shape = _kind(int(form[1] or 1), form[2], header.get(f"TDIM{number}"))
        values = _values(kind, form[2], header.get(f"TZERO{number}") or 0)
        if values is None:
            return None
        stored.append((name, kind, shape))
        native.append((name, values, shape))
    rows, width = header.get("NAXIS2", 0), header.get("NAXIS1", 0)
    if len({name for name, *_ in stored}) < len(stored) or np.dtype(stored).itemsize != width:
        return None
    raw = np.frombuffer(content, np.dtype(stored), rows)
    if len({(kind, values) for (_, kind, _), (_, values, _) in zip(stored, native, strict=True)}) == 1:
        (_, kind, _), (_, values, _) = stored[0], native[0]
        if np.dtype(kind).kind == np.dtype(values).kind in "iufc":
            # All columns have the same numeric type, and are converted together.
            return raw.view(kind).astype(values).view(native)
    table = np.empty(rows, np.dtype(native))
    for name, kind, _ in native:
        table[name] = _physical(raw[name], np.dtype(kind))
    return table


def _kind(count, letter, axes):
    """(stored type, shape) of a column; the type is None if its axes do not fit the number of its values."""
    if letter == "A":
        return (f"S{count}" if axes is None and count else None), ()
    shape = tuple(int(length) for length in re.findall(r"\d+", str(axes or "")))[::-1]
    if not shape:
        shape = (count,) if count != 1 else ()
    return (_FORMS[letter] if int(np.prod(shape, dtype=np.int64)) == count else None), shape


def _values(kind, letter, zero):
    """Type of the values of a column; None if it is scaled or not understood."""
    if kind is None:
        return None
    if letter == "L":
        return "?" if zero == 0 else None
    native = np.dtype(kind).newbyteorder("=")
    if zero == 0:
        return native
    is_unsigned = letter in "IJK" and zero == 1 << (8 * native.itemsize - 1)
    return np.dtype(f"u{native.itemsize}") if is_unsigned else None


def _physical(column, dtype):
    """The values that the bytes of a column stand for; texts without the blanks that fill them."""
    if dtype.kind == "b":
        return column == b"T"
    if dtype.kind == "S":
        return np.char.rstrip(column)
    if dtype.kind == "u" and column.dtype.kind == "i":
        # Flipping the top bit is the exact shift from signed to unsigned.
        return column.astype(f"i{dtype.itemsize}").view(dtype) ^ dtype.type(1 << (8 * dtype.itemsize - 1))
    return column


def plain_units(data: np.ndarray, units: dict | None = None) -> tuple[list[str], bytes] | None:
    """Return the cards that describe a table, and its rows as FITS stores them.

    None if it has columns that are not plain.

    Parameters
    ----------
    data : structured array
        Columns of numbers, truth values and texts, with any number of axes.
    units : dict, optional
        Name of a column in capitals: its unit.
    """
    if type(data) is not np.ndarray or data.dtype.names is None or data.ndim != 1:
        return None
    if _columns(data.dtype) is None:
        return None
    content = stored_rows(data)
    return cards_of(data.dtype, len(data), units), content + b"\0" * (-len(content) % 2880)


def cards_of(dtype: np.dtype, n_rows: int, units: dict | None = None) -> list[str]:
    """Return the cards that describe a table of plain columns; as of `plain_units`."""
    return list(_described(dtype, n_rows, tuple((units or {}).items())))


def stored_rows(data: np.ndarray) -> bytes:
    """Return the rows of a table of plain columns as FITS stores them, without what fills up the last block."""
    columns = _columns(data.dtype)
    table = np.zeros(len(data), [(name, kind, shape) for name, _, kind, shape, _ in columns])
    for name, _, _, _, zero in columns:
        table[name] = _as_stored(data[name], zero)
    return table.tobytes()


@lru_cache(maxsize=64)
def _columns(dtype) -> Any:
    """(name, TFORM, stored type, shape, zero point) of each column (list); None if one is not plain."""
    columns = [(name, column) for name in dtype.names if (column := _column(dtype[name])) is not None]
    return [(name, *column) for name, column in columns] if len(columns) == len(dtype.names) else None


@lru_cache(maxsize=64)
def _described(dtype, n_rows, units):
    """Cards of a table; the spectra of many slits, or integrations, have the same."""
    columns, unit_of = _columns(dtype), dict(units)
    width = np.dtype([(name, kind, shape) for name, _, kind, shape, _ in columns]).itemsize
    cards: list[tuple] = [
        ("XTENSION", "BINTABLE", "binary table extension"),
        ("BITPIX", 8, "array data type"),
        ("NAXIS", 2, "number of array dimensions"),
        ("NAXIS1", width, "length of dimension 1"),
        ("NAXIS2", n_rows, "length of dimension 2"),
        ("PCOUNT", 0, "number of group parameters"),
        ("GCOUNT", 1, "number of groups"),
        ("TFIELDS", len(columns), "number of table fields"),
    ]
    for number, (name, form, _, shape, zero) in enumerate(columns, 1):
        cards += [(f"TTYPE{number}", name), (f"TFORM{number}", form)]
        unit = unit_of.get(name.upper())
        cards += [(f"TUNIT{number}", unit)] if unit else []
        cards += [(f"TZERO{number}", zero)] if zero else []
        cards += [(f"TDIM{number}", f"({','.join(map(str, reversed(shape)))})")] if shape else []
    return [formatted(*card) for card in cards]


def _column(dtype):
    """(TFORM, stored type, shape, zero point) of a column; None if it is not plain."""
    base, shape = dtype.base, dtype.shape
    count, name = int(np.prod(shape, dtype=np.int64)), base.str[1:]
    repeat = "" if not shape else str(count)
    if base.kind == "S" and not shape and base.itemsize:
        return f"{base.itemsize}A", base.str, shape, 0
    if base.kind == "b":
        return f"{repeat}L", "S1", shape, 0
    if name in _LETTERS:
        return f"{repeat}{_LETTERS[name]}", f">{name}", shape, 0
    if name in _UNSIGNED:
        return f"{repeat}{_UNSIGNED[name]}", f">i{base.itemsize}", shape, 1 << (8 * base.itemsize - 1)
    return None


def _as_stored(column, zero):
    if column.dtype.kind == "b":
        return np.where(column, b"T", b"F")
    if zero:
        return (column ^ column.dtype.type(zero)).view(f"i{column.dtype.itemsize}")
    return column
