"""Estimates of missing pixels of spectra: from the profile across the spectrum, or from the neighbours.

All arrays have the dispersion along their last axis.
"""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel


@helper
def _median(values, count):
    """Median of the first values of an array, which are sorted in place; NaN of none."""
    if count == 0:
        return math.nan
    part = values[:count]
    part.sort()
    half = count // 2
    return part[half] if count % 2 else 0.5 * (part[half - 1] + part[half])


@helper
def _median_beside(image, row, beside, n_beside, good, divisors, several):
    """Median of the good values of a row in the columns beside, each divided by its number; NaN of none."""
    count = 0
    for number in range(n_beside):
        if good[row, beside[number]]:
            several[count] = image[row, beside[number]] / divisors[number]
            count += 1
    return _median(several, count)


@helper
def _columns_beside(data, err, good, column, n_adjacent, beside, largest):
    """Find the columns beside one that have good pixels: how many, and the highest ratio of signal to noise in them."""
    n_beside, snr = 0, 0.0
    for other in range(max(0, column - n_adjacent), min(data.shape[1], column + n_adjacent + 1)):
        top = -1.0
        if other != column:
            for row in range(data.shape[0]):
                if good[row, other]:
                    size = abs(np.float64(data[row, other]))
                    top = max(top, size)
                    noise = np.float64(err[row, other])
                    if noise > 0.0:
                        snr = max(snr, size / noise)
                    elif noise == 0.0 and size > 0.0:
                        snr = math.inf
        if top >= 0.0:
            largest[n_beside], beside[n_beside] = top or 1.0, other
            n_beside += 1
    return n_beside, snr


@helper
def _scale(data, good, column, profile):
    """Least-squares scale of a profile to the good pixels of a column, all by their absolute values."""
    above, below, top, profile_top = 0.0, 0.0, -math.inf, -math.inf
    for row in range(data.shape[0]):
        if good[row, column] and not math.isnan(profile[row]):
            above += abs(np.float64(data[row, column]) * profile[row])
            below += profile[row] * profile[row]
            profile_top = max(profile_top, profile[row])
        if good[row, column]:
            top = max(top, np.float64(data[row, column]))
    if below == 0.0:
        return math.nan
    return -above / below if top < 0.0 <= profile_top else above / below


@kernel
def by_profile(first, last, columns, starts, rows, data, planes, good, n_adjacent, least_snr, estimates):
    """Estimate pixels from the median profile of adjacent columns, scaled to the good pixels of their own column.

    Parameters
    ----------
    first, last : int
        Numbers of the affected columns that are worked on.
    columns : int64 array (n,)
        The affected columns.
    starts : int64 array (n + 1,)
        The pixels of column ``k`` are ``starts[k] <= j < starts[k + 1]``.
    rows : int64 array (npixels,)
        Rows of the pixels, ordered by column.
    data : float32 array (ny, nx)
        Values.
    planes : float32 array (nplanes, ny, nx)
        Standard deviations that are estimated with the same profile; the first one is the error of the values.
    good : bool array (ny, nx)
        Which pixels may be used.
    n_adjacent : int
        Number of columns on either side.
    least_snr : float
        Where no good pixel of the adjacent columns reaches this ratio of signal to noise, there is no profile to fit,
        and the estimate is the median of the adjacent columns as they are.
    estimates : float64 array (npixels, nplanes + 1)
        Get the values and the standard deviations; NaN where there is none.
    """
    ny = data.shape[0]
    profile = np.empty(ny)
    several = np.empty(2 * n_adjacent)
    divisors = np.empty(2 * n_adjacent)
    beside = np.empty(2 * n_adjacent, np.int64)
    for index in range(first, last):
        column = columns[index]
        n_beside, snr = _columns_beside(data, planes[0], good, column, n_adjacent, beside, divisors)
        scale = 1.0
        if not good[:, column].any():
            scale = math.nan
        elif snr < least_snr:
            divisors[:n_beside] = 1.0
        else:
            for row in range(ny):
                profile[row] = _median_beside(data, row, beside, n_beside, good, divisors, several)
            scale = _scale(data, good, column, profile)
        for pixel in range(starts[index], starts[index + 1]):
            row = rows[pixel]
            estimates[pixel, 0] = scale * _median_beside(data, row, beside, n_beside, good, divisors, several)
            for plane in range(planes.shape[0]):
                spread = _median_beside(planes[plane], row, beside, n_beside, good, divisors, several)
                estimates[pixel, plane + 1] = abs(scale) * spread


@kernel
def by_gradient(first, last, rows, columns, data, planes, estimates):
    """Estimate pixels as the mean of their two neighbours along the axis on which these differ less.

    Parameters
    ----------
    first, last : int
        Numbers of the pixels that are worked on.
    rows, columns : int64 array (npixels,)
        The pixels; those at an edge have no estimate.
    data : float32 array (ny, nx)
        Values; an axis with a neighbour that is NaN does not count.
    planes : float32 array (nplanes, ny, nx)
        Standard deviations.
    estimates : float64 array (npixels, nplanes + 1)
        Get the values and the standard deviations; NaN where there is none.
    """
    ny, nx = data.shape
    for pixel in range(first, last):
        row, column = rows[pixel], columns[pixel]
        estimates[pixel, :] = math.nan
        if row == 0 or row == ny - 1 or column == 0 or column == nx - 1:
            continue
        along = abs(np.float64(data[row, column + 1]) - data[row, column - 1])
        across = abs(np.float64(data[row + 1, column]) - data[row - 1, column])
        if math.isnan(along) and math.isnan(across):
            continue
        step_row, step_column = (1, 0) if math.isnan(along) or across < along else (0, 1)
        for plane in range(planes.shape[0] + 1):
            values = data if plane == 0 else planes[plane - 1]
            both = np.float64(values[row - step_row, column - step_column])
            both += values[row + step_row, column + step_column]
            estimates[pixel, plane] = both / 2
