"""Finding stars: convolution with a small kernel, local maxima, windowed centroids."""

import numpy as np

from hexcal.kernels.compiled import helper, kernel


@kernel
def convolve_rows(first_row, last_row, data, weights, result):
    """Convolve rows with a small symmetric array; zeros beyond the edges, NaN spreads.

    Parameters
    ----------
    data, result : float32 array (ny, nx)
    weights : float64 array (odd, odd)
        Symmetric under a half turn.
    """
    ny, nx = data.shape
    ry, rx = weights.shape[0] // 2, weights.shape[1] // 2
    sums = np.empty(nx, np.float64)
    for y in range(first_row, last_row):
        sums[:] = 0.0
        for j in range(-ry, ry + 1):
            if y + j < 0 or y + j >= ny:
                continue
            for i in range(-rx, rx + 1):
                weight = weights[ry + j, rx + i]
                if weight == 0.0:
                    continue
                first, last = max(0, -i), min(nx, nx - i)
                for x in range(first, last):
                    sums[x] += weight * data[y + j, x + i]
        for x in range(nx):
            result[y, x] = sums[x]


@kernel
def mark_peaks(first_row, last_row, data, masked, threshold, radius, peaks):
    """Mark pixels above a threshold that no other exceeds within a circle.

    Parameters
    ----------
    data : float32 array (ny, nx)
    masked : bool array (ny, nx)
        Pixels that are no peaks, but outshine others.
    threshold : float
    radius : int
    peaks : bool array (ny, nx)
        Changed in place.
    """
    ny, nx = data.shape
    for y in range(first_row, last_row):
        for x in range(nx):
            value = data[y, x]
            if not value > threshold or masked[y, x]:
                continue
            is_peak = True
            for j in range(max(0, y - radius), min(ny, y + radius + 1)):
                for i in range(max(0, x - radius), min(nx, x + radius + 1)):
                    if (j - y) ** 2 + (i - x) ** 2 <= radius * radius and data[j, i] > value:
                        is_peak = False
            peaks[y, x] = is_peak


@helper
def _moments(data, err, x, y, sigma, radius):
    """Sum under a Gaussian window, first moments, and variance of these; 0 where the window leaves the image."""
    ny, nx = data.shape
    column, row = int(np.round(x)), int(np.round(y))
    total, of_x, of_y, variance = 0.0, 0.0, 0.0, 0.0
    if not (radius <= column < nx - radius and radius <= row < ny - radius):
        return total, of_x, of_y, variance
    for j in range(row - radius, row + radius + 1):
        for i in range(column - radius, column + radius + 1):
            value = data[j, i]
            if not np.isfinite(value):
                continue
            dx, dy = i - x, j - y
            weight = np.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma))
            weighted = value * weight
            variance += (weight * err[j, i]) ** 2 * (dx * dx + dy * dy) / 2
            total += weighted
            of_x += weighted * dx
            of_y += weighted * dy
    return total, of_x, of_y, variance


@kernel
def windowed_centroids(data, err, x, y, sigma, most_rounds, error):
    """Refine positions by the first moments under a Gaussian window, in place.

    A position that leaves the image, moves by more than 2 window widths, or has no positive flux becomes NaN.

    Parameters
    ----------
    data, err : float32 array (ny, nx)
        Without background, and its standard deviation; NaN is left out.
    x, y : float64 array (n,)
        First estimates, 0-based pixels.
    sigma : float
        Of the window, in pixels.
    most_rounds : int
    error : float64 array (n,)
        Gets the standard deviation of the position along one axis, in pixels.
    """
    radius = int(np.ceil(3.5 * sigma))
    for k in range(len(x)):
        first_x, first_y = x[k], y[k]
        for _ in range(most_rounds):
            total, of_x, of_y, variance = _moments(data, err, x[k], y[k], sigma, radius)
            if not total > 0.0:
                x[k] = y[k] = np.nan
                break
            error[k] = 2 * np.sqrt(variance) / total
            # For a Gaussian under an equal window the first moment is half of the true shift.
            x[k] += 2 * of_x / total
            y[k] += 2 * of_y / total
            if abs(x[k] - first_x) > 2 * sigma or abs(y[k] - first_y) > 2 * sigma:
                x[k] = y[k] = np.nan
                break
            if abs(of_x) + abs(of_y) < 5e-6 * total:
                break
