"""How much of each pixel of a grid a quadrilateral covers."""

import math

from hexcal.kernels.compiled import kernel

SLIVER = 1e-13
"""Shares of a pixel below this are rounding errors of the sum over the edges."""


@kernel
def add_edge(cells, columns, xa, ya, xb, yb):
    """Add the signed area between an edge and the right side of the grid to each cell that it crosses.

    Summed over the edges of a closed polygon, each cell has the area that the polygon covers: positive where the
    corners go from x to y.

    Parameters
    ----------
    cells : float64 array (rows * columns,)
        Changed in place; cell (r, c) covers ``c <= x <= c + 1, r <= y <= r + 1``.
    columns : int
        Number of columns of the grid.
    xa, ya, xb, yb : float
        The edge, from a to b, inside the grid.
    """
    if ya == yb:
        return
    upward = yb > ya
    sign = -1.0 if upward else 1.0
    if not upward:
        xa, ya, xb, yb = xb, yb, xa, ya
    slope = (xb - xa) / (yb - ya)
    row, last = int(ya), int(yb)
    y, x = ya, xa
    while True:
        top, x_top = yb, xb
        if row < last:
            top = float(row + 1)
            x_top = xa + slope * (top - ya)
        if top > y:
            add_in_row(cells, row * columns, columns, x, x_top, sign * (top - y))
        row += 1
        if row > last:
            return
        y, x = top, x_top


@kernel
def add_in_row(cells, first, columns, xa, xb, height):
    """Add the part of an edge that lies in one row of cells; `height` is its signed extent in y."""
    if xb < xa:
        xa, xb = xb, xa
    column, last = int(xa), min(int(xb), columns - 1)
    if column >= last:
        cells[first + last] += height * (last + 1 - 0.5 * (xa + xb))
    else:
        per_x = height / (xb - xa)
        x, passed = xa, 0.0
        while column <= last:
            end = xb if column == last else float(column + 1)
            part = per_x * (end - x)
            cells[first + column] += passed + part * (column + 1 - 0.5 * (x + end))
            passed += part
            x = end
            column += 1
    for right in range(last + 1, columns):
        cells[first + right] += height


@kernel
def cover(cells, rows, columns, corner_x, corner_y):
    """Put into each cell the area of it that a quadrilateral covers, and return the area of the quadrilateral.

    Parameters
    ----------
    cells : float64 array (at least rows * columns,)
        Overwritten.
    rows, columns : int
        Of the grid that holds all of the quadrilateral.
    corner_x, corner_y : tuple of 4 floats
        The corners in order, in the coordinates of the grid.

    Returns
    -------
    float
        The area, with the sign of the direction; so are the shares in `cells`.
    """
    for cell in range(rows * columns):
        cells[cell] = 0.0
    add_edge(cells, columns, corner_x[0], corner_y[0], corner_x[1], corner_y[1])
    add_edge(cells, columns, corner_x[1], corner_y[1], corner_x[2], corner_y[2])
    add_edge(cells, columns, corner_x[2], corner_y[2], corner_x[3], corner_y[3])
    add_edge(cells, columns, corner_x[3], corner_y[3], corner_x[0], corner_y[0])
    diagonal = (corner_x[2] - corner_x[0]) * (corner_y[3] - corner_y[1])
    return 0.5 * (diagonal - (corner_x[3] - corner_x[1]) * (corner_y[2] - corner_y[0]))


@kernel
def bounds(corner):
    """Return the first grid line and the number of cells that hold four coordinates."""
    low = math.floor(min(min(corner[0], corner[1]), min(corner[2], corner[3])))
    high = math.floor(max(max(corner[0], corner[1]), max(corner[2], corner[3])))
    return int(low), int(high - low) + 1
