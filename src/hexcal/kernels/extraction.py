"""Extraction of spectra: sums over the columns of rectified or unrectified slits, less a background fitted beside them.

Arrays are turned so that the light is dispersed along the last axis: (nints, ny, nx), `ny` along the slit.
"""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel

SUM, POISSON, RNOISE, FLAT = 0, 1, 2, 3
BACKGROUND, BKGD_POISSON, BKGD_RNOISE, BKGD_FLAT, NPIXELS = 4, 5, 6, 7, 8
"""Planes of what is extracted: sums over the aperture; 0 pixels: nothing."""
N_PLANES = 9
NO_FIT, MEDIAN = -2, -1
"""Orders of the background that are no polynomial."""


@helper
def share(pixel, low, high):
    """Part of a pixel, from half a pixel below its centre to half a pixel above, that lies between two limits."""
    return max(min(pixel + 0.5, high) - max(pixel - 0.5, low), 0.0)


@helper
def weight(pixel, lower, upper, column):
    """Part of a pixel that lies in any of the regions, at most 1."""
    total = 0.0
    for region in range(lower.shape[0]):
        total += share(pixel, lower[region, column], upper[region, column])
    return min(total, 1.0)


@kernel
def extract_rows(first, last, data, variances, smoothed, regions, order, out):
    """Extract the spectra of some integrations.

    Parameters
    ----------
    first, last : int
        Integrations.
    data : float32 array (nints, ny, nx)
        NaN does not count.
    variances : tuple of 3 float32 arrays (nints, ny, nx)
        VAR_POISSON, VAR_RNOISE, VAR_FLAT; shape (1, 1, 1) for none.
    smoothed : float32 array (nints, ny, nx)
        What the background is fitted to; may be `data`.
    regions : tuple of 4 float64 arrays (regions, nx)
        Lower and upper limits of the source, and of the background, pixels along the slit.
    order : int
        Order of the polynomial of the background, MEDIAN, or NO_FIT.
    out : float64 array (nints, N_PLANES, nx)
        Overwritten.
    """
    ny, nx = data.shape[1], data.shape[2]
    most = max(order, 0) + 1
    places, values, spreads = np.empty(ny), np.empty(ny), np.empty((3, ny))
    design, inverse, amounts = np.empty((most, ny)), np.empty((most, 2 * most)), np.empty(most)
    for number in range(first, last):
        for column in range(nx):
            result = out[number, :, column]
            result[:] = 0.0
            count = 0
            if order != NO_FIT:
                least = 0.999999 if order == MEDIAN else 0.0
                count = _beside(number, column, smoothed, variances, regions, least, places, values, spreads)
            fitted = count > max(order, 0)
            if order > 0 and fitted:
                fitted = _inverted(places, count, order, design, inverse)
            _sum_up(number, column, data, variances, regions, result)
            if result[NPIXELS] == 0 or not fitted:
                continue
            if order == MEDIAN or order == 0:
                _add_level(values, spreads, count, order == MEDIAN, number, column, data, regions, result)
            else:
                _add_polynomial(
                    places, values, spreads, count, design, inverse, amounts, number, column, data, regions, result
                )


@helper
def _sum_up(number, column, data, variances, regions, result):
    """Sum over the source."""
    for pixel in range(data.shape[1]):
        part = weight(pixel, regions[0], regions[1], column)
        value = np.float64(data[number, pixel, column])
        if part == 0 or not math.isfinite(value):
            continue
        result[SUM] += part * value
        result[NPIXELS] += part
        for kind in range(3):
            if variances[kind].shape[1] == data.shape[1] and variances[kind].shape[2] == data.shape[2]:
                variance = np.float64(variances[kind][number, pixel, column])
                if math.isfinite(variance):
                    result[POISSON + kind] += part * part * variance


@helper
def _beside(number, column, smoothed, variances, regions, least, places, values, spreads):
    """Collect the pixels of the background, of which more than `least` lies in it; return their number."""
    count = 0
    for pixel in range(smoothed.shape[1]):
        if weight(pixel, regions[2], regions[3], column) <= least:
            continue
        value = np.float64(smoothed[number, pixel, column])
        if not math.isfinite(value):
            continue
        places[count], values[count] = pixel, value
        for kind in range(3):
            spreads[kind, count] = 0.0
            if variances[kind].shape[1] == smoothed.shape[1] and variances[kind].shape[2] == smoothed.shape[2]:
                variance = np.float64(variances[kind][number, pixel, column])
                spreads[kind, count] = variance if math.isfinite(variance) else 0.0
        count += 1
    return count


@helper
def _add_level(values, spreads, count, is_median, number, column, data, regions, result):
    """Add a constant background: the mean or the median, with the variance of the mean."""
    level = np.median(values[:count]) if is_median else values[:count].sum() / count
    total = result[NPIXELS]
    result[BACKGROUND] = level * total
    for kind in range(3):
        result[BKGD_POISSON + kind] = (total / count) ** 2 * spreads[kind, :count].sum()


