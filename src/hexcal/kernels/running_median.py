"""Medians of the neighbours of each value along a row."""

import numpy as np

from hexcal.kernels.compiled import kernel


@kernel
def running_median(first_row, last_row, values, half, zero_beyond, medians):
    """Take the median of each value and its neighbours in its row.

    Parameters
    ----------
    first_row, last_row : int
        Rows ``first_row <= y < last_row`` are worked on.
    values : float32 array (ny, nx)
        NaN does not count.
    half : int
        Neighbours on each side.
    zero_beyond : bool
        Beyond the ends of a row there are zeros; False: nothing.
    medians : float32 array (ny, nx)
        Result; NaN where nothing counts.
    """
    nx = values.shape[1]
    near = np.empty(2 * half + 1, np.float32)
    for y in range(first_row, last_row):
        for x in range(nx):
            n = 0
            for k in range(x - half, x + half + 1):
                if 0 <= k < nx:
                    value = values[y, k]
                elif zero_beyond:
                    value = np.float32(0.0)
                else:
                    continue
                if value != value:
                    continue
                # Sorted as they come.
                place = n
                while place > 0 and near[place - 1] > value:
                    near[place] = near[place - 1]
                    place -= 1
                near[place] = value
                n += 1
            if n == 0:
                medians[y, x] = np.nan
            elif n % 2:
                medians[y, x] = near[n // 2]
            else:
                medians[y, x] = np.float32(0.5) * (near[n // 2 - 1] + near[n // 2])
