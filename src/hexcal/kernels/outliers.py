"""Loops of outlier detection: median of a stack, blotting, comparison."""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel

FIRST, SECOND = np.uint8(1), np.uint8(2)
"""A pixel differs by more than the limit of the first pass; of the second."""
_FEW = 48
"""Up to so many values are sorted by insertion."""
_LOWER = 4
"""Up to so many values have no mean of the two in the middle, where the lower one is asked for."""
STEEP = 2.5
"""The median is steep where its steepness is more than so many errors: noise is not."""
WEIGHT_SHIFT = 12
"""Bits of a float32 weight that do not tell its bin."""


@kernel
def median(first_row, last_row, stack, n_low, n_high, lower, sky, noise, result, counts, spread):
    """Median along the first axis of a stack, of the values that are finite.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    stack : float32 array (n, rows, nx)
        The images.
    n_low, n_high : int
        So many of the lowest and of the highest values do not count, where more are left.
    lower : bool
        Of two or four values take the lower one of the two in the middle, instead of their mean.
    sky : float32 array (rows, nx), or (0, 0)
        Of the images: of three values the lowest is taken where the middle one stands out from it as a cosmic ray does,
        and no star. (0, 0): nowhere.
    noise : float
        Of the images.
    result : float32 array (rows, nx)
        Overwritten; NaN where there is no value.
    counts : float32 array (rows, nx)
        Overwritten with the number of values.
    spread : float32 array (rows, nx), or (1, 1)
        Overwritten with a robust standard deviation of the values (1.4826 times the median of the sizes of their
        differences to the median); 0 where there are fewer than 3. (1, 1): not asked for.
    """
    n = stack.shape[0]
    values = np.empty(n, np.float64)
    with_spread, with_sky = spread.shape[1] == stack.shape[2], sky.shape[1] == stack.shape[2]
    for row in range(first_row, last_row):
        for column in range(stack.shape[2]):
            count = 0
            for image in range(n):
                value = stack[image, row, column]
                if math.isfinite(value):
                    values[count] = value
                    count += 1
            counts[row, column] = count
            result[row, column] = middle(values, count, n_low, n_high, lower)
            if count == 3 and with_sky and two_rays(values, np.float64(sky[row, column]), noise):
                result[row, column] = values[0]
            if with_spread:
                for number in range(count):
                    values[number] = abs(values[number] - result[row, column])
                spread[row, column] = 1.4826 * middle(values, count, 0, 0, lower) if count > 2 else 0.0


@kernel
def middle(values, count, n_low, n_high, lower):
    """Sort the first `count` values and return their median, without the lowest and highest.

    `lower`: of two or four values the lower one of the two in the middle.
    """
    if count == 0:
        return np.nan
    if count <= _FEW:
        for position in range(1, count):
            value, before = values[position], position - 1
            while before >= 0 and values[before] > value:
                values[before + 1] = values[before]
                before -= 1
            values[before + 1] = value
    else:
        values[:count].sort()
    first, last = 0, count
    if n_low + n_high < count:
        first, last = n_low, count - n_high
    half = (first + last - 1) // 2
    if (last - first) % 2 or (lower and last - first <= _LOWER):
        return values[half]
    return 0.5 * (values[half] + values[half + 1])


@kernel
def two_rays(values, sky, noise):
    """Whether the middle one of three sorted values is a cosmic ray as the highest is.

    It is by more than 5 standard deviations above the lowest, which is not below the sky, and has three times its
    light: what pixels have of an undersampled star differs by less.
    """
    above = values[1] - values[0]
    return values[0] > sky - 5 * noise and above > 5 * noise and above > 2 * (values[0] - sky)


@kernel
def rolling_median(first_row, last_row, stack, half, results):
    """Median of the values of each image and its `half` neighbours before and after.

    At the ends that of the first and last full window.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    stack : float32 array (n, rows, nx)
        The images, in the order of time; at least ``2 * half + 1``.
    half : int
        Images before and after.
    results : float32 array (n, rows, nx)
        Overwritten.
    """
    n = stack.shape[0]
    values = np.empty(2 * half + 1, np.float64)
    for row in range(first_row, last_row):
        for column in range(stack.shape[2]):
            for image in range(half, n - half):
                count = 0
                for other in range(image - half, image + half + 1):
                    value = stack[other, row, column]
                    if math.isfinite(value):
                        values[count] = value
                        count += 1
                results[image, row, column] = middle(values, count, 0, 0, False)
            for image in range(half):
                results[image, row, column] = results[half, row, column]
                results[n - 1 - image, row, column] = results[n - 1 - half, row, column]


