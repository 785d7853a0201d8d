"""The background of an image on a mesh of boxes: the values of a box, clipped, and the mesh taken to pixels."""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel


@kernel
def collect_box(data, masked, box, values):
    """Copy the usable pixels of a box into ``values``; returns their number.

    Parameters
    ----------
    data : float32 array (ny, nx)
    masked : bool array (ny, nx)
        Pixels to leave out, beside those that are not finite.
    box : tuple of 4 int
        First and last + 1 row and column.
    values : float32 array (n,)
        Room for all pixels of the box.
    """
    count = 0
    for row in range(box[0], box[1]):
        for column in range(box[2], box[3]):
            value = data[row, column]
            if not masked[row, column] and math.isfinite(value):
                values[count] = value
                count += 1
    return count


@kernel
def clip_sorted(values, low, high, rounds, result):
    """Median, standard deviation and number of values after clipping about the median.

    Parameters
    ----------
    values : float32 array (n,)
        In order, n > 0.
    low, high : float
        Limits below and above the median, standard deviations.
    rounds : int
        Rounds of clipping at most.
    result : float64 array (3,)
        Gets the three.
    """
    origin = np.float64(values[values.size // 2])
    first, last = 0, values.size
    total, squares = _sums(values, first, last, origin)
    median, sigma = _middle(values, first, last, total, squares)
    for _ in range(rounds):
        start, end = first, last
        while start < end and values[start] < median - low * sigma:
            start += 1
        while end > start and values[end - 1] > median + high * sigma:
            end -= 1
        if (start, end) == (first, last):
            break
        first, last = start, end
        total, squares = _sums(values, first, last, origin)
        median, sigma = _middle(values, first, last, total, squares)
    result[0], result[1], result[2] = median, sigma, last - first


@helper
def _sums(values, first, last, origin):
    """Sums of the differences from a value, and of their squares."""
    total, squares = 0.0, 0.0
    for k in range(first, last):
        difference = values[k] - origin
        total += difference
        squares += difference * difference
    return total, squares


@helper
def _middle(values, first, last, total, squares):
    """Median and standard deviation of some of the sorted values."""
    count = last - first
    median = 0.5 * (np.float64(values[first + (count - 1) // 2]) + np.float64(values[first + count // 2]))
    mean = total / count
    return median, math.sqrt(max(0.0, squares / count - mean * mean))


@kernel
def subtract_mesh(first_row, last_row, data, across_y, across_x, mesh, low, high, net):
    """Subtract a mesh, taken to pixels, from an image.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    data, net : float32 array (ny, nx)
        The image; what is left of it.
    across_y : float64 array (ny, my)
        What each row of the mesh counts in each row of pixels.
    across_x : float64 array (mx, nx)
        What each column of the mesh counts in each column of pixels.
    mesh : float64 array (my, mx)
    low, high : float
        Limits of the background.
    """
    nx = data.shape[1]
    sums = np.empty(nx)
    for row in range(first_row, last_row):
        sums[:] = 0.0
        for i in range(mesh.shape[1]):
            weight = 0.0
            for j in range(mesh.shape[0]):
                weight += across_y[row, j] * mesh[j, i]
            for column in range(nx):
                sums[column] += weight * across_x[i, column]
        for column in range(nx):
            net[row, column] = data[row, column] - np.float32(min(max(sums[column], low), high))
