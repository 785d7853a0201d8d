"""Rates of ramps by linear estimators: differences of reads, of means of reads, and least squares."""

import numpy as np

_ROWS = 32
_REFINEMENTS = 2
"""How often the weights of GLS are found anew, with the rate that they have given."""


def fit(data, usable, times, method, num_coadds=1, read_noise=0.0, gain=1.0, threads=None, jumps=None):
    """Return the rate of each ramp and its standard deviation.

    Each method is a sum of the used reads, ``f = sum(c_i S_i)``, with ``sum(c_i) = 0`` and ``sum(c_i t_i) = 1``. Its
    variance is that of the read noise, ``s^2 sum(c_i^2)``, and of the electrons, which all later reads share:
    ``f sum_k((t_k - t_(k-1)) (sum_(i >= k) c_i)^2)``.

    Parameters
    ----------
    data : float32 array (nreads, ny, nx), DN or electron
        One ramp.
    usable : bool array (nreads, ny, nx)
        Which reads may be used.
    times : float64 array (nreads,), s
        When they were taken, rising.
    method : str
        "CDS" (last less first), "MCDS" (mean of the last `num_coadds` less that of the first), "OLS" (a straight
        line of equal weights), or "GLS" (a straight line of the weights that the noise of the reads asks for).
    num_coadds : int
        Reads at either end of MCDS; fewer where the ramp has fewer than twice as many to use.
    read_noise, gain : float or float32 array (ny, nx)
        Electrons, of one read; electrons per count.
    threads : int, optional
        Default: the number of the run.
    jumps : bool array (nreads, ny, nx), optional
        Reads before which the signal has jumped: a straight line has another intercept from there on, and the same
        slope.

    Returns
    -------
    rate, err : float32 array (ny, nx), electron/s
        NaN where no two reads can be compared.

    Notes
    -----
    Documents of the IRIS pipeline, ramp fitting: the methods, and reads that are taken as uncorrelated by all but GLS.
    The errors are the true ones of these estimators: the photon noise of a read is in all later ones (Robberto 2007,
    SPIE 6687). GLS: differences of reads, weighted with the inverse of their covariance (Brandt 2024, PASP 136,
    045004); the rate that this asks for is first that of OLS.
    """
    from hexcal.core import run_bands

    shape = data.shape[1:]
    rate, err = np.empty(shape, np.float32), np.empty(shape, np.float32)
    read_noise, gain = (np.broadcast_to(np.asarray(value, np.float64), shape) for value in (read_noise, gain))

    def fit_rows(first_row, last_row):
        for first in range(first_row, last_row, _ROWS):
            rows = slice(first, min(first + _ROWS, last_row))
            used = usable[:, rows]
            segments = np.zeros(used.shape, int) if jumps is None else np.cumsum(jumps[:, rows], axis=0)
            coefficients = weights(used, times, "OLS" if method == "GLS" else method, num_coadds, segments)
            value = rate_of(data[:, rows], coefficients, gain[rows])
            for _ in range(_REFINEMENTS if method == "GLS" else 0):
                coefficients = weights_by_noise(used, times, segments, read_noise[rows], value)
                value = rate_of(data[:, rows], coefficients, gain[rows])
            variance = read_noise[rows] ** 2 * (coefficients**2).sum(axis=0)
            later = np.cumsum(coefficients[::-1], axis=0)[::-1]
            steps = np.diff(times)[:, None, None]
            variance += np.maximum(value, 0) * (steps * later[1:] ** 2).sum(axis=0)
            without = ~coefficients.any(axis=0)
            rate[rows], err[rows] = np.where(without, np.nan, value), np.where(without, np.nan, np.sqrt(variance))

    run_bands(fit_rows, shape[0], threads=threads)
    return rate, err


def rate_of(data, coefficients, gain):
    """Return the sum of reads with their coefficients, electron/s; what has none may be anything."""
    counts = np.where(coefficients != 0, data, 0).astype(np.float64)
    return gain * (coefficients * counts).sum(axis=0)


