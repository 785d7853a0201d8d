"""Positions from a sparse grid, between whose nodes they are interpolated.

Along each axis the four nodes around a place count, with the weights of the cubic polynomial through them (Lagrange).
"""

import numpy as np

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
def row_positions(grid, ty, line, ends, shares, out):
    """Give one coordinate of the target positions of a row of pixels of the source image.

    Parameters
    ----------
    grid : float64 array (4, nodes_x)
        The coordinate at the nodes of the four rows of the grid around the row.
    ty : float64
        Where between the second and the third of them it lies.
    line : float64 array (nodes_x,)
        Scratch.
    ends : int64 array (nodes_x,)
        Pixel at which each cell ends.
    shares : float64 array (4, nx)
        Weights of the nodes around each pixel.
    out : float64 array (nx,)
        The coordinate of pixels 0 to nx - 1.
    """
    w0, w1, w2, w3 = weights(ty)
    for i in range(line.size):
        line[i] = w0 * grid[0, i] + w1 * grid[1, i] + w2 * grid[2, i] + w3 * grid[3, i]
    first = 0
    for cell in range(1, line.size - 2):
        last = ends[cell]
        a, b, c, d = line[cell - 1], line[cell], line[cell + 1], line[cell + 2]
        part = shares[:, first:last]
        part_0, part_1, part_2, part_3, target = part[0], part[1], part[2], part[3], out[first:last]
        for x in range(target.size):
            target[x] = part_0[x] * a + part_1[x] * b + part_2[x] * c + part_3[x] * d
        first = last


@kernel
def rows(first_row, last_row, grid_x, grid_y, origin_x, origin_y, step, first, out_x, out_y):
    """Give the target positions of rows ``first_row <= k < last_row`` of the result.

    Parameters
    ----------
    grid_x, grid_y, origin_x, origin_y, step
        As of `position_at`.
    first : int
        Row of the source image that row 0 of the result is.
    out_x, out_y : float64 array (rows, nx)
        Target positions.
    """
    nodes_y, nodes_x = grid_x.shape
    nx = out_x.shape[1]
    line = np.empty(nodes_x)
    # The same for all rows.
    ends, shares = np.zeros(nodes_x, np.int64), np.empty((4, nx))
    for x in range(nx):
        cell, tx = place(float(x), origin_x, step, nodes_x)
        ends[cell:] = x + 1
        shares[0, x], shares[1, x], shares[2, x], shares[3, x] = weights(tx)
    for k in range(first_row, last_row):
        row, ty = place(float(first + k), origin_y, step, nodes_y)
        row_positions(grid_x[row - 1 : row + 3], ty, line, ends, shares, out_x[k])
        row_positions(grid_y[row - 1 : row + 3], ty, line, ends, shares, out_y[k])


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
