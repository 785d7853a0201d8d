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


@kernel
def by_profile(first, last, columns, starts, rows, data, planes, good, n_adjacent, estimates):
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
        Standard deviations that are estimated with the same profile.
    good : bool array (ny, nx)
        Which pixels may be used.
    n_adjacent : int
        Number of columns on either side.
    estimates : float64 array (npixels, nplanes + 1)
        Get the values and the standard deviations; NaN where there is none.
    """
    ny, nx = data.shape
    n_planes = planes.shape[0]
    profile = np.empty(ny)
    several = np.empty(2 * n_adjacent)
    largest = np.empty(2 * n_adjacent)
    beside = np.empty(2 * n_adjacent, np.int64)
    for index in range(first, last):
        column = columns[index]
        n_beside = 0
        for other in range(max(0, column - n_adjacent), min(nx, column + n_adjacent + 1)):
            top = -math.inf
            if other != column:
                for row in range(ny):
                    if good[row, other] and data[row, other] > top:
                        top = data[row, other]
            if top != 0.0 and not math.isinf(top):
                largest[n_beside], beside[n_beside] = top, other
                n_beside += 1
        above, below = 0.0, 0.0
        for row in range(ny):
            count = 0
            for number in range(n_beside):
                if good[row, beside[number]]:
                    several[count] = data[row, beside[number]] / largest[number]
                    count += 1
            profile[row] = _median(several, count)
            if good[row, column] and not math.isnan(profile[row]):
                above += data[row, column] * profile[row]
                below += profile[row] * profile[row]
        scale = above / below if below > 0.0 else math.nan
        for pixel in range(starts[index], starts[index + 1]):
            row = rows[pixel]
            estimates[pixel, 0] = scale * profile[row]
            for plane in range(n_planes):
                count = 0
                for number in range(n_beside):
                    if good[row, beside[number]]:
                        several[count] = planes[plane, row, beside[number]] / largest[number]
                        count += 1
                estimates[pixel, plane + 1] = scale * _median(several, count)


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
