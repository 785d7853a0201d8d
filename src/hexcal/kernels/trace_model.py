"""Cubic splines through the profile across a spectrum, one for each column, from the columns around it.

All arrays have the dispersion along their last axis.
"""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel

_RIDGE = 1e-9
"""Of the largest diagonal element, added to all: a spline that no value reaches is 0."""
_ORDER = 4


@helper
def _weights_of(place, weights):
    """Values of the four cubic splines that are not 0 between two knots, `place` (0 to 1) behind the first."""
    rest = 1.0 - place
    weights[0] = rest * rest * rest / 6.0
    weights[1] = (3.0 * place * place * place - 6.0 * place * place + 4.0) / 6.0
    weights[2] = (3.0 * rest * rest * rest - 6.0 * rest * rest + 4.0) / 6.0
    weights[3] = place * place * place / 6.0


@helper
def _cell_of(position, low, step, n_cells):
    """Number of the knot before a position, and how far behind it that is, in units of their distance."""
    scaled = (position - low) / step
    cell = min(max(int(scaled), 0), n_cells - 1)
    return cell, min(max(scaled - cell, 0.0), 1.0)


@helper
def _solve(bands, right):
    """Solve a symmetric system with three side diagonals in place, by Cholesky; False if it is singular.

    ``bands[k, i]`` is the element in row i and column i - k.
    """
    n = right.size
    for i in range(n):
        for k in range(min(i, _ORDER - 1), -1, -1):
            total = bands[k, i]
            for j in range(k + 1, min(i, _ORDER - 1) + 1):
                if j - k < _ORDER:
                    total -= bands[j, i] * bands[j - k, i - k]
            if k > 0:
                bands[k, i] = total / bands[0, i - k]
            elif total <= 0.0:
                return False
            else:
                bands[0, i] = math.sqrt(total)
    for i in range(n):
        for k in range(1, min(i, _ORDER - 1) + 1):
            right[i] -= bands[k, i] * right[i - k]
        right[i] /= bands[0, i]
    for i in range(n - 1, -1, -1):
        for k in range(1, min(n - 1 - i, _ORDER - 1) + 1):
            right[i] -= bands[k, i + k] * right[i + k]
        right[i] /= bands[0, i]
    return True


@helper
def _value(position, low, step, coefficients, weights):
    cell, place = _cell_of(position, low, step, coefficients.size - _ORDER + 1)
    _weights_of(place, weights)
    total = 0.0
    for k in range(_ORDER):
        total += weights[k] * coefficients[cell + k]
    return total


@helper
def _usable(along, data, sums, start, stop, kept):
    """Mark the values that count in the columns from `start`; least and largest position, and number of them."""
    low, high, count = math.inf, -math.inf, 0
    for y in range(data.shape[0]):
        for x in range(start, stop):
            good = math.isfinite(data[y, x]) and math.isfinite(along[y, x]) and math.isfinite(sums[x])
            kept[y, x - start] = good
            if good:
                low, high, count = min(low, along[y, x]), max(high, along[y, x]), count + 1
        for x in range(stop - start, kept.shape[1]):
            kept[y, x] = False
    return low, high, count


@helper
def _gather(along, data, sums, start, kept, cells, weights, right, bands):
    """Set up the normal equations of a spline, `bands` and `right`."""
    low, step, n_cells = cells
    right[:], bands[:] = 0.0, 0.0
    for y in range(data.shape[0]):
        for number in range(kept.shape[1]):
            if not kept[y, number]:
                continue
            x = start + number
            cell, place = _cell_of(along[y, x], low, step, n_cells)
            _weights_of(place, weights)
            value = data[y, x] / sums[x]
            for k in range(_ORDER):
                right[cell + k] += weights[k] * value
                for j in range(k + 1):
                    bands[j, cell + k] += weights[k] * weights[k - j]
    ridge = _RIDGE * bands[0].max()
    for k in range(right.size):
        bands[0, k] += ridge


@helper
def _drop(along, data, sums, start, kept, cells, weights, coefficients, clip):
    """Leave out values further from the spline than `clip` standard deviations; whether there were any."""
    low, step = cells
    square, count = 0.0, 0
    for y in range(data.shape[0]):
        for number in range(kept.shape[1]):
            if kept[y, number]:
                x = start + number
                square += (data[y, x] / sums[x] - _value(along[y, x], low, step, coefficients, weights)) ** 2
                count += 1
    limit, dropped = clip * math.sqrt(square / count), False
    for y in range(data.shape[0]):
        for number in range(kept.shape[1]):
            if kept[y, number]:
                x = start + number
                distance = abs(data[y, x] / sums[x] - _value(along[y, x], low, step, coefficients, weights))
                if distance > limit:
                    kept[y, number], dropped = False, True
    return dropped


@kernel
def fit_traces(first, last, along, data, sums, half_window, n_cells, clip, n_clips, knots, coefficients):
    """Fit the profile of each column by a cubic spline of equidistant knots.

    Parameters
    ----------
    first, last : int
        Columns that are worked on.
    along : float64 array (ny, nx)
        Position across the spectrum; NaN outside of it.
    data : float32 array (ny, nx)
        Values; NaN where there is none.
    sums : float64 array (nx,)
        What each column is divided by; NaN if it is not used.
    half_window : int
        Columns on either side whose values are used.
    n_cells : int
        Distances between knots.
    clip : float
        Values further from the spline than so many standard deviations are left out, and the fit repeated,
    n_clips : int
        so many times at most.
    knots : float64 array (nx, 2)
        Get the first knot and the distance between knots; NaN where there is no fit.
    coefficients : float64 array (nx, n_cells + 3)
        Get the coefficients of the splines.
    """
    ny, nx = data.shape
    size = n_cells + _ORDER - 1
    weights, right, bands = np.empty(_ORDER), np.empty(size), np.empty((_ORDER, size))
    kept = np.empty((ny, 2 * half_window + 1), np.bool_)
    for column in range(first, last):
        knots[column, 0] = knots[column, 1] = math.nan
        start, stop = max(0, column - half_window), min(nx, column + half_window + 1)
        low, high, count = _usable(along, data, sums, start, stop, kept)
        if count <= size or high <= low:
            continue
        step, is_fit = (high - low) / n_cells, False
        for attempt in range(n_clips + 1):
            _gather(along, data, sums, start, kept, (low, step, n_cells), weights, right, bands)
            is_fit = _solve(bands, right)
            if not is_fit or attempt == n_clips:
                break
            if not _drop(along, data, sums, start, kept, (low, step), weights, right, clip):
                break
        if is_fit:
            knots[column, 0], knots[column, 1] = low, step
            coefficients[column] = right


@kernel
def evaluate_traces(first, last, along, knots, coefficients, profile):
    """Evaluate the splines of all columns.

    Parameters
    ----------
    first, last : int
        Columns that are worked on.
    along : float64 array (ny, nx)
        Position across the spectrum; NaN outside of it.
    knots, coefficients : float64 arrays
        As of `fit_traces`.
    profile : float64 array (ny, nx)
        Gets the values; NaN where there is no fit, or beyond the outermost knots.
    """
    weights = np.empty(_ORDER)
    n_cells = coefficients.shape[1] - _ORDER + 1
    for y in range(along.shape[0]):
        for x in range(first, last):
            low, step, position = knots[x, 0], knots[x, 1], along[y, x]
            if low <= position <= low + n_cells * step:
                profile[y, x] = _value(position, low, step, coefficients[x], weights)
            else:
                profile[y, x] = math.nan
