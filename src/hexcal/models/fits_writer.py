"""Writing FITS: under a temporary name, then renamed.

Arrays go out in chunks, so that saving needs no second copy of them.
"""

import contextlib
import gzip
import io
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from hexcal.errors import InputError
from hexcal.files.atomic import atomic
from hexcal.models import fits_pieces
from hexcal.models.fits_header import formatted
from hexcal.models.fits_pieces import unsigned_zero
from hexcal.models.fits_scan import read_header
from hexcal.models.fits_source import CHUNK
from hexcal.models.fits_table import cards_of, plain_units
from hexcal.models.streamed import Streamed, StreamedTable, stored_chunks

_STRUCTURE = set(
    "SIMPLE XTENSION BITPIX NAXIS EXTEND PCOUNT GCOUNT TFIELDS BSCALE BZERO BLANK NEXTEND EXTNAME EXTVER "
    "CHECKSUM DATASUM THEAP END".split()
)
_TABLE_STRUCTURE = ("TTYPE", "TFORM", "TUNIT", "TDIM", "TZERO", "TSCAL", "TNULL", "TDISP", "TBCOL", "NAXIS")

_COMPRESSION = 4
"""Level of gzip: three times faster than the default, some per cent larger."""


class Stored(NamedTuple):
    """A data unit as it stands in a file, padding included.

    Parameters
    ----------
    content : bytes or uint8 array
        It.
    """

    content: Any


class Columns(NamedTuple):
    """A table without units of its own.

    Parameters
    ----------
    table : structured array
        The columns.
    units : dict
        Name of a column in capitals: its unit.
    """

    table: Any
    units: dict


@lru_cache(maxsize=4096)
def is_structural(keyword):
    """Whether a keyword describes how the data lie in the file: written anew, never carried over."""
    return keyword in _STRUCTURE or (keyword.rstrip("0123456789") in _TABLE_STRUCTURE and keyword[-1].isdigit())


def write(path, units):
    """Write a FITS file.

    Parameters
    ----------
    path : path-like
        Its final name; packed with gzip if that ends with ``.gz``.
    units : iterable of (cards, data)
        One pair per HDU. `cards` are characters (list of str, each a card or a multiple; or an astropy Header) without
        structural keywords of the data; `data` is None, a native array, a structured array, `Columns`, `Streamed`, or
        `Stored` (then the cards are complete).
    """
    with atomic(path) as file, _packed(file, path) as stream:
        for number, (cards, data) in enumerate(units):
            cards = _texts(cards)
            if data is None or isinstance(data, Stored):
                stream.write(_header_bytes(cards))
                if data is not None:
                    _write_stored(stream, data.content)
            elif isinstance(data, Columns):
                _write_table(stream, cards, *data)
            elif data.dtype.names:
                _write_table(stream, cards, data)
            else:
                data = _storable(data)
                stream.write(_header_bytes(_image_cards(cards, data, primary=number == 0)))
                _write_array(stream, data)


def _packed(stream, path):
    """Return what is written to: the file itself, or what packs into it.

    No name and time go in: the same product has the same bytes.
    """
    if Path(path).suffix.lower() != ".gz":
        return contextlib.nullcontext(stream)
    return gzip.GzipFile("", "wb", compresslevel=_COMPRESSION, fileobj=stream, mtime=0)


def _texts(cards):
    return cards if isinstance(cards, list) else [str(card) for card in cards.cards]


def _header_bytes(cards):
    content = "".join([*cards, f"{'END':80s}"]).encode("ascii")
    return content + b" " * (-len(content) % 2880)


def _storable(data):
    """Return an array as a type that FITS has.

    Truth values as 8 bits, half floats as single ones, signed bytes as 16 bits.
    """
    wider = {"b1": "u1", "f2": "f4", "i1": "i2"}.get(data.dtype.str[1:])
    if data.dtype.kind not in "biuf" or data.dtype.itemsize > 8:
        raise InputError(f"an image of {data.dtype} cannot be written to FITS", hint="numbers of up to 64 bits")
    return data.astype(wider) if wider else data


def _image_cards(cards, data, primary):
    zero = unsigned_zero(data.dtype)
    bitpix = {"f": -8, "i": 8, "u": 8}[data.dtype.kind] * data.dtype.itemsize
    start: list[tuple] = [
        ("SIMPLE", True, "conforms to FITS standard") if primary else ("XTENSION", "IMAGE", "Image extension")
    ]
    start += [("BITPIX", bitpix, "array data type"), ("NAXIS", data.ndim, "number of array dimensions")]
    start += [(f"NAXIS{axis}", length) for axis, length in enumerate(reversed(data.shape), 1)]
    if not primary:
        start += [("PCOUNT", 0, "number of parameters"), ("GCOUNT", 1, "number of groups")]
    if zero:
        start += [("BSCALE", 1), ("BZERO", zero)]
    return [*(formatted(*card) for card in start), *cards]


def _write_array(stream, data):
    if isinstance(data, Streamed):
        for chunk in data.chunks():
            stream.write(chunk)
    elif type(stream) is io.BufferedWriter and fits_pieces.may_be_written(data):
        # Written in any order: not by a stream that computes a digest, or packs.
        stream.flush()
        at = stream.tell()
        fits_pieces.write_array(stream.fileno(), at, data)
        stream.seek(at + data.nbytes)
    else:
        _write_values(stream, data)
    stream.write(b"\0" * (-data.nbytes % 2880))


def _write_values(stream, data):
    if data.ndim > 2:
        # Plane by plane: an array of zeros that was never touched is a broadcast scalar, and stays one.
        for plane in data:
            _write_values(stream, plane)
        return
    for chunk in stored_chunks(data):
        stream.write(chunk)


def _write_stored(stream, data):
    for first in range(0, len(data), 8 * CHUNK):
        stream.write(data[first : first + 8 * CHUNK])


def _write_table(stream, cards, data, units=None):
    if isinstance(data, StreamedTable):
        _write_streamed_table(stream, cards, data, units)
        return
    described, content = plain_units(data, units) or _units_of_astropy(data, units)
    stream.write(_header_bytes([*described, *cards]))
    stream.write(content)


def _write_streamed_table(stream, cards, data, units):
    stream.write(_header_bytes([*cards_of(data.dtype, len(data), units), *cards]))
    size = 0
    for chunk in data.chunks():
        stream.write(chunk)
        size += len(chunk)
    stream.write(b"\0" * (-size % 2880))


def _units_of_astropy(data, units=None):
    """Cards and rows of a table with columns that are not plain: of variable length, scaled, with units."""
    from astropy.io import fits

    buffer, table = io.BytesIO(), fits.BinTableHDU(data)
    columns: Any = table.columns if units else ()
    for column in columns:
        column.unit = column.unit or (units or {}).get(column.name.upper())
    table.writeto(buffer)
    # astropy writes an empty primary HDU (one block) in front of a lone table.
    header, data_at = read_header(buffer, 2880, len(buffer.getvalue()), 1, "table in memory")
    return [card.text() for card in header.cards], buffer.getvalue()[data_at:]
