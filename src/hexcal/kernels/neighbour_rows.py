"""What the rows beside a pixel predict of it: spectra of neighbouring rows are nearly the same, apart from a factor.

All arrays have the dispersion along their last axis.
"""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel

_TERMS, _BENT = 4, 6
"""Terms of a fit: the rows on both sides, the shift of the spectrum from row to row, and how the factor changes along
the row: evenly, or bent, as where a narrow trace crosses the row."""
_RIDGE = 1e-9
"""Of the rows' own elements, added to the diagonal: a term that is 0 everywhere gets the factor 0."""
_GOOD = 3.0
"""A prediction whose variance, with that of the pixel, is below so many times that of the pixel is taken as it is."""
_ALIKE = 3.0
"""Predictions count whose standard deviation is below so many times the least one."""
_MOST = 12
"""Predictions of a pixel: three pairs of rows, by both sides with few and many terms, and by either side."""
_FIRST, _SECOND, _OWN_ROW = 1, 2, 5
"""Choices: one pair of rows, the other one, and none."""


@helper
def _rows_beside(values, y, x, pair):
    """Two rows by which a pixel is predicted, -1 where there are none.

    `pair` 1, 2: without the second, or the first one of those next to it; else those next to it.
    """
    ny = values.shape[0]
    below, above = y > 0 and math.isfinite(values[y - 1, x]), y < ny - 1 and math.isfinite(values[y + 1, x])
    if not below and not above:
        return -1, -1
    if below and above:
        steps = ((-1, 1), (-1, -2), (2, 1))[pair]
    else:
        steps = ((1, 2), (1, 3), (3, 2))[pair]
        if below:
            steps = (-steps[0], -steps[1])
    low, high = y + steps[0], y + steps[1]
    if min(low, high) < 0 or max(low, high) > ny - 1:
        return -1, -1
    return low, high


@helper
def _terms_at(values, variances, low, high, x, place, size, terms, spread):
    """Compute the terms of the fit at a column, and their variances; return False if one of them is NaN.

    Without rows (-1) they are powers of the place.
    """
    if low < 0:
        spread[:] = 0.0
        for i in range(size):
            terms[i] = place**i
        return True
    terms[0], terms[1] = values[low, x], values[high, x]
    spread[0], spread[1] = variances[low, x], variances[high, x]
    terms[2] = spread[2] = 0.0
    if 0 < x < values.shape[1] - 1:
        terms[2] = 0.5 * (values[low, x + 1] + values[high, x + 1] - values[low, x - 1] - values[high, x - 1])
        spread[2] = 0.25 * (
            np.float64(variances[low, x + 1]) + variances[high, x + 1] + variances[low, x - 1] + variances[high, x - 1]
        )
        if not math.isfinite(terms[2] + spread[2]):
            terms[2] = spread[2] = 0.0
    power = place
    for i in range(3, size):
        terms[i], spread[i] = power * (terms[0] + terms[1]), power * power * (spread[0] + spread[1])
        power *= place
    return math.isfinite(terms[0] + terms[1] + spread[0] + spread[1])


@helper
def _factorized(matrix, size):
    """Cholesky factors of a symmetric positive matrix, in its lower half; False if it is singular."""
    for i in range(size):
        diagonal = matrix[i, i]
        for j in range(i + 1):
            total = matrix[j, i]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i > j:
                matrix[i, j] = total / matrix[j, j]
            elif not total > 1e-12 * diagonal:
                return False
            else:
                matrix[i, i] = math.sqrt(total)
    return True


@helper
def _halfway(matrix, vector, size):
    """Solve with the lower factor of `_factorized`, in place."""
    for i in range(size):
        for k in range(i):
            vector[i] -= matrix[i, k] * vector[k]
        vector[i] /= matrix[i, i]


@helper
def _back(matrix, vector, size):
    """Solve with the transposed factor, in place."""
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            vector[i] -= matrix[k, i] * vector[k]
        vector[i] /= matrix[i, i]


@helper
def _summed(values, variances, counts, y, x, rows, columns, half, size, work):
    """Sum up what a fit needs, in `work`; returns the number of columns, and their sums of weighted squares and parts.

    Of `work` the terms and their variances at a column; the normal equations, the squares of their right side, and what
    the variances of the rows add to the diagonal.
    """
    terms, spread, matrix, right, held = work
    right[:], matrix[:], held[:] = 0.0, 0.0, 0.0
    n, squares, parts = 0, 0.0, 0.0
    for k in range(*columns):
        known = k != x and counts[y, k]
        if not known or not _terms_at(values, variances, *rows, k, (k - x) / half, size, terms, spread):
            continue
        place = (k - x) / (half + 1.0)
        part = (1.0 - place * place) ** 2
        weight, value = part / np.float64(variances[y, k]), np.float64(values[y, k])
        for i in range(size):
            right[i] += weight * terms[i] * value
            held[i] += weight * spread[i]
            for j in range(i, size):
                matrix[i, j] += weight * terms[i] * terms[j]
        squares += weight * value * value
        parts += part
        n += 1
    return n, squares, parts


