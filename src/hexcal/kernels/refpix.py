"""Signals of reference pixels, and their subtraction.

All kernels see the ramp as a stack of images, ``(nints * ngroups, ny, nx)``. Those that measure run over bands of
images, because all reference pixels of an image together are a few kilobytes; the one that subtracts runs over bands of
rows.
"""

import numpy as np

from hexcal.kernels.compiled import helper, kernel


@helper
def clipped_mean(values, n_sigma):
    """Return the mean of what remains when values far from the mean are taken out.

    Those further than `n_sigma` standard deviations are, until there are none.

    Parameters
    ----------
    values : float64 array (n,)
        Overwritten.
    n_sigma : float
        Limit on both sides; the standard deviation is that of the population (divided by n). The same as
        ``scipy.stats.sigmaclip``.

    Returns
    -------
    float
        NaN if there are no values.
    """
    n = values.size
    while n > 0:
        total = 0.0
        for k in range(n):
            total += values[k]
        mean = total / n
        total = 0.0
        for k in range(n):
            total += (values[k] - mean) ** 2
        reach = n_sigma * np.sqrt(total / n)
        low, high = mean - reach, mean + reach
        kept = 0
        for k in range(n):
            if low <= values[k] <= high:
                values[kept] = values[k]
                kept += 1
        if kept == n:
            return mean
        n = kept
    return np.nan


@kernel
def measure_classes(first_image, last_image, data, base, rows, columns, starts, n_sigma, means):
    """Measure the clipped mean of each class of reference pixels in each image.

    Parameters
    ----------
    first_image, last_image : int
        Images ``first_image <= p < last_image``.
    data : float32 array (nimages, ny, nx), DN
        The ramp; only read. NaN is left out.
    base : int64 array (nimages,)
        Index of an image to subtract before, -1 for none.
    rows, columns : int64 array (npixels,)
        Where the reference pixels are, sorted by class.
    starts : int64 array (nclasses + 1,)
        Class c is made of pixels ``starts[c]`` to ``starts[c + 1] - 1``.
    n_sigma : float
        See `clipped_mean`.
    means : float64 array (nimages, nclasses), DN
        Result; NaN where a class has no value.
    """
    n_classes = starts.size - 1
    largest = 0
    for number in range(n_classes):
        largest = max(largest, starts[number + 1] - starts[number])
    values = np.empty(largest, np.float64)
    for image in range(first_image, last_image):
        for number in range(n_classes):
            n = 0
            for k in range(starts[number], starts[number + 1]):
                value = data[image, rows[k], columns[k]]
                if base[image] >= 0:
                    value -= data[base[image], rows[k], columns[k]]
                if value == value:
                    values[n] = value
                    n += 1
            means[image, number] = clipped_mean(values[:n], n_sigma)


@helper
def mirrored(index, n):
    """Return the index inside ``0 <= index < n`` that one outside is mirrored to.

    The outermost element is not repeated.
    """
    if n == 1:
        return 0
    index %= 2 * (n - 1)
    return index if index < n else 2 * (n - 1) - index


