"""Mean of several images after outliers are clipped, pixel by pixel."""

import math

import numpy as np

from hexcal.kernels.compiled import kernel


@kernel
def clip_by_scatter(first_row, last_row, values, errors, kept, sigma, max_iterations, mean, error):
    """Average values after iterative clipping at a number of standard deviations from their median.

    Parameters
    ----------
    first_row, last_row : int
        Rows ``first_row <= y < last_row`` are worked on.
    values : float32 array (n, ny, nx)
        What is averaged along the first axis.
    errors : float32 array (n, ny, nx)
        Their standard deviations.
    kept : bool array (n, ny, nx)
        Which values may be used; on return, which were used. A value that is not finite never is.
    sigma : float
        Values farther from the median than so many (population) standard deviations are clipped.
    max_iterations : int
        Number of iterations; -1: until nothing more is clipped.
    mean, error : float32 array (ny, nx)
        Get the mean of what is left, and ``sqrt(sum of errors^2) / n``; 0 where nothing is left.
    """
    n, _, nx = values.shape
    ordered = np.empty(n, np.float64)
    for row in range(first_row, last_row):
        for column in range(nx):
            for index in range(n):
                kept[index, row, column] = kept[index, row, column] and math.isfinite(values[index, row, column])
            count = _ordered(values, kept, row, column, ordered)
            lower, upper = _bounds(ordered, count, sigma, max_iterations)
            for index in range(n):
                if kept[index, row, column]:
                    kept[index, row, column] = lower <= values[index, row, column] <= upper
            _average(values, errors, kept, row, column, mean, error)


@kernel
def _bounds(ordered, count, sigma, max_iterations):
    """The bounds of the last iteration.

    They hold for all values, as in astropy: one that was clipped before may be within them.
    """
    first, last = 0, count
    lower, upper = -math.inf, math.inf
    iteration = 0
    while iteration != max_iterations and last - first > 1:
        middle = 0.0
        for index in range(first, last):
            middle += ordered[index]
        middle /= last - first
        spread = 0.0
        for index in range(first, last):
            spread += (ordered[index] - middle) ** 2
        limit = sigma * math.sqrt(spread / (last - first))
        median = 0.5 * (ordered[(first + last - 1) // 2] + ordered[(first + last) // 2])
        lower, upper = median - limit, median + limit
        before = last - first
        while first < last and ordered[first] < lower:
            first += 1
        while last > first and ordered[last - 1] > upper:
            last -= 1
        if last - first == before:
            break
        iteration += 1
    return lower, upper


@kernel
def clip_by_noise(first_row, last_row, values, errors, kept, sigma, mean, error):
    """Average values after those are clipped that differ from the others by more than their noise lets expect.

    The value that is farthest from the (lower) median is clipped if it differs from the mean of the others by more than
    `sigma` times the noise of that difference, then the next one. The noise of a value is taken from the (lower) median
    of the errors, since an outlier of a count rate has too large an error. Of two values the higher one is clipped:
    cosmic rays and sources add to the signal.

    Parameters
    ----------
    first_row, last_row, values, errors, kept, sigma, mean, error
        As in `clip_by_scatter`. Without any error that is finite and positive nothing is clipped.
    """
    n, _, nx = values.shape
    ordered = np.empty(n, np.float64)
    for row in range(first_row, last_row):
        for column in range(nx):
            for index in range(n):
                kept[index, row, column] = kept[index, row, column] and math.isfinite(values[index, row, column])
            noise = _typical_error(errors, kept, row, column, ordered)
            while noise > 0:
                count = _ordered(values, kept, row, column, ordered)
                if count < 2:
                    break
                farthest, total = _farthest(values, kept, row, column, ordered[(count - 1) // 2])
                others = (total - values[farthest, row, column]) / (count - 1)
                limit = sigma * noise * math.sqrt(1 + 1 / (count - 1))
                if abs(values[farthest, row, column] - others) <= limit:
                    break
                kept[farthest, row, column] = False
            _average(values, errors, kept, row, column, mean, error)


@kernel
def _farthest(values, kept, row, column, center):
    """The value of a pixel that is kept and farthest from `center`: its index; and the sum of those that are kept."""
    farthest, total = -1, 0.0
    for index in range(values.shape[0]):
        if kept[index, row, column]:
            value = values[index, row, column]
            total += value
            if farthest < 0 or abs(value - center) > abs(values[farthest, row, column] - center):
                farthest = index
    return farthest, total


@kernel
def _ordered(values, kept, row, column, ordered):
    """Put the values of a pixel that are kept into order; returns their number."""
    count = 0
    for index in range(values.shape[0]):
        if kept[index, row, column]:
            count = _insert(ordered, count, values[index, row, column])
    return count


@kernel
def _typical_error(errors, kept, row, column, ordered):
    """The lower median of the errors of a pixel; 0 if there is none."""
    count = 0
    for index in range(errors.shape[0]):
        value = errors[index, row, column]
        if kept[index, row, column] and math.isfinite(value) and value > 0:
            count = _insert(ordered, count, value)
    return ordered[(count - 1) // 2] if count else 0.0


@kernel
def _insert(ordered, count, value):
    place = count
    while place > 0 and ordered[place - 1] > value:
        ordered[place] = ordered[place - 1]
        place -= 1
    ordered[place] = value
    return count + 1


@kernel
def _average(values, errors, kept, row, column, mean, error):
    count, total, square = 0, 0.0, 0.0
    for index in range(values.shape[0]):
        if kept[index, row, column]:
            count += 1
            total += values[index, row, column]
            square += np.float64(errors[index, row, column]) ** 2
    mean[row, column] = total / count if count else 0.0
    error[row, column] = math.sqrt(square) / count if count else 0.0
