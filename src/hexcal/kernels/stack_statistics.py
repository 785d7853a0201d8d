"""Mean, scatter and number of the values of a stack of images, pixel by pixel, after outliers are clipped."""

import math

import numpy as np

from hexcal.kernels.compiled import kernel


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
        Which values may be used; on return, which were. A value that is not finite never is.
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
    ordered = np.empty(n, np.float64)
    for row in range(first_row, last_row):
        for column in range(nx):
            for index in range(n):
                used[index, row, column] = used[index, row, column] and math.isfinite(values[index, row, column])
            for _ in range(max_iterations + 1):
                number = 0
                for index in range(n):
                    if used[index, row, column]:
                        ordered[number] = values[index, row, column]
                        number += 1
                average, spread = math.nan, math.nan
                if number:
                    average = ordered[:number].mean()
                if number > 1:
                    total = 0.0
                    for index in range(number):
                        total += (ordered[index] - average) ** 2
                    spread = math.sqrt(total / (number - 1))
                mean[row, column], scatter[row, column], count[row, column] = average, spread, number
                if number < 3:
                    break
                middle = np.median(ordered[:number])
                clipped = False
                for index in range(n):
                    if used[index, row, column] and abs(values[index, row, column] - middle) > sigma * spread:
                        used[index, row, column] = False
                        clipped = True
                if not clipped:
                    break
