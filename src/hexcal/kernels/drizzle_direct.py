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
    # From the left to the right and from above to below, whichever way the exposure lies.
    step = 1 if upper[0, last] > upper[0, first] else -1
    sign = float(step)
    if lower[1, first] < upper[1, first]:
        upper, lower, sign = lower, upper, -sign
    corner = first if step == 1 else last
    x, y, x_below, y_below = upper[0, corner], upper[1, corner], lower[0, corner], lower[1, corner]
    left, row, crossing = _side(x, y, x_below, y_below, n_rows, columns)
    for _ in range(last - first):
        x_before, y_before, x_below_before, y_below_before = x, y, x_below, y_below
        left_before, row_before, crossing_before = left, row, crossing
        column = corner if step == 1 else corner - 1
        corner += step
        x, y, x_below, y_below = upper[0, corner], upper[1, corner], lower[0, corner], lower[1, corner]
        left, row, crossing = _side(x, y, x_below, y_below, n_rows, columns)
        if left != left_before + 1 or row != row_before or left_before < 0 or dense[0, column] == 0:
            continue
        if adds:
            right, bottom = float(left), row + 1.0
            # From the corner that the four pixels have in common.
            a, b, c, d = x_before - right, y_before - bottom, x - right, y - bottom
            e, f, g, h = x_below_before - right, y_below_before - bottom, x_below - right, y_below - bottom
            near, far = crossing_before - right, crossing - right
            above, beneath = b + (d - b) * (a / (a - c)), f + (h - f) * (e / (e - g))
            half = 0.5 * sign
            upper_left, upper_right = half * (near * b + a * above), -half * (above * c + d * far)
            lower_left, lower_right = -half * (beneath * e + f * near), half * (far * h + g * beneath)
            at = (row * columns + left_before) * planes
            below = at + columns * planes
            for plane in range(planes):
                density = dense[plane, column]
                if row >= 0:
                    flat[at + plane] += upper_left * density
                    flat[at + planes + plane] += upper_right * density
                if row + 1 < n_rows:
                    flat[below + plane] += lower_left * density
                    flat[below + planes + plane] += lower_right * density
        for plane in range(planes):
            dense[plane, column] = 0.0


@inlined
def _side(x, y, x_below, y_below, n_rows, columns):
    """Return the column and the row that a side of a drop begins in, and where it crosses into the next row.

    A column beside the mosaic where it does not do so.
    """
    left, row, crossing = _NOWHERE, 0, 0.0
    if x > 0 and x_below > 0 and y > -1 and x < columns and y_below < n_rows + 1:
        row = int(y + 1.0) - 1
        if int(x) == int(x_below) and int(y_below + 1.0) == row + 2:
            left = int(x)
            part = row + 1.0 - y
            crossing = x + (x_below - x) * (part / (y_below - y))
    return left, row, crossing
