"""Changing the type of an array without changing its values.

What the new type cannot hold is refused, with both values.
"""

import numpy as np

from hexcal.errors import InputError

_PIECE = 1 << 18
"""Elements looked at together: they stay in the cache, and no second copy of a large array is made."""


class NotRepresentable(InputError):
    """Values that a type cannot hold."""


def as_type(values, dtype, what, where=None):
    """Return an array as another type, contiguous; the same array if it is that already.

    Parameters
    ----------
    values : ndarray
        Of numbers or booleans.
    dtype : dtype
        Float types take any number that is not too large for them: their precision is what the model promises. Integer
        types take whole numbers in their range; 32-bit flags that were stored as signed numbers keep their bits.
    what : str
        What the array is, for the message.
    where : str, optional
        File, for the message.

    Raises
    ------
    NotRepresentable
        If a value would become another one.
    """
    dtype = np.dtype(dtype)
    if values.dtype == dtype:
        return np.ascontiguousarray(values)
    if values.dtype.kind not in "biuf":
        raise NotRepresentable(f"{what} must be an array of numbers, found {values.dtype}", where=where)
    if same_bits(values.dtype, dtype):
        return np.ascontiguousarray(values, values.dtype.newbyteorder("=")).view(dtype)
    if loses(values.dtype, dtype):
        require_exact(values, dtype, what, where)
    return np.ascontiguousarray(values, dtype)


def same_bits(old, new):
    """Whether flags of type `new` were stored as the signed integers `old`.

    Bit 31 (REFERENCE_PIXEL) makes them negative.
    """
    return old.kind == "i" and new == np.uint32 and old.itemsize == 4


def loses(old, new):
    """Whether values of type `old` may not be values of type `new`."""
    if new.kind == "f":
        return old.kind == "f" and new.itemsize < old.itemsize
    return not np.can_cast(old, new, "safe")


def rounds(old, new):
    """Whether values of type `old` may lose digits in `new`: numbers of many digits, or wider ones, in a float type."""
    if new.kind != "f":
        return False
    return old.itemsize > new.itemsize if old.kind == "f" else 8 * old.itemsize > np.finfo(new).nmant + 1


def require_exact(values, dtype, what, where=None):
    """Raise NotRepresentable if a value of an array becomes another one in `dtype`; see `as_type`."""
    find = _too_large if dtype.kind == "f" else _outside
    flat = values.reshape(-1)
    for start in range(0, flat.size, _PIECE):
        first = find(flat[start : start + _PIECE], dtype)
        if first is not None:
            place = np.unravel_index(start + first, values.shape)
            raise _not_representable(flat[start + first], place, dtype, what, where)


def _not_representable(value, place, dtype, what, where):
    with np.errstate(all="ignore"):
        becomes = value.astype(dtype)
    kind = "numbers" if dtype.kind == "f" else "whole numbers"
    lowest = 0 if dtype.kind == "u" else -_largest(dtype)
    return NotRepresentable(
        f"{what} holds {value} at {tuple(int(number) for number in place)}, which would become {becomes}: "
        f"{dtype} holds {kind} from {lowest} to {_largest(dtype)}",
        where=where,
        hint="correct the values, or the type of the file",
    )


def _largest(dtype):
    return np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max


def _too_large(values, dtype):
    """Index of the first finite value that is too large for a float type, or None."""
    return _first(np.isfinite(values) & (np.abs(values) > float(_largest(dtype))))


def _outside(values, dtype):
    """Index of the first value that is no whole number in the range of an integer type, or None."""
    limits = np.iinfo(dtype)
    if values.dtype.kind == "f":
        # The upper limit of 64-bit types is no float: `<` the next power of two is.
        return _first(~((values == np.floor(values)) & (values >= limits.min) & (values < float(limits.max) + 1)))
    # Compared as Python integers: numpy would have to convert one of the two types.
    if int(values.min()) >= limits.min and int(values.max()) <= limits.max:
        return None
    return next(number for number, value in enumerate(values.tolist()) if not limits.min <= value <= limits.max)


def _first(wrong):
    return int(np.argmax(wrong)) if wrong.any() else None