@helper
def _fitted(values, variances, counts, y, x, rows, columns, half, least, size, work):
    """Value of a pixel by a fit, and the standard deviation of what both differ; NaN where there is none.

    Where the pixels of the row scatter by more than their errors about the fit, so does what is predicted.
    """
    terms, spread, matrix, right, held = work
    n, squares, parts = _summed(values, variances, counts, y, x, rows, columns, half, size, work)
    if n < max(least, size + 1) or not _terms_at(values, variances, *rows, x, 0.0, size, terms, spread):
        return np.nan, np.nan
    ridge = _RIDGE * (matrix[0, 0] + held[0] + matrix[1, 1] + held[1])
    for i in range(size):
        matrix[i, i] += held[i] + ridge
    if not _factorized(matrix, size):
        return np.nan, np.nan
    _halfway(matrix, right, size)
    for i in range(size):
        squares -= right[i] * right[i]
    _back(matrix, right, size)
    value, variance, by_rows = 0.0, np.float64(variances[y, x]), 0.0
    for i in range(size):
        value += right[i] * terms[i]
        variance += right[i] * right[i] * spread[i]
        by_rows += right[i] * right[i] * held[i]
    _halfway(matrix, terms, size)
    for i in range(size):
        variance += terms[i] * terms[i]
    misfit = (squares - by_rows) / (parts * (1.0 - size / n) + by_rows)
    return value, math.sqrt(variance * max(misfit, 1.0))


@helper
def _predicted(values, variances, counts, y, x, pair, side, half, size, work):
    """`_fitted` by a pair of rows (-1: by none), and by the columns on both sides (0), before (1), or after a pixel."""
    low, high = (-1, -1) if pair < 0 else _rows_beside(values, y, x, pair)
    if pair >= 0 and low < 0:
        return np.nan, np.nan
    first = x + 1 if side == 2 else max(0, x - half)
    last = x if side == 1 else min(values.shape[1], x + half + 1)
    least = half // 2 if side else half
    return _fitted(values, variances, counts, y, x, (low, high), (first, last), half, least, size, work)


@helper
def _collect(values, variances, counts, y, x, choice, half, work, found):
    """Put predictions of a pixel into `found` (value, standard deviation); returns their number.

    The one by the rows next to it and both sides is enough if it is good.
    """
    if choice == _OWN_ROW:
        found[0, 0], found[0, 1] = _predicted(values, variances, counts, y, x, -1, 0, half, _TERMS, work)
        return 1
    n, good = 0, _GOOD * np.float64(variances[y, x])
    for pair in range(3):
        if choice in (_FIRST, _SECOND) and pair != choice:
            continue
        for side in range(3):
            if choice and side != max(choice - _SECOND, 0):
                continue
            for size in (_TERMS, _BENT):
                # Many terms would follow the noise of the few pixels on one side.
                if side and size == _BENT:
                    continue
                value, sigma = _predicted(values, variances, counts, y, x, pair, side, half, size, work)
                if sigma * sigma < good and (choice or not (pair or side)):
                    found[0, 0], found[0, 1] = value, sigma
                    return 1
                found[n, 0], found[n, 1] = value, sigma
                n += 1
    return n


@helper
def _nearest(value, found, n):
    """Of the predictions that are nearly as sure as the surest one, that which is nearest to a pixel.

    It is held for as sure as it and the surest one are in the geometric mean: by its own measure alone hits would be
    forgiven, by that of the surest one what it cannot know.
    """
    least = np.inf
    for i in range(n):
        if found[i, 1] < least:
            least = found[i, 1]
    best, distance = -1, np.inf
    for i in range(n):
        if found[i, 1] < _ALIKE * least and abs(found[i, 0] - value) < distance:
            best, distance = i, abs(found[i, 0] - value)
    if best < 0:
        return np.nan, np.nan
    return found[best, 0], math.sqrt(found[best, 1] * least)


@kernel
def predict(first_row, last_row, values, variances, counts, wanted, choice, half, expected, noise):
    """Predict pixels from the rows beside them.

    In a window of columns about a pixel, without the pixel, its row is fitted by least squares as a sum of the rows
    below and above and of their derivative along the row. A row at the end of what is seen is fitted by the two next
    rows on the other side. Variances of the rows hold the factors back where there is nothing but noise.

    Where this is not good enough, because the factor bends, the light ends, or a cosmic ray has hit one of the rows,
    there are others: with more terms, by the columns on one side, by rows farther away. Of those that are nearly as
    sure as the surest one the pixel gets the one that is nearest to it.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    values, variances : float32 array (ny, nx)
        NaN where nothing is seen.
    counts : bool array (ny, nx)
        Which pixels the fit counts.
    wanted : bool array (ny, nx)
        Which pixels are predicted.
    choice : int
        0: as above; 1, 2: one of the rows next to a pixel is replaced by a row farther away; 3, 4: by the columns on
        one side only; 5: by the pixel's own row alone, a polynomial.
    half : int
        Columns on either side.
    expected, noise : float32 array (ny, nx)
        Get, in the pixels that are wanted, the prediction, and the standard deviation of what it and the pixel differ;
        NaN where there is none.
    """
    work = (np.empty(_BENT), np.empty(_BENT), np.empty((_BENT, _BENT)), np.empty(_BENT), np.empty(_BENT))
    found = np.empty((_MOST, 2))
    for y in range(first_row, last_row):
        for x in range(values.shape[1]):
            if not wanted[y, x]:
                continue
            expected[y, x] = noise[y, x] = np.nan
            if math.isfinite(values[y, x]):
                n = _collect(values, variances, counts, y, x, choice, half, work, found)
                expected[y, x], noise[y, x] = _nearest(values[y, x], found, n)