@kernel
def scatter(first_row, last_row, stack, expected, results):
    """Robust standard deviation over a stack of the differences to what is expected.

    It is 1.4826 times the median of their sizes.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    stack : float32 array (n, rows, nx)
        The images.
    expected : float32 array (n or 1, rows, nx)
        What is expected of each, or of all.
    results : float32 array (rows, nx)
        Overwritten; 0 where there are fewer than 3 values.
    """
    n = stack.shape[0]
    values = np.empty(n, np.float64)
    for row in range(first_row, last_row):
        for column in range(stack.shape[2]):
            count = 0
            for image in range(n):
                plane = image if expected.shape[0] > 1 else 0
                difference = abs(stack[image, row, column] - expected[plane, row, column])
                if math.isfinite(difference):
                    values[count] = difference
                    count += 1
            results[row, column] = 1.4826 * middle(values, count, 0, 0, False) if count > 2 else 0.0


@kernel
def flag_stack(first_row, last_row, stack, expected, errors, spread, snr, flags, dq, row_0, counts):
    """Flag values of a stack that differ from what is expected by more than `snr` errors.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    stack, errors : float32 array (n, rows, nx)
        The images and their standard deviations.
    expected : float32 array (n or 1, rows, nx)
        What is expected of each, or of all.
    spread : float32 array (rows, nx)
        Takes the place of errors that are smaller.
    snr : float
        The limit.
    flags : uint32
        What is set.
    dq : uint32 array (n, ny, nx)
        Changed in place.
    row_0 : int
        Row of `dq` that the first row of the others is.
    counts : int64 array (rows,)
        Number of values flagged in each row.
    """
    for row in range(first_row, last_row):
        counts[row] = 0
        for image in range(stack.shape[0]):
            plane = image if expected.shape[0] > 1 else 0
            for column in range(stack.shape[2]):
                error = np.float64(errors[image, row, column])
                if spread[row, column] > error:
                    error = np.float64(spread[row, column])
                if abs(stack[image, row, column] - expected[plane, row, column]) > snr * error:
                    dq[image, row_0 + row, column] |= flags
                    counts[row] += 1


@kernel
def blot(first_row, last_row, image, x, y, result):
    """Values of an image at places in it, linear between the four pixels around each.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the result.
    image : float32 array (n_rows, n_columns)
        The image.
    x, y : float64 array (ny, nx)
        Places, 0-based.
    result : float32 array (ny, nx)
        Overwritten; NaN beside the image, and where one of the four pixels is NaN.
    """
    n_rows, n_columns = image.shape
    for row in range(first_row, last_row):
        for column in range(result.shape[1]):
            u, v = x[row, column], y[row, column]
            result[row, column] = np.nan
            if not (0 <= u <= n_columns - 1 and 0 <= v <= n_rows - 1):
                continue
            i, j = min(int(u), n_columns - 2), min(int(v), n_rows - 2)
            tx, ty = u - i, v - j
            below = image[j, i] * (1 - tx) + image[j, i + 1] * tx
            above = image[j + 1, i] * (1 - tx) + image[j + 1, i + 1] * tx
            result[row, column] = below * (1 - ty) + above * ty


@kernel
def steepness(image, row, column):
    """Largest absolute difference of a pixel to its four neighbours; NaN ones do not count."""
    here, largest = image[row, column], np.float32(0)
    if row > 0 and abs(here - image[row - 1, column]) > largest:
        largest = abs(here - image[row - 1, column])
    if row < image.shape[0] - 1 and abs(here - image[row + 1, column]) > largest:
        largest = abs(here - image[row + 1, column])
    if column > 0 and abs(here - image[row, column - 1]) > largest:
        largest = abs(here - image[row, column - 1])
    if column < image.shape[1] - 1 and abs(here - image[row, column + 1]) > largest:
        largest = abs(here - image[row, column + 1])
    return largest


@kernel
def nearest(first_row, last_row, image, x, y, result):
    """Values of an image in the pixels that hold places; NaN beside it (as `blot`)."""
    n_rows, n_columns = image.shape
    for row in range(first_row, last_row):
        for column in range(result.shape[1]):
            u, v = x[row, column], y[row, column]
            result[row, column] = np.nan
            if -0.5 <= u < n_columns - 0.5 and -0.5 <= v < n_rows - 0.5:
                result[row, column] = image[int(v + 0.5), int(u + 0.5)]


