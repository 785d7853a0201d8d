"""The context image: which exposures contributed to a pixel of a mosaic."""

import numpy as np

from hexcal.errors import InputError

_BITS = 32


def decode_context(context, x, y):
    """Return which exposures contributed to pixels of a mosaic.

    Parameters
    ----------
    context : int32 array (planes, ny, nx) or (ny, nx)
        Bit k of plane p: exposure 32 p + k.
    x, y : int or array of int
        0-based columns and rows.

    Returns
    -------
    list of int arrays
        Of each pixel the 0-based numbers of the exposures.

    Raises
    ------
    InputError
        If the context has another shape, positions are no whole numbers, or x and y differ in number.

    Examples
    --------
    >>> [list(numbers) for numbers in decode_context(np.array([[[0, 5]]], np.int32), [0, 1], [0, 0])]
    [[], [0, 2]]
    """
    context = np.asarray(context)
    x, y = np.atleast_1d(x), np.atleast_1d(y)
    if context.ndim not in (2, 3) or context.dtype.kind not in "iu":
        raise InputError(
            f"a context has the shape (planes, ny, nx) and whole numbers, got {context.shape} of {context.dtype}"
        )
    if x.shape != y.shape or x.ndim != 1 or x.dtype.kind not in "iu" or y.dtype.kind not in "iu":
        raise InputError(
            "x and y must be lists of whole numbers of the same length", hint="positions of pixels, 0-based"
        )
    planes = context[np.newaxis] if context.ndim == 2 else context
    words = planes[:, y, x].astype(np.int32).view(np.uint32)
    bits = (words[:, np.newaxis, :] >> np.arange(_BITS, dtype=np.uint32)[:, np.newaxis]) & 1
    return [np.flatnonzero(pixel) for pixel in bits.reshape(-1, x.size).T]
