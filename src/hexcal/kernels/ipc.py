"""Convolution of an image with a small kernel, which may differ from pixel to pixel."""

import numpy as np

from hexcal.kernels.compiled import kernel


@kernel
def copy_science(first_row, last_row, image, first_x, last_x, first_y, last_y, margin_y, margin_x, padded):
    """Copy the science pixels of an image to the middle of a larger one, with zeros in place of the reference pixels.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the image.
    image : float32 array (ny, nx)
        The image; only read.
    first_x, last_x, first_y, last_y : int
        Science pixels are those with ``first_x <= x < last_x`` and ``first_y <= y < last_y``.
    margin_y, margin_x : int
        Lines and columns of zeros around the copy; they are not written.
    padded : float32 array (ny + 2 * margin_y, nx + 2 * margin_x)
        Result.
    """
    nx = image.shape[1]
    zero = np.float32(0)
    for row in range(first_row, last_row):
        target = padded[row + margin_y]
        inside = first_y <= row < last_y
        for column in range(nx):
            target[column + margin_x] = image[row, column] if inside and first_x <= column < last_x else zero


@kernel
def convolve(first_row, last_row, padded, weights, first_x, last_x, first_y, last_y, image):
    """Write the convolution of an image with a kernel into its science pixels.

    ``image[y, x] = sum over j, i of weights[j, i, y, x] * source[y + ky // 2 - j, x + kx // 2 - i]``

    Parameters
    ----------
    first_row, last_row : int
        Rows of the image.
    padded : float32 array (ny + 2 * (ky // 2), nx + 2 * (kx // 2))
        The source, as `copy_science` makes it; only read.
    weights : float32 array (ky, kx, ny, nx) or (ky, kx, 1, 1)
        The kernel, of each pixel or of all; ky and kx are odd.
    first_x, last_x, first_y, last_y : int
        The science pixels.
    image : float32 array (ny, nx)
        Result; the other pixels are not written.
    """
    ky, kx, wy, _ = weights.shape
    total = np.empty(image.shape[1], np.float64)
    for row in range(max(first_row, first_y), min(last_row, last_y)):
        total[:] = 0
        for j in range(ky):
            for i in range(kx):
                source = padded[row + ky - 1 - j]
                shift = kx - 1 - i
                if wy == 1:
                    weight = np.float64(weights[j, i, 0, 0])
                    for column in range(first_x, last_x):
                        total[column] += weight * source[column + shift]
                else:
                    weight_of = weights[j, i, row]
                    for column in range(first_x, last_x):
                        total[column] += np.float64(weight_of[column]) * source[column + shift]
        for column in range(first_x, last_x):
            image[row, column] = total[column]