def weights(usable, times, method, num_coadds, segments):
    """Return the coefficients of the reads: float64 array (nreads, ny, nx), 1/s; all 0 where no two can be compared.

    Parameters
    ----------
    usable, times, method, num_coadds
        As of `fit`, without GLS.
    segments : int array (nreads, ny, nx)
        Number of jumps before each read.
    """
    count = usable.sum(axis=0)
    moments = times[:, None, None]
    if method == "OLS":
        deviation = np.zeros(usable.shape)
        for number in range(int(segments.max()) + 1):
            own = usable & (segments == number)
            mean = (own * moments).sum(axis=0) / np.maximum(own.sum(axis=0), 1)
            deviation += own * (moments - mean)
        spread = (deviation**2).sum(axis=0)
        return np.divide(deviation, spread, out=np.zeros(usable.shape), where=spread > 0)
    coadds = np.minimum(1 if method == "CDS" else num_coadds, np.maximum(count // 2, 1))
    rank = np.cumsum(usable, axis=0)
    first, last = usable & (rank <= coadds), usable & (rank > count - coadds)
    ends = (last.astype(np.float64) - first) / coadds
    length = (ends * moments).sum(axis=0)
    return np.divide(ends, length, out=np.zeros(usable.shape), where=length > 0)


def weights_by_noise(usable, times, segments, read_noise, rate):
    """Return the coefficients of GLS, as `weights`.

    Parameters
    ----------
    usable, times, segments
        As of `weights`.
    read_noise : float64 array (ny, nx), electron
    rate : float64 array (ny, nx), electron/s
        About what the rate is.
    """
    # The usable reads first, in the order of their times: differences of neighbours.
    order = np.argsort(~usable, axis=0, kind="stable")
    moments = np.take_along_axis(np.broadcast_to(times[:, None, None], usable.shape), order, axis=0)
    number = np.take_along_axis(segments, order, axis=0)
    place = np.arange(1, len(usable))[:, None, None]
    counts = (place < usable.sum(axis=0)) & (number[1:] == number[:-1])
    length = np.where(counts, np.diff(moments, axis=0), 0.0)
    noise = np.square(read_noise)
    rate = np.where((rate > 0) | (noise > 0), np.maximum(rate, 0), 1.0)
    diagonal = np.where(counts, rate * length + 2 * noise, 1.0)
    beside = np.where(counts[1:] & counts[:-1], -noise, 0.0)
    solved = _solve_tridiagonal(diagonal, beside, length)
    total = (solved * length).sum(axis=0)
    solved = np.divide(solved, total, out=np.zeros(solved.shape), where=total > 0)
    ordered, coefficients = np.zeros(usable.shape), np.zeros(usable.shape)
    ordered[1:] += solved
    ordered[:-1] -= solved
    np.put_along_axis(coefficients, order, ordered, axis=0)
    return coefficients


def _solve_tridiagonal(diagonal, beside, right):
    """Solve symmetric tridiagonal systems along the first axis, without pivots: they are positive definite."""
    diagonal, right = diagonal.copy(), right.copy()
    for k in range(1, len(diagonal)):
        factor = beside[k - 1] / diagonal[k - 1]
        diagonal[k] -= factor * beside[k - 1]
        right[k] -= factor * right[k - 1]
    right[-1] /= diagonal[-1]
    for k in range(len(diagonal) - 2, -1, -1):
        right[k] = (right[k] - beside[k] * right[k + 1]) / diagonal[k]
    return right


def combined(rates, errors):
    """Return the mean of the rates of several ramps, weighted by their variances, and its standard deviation.

    Parameters
    ----------
    rates, errors : float32 array (nramps, ny, nx), electron/s
        NaN where a ramp has no rate. An error of 0 counts as the others.

    Returns
    -------
    rate, err : float32 array (ny, nx), electron/s
        NaN where no ramp has a rate.
    """
    if len(rates) == 1:
        return rates[0], errors[0]
    is_known = np.isfinite(rates)
    has_errors = (errors > 0).all(axis=0, where=is_known)
    weight = np.where(is_known, np.where(has_errors, 1 / np.where(errors > 0, errors, 1).astype(np.float64) ** 2, 1), 0)
    total = weight.sum(axis=0)
    known = total > 0
    safe = np.where(known, total, 1)
    mean = (weight * np.where(is_known, rates, 0)).sum(axis=0) / safe
    variance = (weight**2 * np.where(is_known, errors, 0).astype(np.float64) ** 2).sum(axis=0) / safe**2
    return tuple(np.where(known, value, np.nan).astype(np.float32) for value in (mean, np.sqrt(variance)))
