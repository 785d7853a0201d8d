"""Rates of ramps by linear estimators: differences of reads, of means of reads, and least squares."""

import numpy as np

_ROWS = 32


def fit(data, usable, times, method, num_coadds=1, read_noise=0.0, gain=1.0, threads=None):
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
        "CDS" (last less first), "MCDS" (mean of the last `num_coadds` less that of the first), or "OLS" (a straight
        line of equal weights).
    num_coadds : int
        Reads at either end of MCDS; fewer where the ramp has fewer than twice as many to use.
    read_noise, gain : float or float32 array (ny, nx)
        Electrons, of one read; electrons per count.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    rate, err : float32 array (ny, nx), electron/s
        NaN where fewer than two reads are usable.

    Notes
    -----
    Documents of the IRIS pipeline, ramp fitting: the three methods, and reads that are taken as uncorrelated. The
    errors are the true ones of these estimators: the photon noise of a read is in all later ones (Robberto 2007, SPIE
    6687).
    """
    from hexcal.core import run_bands

    shape = data.shape[1:]
    rate, err = np.empty(shape, np.float32), np.empty(shape, np.float32)
    read_noise, gain = (np.broadcast_to(np.asarray(value, np.float64), shape) for value in (read_noise, gain))

    def fit_rows(first_row, last_row):
        for first in range(first_row, last_row, _ROWS):
            rows = slice(first, min(first + _ROWS, last_row))
            coefficients = weights(usable[:, rows], times, method, num_coadds)
            counts = np.where(coefficients != 0, data[:, rows], 0).astype(np.float64)
            value = gain[rows] * (coefficients * counts).sum(axis=0)
            variance = read_noise[rows] ** 2 * (coefficients**2).sum(axis=0)
            later = np.cumsum(coefficients[::-1], axis=0)[::-1]
            steps = np.diff(times)[:, None, None]
            variance += np.maximum(value, 0) * (steps * later[1:] ** 2).sum(axis=0)
            without = np.count_nonzero(usable[:, rows], axis=0) < 2
            rate[rows], err[rows] = np.where(without, np.nan, value), np.where(without, np.nan, np.sqrt(variance))

    run_bands(fit_rows, shape[0], threads=threads)
    return rate, err


def weights(usable, times, method, num_coadds):
    """Return the coefficients of the reads: float64 array (nreads, ny, nx), 1/s; all 0 where fewer than two are usable.

    Parameters
    ----------
    usable, times, method, num_coadds
        As of `fit`.
    """
    count = usable.sum(axis=0)
    moments = times[:, None, None]
    if method == "OLS":
        mean = (usable * moments).sum(axis=0) / np.maximum(count, 1)
        deviation = usable * (moments - mean)
        spread = (deviation**2).sum(axis=0)
        return np.divide(deviation, spread, out=np.zeros(usable.shape), where=spread > 0)
    coadds = np.minimum(1 if method == "CDS" else num_coadds, np.maximum(count // 2, 1))
    rank = np.cumsum(usable, axis=0)
    first, last = usable & (rank <= coadds), usable & (rank > count - coadds)
    ends = (last.astype(np.float64) - first) / coadds
    length = (ends * moments).sum(axis=0)
    return np.divide(ends, length, out=np.zeros(usable.shape), where=length > 0)


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