@helper
def place_of(ordered, n, value):
    """Return the number of the first `n` ordered values that are smaller than `value`."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@helper
def running_median(signal, start, n_detector, before, length, ordered, result):
    """Write the running median of a strip along its first axis.

    The window of line s is ``s - before <= k < s - before + length``. It is mirrored at the ends of the detector; lines
    that the strip does not hold count for nothing. Its values are kept in order while it moves, so that a step costs
    few comparisons for any length.

    Parameters
    ----------
    signal : float32 array (n, width)
        The strip; NaN is left out.
    start, n_detector : int
        Line ``k`` of the strip is line ``k + start`` of a detector of `n_detector` lines.
    before, length : int
        The window.
    ordered : float32 array ((length + 1) * width,)
        Space to work in: a line enters before one leaves.
    result : float32 array (n,)
        Result; NaN where the window has no value.
    """
    n, width = signal.shape
    count = 0
    for line in range(n):
        # The lines that come into the window: all of the first one, later one. Then the line behind the window leaves.
        for new in range(-before if line == 0 else line - before + length - 1, line - before + length):
            entering = mirrored(new + start, n_detector) - start
            for k in range(width if 0 <= entering < n else 0):
                value = signal[entering, k]
                if value == value:
                    place = place_of(ordered, count, value)
                    for j in range(count, place, -1):
                        ordered[j] = ordered[j - 1]
                    ordered[place] = value
                    count += 1
        leaving = mirrored(line - 1 - before + start, n_detector) - start
        for k in range(width if line > 0 and 0 <= leaving < n else 0):
            value = signal[leaving, k]
            if value == value:
                count -= 1
                for j in range(place_of(ordered, count + 1, value), count):
                    ordered[j] = ordered[j + 1]
        if count == 0:
            result[line] = np.nan
        elif count % 2:
            result[line] = ordered[count // 2]
        else:
            result[line] = (np.float64(ordered[count // 2 - 1]) + np.float64(ordered[count // 2])) / 2


@kernel
def measure_side(
    first_image,
    last_image,
    data,
    transposed,
    first_fast,
    usable,
    along_fast,
    start,
    n_detector,
    before,
    length,
    medians,
):
    """Measure the running median of a strip of reference pixels at the side of the detector in each image.

    Parameters
    ----------
    first_image, last_image : int
        Images ``first_image <= p < last_image``.
    data : float32 array (nimages, ny, nx), DN
        The ramp; only read.
    transposed : bool
        Whether the fast read-out direction is along y.
    first_fast : int
        Where the strip starts along the fast direction.
    usable : bool array (nslow, width)
        Which pixels of the strip to use.
    along_fast : float32 array (nimages, nfast), DN
        Signal to subtract from the strip before.
    start, n_detector, before, length : int
        See `running_median`.
    medians : float32 array (nimages, nslow), DN
        Result; NaN where the window has no value.
    """
    n_slow, width = usable.shape
    signal = np.empty((n_slow, width), np.float32)
    ordered = np.empty((length + 1) * width, np.float32)
    for image in range(first_image, last_image):
        for slow in range(n_slow):
            for k in range(width):
                fast = first_fast + k
                value = data[image, fast, slow] if transposed else data[image, slow, fast]
                signal[slow, k] = value - along_fast[image, fast] if usable[slow, k] else np.nan
        running_median(signal, start, n_detector, before, length, ordered, medians[image])


@kernel
def subtract_signals(first_row, last_row, data, along_x, along_y):
    """Subtract from each image a signal per column and one per row.

    ``data[p, y, x] -= along_x[p, x] + along_y[p, y]``, rounded as the reference implementation rounds: from the first
    image one after the other, from the others their sum. At 10,000 DN a step of float32 is 0.001 DN, which shows in the
    rates of faint pixels.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    data : float32 array (nimages, ny, nx), DN
        The ramp.
    along_x : float32 array (nimages, nx), DN
        Signal per column.
    along_y : float32 array (nimages, ny), DN
        Signal per row.
    """
    n_images, _, nx = data.shape
    for image in range(n_images):
        columns = along_x[image]
        for row in range(first_row, last_row):
            values = data[image, row]
            offset = along_y[image, row]
            if image == 0:
                for column in range(nx):
                    values[column] = values[column] - columns[column] - offset
            else:
                for column in range(nx):
                    values[column] = values[column] - (columns[column] + offset)


@kernel
def fill_from_neighbours(first_place, last_place, series, is_hole, weights, filled):
    """Fill holes of a periodic series with the weighted mean of the values near them.

    Parameters
    ----------
    first_place, last_place : int
        Places in the line, ``first_place <= p < last_place``, whose holes are filled.
    series : float32 array (nplaces, nlines)
        The series, line after line; only read.
    is_hole : bool array (nplaces, nlines)
    weights : float64 array (reach,)
        Of values at the distances 1, 2, ... on both sides.
    filled : float32 array (nplaces, nlines)
        Gets the means; 0 where no value is near.
    """
    n_places, n_lines = series.shape
    reach = weights.size
    near, later = np.empty(2 * reach, np.int64), np.empty(2 * reach, np.int64)
    for place in range(first_place, last_place):
        for j in range(2 * reach):
            at = place + j - reach + (1 if j >= reach else 0)
            near[j], later[j] = at % n_places, at // n_places
        for line in range(n_lines):
            if not is_hole[place, line]:
                continue
            total, weight = 0.0, 0.0
            for j in range(2 * reach):
                at = line + later[j]
                if at < 0 or at >= n_lines:
                    at %= n_lines
                if not is_hole[near[j], at]:
                    share = weights[reach - 1 - j if j < reach else j - reach]
                    total += share * series[near[j], at]
                    weight += share
            filled[place, line] = total / weight if weight > 0 else 0.0


@kernel
def subtract_by_output(first_row, last_row, data, transposed, output, along_slow):
    """Subtract from each image a signal along the slow read-out direction, which differs from output to output.

    ``data[p, y, x] -= along_slow[p, output[x], y]``, with x and y exchanged if `transposed`.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    data : float32 array (nimages, ny, nx), DN
        The ramp.
    transposed : bool
        Whether the fast read-out direction is along y.
    output : int64 array (nfast,)
        Output that reads each position along the fast direction.
    along_slow : float32 array (nimages, noutputs, nslow), DN
        The signal.
    """
    n_images, _, nx = data.shape
    for image in range(n_images):
        for row in range(first_row, last_row):
            values = data[image, row]
            if transposed:
                signal = along_slow[image, output[row]]
                for column in range(nx):
                    values[column] -= signal[column]
            else:
                for column in range(nx):
                    values[column] -= along_slow[image, output[column], row]


@kernel
def subtract_pattern(first_row, last_row, data, pattern):
    """Subtract from each image but the first of an integration a signal that repeats every few rows.

    The signal is that relative to the first image.

    ``data[i, g, y, x] = ((data[i, g, y, x] - data[i, 0, y, x]) - pattern[i, g, y % period, x]) + data[i, 0, y, x]`` in
    float32: the rounding of the reference implementation, which takes the first image away and adds it again.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    pattern : float32 array (nints, ngroups, period, nx), DN
        Signal per column; 0 for images that are not to be corrected.
    """
    n_integrations, n_groups, _, nx = data.shape
    period = pattern.shape[2]
    for i in range(n_integrations):
        for g in range(1, n_groups):
            for row in range(first_row, last_row):
                values, first = data[i, g, row], data[i, 0, row]
                signal = pattern[i, g, row % period]
                for column in range(nx):
                    values[column] = ((values[column] - first[column]) - signal[column]) + first[column]
