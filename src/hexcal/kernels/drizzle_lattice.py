"""Drizzling of whole pixels: quadrilaterals that share their edges.

With a drop size of 1 the pixels of an exposure fill a lattice without gaps. What a pixel of the mosaic gets is then a
sum over the edges of the lattice: each edge adds, to all that lies on its right, the difference of the densities of the
two pixels that it divides. So an edge is looked at once, instead of twice, and touches two pixels of the mosaic for
each that it crosses; a sum along the row does the rest. Pixels for which there is a shorter way are taken out before
(`drizzle_direct`).
"""

import math

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.drizzle_direct import share_out

BLOCK = 64
"""Columns of the exposure whose place in the mosaic is looked at together."""


@kernel
def corner(positions, row, column):
    """Where the corner above and to the left of a pixel lies: the mean of the four centres around it.

    Beyond those at the border, as far as within.
    """
    ny, nx = positions.shape
    r, c = min(max(row - 1, 0), ny - 2), min(max(column - 1, 0), nx - 2)
    ty, tx = row - 0.5 - r, column - 0.5 - c
    upper = positions[r, c] * (1 - tx) + positions[r, c + 1] * tx
    lower = positions[r + 1, c] * (1 - tx) + positions[r + 1, c + 1] * tx
    return upper * (1 - ty) + lower * ty


@kernel
def corners(positions, row, first, last, offset, out):
    """Put corners of a row of the lattice into ``out[column]``, in edges of pixels from `offset`.

    They are those at the columns ``first <= column <= last``.
    """
    ny, nx = positions.shape
    begin, end = first, last + 1
    if 0 < row < ny:
        begin, end = max(first, 1), min(last + 1, nx)
        for column in range(begin, end):
            above = positions[row - 1, column - 1] + positions[row - 1, column]
            below = positions[row, column - 1] + positions[row, column]
            out[column] = 0.25 * (above + below) + (0.5 - offset)
        for column in range(first, begin):
            out[column] = corner(positions, row, column) + (0.5 - offset)
        begin = end
        end = last + 1
    for column in range(begin, end):
        out[column] = corner(positions, row, column) + (0.5 - offset)


@kernel
def densities(source, row, first, last, upper, lower, out):
    """Put what each pixel gives to a unit of area into ``out[:, column]``; 0 where it does not count.

    Parameters
    ----------
    source : Source
        The exposure.
    row : int
        Its row.
    first, last : int
        Columns ``first <= column < last``.
    upper, lower : float64 array (2, nx + 1)
        Corners above and below the row: x and y.
    out : float64 array (5, nx)
        Weight, weight times value, weight times standard deviations.
    """
    weights, values, level = source.weights, source.values, source.level
    for column in range(first, last):
        weight, value = weights[row, column], np.float64(values[row, column])
        across = (lower[0, column + 1] - upper[0, column]) * (lower[1, column] - upper[1, column + 1])
        along = (lower[0, column] - upper[0, column + 1]) * (lower[1, column + 1] - upper[1, column])
        area = 0.5 * (across - along)
        density = weight / area
        if not (weight > 0 and abs(area) > 0 and math.isfinite(density) and math.isfinite(value)):
            density, value = 0.0, level
        out[0, column] = density
        out[1, column] = density * (value - level)
    if source.n_variances == 3:
        _deviations(source.variances[0], row, first, last, out, 2)
        _deviations(source.variances[1], row, first, last, out, 3)
        _deviations(source.variances[2], row, first, last, out, 4)


@kernel
def _deviations(variance, row, first, last, out, plane):
    for column in range(first, last):
        value = np.float64(variance[row, column])
        out[plane, column] = out[0, column] * math.sqrt(value if value > 0 else 0.0)


