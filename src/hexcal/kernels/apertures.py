"""Photometry in circles: sums over the exact parts of pixels, and clipped statistics of rings."""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel


@helper
def _corner(x, y, radius):
    """Area that a circle about the origin has in common with the rectangle from there to (x, y), with their signs."""
    across, up = min(abs(x), radius), min(abs(y), radius)
    sign = 1.0 if (x < 0) == (y < 0) else -1.0
    if across * across + up * up <= radius * radius:
        return sign * across * up
    first = math.sqrt(radius * radius - up * up)
    return sign * (up * first + _under_arc(across, radius) - _under_arc(first, radius))


@helper
def _under_arc(x, radius):
    """Area under the arc of a circle from 0 to x."""
    height = math.sqrt(max(radius * radius - x * x, 0.0))
    return 0.5 * (x * height + radius * radius * math.asin(x / radius))


@helper
def covered(x, y, radius):
    """Part of a pixel that a circle about the origin covers; the pixel is centred at (x, y)."""
    far = math.hypot(abs(x) + 0.5, abs(y) + 0.5)
    if far <= radius:
        return 1.0
    if math.hypot(max(abs(x) - 0.5, 0.0), max(abs(y) - 0.5, 0.0)) >= radius:
        return 0.0
    left, right, low, high = x - 0.5, x + 0.5, y - 0.5, y + 0.5
    area = _corner(right, high, radius) - _corner(left, high, radius)
    return area - _corner(right, low, radius) + _corner(left, low, radius)


@kernel
def sum_circles(first_source, last_source, data, err, masked, x, y, radius, sums, errors):
    """Sum an image in circles, by the exact part of each pixel that is inside.

    Parameters
    ----------
    first_source, last_source : int
        Sources that are worked on.
    data, err : float32 array (ny, nx)
        The image and its standard deviation.
    masked : bool array (ny, nx)
        Pixels that do not count.
    x, y : float64 array (n,)
        Centres, 0-based pixels.
    radius : float
        In pixels.
    sums, errors : float64 array (n,)
        Get the sum and its standard deviation; NaN where the circle is beside the image.
    """
    ny, nx = data.shape
    for source in range(first_source, last_source):
        left, right = math.floor(x[source] - radius + 0.5), math.ceil(x[source] + radius - 0.5)
        low, high = math.floor(y[source] - radius + 0.5), math.ceil(y[source] + radius - 0.5)
        if right < 0 or high < 0 or left >= nx or low >= ny:
            sums[source] = errors[source] = np.nan
            continue
        total, variance = 0.0, 0.0
        for row in range(max(low, 0), min(high + 1, ny)):
            for column in range(max(left, 0), min(right + 1, nx)):
                part = covered(column - x[source], row - y[source], radius)
                if part > 0 and not masked[row, column]:
                    error = np.float64(err[row, column])
                    total += part * data[row, column]
                    variance += part * error * error
        sums[source], errors[source] = total, math.sqrt(variance)


@kernel
def ring_statistics(
    first_source, last_source, data, masked, x, y, inner, outer, sigma, rounds, medians, deviations, counts
):
    """Median and standard deviation of rings, clipped about the median; a pixel counts if its centre is inside.

    Parameters
    ----------
    first_source, last_source, data, masked, x, y
        As of `sum_circles`; values that are not finite do not count either.
    inner, outer : float
        Radii, pixels.
    sigma : float
        Clipping limit, standard deviations.
    rounds : int
        Rounds of clipping at most.
    medians, deviations : float64 array (n,)
        Get the results; NaN without any pixel.
    counts : int64 array (n,)
        Gets the number of pixels that are left.
    """
    ny, nx = data.shape
    reach = math.ceil(outer) + 1
    values = np.empty((2 * reach + 1) * (2 * reach + 1))
    for source in range(first_source, last_source):
        middle_x, middle_y = math.floor(x[source] + 0.5), math.floor(y[source] + 0.5)
        count = 0
        for row in range(max(middle_y - reach, 0), min(middle_y + reach + 1, ny)):
            for column in range(max(middle_x - reach, 0), min(middle_x + reach + 1, nx)):
                distance = (column - x[source]) ** 2 + (row - y[source]) ** 2
                if not inner * inner <= distance < outer * outer or masked[row, column]:
                    continue
                if math.isfinite(data[row, column]):
                    values[count] = data[row, column]
                    count += 1
        values[:count].sort()
        first, last = 0, count
        median, deviation = _moments(values, first, last)
        for _ in range(rounds):
            begin, end = first, last
            while first < last and values[first] < median - sigma * deviation:
                first += 1
            while first < last and values[last - 1] > median + sigma * deviation:
                last -= 1
            if (begin, end) == (first, last):
                break
            median, deviation = _moments(values, first, last)
        medians[source], deviations[source], counts[source] = median, deviation, last - first


@helper
def _moments(values, first, last):
    """Median and standard deviation of some of the sorted values; NaN without any."""
    count = last - first
    if count == 0:
        return np.nan, np.nan
    mean = 0.0
    for k in range(first, last):
        mean += values[k]
    mean /= count
    squares = 0.0
    for k in range(first, last):
        squares += (values[k] - mean) ** 2
    median = 0.5 * (values[first + (count - 1) // 2] + values[first + count // 2])
    return median, math.sqrt(squares / count)
