"""The flat field of a spectrograph at the wavelength of each pixel, put together from images and curves."""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel


@helper
def _interval(grid, value):
    """Number of the interval of a rising grid that a value is in; -1 outside of the grid."""
    last = grid.size - 1
    if not (grid[0] <= value <= grid[last]):
        return -1
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        if grid[middle] <= value:
            low = middle
        else:
            high = middle
    return low


@kernel
def multiply_image(
    first_row, last_row, wavelength, grid, image, image_err, image_bad, by_pixel, is_relative, flat, variance, bad
):
    """Multiply by an image that varies slowly with the wavelength, linear between its planes.

    Parameters
    ----------
    first_row, last_row : int
        Rows ``first_row <= y < last_row`` of the slit are worked on.
    wavelength : float64 array (ny, nx), micron
        NaN where the slit sees nothing.
    grid : float64 array (nplanes,), micron
        Wavelengths of the planes, rising; of a single plane it is not used.
    image, image_err : float32 array (nplanes, ny, nx), or (nplanes, 1, 1)
        Values and their standard deviations.
    image_bad : bool array (ny, nx), or (1, 1)
        Where the image has no value.
    by_pixel : bool
        Whether the image has a value for each pixel; otherwise one for all.
    is_relative : bool
        Whether the standard deviations are relative ones.
    flat, variance : float64 array (ny, nx)
        Multiplied by the value, and added to by its relative variance.
    bad : bool array (ny, nx)
        Set where there is no value: NaN, 0, outside of the grid.
    """
    nx = wavelength.shape[1]
    n_planes = image.shape[0]
    for y in range(first_row, last_row):
        row = y if by_pixel else 0
        for x in range(nx):
            column = x if by_pixel else 0
            at = wavelength[y, x]
            if math.isnan(at) or image_bad[row, column]:
                bad[y, x] = True
                continue
            plane, share = 0, 0.0
            if n_planes > 1:
                plane = _interval(grid, at)
                if plane < 0:
                    bad[y, x] = True
                    continue
                share = (at - grid[plane]) / (grid[plane + 1] - grid[plane])
            value, error = np.float64(image[plane, row, column]), np.float64(image_err[plane, row, column])
            if n_planes > 1:
                value += share * (image[plane + 1, row, column] - value)
                error += share * (image_err[plane + 1, row, column] - error)
            if math.isnan(value) or value == 0.0:
                bad[y, x] = True
                continue
            flat[y, x] *= value
            relative = error if is_relative else error / value
            variance[y, x] += relative * relative


@kernel
def multiply_curve(first_row, last_row, wavelength, width, grid, curve, curve_err, is_of_product, flat, variance, bad):
    """Multiply by a curve, averaged over the wavelengths that a pixel sees.

    The average is that of Gauss and Legendre with three points.

    Parameters
    ----------
    first_row, last_row : int
        Rows ``first_row <= y < last_row`` of the slit are worked on.
    wavelength, width : float64 array (ny, nx), micron
        Centre of the pixel, and the range that it sees.
    grid : float64 array (n,), micron
        Strictly rising.
    curve, curve_err : float64 array (n,)
        Values and their standard deviations; linear between the points of the grid.
    is_of_product : bool
        Whether the standard deviations are those of the product so far, instead of those of the curve.
    flat, variance : float64 array (ny, nx)
        Multiplied by the average, and added to by its relative variance.
    bad : bool array (ny, nx)
        Set where a pixel sees beyond the grid.
    """
    outer = math.sqrt(0.6) / 2
    offsets = (-outer, 0.0, outer)
    weights = (5 / 18, 8 / 18, 5 / 18)
    nx = wavelength.shape[1]
    for y in range(first_row, last_row):
        for x in range(nx):
            average, error = 0.0, 0.0
            for point in range(3):
                at = wavelength[y, x] + offsets[point] * width[y, x]
                index = _interval(grid, at)
                if index < 0:
                    bad[y, x] = True
                    break
                share = (at - grid[index]) / (grid[index + 1] - grid[index])
                average += weights[point] * (curve[index] + share * (curve[index + 1] - curve[index]))
                if point == 1:
                    error = curve_err[index] + share * (curve_err[index + 1] - curve_err[index])
            if bad[y, x]:
                continue
            flat[y, x] *= average
            relative = error / (flat[y, x] if is_of_product else average)
            variance[y, x] += relative * relative