@kernel
def add_edge(sums, xa, ya, xb, yb, steps, with_variances):
    """Add an edge from a to b: the difference of the densities on its two sides.

    Parameters
    ----------
    sums : float64 array (rows, columns + 1, planes)
        Becomes, summed along the row, what each pixel gets.
    xa, ya, xb, yb : float
        The edge, from a to b, in edges of pixels of the mosaic.
    steps : tuple of 5 floats
        Densities of the pixel that runs along the edge from a to b, less those of the other.
    with_variances : bool
        Whether there are 5 planes, or 2.
    """
    n_rows, columns = sums.shape[0], sums.shape[1] - 1
    sign = -1.0
    if yb < ya:
        xa, ya, xb, yb = xb, yb, xa, ya
        sign = 1.0
    if not (ya < n_rows and yb > 0 and yb > ya and min(xa, xb) < columns):
        return
    row = int(ya) if ya > 0 else 0
    if yb <= row + 1 and ya >= 0:
        _add_in_row(sums, row, xa, xb, sign * (yb - ya), steps, with_variances)
        return
    slope = (xb - xa) / (yb - ya)
    y, x = ya, xa
    if y < 0:
        x, y = x - slope * y, 0.0
    last = min(int(yb), n_rows - 1)
    while row <= last:
        top, x_top = yb, xb
        if top > row + 1:
            top = float(row + 1)
            x_top = xa + slope * (top - ya)
        if top > y:
            _add_in_row(sums, row, x, x_top, sign * (top - y), steps, with_variances)
        y, x = top, x_top
        row += 1


@kernel
def _add_in_row(sums, row, xa, xb, height, steps, with_variances):
    """Add the part of an edge that lies in one row of the mosaic; `height` is its signed extent in y."""
    if xb < xa:
        xa, xb = xb, xa
    columns = sums.shape[1] - 1
    if xa < 0:
        beside = height if xb <= 0 else -height * xa / (xb - xa)
        _add(sums, row, 0, beside, 0.0, steps, with_variances)
        if xb <= 0:
            return
        xa, height = 0.0, height - beside
    column, last = int(xa), int(xb)
    if column == last:
        if column < columns:
            inside = height * (last + 1 - 0.5 * (xa + xb))
            _add(sums, row, last, inside, height - inside, steps, with_variances)
        return
    per_x, x = height / (xb - xa), xa
    for crossed in range(column, min(last + 1, columns)):
        end = min(xb, float(crossed + 1))
        part = per_x * (end - x)
        inside = part * (crossed + 1 - 0.5 * (x + end))
        _add(sums, row, crossed, inside, part - inside, steps, with_variances)
        x = end


@kernel
def _add(sums, row, column, here, beyond, steps, with_variances):
    """Add to a pixel, and to all on its right, in the form that is summed along the row later."""
    sums[row, column, 0] += here * steps[0]
    sums[row, column, 1] += here * steps[1]
    sums[row, column + 1, 0] += beyond * steps[0]
    sums[row, column + 1, 1] += beyond * steps[1]
    if with_variances:
        sums[row, column, 2] += here * steps[2]
        sums[row, column, 3] += here * steps[3]
        sums[row, column, 4] += here * steps[4]
        sums[row, column + 1, 2] += beyond * steps[2]
        sums[row, column + 1, 3] += beyond * steps[3]
        sums[row, column + 1, 4] += beyond * steps[4]


@kernel
def span(source, row, top, bottom):
    """Return the columns (first, last + 1) of a row of the exposure that may reach rows of the mosaic.

    (0, 0) for none.
    """
    first, last = source.y_low.shape[1], 0
    for block in range(source.y_low.shape[1]):
        if source.y_low[row, block] < bottom and source.y_high[row, block] >= top - 1:
            first, last = min(first, block), block + 1
    if last == 0:
        return 0, 0
    return first * BLOCK, min(last * BLOCK, source.x.shape[1])


