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
        low, high, count = math.inf, -math.inf, 0
        for y in range(ny):
            for x in range(start, stop):
                good = math.isfinite(data[y, x]) and math.isfinite(along[y, x]) and math.isfinite(sums[x])
                kept[y, x - start] = good
                if good:
                    low, high, count = min(low, along[y, x]), max(high, along[y, x]), count + 1
        if count <= size or high <= low:
            continue
        step, is_fit = (high - low) / n_cells, False
        for attempt in range(n_clips + 1):
            right[:], bands[:] = 0.0, 0.0
            for y in range(ny):
                for x in range(start, stop):
                    if kept[y, x - start]:
                        cell, place = _cell_of(along[y, x], low, step, n_cells)
                        _weights_of(place, weights)
                        value = data[y, x] / sums[x]
                        for k in range(_ORDER):
                            right[cell + k] += weights[k] * value
                            for j in range(k + 1):
                                bands[j, cell + k] += weights[k] * weights[k - j]
            ridge = _RIDGE * bands[0].max()
            for k in range(size):
                bands[0, k] += ridge
            is_fit = _solve(bands, right)
            if not is_fit or attempt == n_clips:
                break
            square, count = 0.0, 0
            for y in range(ny):
                for x in range(start, stop):
                    if kept[y, x - start]:
                        square += (data[y, x] / sums[x] - _value(along[y, x], low, step, right, weights)) ** 2
                        count += 1
            limit, dropped = clip * math.sqrt(square / count), False
            for y in range(ny):
                for x in range(start, stop):
                    if kept[y, x - start]:
                        distance = abs(data[y, x] / sums[x] - _value(along[y, x], low, step, right, weights))
                        if distance > limit:
                            kept[y, x - start], dropped = False, True
            if not dropped:
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
