"""Convolution with a separable kernel that leaves pixels out."""

import numpy as np

from hexcal.kernels.compiled import kernel


@kernel
def convolve_good(first_row, last_row, image, is_good, axis, convolved):
    """Put the weighted mean of the good pixels around each pixel; beyond the edges there are zeros, which count.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    image : float32 array (ny, nx)
    is_good : bool array (ny, nx)
        Pixels that are used; their values must be finite.
    axis : float64 array (2 r + 1,)
        The kernel along either axis.
    convolved : float32 array (ny, nx)
        Gets the means; NaN where no pixel counts.
    """
    ny, nx = image.shape
    radius, total = len(axis) // 2, axis.sum()
    # Sums along columns; beyond the edges nothing is left out.
    values, weights = np.zeros(nx + 2 * radius), np.full(nx + 2 * radius, total)
    row_values, row_weights = np.empty(nx), np.empty(nx)
    for row in range(first_row, last_row):
        values[radius : radius + nx] = 0.0
        weights[radius : radius + nx] = 0.0
        for k in range(len(axis)):
            other, weight = row + k - radius, axis[k]
            if other < 0 or other >= ny:
                for column in range(nx):
                    weights[radius + column] += weight
                continue
            for column in range(nx):
                good = is_good[other, column]
                values[radius + column] += weight * image[other, column] if good else 0.0
                weights[radius + column] += weight if good else 0.0
        row_values[:] = 0.0
        row_weights[:] = 0.0
        for k in range(len(axis)):
            weight = axis[k]
            for column in range(nx):
                row_values[column] += weight * values[column + k]
                row_weights[column] += weight * weights[column + k]
        for column in range(nx):
            if row_weights[column] > 0:
                convolved[row, column] = row_values[column] / row_weights[column]
            else:
                convolved[row, column] = np.nan
