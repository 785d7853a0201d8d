"""Statistics of the sky: which pixels belong to an overlap, clipped moments, histograms."""

import numpy as np

from hexcal.kernels.compiled import kernel

_BLOCK = 512
"""Values whose bins are worked out at a time."""


@kernel
def fill_polygon(x, y, mask):
    """Set ``mask`` (uint8, ny x nx) inside a polygon; vertices (whole pixels) and edges belong to it, even-odd rule.

    Parameters
    ----------
    x, y : int64 array (n,)
        Vertices, which may lie outside of the mask.
    mask : uint8 array (ny, nx)
        Changed in place.
    """
    ny, nx = mask.shape
    n = len(x)
    crossings = np.empty(2 * n, np.float64)
    for row in range(max(0, y.min()), min(ny, y.max() + 1)):
        count = 0
        for i in range(n):
            x1, y1, x2, y2 = x[i], y[i], x[(i + 1) % n], y[(i + 1) % n]
            if y1 == y2:
                if y1 == row:
                    _fill(mask, row, nx, min(x1, x2), max(x1, x2))
                continue
            if min(y1, y2) <= row < max(y1, y2):
                crossings[count] = x1 + (row - y1) * (x2 - x1) / (y2 - y1)
                count += 1
            elif row == max(y1, y2):
                # The top vertex of an edge belongs to the polygon too.
                top = x1 if y1 > y2 else x2
                _fill(mask, row, nx, top, top)
        crossings[:count].sort()
        for k in range(0, count - 1, 2):
            _fill(mask, row, nx, crossings[k], crossings[k + 1])


@kernel
def _fill(mask, row, nx, first, last):
    for column in range(max(0, int(np.ceil(first - 0.5))), min(nx - 1, int(np.floor(last + 0.5))) + 1):
        mask[row, column] = 1


@kernel
def collect(data, dq, bad, mask, use_mask, lower, upper, values):
    """Copy the usable pixels into ``values``; returns their number.

    Parameters
    ----------
    data : float32 array (ny, nx)
    dq : uint32 array (ny, nx)
    bad : uint32
        Flags that make a pixel unusable.
    mask : uint8 array (ny, nx)
        Pixels to take, if ``use_mask``.
    lower, upper : float
        Limits of usable values, themselves usable.
    values : float32 array (ny * nx,)
    """
    count = 0
    ny, nx = data.shape
    for row in range(ny):
        for column in range(nx):
            if use_mask and mask[row, column] == 0:
                continue
            value = data[row, column]
            if dq[row, column] & bad or not np.isfinite(value) or value < lower or value > upper:
                continue
            values[count] = value
            count += 1
    return count


@kernel
def moments(values):
    """Return mean and standard deviation (of the sample, n - 1) of float32 values.

    Summed in float64 about the first of them, every fourth by itself, which the processor does side by side.
    """
    origin, n = np.float64(values[0]), len(values)
    total = squares = total_1 = squares_1 = total_2 = squares_2 = total_3 = squares_3 = 0.0
    for k in range(0, n - 3, 4):
        a, b, c, d = values[k] - origin, values[k + 1] - origin, values[k + 2] - origin, values[k + 3] - origin
        total += a
        total_1 += b
        total_2 += c
        total_3 += d
        squares += a * a
        squares_1 += b * b
        squares_2 += c * c
        squares_3 += d * d
    for k in range(n - n % 4, n):
        difference = values[k] - origin
        total += difference
        squares += difference * difference
    total, squares = total + total_1 + (total_2 + total_3), squares + squares_1 + (squares_2 + squares_3)
    mean = total / n
    return origin + mean, np.sqrt(max(0.0, squares - n * mean * mean) / max(1, n - 1))


@kernel
def keep_between(values, low, high):
    """Move the values from ``low`` to ``high`` to the front; returns their number."""
    count = 0
    for value in values:
        # Written in any case: the processor need not guess which are kept.
        values[count] = value
        count += low <= value and value <= high
    return count


@kernel
def histogram(values, low, width, counts):
    """Count values into bins of this width from ``low``.

    What lies at or beyond the upper edge belongs to the last bin.
    """
    last, n = len(counts) - 1, len(values)
    # Places first, which the processor works out side by side; and neighbours, which are often in one bin, are counted
    # apart in turn, so that none waits for the one before it.
    places, apart = np.empty(_BLOCK, np.int32), np.zeros((4, len(counts)), np.int64)
    for first in range(0, n, _BLOCK):
        size = min(_BLOCK, n - first)
        for k in range(size):
            places[k] = np.int32(min(np.float64(last), (values[first + k] - low) / width))
        for k in range(0, size - 3, 4):
            apart[0, places[k]] += 1
            apart[1, places[k + 1]] += 1
            apart[2, places[k + 2]] += 1
            apart[3, places[k + 3]] += 1
        for k in range(size - size % 4, size):
            apart[0, places[k]] += 1
    for k in range(len(counts)):
        counts[k] += apart[0, k] + apart[1, k] + apart[2, k] + apart[3, k]
