"""Aperture photometry of the planes of a cube: a circle, and an annulus around it."""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel

SUM, ERROR2, AREA, BESIDE, BESIDE_ERROR2, BESIDE_AREA = range(6)
"""Planes of the result: sum, sum of the squares of errors and area of the aperture; the same of the annulus."""
EXACT, CENTRE, SUBPIXELS = 0, 1, 2
_MOST_ROUNDS = 5


@helper
def _quarter(a, b, radius):
    """Area that a circle around 0 and the rectangle from 0 to (a, b) have in common; a, b >= 0."""
    a, b = min(a, radius), min(b, radius)
    if a * a + b * b <= radius * radius:
        return a * b
    start = math.sqrt(max(radius * radius - b * b, 0.0))
    upper = a * math.sqrt(max(radius * radius - a * a, 0.0)) + radius * radius * math.asin(a / radius)
    lower = start * b + radius * radius * math.asin(start / radius)
    return b * start + 0.5 * (upper - lower)


@helper
def _signed(a, b, radius):
    area = _quarter(abs(a), abs(b), radius)
    return area if (a >= 0) == (b >= 0) else -area


@helper
def overlap(dx, dy, radius, method, parts):
    """Part of a pixel at an offset from the centre of a circle that lies in it.

    Parameters
    ----------
    dx, dy : float
        Offset of the centre of the pixel, pixels.
    radius : float
        Pixels.
    method : int
        EXACT; CENTRE: all or nothing, by its centre; SUBPIXELS: so of `parts` times `parts` parts of it.
    parts : int
        For SUBPIXELS.
    """
    if not radius > 0:
        return 0.0
    distance = math.sqrt(dx * dx + dy * dy)
    if distance >= radius + 0.7072:
        return 0.0
    if distance <= radius - 0.7072:
        return 1.0
    if method == CENTRE:
        return 1.0 if distance < radius else 0.0
    if method == SUBPIXELS:
        count = 0
        for i in range(parts):
            for j in range(parts):
                x, y = dx - 0.5 + (i + 0.5) / parts, dy - 0.5 + (j + 0.5) / parts
                count += 1 if x * x + y * y < radius * radius else 0
        return count / parts**2
    x0, x1, y0, y1 = dx - 0.5, dx + 0.5, dy - 0.5, dy + 0.5
    area = _signed(x1, y1, radius) - _signed(x0, y1, radius) - _signed(x1, y0, radius) + _signed(x0, y0, radius)
    return min(max(area, 0.0), 1.0)


@helper
def _bounds(image, clip, values):
    """Lower and upper bound of a plane: mean and standard deviation of what clipping about the median leaves.

    Clipped five times at most (the way of astropy.stats.sigma_clipped_stats).
    """
    count = 0
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            if math.isfinite(image[row, column]):
                values[count] = image[row, column]
                count += 1
    for _ in range(_MOST_ROUNDS):
        if count < 2:
            break
        middle, spread = np.median(values[:count]), np.std(values[:count])
        kept = 0
        for number in range(count):
            if middle - clip * spread <= values[number] <= middle + clip * spread:
                values[kept] = values[number]
                kept += 1
        if kept == count:
            break
        count = kept
    if count == 0:
        return -np.inf, np.inf
    mean, spread = np.mean(values[:count]), np.std(values[:count])
    return mean - clip * spread, mean + clip * spread


@kernel
def extract_planes(first, last, data, errors, places, sizes, options, out):
    """Sum over a circle and an annulus in some planes of a cube.

    Parameters
    ----------
    first, last : int
        Planes.
    data, errors : float32 array (nplanes, ny, nx)
        NaN does not count.
    places : tuple of 2 float64 arrays (nplanes,)
        Centre of the circle, x and y, 0-based.
    sizes : tuple of 3 float64 arrays (nplanes,)
        Radius of the circle, and inner and outer radius of the annulus, pixels; outer 0: no annulus.
    options : tuple
        Method; number of parts of a pixel along a side; bounds of clipping of the annulus in standard deviations of the
        plane; whether the area of what is clipped counts.
    out : float64 array (nplanes, 6)
        Overwritten.
    """
    method, parts, clip, counts_clipped = options
    ny, nx = data.shape[1], data.shape[2]
    values = np.empty(ny * nx)
    for plane in range(first, last):
        x0, y0 = places[0][plane], places[1][plane]
        radius, inner, outer = sizes[0][plane], sizes[1][plane], sizes[2][plane]
        result = out[plane]
        result[:] = 0.0
        low, high = -np.inf, np.inf
        if outer > 0:
            low, high = _bounds(data[plane], clip, values)
        reach = max(radius, outer) + 1
        for row in range(max(0, int(y0 - reach)), min(ny, int(y0 + reach) + 2)):
            for column in range(max(0, int(x0 - reach)), min(nx, int(x0 + reach) + 2)):
                value, error = np.float64(data[plane, row, column]), np.float64(errors[plane, row, column])
                if not math.isfinite(value):
                    continue
                square = error * error if math.isfinite(error) else 0.0
                dx, dy = column - x0, row - y0
                part = overlap(dx, dy, radius, method, parts)
                result[SUM] += part * value
                result[ERROR2] += part * square
                result[AREA] += part
                if outer <= 0:
                    continue
                part = overlap(dx, dy, outer, method, parts) - overlap(dx, dy, inner, method, parts)
                is_used = low <= value <= high
                if is_used:
                    result[BESIDE] += part * value
                if is_used or counts_clipped:
                    result[BESIDE_ERROR2] += part * square
                    result[BESIDE_AREA] += part


