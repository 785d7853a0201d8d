"""Medians along the lines of an image, apart for each amplifier: the noise that all pixels read one after the other share."""

import numpy as np

from hexcal.kernels.compiled import kernel


@kernel
def line_medians(first_row, last_row, image, usable, background, level, noise):
    """Take the median of each line less a background, in equal parts of the line.

    Parameters
    ----------
    first_row, last_row : int
        Lines ``first_row <= y < last_row``.
    image : float32 array (ny, nx), DN
        Lines are its rows; NaN does not count.
    usable : bool array (ny, nx)
        Pixels that see no source.
    background : float32 array (ny, nx)
        Shape of the background.
    level : float
        Factor of it.
    noise : float64 array (ny, n_parts), DN
        Result; 0 for a part without a usable pixel.
    """
    nx = image.shape[1]
    n_parts = noise.shape[1]
    width = nx // n_parts
    values = np.empty(width + n_parts)
    for row in range(first_row, last_row):
        for part in range(n_parts):
            start, stop = part * width, nx if part == n_parts - 1 else (part + 1) * width
            count = 0
            for column in range(start, stop):
                value = image[row, column] - level * background[row, column]
                if usable[row, column] and value == value:
                    values[count] = value
                    count += 1
            noise[row, part] = np.median(values[:count]) if count > 0 else 0.0
