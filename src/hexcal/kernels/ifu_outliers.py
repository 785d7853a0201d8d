"""Outliers of integral-field exposures: differences of neighbouring pixels, and their local median."""

import math

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.selection import median_of


@kernel
def least_difference(first_row, last_row, data, dq, bad, along_x, differences):
    """Put into each pixel its smaller absolute difference from the two neighbours along one axis; NaN: there is none.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    data : float32 array (ny, nx)
        An exposure.
    dq : uint32 array (ny, nx)
        Its flags.
    bad : uint32
        Flags of pixels that do not count.
    along_x : bool
        Whether the neighbours are those to the left and right, or those below and above.
    differences : float32 array (ny, nx)
        Overwritten.
    """
    ny, nx = data.shape
    dy, dx = (0, 1) if along_x else (1, 0)
    for y in range(first_row, last_row):
        for x in range(nx):
            least = np.float32(np.nan)
            if not dq[y, x] & bad:
                for side in (-1, 1):
                    j, i = y + side * dy, x + side * dx
                    if 0 <= j < ny and 0 <= i < nx and not dq[j, i] & bad:
                        difference = abs(data[y, x] - data[j, i])
                        if not difference >= least:
                            least = difference if not math.isnan(difference) else least
            differences[y, x] = least


@kernel
def keep_least(first_row, last_row, least, differences):
    """Keep the smaller of two values in `least`, float32 arrays (ny, nx); NaN counts for nothing."""
    for y in range(first_row, last_row):
        for x in range(least.shape[1]):
            if differences[y, x] < least[y, x] or math.isnan(least[y, x]):
                least[y, x] = differences[y, x]


@kernel
def window_median(first_row, last_row, values, window_y, window_x, only_finite, medians):
    """Put the median of a window around each pixel into `medians`; NaN are left out, outside of the frame are zeros.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    values : float32 array (ny, nx)
        Of which it is the median.
    window_y, window_x : int
        Size of the window, odd.
    only_finite : bool
        Whether only pixels that are not NaN get one.
    medians : float32 array (ny, nx)
        Overwritten; NaN where there is no value.
    """
    ny, nx = values.shape
    inside = np.empty(window_y * window_x)
    half_y, half_x = window_y // 2, window_x // 2
    for y in range(first_row, last_row):
        for x in range(nx):
            medians[y, x] = np.nan
            if only_finite and math.isnan(values[y, x]):
                continue
            n = 0
            for j in range(y - half_y, y + half_y + 1):
                for i in range(x - half_x, x + half_x + 1):
                    if j < 0 or j >= ny or i < 0 or i >= nx:
                        inside[n] = 0.0
                        n += 1
                    elif not math.isnan(values[j, i]):
                        inside[n] = values[j, i]
                        n += 1
            if n:
                medians[y, x] = median_of(inside, n)
