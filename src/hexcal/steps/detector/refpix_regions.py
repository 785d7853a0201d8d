"""Where the reference pixels of an exposure are, in the terms of the read-out.

Amplifiers, odd and even columns, edges and sides.
"""

from typing import NamedTuple

import numpy as np

_MIRI_WIDTH = 4
"""Width in pixels of a strip of MIRI's reference pixels (JWST pipeline documentation 1.13.5, section refpix)."""
MIRI_AMPLIFIERS = 4


class Layout(NamedTuple):
    """How an image lies on its detector.

    `transposed`: the fast read-out direction is along y. `backwards`, `fast_backwards`: the slow and the fast direction
    are against the axis. `fast`, `slow`: detector coordinates, from 0, of the pixels of the image along these
    directions. `n_fast`, `n_slow`: size of the detector. `fast_border`, `slow_border`: widths of the strips of
    reference pixels at the first and at the last coordinates along these directions. `amplifiers`: number of outputs in
    full frame.

    Amplifiers, and odd and even columns, are the same sets of pixels when the fast direction is turned.
    """

    transposed: bool
    backwards: bool
    fast_backwards: bool
    fast: np.ndarray
    slow: np.ndarray
    n_fast: int
    n_slow: int
    fast_border: tuple
    slow_border: tuple
    amplifiers: int

    def as_read(self, image):
        """Return a view of an image (ny, nx) with axes (slow, fast)."""
        return image.T if self.transposed else image


class PixelClasses(NamedTuple):
    """Reference pixels sorted by class.

    Pixels ``starts[c]`` to ``starts[c + 1] - 1`` make up class c (int64 arrays).
    """

    rows: np.ndarray
    columns: np.ndarray
    starts: np.ndarray


def layout(shape, window_start, fastaxis, slowaxis, detector):
    """Return the `Layout` of an image.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the image.
    window_start : tuple of int
        SUBSTRT1, SUBSTRT2: (x, y) of its first pixel, from 1.
    fastaxis, slowaxis : int
        FASTAXIS and SLOWAXIS: 1 = +x, 2 = +y, negative = reversed.
    detector : hexcal.observatories.Detector
        Size, borders and number of outputs.
    """
    transposed = abs(fastaxis) == 2
    x, y = np.arange(shape[1]) + window_start[0] - 1, np.arange(shape[0]) + window_start[1] - 1
    of_x, of_y = (
        (x, detector.columns, (detector.left, detector.right)),
        (y, detector.rows, (detector.bottom, detector.top)),
    )
    (fast, n_fast, fast_border), (slow, n_slow, slow_border) = (of_y, of_x) if transposed else (of_x, of_y)
    signs = slowaxis < 0, fastaxis < 0
    return Layout(transposed, *signs, fast, slow, n_fast, n_slow, fast_border, slow_border, detector.outputs)


def sort_by_class(of_pixel, n_classes, transposed=False, lines=None):
    """Return the `PixelClasses` of an image of class numbers.

    Parameters
    ----------
    of_pixel : int array
        Class of each pixel, -1 for none; (ny, nx), or (nx, ny) if `transposed`.
    n_classes : int
        Number of classes.
    transposed : bool
        See above.
    lines : int array, optional
        Which rows of the image those of `of_pixel` are; default all.
    """
    rows, columns = np.nonzero(of_pixel >= 0)
    number = of_pixel[rows, columns]
    if lines is not None:
        rows = lines[rows]
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], np.arange(n_classes + 1))
    rows, columns = rows[order], columns[order]
    if transposed:
        rows, columns = columns, rows
    return PixelClasses(np.ascontiguousarray(rows), np.ascontiguousarray(columns), starts)


def edge_classes(usable, where, by_parity):
    """Sort the reference pixels of the first and last lines of the read-out by edge, amplifier and parity.

    Parameters
    ----------
    usable : bool array (ny, nx)
        Pixels that may be used.
    where : Layout
        Of the image.
    by_parity : bool
        Whether odd and even columns are apart.

    Returns
    -------
    PixelClasses
        Of ``2 * amplifiers * parities`` classes, in the order (edge, amplifier, parity).
    of_fast : int array (nfast,)
        ``amplifier * parities + parity`` of each position along the fast direction.
    """
    parities = 2 if by_parity else 1
    amplifier = where.fast // (where.n_fast // where.amplifiers)
    of_fast = amplifier * parities + np.arange(where.fast.size) % parities
    n_classes = where.amplifiers * parities
    first, last = where.slow_border
    edge = np.where(where.slow < first, 0, np.where(where.slow >= where.n_slow - last, 1, -1))
    lines = np.nonzero(edge >= 0)[0]
    of_pixel = np.where(where.as_read(usable)[lines], edge[lines, None] * n_classes + of_fast, -1)
    return sort_by_class(of_pixel, 2 * n_classes, where.transposed, lines), of_fast


def side_strips(where):
    """Return the strips of reference pixels that the image holds at the two sides of the detector.

    As (first, width) along the fast direction.
    """
    first, last = where.fast_border
    sides = (np.nonzero(where.fast < first)[0], np.nonzero(where.fast >= where.n_fast - last)[0])
    return [(int(strip[0]), strip.size) for strip in sides if strip.size]


def flagged_classes(usable, where, by_parity, by_amplifier=False):
    """Sort usable reference pixels, wherever they are, by the parity of their position along the fast direction.

    And by the amplifier, if asked for.

    Parameters
    ----------
    usable : bool array (ny, nx)
        Reference pixels that may be used.
    where : Layout
        Of the image.
    by_parity : bool
        Whether odd and even columns are apart.
    by_amplifier : bool
        Whether the outputs are.

    Returns
    -------
    PixelClasses
        Of 2 classes or 1, times the number of amplifiers.
    of_fast : int array (nfast,)
        Class of each position along the fast direction.
    """
    parities = 2 if by_parity else 1
    of_fast, n_classes = np.arange(where.fast.size) % parities, parities
    if by_amplifier:
        of_fast += parities * (where.fast // (where.n_fast // where.amplifiers))
        n_classes *= where.amplifiers
    of_pixel = np.where(where.as_read(usable), of_fast, -1)
    return sort_by_class(of_pixel, n_classes, where.transposed), of_fast


def miri_classes(usable, by_parity):
    """Sort the reference pixels of a MIRI full frame by side, row parity and amplifier.

    Parameters
    ----------
    usable : bool array (ny, nx)
        Pixels that may be used.
    by_parity : bool
        Whether odd and even rows are apart.

    Returns
    -------
    PixelClasses
        Of 8 classes, or 16 by parity, in the order (side, parity, amplifier): the amplifiers take turns column by
        column.
    """
    ny, nx = usable.shape
    parities = 2 if by_parity else 1
    side = np.full(nx, -1)
    side[:_MIRI_WIDTH], side[-_MIRI_WIDTH:] = 0, 1
    columns = np.nonzero(side >= 0)[0]
    parity = np.arange(ny)[:, None] % parities
    of_pixel = np.full((ny, nx), -1)
    of_pixel[:, columns] = np.where(
        usable[:, columns], (side[columns] * parities + parity) * MIRI_AMPLIFIERS + columns % MIRI_AMPLIFIERS, -1
    )
    return sort_by_class(of_pixel, 2 * parities * MIRI_AMPLIFIERS)
