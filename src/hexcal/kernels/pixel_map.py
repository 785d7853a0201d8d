"""Positions from a sparse grid, between whose nodes they are interpolated.

Along each axis the four nodes around a place count, with the weights of the cubic polynomial through them (Lagrange).
"""

from hexcal.kernels.compiled import kernel


@kernel
def weights(t):
    """Return the weights of the nodes at -1, 0, 1, 2 for a place 0 <= t <= 1: (float64, float64, float64, float64)."""
    return (
        -t * (t - 1.0) * (t - 2.0) / 6.0,
        (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
        -(t + 1.0) * t * (t - 2.0) / 2.0,
        (t + 1.0) * t * (t - 1.0) / 6.0,
    )


@kernel
def place(position, origin, step, length):
    """Return the cell that holds a position along one axis, and where in it: (int, float64).

    Parameters
    ----------
    position : float64
        Pixel.
    origin, step : int
        Pixel of the first node, and distance of the nodes.
    length : int
        Number of nodes, at least 4.
    """
    scaled = (position - origin) / step
    cell = int(scaled)
    cell = min(max(cell, 1), length - 3)
    return cell, scaled - cell


@kernel
def position_at(grid_x, grid_y, origin_x, origin_y, step, x, y):
    """Return the target position of one place in the source image: (float64, float64).

    Parameters
    ----------
    grid_x, grid_y : float64 array (nodes_y, nodes_x)
        Target positions of the nodes.
    origin_x, origin_y : int
        Source pixel of node [0, 0].
    step : int
        Distance of the nodes, source pixels.
    x, y : float64
        Place in the source image.
    """
    column, tx = place(x, origin_x, step, grid_x.shape[1])
    row, ty = place(y, origin_y, step, grid_x.shape[0])
    wx, wy = weights(tx), weights(ty)
    target_x, target_y = 0.0, 0.0
    for j in range(4):
        ax, ay = 0.0, 0.0
        for i in range(4):
            ax += wx[i] * grid_x[row - 1 + j, column - 1 + i]
            ay += wx[i] * grid_y[row - 1 + j, column - 1 + i]
        target_x += wy[j] * ax
        target_y += wy[j] * ay
    return target_x, target_y


@kernel
def row_positions(grid_x, grid_y, origin_x, origin_y, step, y, line_x, line_y, out_x, out_y):
    """Give the target positions of one row of pixels of the source image, a few operations per pixel.

    Parameters
    ----------
    grid_x, grid_y, origin_x, origin_y, step
        As of `position_at`.
    y : float64
        The row.
    line_x, line_y : float64 array (nodes_x,)
        Scratch.
    out_x, out_y : float64 array (nx,)
        Target positions of pixels 0 to nx - 1.
    """
    nodes_y, nodes_x = grid_x.shape
    row, ty = place(y, origin_y, step, nodes_y)
    w0, w1, w2, w3 = weights(ty)
    for i in range(nodes_x):
        line_x[i] = w0 * grid_x[row - 1, i] + w1 * grid_x[row, i] + w2 * grid_x[row + 1, i] + w3 * grid_x[row + 2, i]
        line_y[i] = w0 * grid_y[row - 1, i] + w1 * grid_y[row, i] + w2 * grid_y[row + 1, i] + w3 * grid_y[row + 2, i]
    for x in range(out_x.size):
        column, tx = place(float(x), origin_x, step, nodes_x)
        v0, v1, v2, v3 = weights(tx)
        out_x[x] = v0 * line_x[column - 1] + v1 * line_x[column] + v2 * line_x[column + 1] + v3 * line_x[column + 2]
        out_y[x] = v0 * line_y[column - 1] + v1 * line_y[column] + v2 * line_y[column + 1] + v3 * line_y[column + 2]


@kernel
def rows(first_row, last_row, grid_x, grid_y, origin_x, origin_y, step, first, line, out_x, out_y):
    """Give the target positions of rows ``first_row <= k < last_row`` of the result.

    Parameters
    ----------
    grid_x, grid_y, origin_x, origin_y, step
        As of `position_at`.
    first : int
        Row of the source image that row 0 of the result is.
    line : float64 array (rows, 2, nodes_x)
        Scratch.
    out_x, out_y : float64 array (rows, nx)
        Target positions.
    """
    for k in range(first_row, last_row):
        row_positions(
            grid_x, grid_y, origin_x, origin_y, step, float(first + k), line[k, 0], line[k, 1], out_x[k], out_y[k]
        )


@kernel
def places(grid_x, grid_y, origin_x, origin_y, step, x, y, out_x, out_y):
    """Give the target positions of places in the source image.

    Parameters
    ----------
    grid_x, grid_y, origin_x, origin_y, step
        As of `position_at`.
    x, y : float64 array (n,)
        The places.
    out_x, out_y : float64 array (n,)
        Target positions.
    """
    for k in range(x.size):
        out_x[k], out_y[k] = position_at(grid_x, grid_y, origin_x, origin_y, step, x[k], y[k])