@helper
def _scaled(place, places, count):
    """Position between -1 and 1 over the background, so that the fit is well conditioned."""
    low, high = places[0], places[count - 1]
    return (2 * place - low - high) / (high - low) if high > low else 0.0


@helper
def _inverted(places, count, order, design, inverse):
    """Put the pseudo-inverse of the polynomials of the places into `design`; False where there is none."""
    terms = order + 1
    for i in range(terms):
        for j in range(2 * terms):
            inverse[i, j] = 1.0 if j == terms + i else 0.0
    for k in range(count):
        x = _scaled(places[k], places, count)
        for i in range(terms):
            for j in range(terms):
                inverse[i, j] += x ** (i + j)
    for i in range(terms):
        best = i
        for k in range(i + 1, terms):
            if abs(inverse[k, i]) > abs(inverse[best, i]):
                best = k
        if abs(inverse[best, i]) < 1e-12 * count:
            return False
        for j in range(2 * terms):
            kept = inverse[i, j]
            inverse[i, j] = inverse[best, j]
            inverse[best, j] = kept
        pivot = inverse[i, i]
        for j in range(2 * terms):
            inverse[i, j] /= pivot
        for k in range(terms):
            if k != i:
                factor = inverse[k, i]
                for j in range(2 * terms):
                    inverse[k, j] -= factor * inverse[i, j]
    for k in range(count):
        x = _scaled(places[k], places, count)
        for i in range(terms):
            total = 0.0
            for j in range(terms):
                total += inverse[i, terms + j] * x**j
            design[i, k] = total
    return True


@helper
def _add_polynomial(places, values, spreads, count, design, inverse, amounts, number, column, data, regions, result):
    """Add a polynomial background, with its variances: those of a weighted sum of the pixels beside the source."""
    terms = amounts.size
    amounts[:] = 0.0
    for pixel in range(data.shape[1]):
        part = weight(pixel, regions[0], regions[1], column)
        if part > 0 and math.isfinite(data[number, pixel, column]):
            x = _scaled(float(pixel), places, count)
            for i in range(terms):
                amounts[i] += part * x**i
    for k in range(count):
        factor = 0.0
        for i in range(terms):
            factor += amounts[i] * design[i, k]
        result[BACKGROUND] += factor * values[k]
        for kind in range(3):
            result[BKGD_POISSON + kind] += factor * factor * spreads[kind, k]


@kernel
def weigh_rows(first, last, data, smoothed, regions, order, out):
    """Put into `out` with which factors the pixels of some columns count in what `extract_rows` extracts.

    Parameters
    ----------
    first, last : int
        Columns.
    data, smoothed : float32 array (1, ny, nx)
        As of `extract_rows`.
    regions, order
        As of `extract_rows`.
    out : float64 array (2, ny, nx)
        Overwritten: factors in the sum less the background, and in the background.
    """
    ny = data.shape[1]
    most = max(order, 0) + 1
    none = np.zeros((1, 1, 1), np.float32)
    places, values, spreads = np.empty(ny), np.empty(ny), np.empty((3, ny))
    design, inverse = np.empty((most, ny)), np.empty((most, 2 * most))
    for column in range(first, last):
        out[:, :, column] = 0.0
        count = 0
        if order != NO_FIT:
            least = 0.999999 if order == MEDIAN else 0.0
            count = _beside(0, column, smoothed, (none, none, none), regions, least, places, values, spreads)
        fitted = count > max(order, 0)
        if order > 0 and fitted:
            fitted = _inverted(places, count, order, design, inverse)
        for pixel in range(ny):
            part = weight(pixel, regions[0], regions[1], column)
            if part == 0 or not math.isfinite(data[0, pixel, column]):
                continue
            out[0, pixel, column] += part
            if not fitted:
                continue
            for k in range(count):
                factor = part / count
                if order > 0:
                    factor, x = 0.0, _scaled(float(pixel), places, count)
                    for i in range(order + 1):
                        factor += part * x**i * design[i, k]
                out[0, int(places[k]), column] -= factor
                out[1, int(places[k]), column] += factor


@kernel
def smooth_rows(first, last, data, length, out):
    """Put the mean over `length` columns around each pixel into `out`; NaN does not count."""
    half, nx = length // 2, data.shape[2]
    for number in range(first, last):
        for row in range(data.shape[1]):
            for column in range(nx):
                total, count = 0.0, 0
                for other in range(max(column - half, 0), min(column + half + 1, nx)):
                    value = data[number, row, other]
                    if math.isfinite(value):
                        total += value
                        count += 1
                out[number, row, column] = total / count if count else np.nan
