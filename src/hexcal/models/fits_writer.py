"""Writing FITS: under a temporary name, then renamed; arrays go out in chunks, so that saving needs no second copy of them."""

import numpy as np

from hexcal.files.atomic import atomic
from hexcal.models.fits_source import CHUNK

_STRUCTURE = set(
    "SIMPLE XTENSION BITPIX NAXIS EXTEND PCOUNT GCOUNT TFIELDS BSCALE BZERO EXTNAME EXTVER CHECKSUM DATASUM THEAP END".split()
)
_TABLE_STRUCTURE = ("TTYPE", "TFORM", "TUNIT", "TDIM", "TZERO", "TSCAL", "TNULL", "TDISP", "TBCOL", "NAXIS")


def is_structural(keyword):
    """Whether a keyword describes how the data lie in the file: written anew, never carried over."""
    return keyword in _STRUCTURE or (keyword.rstrip("0123456789") in _TABLE_STRUCTURE and keyword[-1].isdigit())


def write(path, units):
    """Write a FITS file.

    Parameters
    ----------
    path : path-like
        Its final name.
    units : iterable of (header, data)
        One pair per HDU. `header` is an astropy Header without structural keywords of the data; `data` is None, a native array, a structured array,
        or bytes that are the data unit as stored (then the header is complete).
    """
    with atomic(path) as stream:
        for number, (header, data) in enumerate(units):
            if data is None or isinstance(data, bytes | np.memmap):
                stream.write(_header_bytes(header))
                if data is not None:
                    _write_stored(stream, data)
            elif data.dtype.names:
                _write_table(stream, header, data)
            else:
                stream.write(_header_bytes(_image_header(header, data, primary=number == 0)))
                _write_array(stream, data)


def _header_bytes(header):
    return header.tostring(sep="", endcard=True, padding=True).encode("ascii")


def _image_header(header, data, primary):
    from astropy.io import fits

    zero = _unsigned_zero(data.dtype)
    bitpix = {"f": -8, "i": 8, "u": 8}[data.dtype.kind] * data.dtype.itemsize
    result = fits.Header()
    result["SIMPLE" if primary else "XTENSION"] = (
        (True, "conforms to FITS standard") if primary else ("IMAGE", "Image extension")
    )
    result["BITPIX"] = (bitpix, "array data type")
    result["NAXIS"] = (data.ndim, "number of array dimensions")
    for axis, length in enumerate(reversed(data.shape), 1):
        result[f"NAXIS{axis}"] = length
    if not primary:
        result["PCOUNT"] = (0, "number of parameters")
        result["GCOUNT"] = (1, "number of groups")
    if zero:
        result["BSCALE"], result["BZERO"] = 1, zero
    result.extend(header, unique=False, end=True, strip=False)
    return result


def _unsigned_zero(dtype):
    return 1 << (8 * dtype.itemsize - 1) if dtype.kind == "u" and dtype.itemsize > 1 else 0


def _write_array(stream, data):
    _write_values(stream, data)
    stream.write(b"\0" * (-data.nbytes % 2880))


def _write_values(stream, data):
    if data.ndim > 2:
        # Plane by plane: an array of zeros that was never touched is a broadcast scalar, and stays one.
        for plane in data:
            _write_values(stream, plane)
        return
    zero = _unsigned_zero(data.dtype)
    stored = np.dtype(f">{'i' if zero else data.dtype.kind}{data.dtype.itemsize}")
    flat = np.ascontiguousarray(data).reshape(-1)
    for first in range(0, flat.size, CHUNK):
        part = flat[first : first + CHUNK]
        if zero:
            part = (part ^ part.dtype.type(zero)).view(f"i{part.dtype.itemsize}")
        stream.write(part.astype(stored, copy=False).data)


def _write_stored(stream, data):
    for first in range(0, len(data), 8 * CHUNK):
        stream.write(data[first : first + 8 * CHUNK])


def _write_table(stream, header, data):
    import io

    from astropy.io import fits

    hdu = fits.BinTableHDU(data, header=header)
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    # astropy writes an empty primary HDU (one block) in front of a lone table.
    stream.write(buffer.getvalue()[2880:])
