"""What the rows beside a pixel predict of it: spectra of neighbouring rows are nearly the same, apart from a factor.

All arrays have the dispersion along their last axis.
"""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel

_TERMS = 4
"""The rows on both sides, the shift of the spectrum from row to row, and how the factor changes along the row."""


_RIDGE = 1e-9
"""Of the rows' own elements, added to the diagonal: a term that is 0 everywhere gets the factor 0."""


@helper
def _rows_beside(values, y, x, choice):
    """Two rows by which a pixel is predicted, -1 where there are none.

    `choice` 1, 2: without the second, or the first one of those next to it; else those next to it.
    """
    ny = values.shape[0]
    below, above = y > 0 and math.isfinite(values[y - 1, x]), y < ny - 1 and math.isfinite(values[y + 1, x])
    if not below and not above:
        return -1, -1
    which = choice if choice < 3 else 0
    if below and above:
        steps = ((-1, 1), (-1, -2), (2, 1))[which]
    else:
        steps = ((1, 2), (1, 3), (3, 2))[which]
        if below:
            steps = (-steps[0], -steps[1])
    low, high = y + steps[0], y + steps[1]
    if min(low, high) < 0 or max(low, high) > ny - 1:
        return -1, -1
    return low, high


@helper
def _terms_at(values, variances, low, high, x, place, terms, spread):
    """Values and variances of the terms at a column; False if one of them is not known there."""
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
    terms[3], spread[3] = place * (terms[0] + terms[1]), place * place * (spread[0] + spread[1])
    return math.isfinite(terms[0] + terms[1] + spread[0] + spread[1])


@helper
def _factorized(matrix):
    """Cholesky factors of a symmetric positive matrix, in its lower half; False if it is singular."""
    n = matrix.shape[0]
    for i in range(n):
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
def _halfway(matrix, vector):
    """Solve with the lower factor of `_factorized`, in place."""
    for i in range(vector.size):
        for k in range(i):
            vector[i] -= matrix[i, k] * vector[k]
        vector[i] /= matrix[i, i]


@helper
def _back(matrix, vector):
    """Solve with the transposed factor, in place."""
    for i in range(vector.size - 1, -1, -1):
        for k in range(i + 1, vector.size):
            vector[i] -= matrix[k, i] * vector[k]
        vector[i] /= matrix[i, i]


@kernel
def predict(first_row, last_row, values, variances, counts, wanted, choice, half, expected, noise):
    """Predict pixels from the rows beside them.

    In a window of columns about a pixel, without the pixel, its row is fitted by least squares as a sum of the rows
    below and above and of their derivative along the row. A row at the end of what is seen is fitted by the two next
    rows on the other side. Variances of the rows hold the factors back where there is nothing but noise.

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
        0: the rows next to a pixel predict it; 1, 2: one of them is replaced by a row farther away; 3, 4: they do so by
        the columns on one side only.
    half : int
        Columns on either side.
    expected, noise : float32 array (ny, nx)
        Get, in the pixels that are wanted, the prediction, and the standard deviation of what it and the pixel differ;
        NaN where there is none.
    """
    nx = values.shape[1]
    terms, spread = np.empty(_TERMS), np.empty(_TERMS)
    matrix, right = np.empty((_TERMS, _TERMS)), np.empty(_TERMS)
    for y in range(first_row, last_row):
        for x in range(nx):
            if not wanted[y, x]:
                continue
            expected[y, x] = noise[y, x] = np.nan
            if not math.isfinite(values[y, x]):
                continue
            low, high = _rows_beside(values, y, x, choice)
            if low < 0:
                continue
            right[:], matrix[:] = 0.0, 0.0
            n = 0
            start, stop = max(0, x - half), min(nx, x + half + 1)
            if choice == 3:
                stop = x
            elif choice == 4:
                start = x + 1
            for k in range(start, stop):
                if (
                    k == x
                    or not counts[y, k]
                    or not _terms_at(values, variances, low, high, k, (k - x) / half, terms, spread)
                ):
                    continue
                place = (k - x) / (half + 1.0)
                weight = (1.0 - place * place) ** 2 / np.float64(variances[y, k])
                for i in range(_TERMS):
                    right[i] += weight * terms[i] * values[y, k]
                    matrix[i, i] += weight * spread[i]
                    for j in range(i, _TERMS):
                        matrix[i, j] += weight * terms[i] * terms[j]
                n += 1
            if n < (half if choice < 3 else half // 2) or not _terms_at(
                values, variances, low, high, x, 0.0, terms, spread
            ):
                continue
            for i in range(_TERMS):
                matrix[i, i] += _RIDGE * (matrix[0, 0] + matrix[1, 1])
            if not _factorized(matrix):
                continue
            _halfway(matrix, right)
            _back(matrix, right)
            value, variance = 0.0, np.float64(variances[y, x])
            for i in range(_TERMS):
                value += right[i] * terms[i]
                variance += right[i] * right[i] * spread[i]
            _halfway(matrix, terms)
            for i in range(_TERMS):
                variance += terms[i] * terms[i]
            expected[y, x], noise[y, x] = value, math.sqrt(variance)
