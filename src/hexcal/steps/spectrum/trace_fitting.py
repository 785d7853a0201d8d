"""A model of the trace of a spectrum: its profile at each wavelength, from the wavelengths around it."""

from dataclasses import dataclass

import numpy as np

from hexcal.core import run_bands

HALF_WINDOW = 10
"""Columns on either side whose values the profile of a column is fitted to (measured of release 3.0.0)."""
_CLIP, _N_CLIPS = 2.5, 3
_PADDING = 3
"""Pixels (fine ones, where pixels are divided) beside steep ones that belong to the compact source."""


@dataclass(frozen=True)
class Trace:
    """The profile of a spectrum at each column.

    Parameters
    ----------
    knots, coefficients : float64 arrays (nx, 2), (nx, n)
        Of the splines; see `hexcal.kernels.trace_model.fit_traces`.
    scale : float64 array (nx,)
        What the profile is multiplied with in each column; NaN where there is none.
    """

    knots: np.ndarray
    coefficients: np.ndarray
    scale: np.ndarray

    def profile(self, along, threads=None):
        """Return the profile, whose sum over the pixels of a column is about 1 (float64 array (ny, nx)).

        Parameters
        ----------
        along : float64 array (ny, nx)
            Positions across the spectrum, NaN outside.
        threads : int, optional
            Default: the number of the run.
        """
        from hexcal.kernels.trace_model import evaluate_traces

        result = np.empty(along.shape)
        along = np.ascontiguousarray(along)
        run_bands(evaluate_traces, along.shape[1], along, self.knots, self.coefficients, result, threads=threads)
        return result


def fit_trace(along, data, threads=None):
    """Fit the profile of a spectrum.

    Parameters
    ----------
    along : float64 array (ny, nx)
        Position across the spectrum, with the dispersion along rows; NaN outside of it.
    data : float32 array (ny, nx)
        Values; NaN where there is none.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    Trace

    Notes
    -----
    Law & Clarke 2026 (arXiv:2603.26916), and the documentation of adaptive_trace_model of JWST pipeline 3.0: columns
    are divided by their sums, fitted by cubic splines in a window of columns, and rejected beyond 2.5 sigma up to three
    times. The knots have the distance of the pixels; the scale is that of least squares.
    """
    from hexcal.kernels.trace_model import fit_traces

    along, data = np.ascontiguousarray(along), np.ascontiguousarray(data, np.float32)
    good = np.isfinite(along) & np.isfinite(data)
    with np.errstate(invalid="ignore"):
        sums = np.where(good.any(axis=0), np.sum(data, axis=0, where=good, dtype=np.float64), np.nan)
    sums[~(sums > 0)] = np.nan
    rows = np.count_nonzero(np.isfinite(along), axis=0)
    n_cells = max(int(np.median(rows[rows > 0])) - 1, 1) if rows.any() else 1
    nx = data.shape[1]
    knots, coefficients = np.full((nx, 2), np.nan), np.zeros((nx, n_cells + 3))
    arguments = (along, data, sums, HALF_WINDOW, n_cells, _CLIP, _N_CLIPS, knots, coefficients)
    run_bands(fit_traces, nx, *arguments, threads=threads)
    trace = Trace(knots, coefficients, np.full(nx, np.nan))
    profile = trace.profile(along, threads)
    known = good & np.isfinite(profile)
    squares = np.sum(profile**2, axis=0, where=known)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sum(profile * data, axis=0, where=known) / squares
    return Trace(knots, coefficients, np.where(known.any(axis=0), scale, np.nan))


def compact(profile, slope_limit, factor=1):
    """Return where a profile is that of a compact source: so steep that its values do not follow from a straight line.

    Parameters
    ----------
    profile : float64 array (ny, nx)
        Of `Trace.profile`, at the pixels of the detector.
    slope_limit : float
        Difference of a pixel and the next of its column from which on it is steep; 0: all are.
    factor : int
        Number of fine pixels that each is divided into.

    Returns
    -------
    bool array (ny * factor, nx)
        Steep pixels and three (fine ones) on either side of them.
    """
    from scipy import ndimage

    if slope_limit == 0:
        return np.repeat(np.isfinite(profile), factor, axis=0)
    with np.errstate(invalid="ignore"):
        steep = np.abs(np.diff(profile, axis=0, append=np.nan)) > slope_limit
    return ndimage.binary_dilation(np.repeat(steep, factor, axis=0), np.ones((2 * _PADDING + 1, 1), bool))