@kernel
def sum_rings(first, last, data, places, radius, options, out):
    """Sum the spaxels in each sector of each ring of a circle, in some planes of a cube, and the area that has data.

    Parameters
    ----------
    first, last, data, places, options
        As of `extract_planes`; what lies beside the cube is not seen.
    radius : float64 array (nplanes,)
        Pixels.
    out : float64 array (3, nplanes, rings, sectors)
        Overwritten: sum, area that is seen, whole area; by where the middle of a spaxel is.
    """
    method, parts = options[0], options[1]
    ny, nx = data.shape[1], data.shape[2]
    rings, sectors = out.shape[2], out.shape[3]
    for plane in range(first, last):
        x0, y0, most = places[0][plane], places[1][plane], radius[plane]
        out[:, plane] = 0.0
        reach = most + 1
        for row in range(math.floor(y0 - reach), math.ceil(y0 + reach) + 1):
            for column in range(math.floor(x0 - reach), math.ceil(x0 + reach) + 1):
                dx, dy = column - x0, row - y0
                part = overlap(dx, dy, most, method, parts)
                if part == 0:
                    continue
                ring = min(int(math.sqrt(dx * dx + dy * dy) / most * rings), rings - 1)
                sector = min(int((math.atan2(dy, dx) / (2 * math.pi) + 0.5) * sectors), sectors - 1)
                out[2, plane, ring, sector] += part
                if 0 <= row < ny and 0 <= column < nx and math.isfinite(data[plane, row, column]):
                    out[0, plane, ring, sector] += part * data[plane, row, column]
                    out[1, plane, ring, sector] += part


@kernel
def weigh_planes(first, last, data, places, sizes, options, out):
    """Put into `out` with which factors the spaxels of some planes count in what `extract_planes` sums.

    Parameters
    ----------
    first, last, data, places, sizes, options
        As of `extract_planes`.
    out : float64 array (2, nplanes, ny, nx)
        Overwritten: factors in the sum less the level of the annulus, and in that level.
    """
    method, parts, clip, counts_clipped = options
    ny, nx = data.shape[1], data.shape[2]
    values = np.empty(ny * nx)
    for plane in range(first, last):
        x0, y0 = places[0][plane], places[1][plane]
        radius, inner, outer = sizes[0][plane], sizes[1][plane], sizes[2][plane]
        low, high = -np.inf, np.inf
        if outer > 0:
            low, high = _bounds(data[plane], clip, values)
        area, beside_area = 0.0, 0.0
        for row in range(ny):
            for column in range(nx):
                out[0, plane, row, column], out[1, plane, row, column] = 0.0, 0.0
                value = np.float64(data[plane, row, column])
                if not math.isfinite(value):
                    continue
                dx, dy = column - x0, row - y0
                out[0, plane, row, column] = overlap(dx, dy, radius, method, parts)
                area += out[0, plane, row, column]
                if outer <= 0:
                    continue
                part = overlap(dx, dy, outer, method, parts) - overlap(dx, dy, inner, method, parts)
                is_used = low <= value <= high
                if is_used:
                    out[1, plane, row, column] = part
                if is_used or counts_clipped:
                    beside_area += part
        if beside_area > 0:
            out[1, plane] /= beside_area
            out[0, plane] -= area * out[1, plane]


@kernel
def sum_planes(first, last, data, errors, out):
    """Sum over all of some planes of a cube: sum, sum of the squares of errors, number of spaxels."""
    for plane in range(first, last):
        out[plane, :] = 0.0
        for row in range(data.shape[1]):
            for column in range(data.shape[2]):
                value, error = np.float64(data[plane, row, column]), np.float64(errors[plane, row, column])
                if math.isfinite(value):
                    out[plane, SUM] += value
                    out[plane, ERROR2] += error * error if math.isfinite(error) else 0.0
                    out[plane, AREA] += 1.0
