"""Spectral images with more pixels across the spectrum, interpolated with a model of its trace."""

import numpy as np

from hexcal.models.dqflags import pixel

_COVARIANCE = 0.23, 0.77
"""Errors grow by this much for each pixel that one is divided into, and a constant: what is interpolated is correlated
(documentation of JWST pipeline 3.0, adaptive_trace_model).
"""


def fine_rows(n_rows, factor):
    """Return where the middles of fine pixels lie among coarse ones (float64 array (n_rows * factor,))."""
    return (np.arange(n_rows * factor) + 0.5) / factor - 0.5


def repeated(values, factor):
    """Return each row of an array as many times as it is divided."""
    return np.repeat(values, factor, axis=0)


def _inside(member):
    """Which pixels of a spectrum have one of it on either side in their column."""
    inside = np.zeros(member.shape, bool)
    inside[1:-1] = member[1:-1] & member[:-2] & member[2:]
    return inside


def interpolated(values, member, factor):
    """Interpolate each column between its pixels, linearly.

    Parameters
    ----------
    values : float array (ny, nx)
        With the dispersion along rows; NaN where there is none.
    member : bool array (ny, nx)
        Which pixels belong to the spectrum.
    factor : int
        Number of fine pixels for each.

    Returns
    -------
    float64 array (ny * factor, nx)
        NaN in the fine pixels of a pixel without a value, and of the first and last of a column. A neighbour without a
        value does not count.
    """
    ny = values.shape[0]
    rows = fine_rows(ny, factor)
    below = np.floor(rows).astype(int)
    share = (rows - below)[:, None]
    known = np.where(member, values, np.nan).astype(np.float64)
    first, second = known[np.clip(below, 0, ny - 1)], known[np.clip(below + 1, 0, ny - 1)]
    # The pixel that a fine one is part of decides whether there is a value; of those at the ends a part is not known.
    own = repeated(np.where(_inside(member), known, np.nan), factor)
    result = np.where(np.isnan(first) | np.isnan(second), own, (1 - share) * first + share * second)
    return np.where(np.isnan(own), np.nan, result)


def oversampled(data, along, fine_along, member, trace, slope_limit, factor, psf_optimal=False):
    """Interpolate the values of a spectrum with the model of its trace.

    Parameters
    ----------
    data : float32 array (ny, nx)
        Values, with the dispersion along rows.
    along : float64 array (ny, nx)
        Positions across the spectrum, of the pixels.
    fine_along : float64 array (ny * factor, nx)
        And of the fine pixels.
    member : bool array (ny, nx)
        Which pixels belong to the spectrum.
    trace : Trace or None
        None: there is no compact source, and all is interpolated linearly.
    slope_limit : float
        As of `trace_fitting.compact`.
    factor : int
        Number of fine pixels for each.
    psf_optimal : bool
        Take the model alone, everywhere, without what it leaves over.

    Returns
    -------
    values, model : float64 arrays (ny * factor, nx)
        What is interpolated; the model where it was used, else NaN.
    """
    from hexcal.steps.spectrum.trace_fitting import compact

    linear = interpolated(data, member, factor)
    if trace is None:
        return linear, np.full(linear.shape, np.nan)
    profile = trace.profile(along)
    fine = trace.profile(fine_along) * trace.scale
    used = compact(profile, 0.0 if psf_optimal else slope_limit, factor) & repeated(_inside(member), factor)
    used &= np.isfinite(fine)
    if psf_optimal:
        values = fine
    else:
        # Between the pixels what the model leaves over is small; where there is no value it is taken as 0.
        left_over = data - profile * trace.scale
        rest = interpolated(np.where(np.isfinite(data), left_over, 0.0), member, factor)
        values = fine + np.nan_to_num(rest)
    return np.where(used, values, linear), np.where(used, fine, np.nan)


def inflation(factor):
    """Return by how much errors grow, so that spectra of the cube have the right ones."""
    return _COVARIANCE[0] * factor + _COVARIANCE[1]


def fine_flags(dq, data, fine):
    """Return the flags of fine pixels: those of their pixel.

    FLUX_ESTIMATED where the model fills a gap, DO_NOT_USE where there is no value.

    Parameters
    ----------
    dq : uint32 array (ny, nx)
        Flags.
    data : float32 array (ny, nx)
        Values before.
    fine : float array (ny * factor, nx)
        And after.
    """
    factor = fine.shape[0] // dq.shape[0]
    flags = repeated(dq, factor)
    estimated = repeated(np.isnan(data), factor) & np.isfinite(fine)
    outside = np.uint32(pixel.DO_NOT_USE)
    flags = np.where(estimated, (flags & ~outside) | np.uint32(pixel.FLUX_ESTIMATED), flags)
    return np.where(np.isnan(fine), flags | outside, flags)