@kernel
def add_exposure(source, top, cells, sums, lattice, dense):
    """Add an exposure to some rows of the mosaic.

    Parameters
    ----------
    source : Source
        The exposure.
    top : int
        First row of the mosaic.
    cells : float64 array (rows, columns, planes)
        Gets the pixels that `share_out` adds.
    sums : float64 array (rows, columns + 1, planes)
        Gets all others, as of `add_edge`.
    lattice : float64 array (2, 2, nx + 1)
        Room for the corners of two rows of the lattice.
    dense : float64 array (2, 5, nx)
        Room for the densities of two rows of pixels.
    """
    ny = source.x.shape[0]
    bottom = top + sums.shape[0]
    known_first, known_last, former = 0, 0, (0, 0)
    for row in range(ny + 1):
        present = (0, 0) if row == ny else span(source, row, top, bottom)
        if former[1] == 0 and present[1] == 0:
            known_last = 0
            continue
        first = min(former[0] if former[1] else present[0], present[0] if present[1] else former[0])
        last = max(former[1], present[1])
        above, below = row % 2, (row + 1) % 2
        if not (known_first <= first and last <= known_last):
            _begin(source, row, first, last, top, cells, lattice, dense)
        if row < ny:
            corners(source.x, row + 1, first, last, 0.0, lattice[below, 0])
            corners(source.y, row + 1, first, last, top, lattice[below, 1])
            densities(source, row, first, last, lattice[above], lattice[below], dense[below])
            share_out(cells, first, last, lattice[above], lattice[below], dense[below], True)
        else:
            dense[below, :, first:last] = 0.0
        _add_edges(sums, first, last, row < ny, lattice[above], lattice[below], dense[above], dense[below])
        known_first, known_last, former = first, last, present


@kernel
def _begin(source, row, first, last, top, cells, lattice, dense):
    """Make the corners above a row, and the densities of the row before it that are not added yet."""
    above, below = row % 2, (row + 1) % 2
    corners(source.x, row, first, last, 0.0, lattice[above, 0])
    corners(source.y, row, first, last, top, lattice[above, 1])
    if row == 0:
        dense[above, :, first:last] = 0.0
        return
    corners(source.x, row - 1, first, last, 0.0, lattice[below, 0])
    corners(source.y, row - 1, first, last, top, lattice[below, 1])
    densities(source, row - 1, first, last, lattice[below], lattice[above], dense[above])
    share_out(cells, first, last, lattice[below], lattice[above], dense[above], False)


@kernel
def _add_edges(sums, first, last, has_row, upper, lower, former, present):
    """Add the upper and left edges of a row of pixels, and the right edge of the last one."""
    n_rows, columns, planes = sums.shape
    flat, with_variances = sums.reshape(-1), planes == 5
    for column in range(first, last):
        if present[0, column] != 0 or former[0, column] != 0:
            steps = _less(present, column, former, column, with_variances)
            xa, ya, xb, yb = upper[0, column], upper[1, column], upper[0, column + 1], upper[1, column + 1]
            # Which way it runs shows in the sign of the height only.
            low, high = (xa, xb) if xb > xa else (xb, xa)
            row, place = int(ya), int(low)
            is_flat = low > 0 and ya > 0 and yb > 0 and int(yb) == row and int(high) == place + 1
            if is_flat and row < n_rows and place < columns - 2:
                _add_flat(flat, (row * columns + place) * planes, place, low, high, ya - yb, steps, with_variances)
            else:
                _add_one_edge(sums, flat, xa, ya, xb, yb, steps, with_variances)
    if not has_row:
        return
    for column in range(first, last + 1):
        left = column > first and present[0, column - 1] != 0
        if left or (column < last and present[0, column] != 0):
            steps = _across(present, column, left, column < last, with_variances)
            xa, ya, xb, yb = upper[0, column], upper[1, column], lower[0, column], lower[1, column]
            _add_one_edge(sums, flat, xa, ya, xb, yb, steps, with_variances)


@kernel
def _less(minuend, i, other, j, with_variances):
    """Densities of a pixel less those of another."""
    if with_variances:
        return (
            minuend[0, i] - other[0, j],
            minuend[1, i] - other[1, j],
            minuend[2, i] - other[2, j],
            minuend[3, i] - other[3, j],
            minuend[4, i] - other[4, j],
        )
    return (minuend[0, i] - other[0, j], minuend[1, i] - other[1, j], 0.0, 0.0, 0.0)


