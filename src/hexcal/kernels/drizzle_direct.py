"""Drizzling of whole pixels that lie on two by two pixels of the mosaic, as most do where both are turned alike.

The corner that the four have in common, and the places where the edges of the drop cross the lines between them, cut
the drop into four parts; their areas are all that is needed. What lies otherwise is left to `drizzle_lattice`.
"""

from hexcal.kernels.compiled import inlined, kernel

_NOWHERE = -2


@kernel
def share_out(cells, first, last, upper, lower, dense, adds):
    """Add the pixels of a row that lie on two by two pixels of the mosaic; their densities become 0.

    Parameters
    ----------
    cells : float64 array (rows, columns, planes)
        What each pixel of the mosaic gets.
    first, last : int
        Columns ``first <= column < last`` of the exposure.
    upper, lower : float64 array (2, nx + 1)
        Corners above and below the row: x and y, in edges of pixels of `cells`.
    dense : float64 array (5, nx)
        Densities of the row, as of `drizzle_lattice.densities`.
    adds : bool
        Whether they are added; not where that has been done, and the densities were computed once more.
    """
    n_rows, columns, planes = cells.shape
    flat = cells.reshape(-1)
    present, left, row, turned = _side(upper, lower, first, n_rows, columns)
    for column in range(first, last):
        former, left_before, row_before, turned_before = present, left, row, turned
        present, left, row, turned = _side(upper, lower, column + 1, n_rows, columns)
        # What is decided depends on the corners of this pixel alone: it is asked again where others are known.
        if row != row_before or turned != turned_before or dense[0, column] == 0:
            continue
        if left_before >= 0 and left == left_before + 1:
            start, end, sign, at = former, present, turned, left_before
        elif left >= 0 and left_before == left + 1:
            start, end, sign, at = present, former, -turned, left
        else:
            continue
        if adds:
            right, bottom = at + 1.0, row + 1.0
            # From the corner that the four pixels have in common.
            a, b, c, d = start[0] - right, start[1] - bottom, end[0] - right, end[1] - bottom
            e, f, g, h = start[2] - right, start[3] - bottom, end[2] - right, end[3] - bottom
            near, far = start[4] - right, end[4] - right
            above, beneath = b + (d - b) * (a / (a - c)), f + (h - f) * (e / (e - g))
            half = 0.5 * sign
            upper_left, upper_right = half * (near * b + a * above), -half * (above * c + d * far)
            lower_left, lower_right = -half * (beneath * e + f * near), half * (far * h + g * beneath)
            here = (row * columns + at) * planes
            if row >= 0:
                _add_to_two(flat, here, planes, upper_left, upper_right, dense, column)
            if row + 1 < n_rows:
                _add_to_two(flat, here + columns * planes, planes, lower_left, lower_right, dense, column)
        dense[0, column] = dense[1, column] = 0.0
        if planes == 5:
            dense[2, column] = dense[3, column] = dense[4, column] = 0.0


@inlined
def _add_to_two(flat, at, planes, left, right, dense, column):
    """Add the densities of a pixel to two neighbours of a row of the mosaic, the first of which begins at ``flat[at]``.

    Plane by plane, without a loop, which would take longer than what it does.
    """
    flat[at] += left * dense[0, column]
    flat[at + 1] += left * dense[1, column]
    if planes == 5:
        flat[at + 2] += left * dense[2, column]
        flat[at + 3] += left * dense[3, column]
        flat[at + 4] += left * dense[4, column]
        flat[at + 5] += right * dense[0, column]
        flat[at + 6] += right * dense[1, column]
        flat[at + 7] += right * dense[2, column]
        flat[at + 8] += right * dense[3, column]
        flat[at + 9] += right * dense[4, column]
    else:
        flat[at + 2] += right * dense[0, column]
        flat[at + 3] += right * dense[1, column]


@inlined
def _side(upper, lower, column, n_rows, columns):
    """Return where a side of drops lies in the mosaic.

    Its ends and its crossing into the next row, (x, y, x below, y below, x of the crossing); the column and the row
    that it begins in; and -1.0 if the mosaic has them the other way round, else 1.0. A column beside the mosaic where
    it crosses no row, or a column as well.
    """
    x, y, x_below, y_below, turned = upper[0, column], upper[1, column], lower[0, column], lower[1, column], 1.0
    if y_below < y:
        x, y, x_below, y_below, turned = x_below, y_below, x, y, -1.0
    left, row, crossing = _NOWHERE, 0, 0.0
    if x > 0 and x_below > 0 and y > -1 and x < columns and y_below < n_rows + 1:
        row = int(y + 1.0) - 1
        if int(x) == int(x_below) and int(y_below + 1.0) == row + 2:
            left = int(x)
            part = row + 1.0 - y
            crossing = x + (x_below - x) * (part / (y_below - y))
    return (x, y, x_below, y_below, crossing), left, row, turned