@kernel
def compare(first_row, last_row, data, expected, errors, number, spread, level, limits, passed):
    """Note which pixels differ from what is expected by more than the limits.

    ``|data - level - expected| > scale * steepness + snr * error``

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    data, expected, errors : float32 array (ny, nx)
        The image, what the median of all makes of it, its standard deviations.
    number : float32 array (ny, nx), or (1, 1)
        How many values the median has: where fewer than 3, a pixel below what is expected says more of the others than
        of itself, and passes. (1, 1): this does not matter.
    spread : float32 array (ny, nx), or (1, 1)
        Scatter of the values of which the median is; takes the place of errors that are smaller where the median is
        steep: elsewhere the scatter of a few values is a poor measure of the noise. (1, 1): it does not matter.
    level : float
        Background of the image that is not in `expected`.
    limits : tuple of 8 float
        snr and scale of the first pass, snr and scale of the second; where the median is steep (by more than 2.5 errors
        of the image) the scale of the first pass, the same at the tops of `expected`, and the scale of the second; and
        how many times its curvature is taken from `expected` there.
    passed : uint8 array (ny, nx)
        Overwritten with FIRST, SECOND, both or 0.
    """
    first_snr, first_scale, second_snr, second_scale, star_scale, top_scale, beside_scale, sharpening = limits
    with_number, with_spread = number.shape == data.shape, spread.shape == data.shape
    for row in range(first_row, last_row):
        for column in range(data.shape[1]):
            difference = data[row, column] - level - expected[row, column]
            steep = np.float64(steepness(expected, row, column))
            error = np.float64(errors[row, column])
            scale, beside = first_scale, second_scale
            if steep > STEEP * error:
                scale = top_scale if is_top(expected, row, column) else star_scale
                beside = beside_scale
                if with_number and number[row, column] < 2:
                    scale, beside = max(first_scale, top_scale), second_scale
                if sharpening != 0:
                    difference += sharpening * curvature(expected, row, column)
                if with_spread and spread[row, column] > error:
                    error = np.float64(spread[row, column])
            if difference < 0 and with_number and number[row, column] < 3:
                difference = 0.0
            difference = abs(difference)
            flags = np.uint8(0)
            if difference > scale * steep + first_snr * error:
                flags |= FIRST
            if difference > beside * steep + second_snr * error:
                flags |= SECOND
            passed[row, column] = flags


@helper
def is_top(image, row, column):
    """Whether no pixel around is higher; NaN ones are not."""
    for j in range(max(0, row - 1), min(image.shape[0], row + 2)):
        for i in range(max(0, column - 1), min(image.shape[1], column + 2)):
            if image[j, i] > image[row, column]:
                return False
    return True


@helper
def curvature(image, row, column):
    """Sum of the four neighbours less four times a pixel (its Laplacian); 0 at the edges and beside NaN."""
    if row == 0 or column == 0 or row == image.shape[0] - 1 or column == image.shape[1] - 1:
        return 0.0
    across = np.float64(image[row, column - 1]) + np.float64(image[row, column + 1])
    along = np.float64(image[row - 1, column]) + np.float64(image[row + 1, column])
    result = across + along - 4 * np.float64(image[row, column])
    return result if math.isfinite(result) else 0.0


@kernel
def flag(first_row, last_row, passed, grow, flags, dq, counts):
    """Flag pixels that pass the second limits and have, within `grow` pixels, one that passes the first.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    passed : uint8 array (ny, nx)
        As of `compare`.
    grow : int
        Reach of the neighbourhood.
    flags : uint32
        What is set.
    dq : uint32 array (ny, nx)
        Changed in place.
    counts : int64 array (ny,)
        Number of pixels flagged in each row.
    """
    ny, nx = passed.shape
    for row in range(first_row, last_row):
        counts[row] = 0
        for column in range(nx):
            if not passed[row, column] & SECOND:
                continue
            near = False
            for j in range(max(0, row - grow), min(ny, row + grow + 1)):
                for i in range(max(0, column - grow), min(nx, column + grow + 1)):
                    near = near or passed[j, i] & FIRST != 0
            if near:
                dq[row, column] |= flags
                counts[row] += 1


@kernel
def weight_histogram(weights, first, counts, sums, squares):
    """Count positive weights in bins of equal relative width (1/2048).

    Returned with the sums of the weights and of their squares in each bin.

    Parameters
    ----------
    weights : uint32 array (n,)
        The bits of float32 weights, whose order is that of the weights.
    first : int
        Number of the first bin of the arrays, counted from that of 0.
    counts, sums, squares : float64 array
        Added to; as long as the largest weight needs.
    """
    values = weights.view(np.float32)
    for number in range(weights.size):
        value = np.float64(values[number])
        if value > 0:
            position = (np.int64(weights[number]) >> WEIGHT_SHIFT) - first
            counts[position] += 1
            sums[position] += value
            squares[position] += value * value