@kernel
def _across(present, column, has_left, has_right, with_variances):
    """Densities of the pixel on the left of an edge less those of the one on its right.

    Nothing lies beyond the ends.
    """
    if has_left and has_right:
        return _less(present, column - 1, present, column, with_variances)
    number, sign = (column - 1, 1.0) if has_left else (column, -1.0)
    rest = (0.0, 0.0, 0.0)
    if with_variances:
        rest = (sign * present[2, number], sign * present[3, number], sign * present[4, number])
    return (sign * present[0, number], sign * present[1, number], rest[0], rest[1], rest[2])


@kernel
def _add_one_edge(sums, flat, xa, ya, xb, yb, steps, with_variances):
    """Add an edge: those that cross one row or one column of the mosaic straight, all others by `add_edge`.

    ``flat`` is the same as ``sums``, in one dimension.
    """
    n_rows, columns, planes = sums.shape
    if xa > 0 and ya > 0 and xb > 0 and yb > 0:
        if abs(xb - xa) > abs(yb - ya):
            low, high = (xa, xb) if xb > xa else (xb, xa)
            row, column = int(ya), int(low)
            if int(yb) == row and int(high) == column + 1 and row < n_rows and column < columns - 2:
                _add_flat(flat, (row * columns + column) * planes, column, low, high, ya - yb, steps, with_variances)
                return
        else:
            xs, low, xe, high = (xa, ya, xb, yb) if yb > ya else (xb, yb, xa, ya)
            row, column = int(low), int(xs)
            if int(high) == row + 1 and int(xe) == column and row + 1 < n_rows and column < columns - 1:
                sign, at = -1.0 if yb > ya else 1.0, (row * columns + column) * planes
                _add_steep(flat, at, columns * planes, (xs, low, xe, high), sign, steps, with_variances)
                return
    add_edge(sums, xa, ya, xb, yb, steps, with_variances)


@kernel
def _add_flat(flat, at, column, low, high, height, steps, with_variances):
    """Add an edge that crosses from one pixel of a row of the mosaic, which begins at ``flat[at]``, to the next."""
    middle = column + 1.0
    first = height * (middle - low) / (high - low)
    second = height - first
    here = first * 0.5 * (middle - low)
    beyond = second * 0.5 * (high - middle)
    planes = 5 if with_variances else 2
    _add_at(flat, at, here, steps, with_variances)
    _add_at(flat, at + planes, height - here - beyond, steps, with_variances)
    _add_at(flat, at + 2 * planes, beyond, steps, with_variances)


@kernel
def _add_steep(flat, at, next_row, edge, sign, steps, with_variances):
    """Add an edge that crosses from a pixel of the mosaic, which begins at ``flat[at]``, to that in the next row."""
    xs, low, xe, high = edge
    column, middle = int(xs), int(low) + 1.0
    x = xs + (xe - xs) * (middle - low) / (high - low)
    planes = 5 if with_variances else 2
    height = sign * (middle - low)
    inside = height * (column + 1 - 0.5 * (xs + x))
    _add_at(flat, at, inside, steps, with_variances)
    _add_at(flat, at + planes, height - inside, steps, with_variances)
    height = sign * (high - middle)
    inside = height * (column + 1 - 0.5 * (x + xe))
    _add_at(flat, at + next_row, inside, steps, with_variances)
    _add_at(flat, at + next_row + planes, height - inside, steps, with_variances)


@kernel
def _add_at(flat, at, amount, steps, with_variances):
    """Add to the planes of a pixel."""
    flat[at] += amount * steps[0]
    flat[at + 1] += amount * steps[1]
    if with_variances:
        flat[at + 2] += amount * steps[2]
        flat[at + 3] += amount * steps[3]
        flat[at + 4] += amount * steps[4]
