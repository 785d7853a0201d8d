"""Medians along the lines of an image, apart for each amplifier, and in boxes.

The noise that pixels read one after the other share, and the background.
"""

import numpy as np

from hexcal.kernels.compiled import helper, kernel


@kernel
def line_medians(first_row, last_row, image, usable, noise):
    """Take the median of each line, in equal parts of the line.

    Parameters
    ----------
    first_row, last_row : int
        Lines ``first_row <= y < last_row``.
    image : float32 array (ny, nx), DN
        Lines are its rows; NaN does not count. The background is subtracted.
    usable : bool array (ny, nx)
        Pixels that see no source.
    noise : float64 array (ny, n_parts), DN
        Result; 0 for a part without a usable pixel.
    """
    nx = image.shape[1]
    n_parts = noise.shape[1]
    width = nx // n_parts
    values = np.empty(width + n_parts, np.float32)
    for row in range(first_row, last_row):
        for part in range(n_parts):
            start, stop = part * width, nx if part == n_parts - 1 else (part + 1) * width
            count = 0
            for column in range(start, stop):
                value = image[row, column]
                if usable[row, column] and value == value:
                    values[count] = value
                    count += 1
            noise[row, part] = np.median(values[:count]) if count > 0 else 0.0


@kernel
def sums_between(first, last, values, zero):
    """Return the sum of ``values[k] - zero``, ``first <= k < last``, and that of its square (two floats)."""
    total, square = 0.0, 0.0
    for k in range(first, last):
        shifted = np.float64(values[k]) - zero
        total += shifted
        square += shifted * shifted
    return total, square


@kernel
def box_medians(first_row, last_row, image, usable, rows, columns, clip, rounds, medians):
    """Take the median in boxes of an image, without values beyond `clip` standard deviations of it, repeatedly.

    Parameters
    ----------
    first_row, last_row : int
        Rows of boxes.
    image : float32 array (ny, nx)
        NaN does not count.
    usable : bool array (ny, nx)
    rows, columns : int array (n_rows + 1), (n_columns + 1)
        Edges of the boxes, pixels.
    clip : float
    rounds : int
        At most.
    medians : float64 array (n_rows, n_columns)
        Result; NaN for a box without usable pixels.
    """
    for j in range(first_row, last_row):
        for i in range(columns.size - 1):
            values = np.empty((rows[j + 1] - rows[j]) * (columns[i + 1] - columns[i]))
            count = 0
            for y in range(rows[j], rows[j + 1]):
                for x in range(columns[i], columns[i + 1]):
                    value = image[y, x]
                    if usable[y, x] and value == value:
                        values[count] = value
                        count += 1
            medians[j, i] = _clipped_median(np.sort(values[:count]), clip, rounds)


@helper
def _clipped_median(values, clip, rounds):
    """Median of sorted values without those far from it; NaN without any."""
    first, last = 0, values.size
    if last == 0:
        return np.nan
    middle = 0.0
    for number in range(rounds + 1):
        count = last - first
        middle = 0.5 * (values[first + (count - 1) // 2] + values[first + count // 2])
        width = clip * values[first:last].std()
        inner, outer = first, last
        while inner < last and values[inner] < middle - width:
            inner += 1
        while outer > inner and values[outer - 1] > middle + width:
            outer -= 1
        if number == rounds or outer == inner or (inner == first and outer == last):
            break
        first, last = inner, outer
    return middle
