"""Mean, scatter and number of the values of a stack of images, pixel by pixel, after outliers are clipped."""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel
from hexcal.kernels.selection import median_of

_COLUMNS = 32
"""Pixels whose values are put side by side at a time: their stack is far apart in memory, a cache line is not."""


@kernel
def clipped_statistics(first_row, last_row, values, used, sigma, max_iterations, mean, scatter, count):
    """Clip the values of each pixel at a number of standard deviations from their median, again and again.

    Parameters
    ----------
    first_row, last_row : int
        Rows ``first_row <= y < last_row`` are worked on.
    values : float32 array (n, ny, nx)
        A stack.
    used : bool array (n, ny, nx)
        Which values may be used. A value that is not finite never is.
    sigma : float
        Values farther from the median than so many standard deviations are clipped.
    max_iterations : int
        Most iterations.
    mean, scatter : float64 array (ny, nx)
        Get the mean of what is left, and its standard deviation (n - 1 in the denominator); NaN where there is no, or
        only one, value.
    count : int64 array (ny, nx)
        Gets the number of values that are left.
    """
    n, _, nx = values.shape
    stacks, numbers = np.empty((_COLUMNS, n), np.float64), np.zeros(_COLUMNS, np.int64)
    scratch = np.empty(n, np.float64)
    for row in range(first_row, last_row):
        for first in range(0, nx, _COLUMNS):
            width = min(_COLUMNS, nx - first)
            numbers[:] = 0
            for index in range(n):
                for column in range(width):
                    value = values[index, row, first + column]
                    if used[index, row, first + column] and math.isfinite(value):
                        stacks[column, numbers[column]] = value
                        numbers[column] += 1
            for column in range(width):
                average, spread, number = _clip(stacks[column], numbers[column], sigma, max_iterations, scratch)
                mean[row, first + column], scatter[row, first + column] = average, spread
                count[row, first + column] = number


@helper
def _clip(stack, number, sigma, max_iterations, scratch):
    """Mean, standard deviation and number of what is left of the first values of a stack, which it is left with."""
    average, spread, farthest = _moments(stack, number)
    for _ in range(max_iterations):
        # A median is never farther from the mean than the standard deviation: often none needs to be looked for.
        if number < 3 or farthest <= 0.999999 * (sigma - 1) * spread:
            break
        for index in range(number):
            scratch[index] = stack[index]
        middle, left = median_of(scratch, number), 0
        for index in range(number):
            if abs(stack[index] - middle) <= sigma * spread:
                stack[left] = stack[index]
                left += 1
        if left == number:
            break
        number = left
        average, spread, farthest = _moments(stack, number)
    return average, spread, number


@helper
def _moments(stack, number):
    """Mean and standard deviation of the first values of a stack, NaN where there are too few; largest distance."""
    average, spread, farthest = math.nan, math.nan, math.nan
    if number > 0:
        total = 0.0
        for index in range(number):
            total += stack[index]
        average = total / number
    if number > 1:
        total, farthest = 0.0, 0.0
        for index in range(number):
            distance = abs(stack[index] - average)
            total += distance**2
            farthest = max(farthest, distance)
        spread = math.sqrt(total / (number - 1))
    return average, spread, farthest
