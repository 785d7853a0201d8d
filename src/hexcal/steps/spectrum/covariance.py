"""Errors of spectra that include how resampled pixels vary together: what resampling says of it, and how it is used."""

from typing import Any, NamedTuple

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.steps.spectrum.box_extraction import CORRELATION


class Neighbours(NamedTuple):
    """What a resampled slit or cube says of how its pixels vary together, by wavelength along the first axis.

    Attributes
    ----------
    factor : float32 array (n, ...)
        Variance of a pixel with all that it shares with its neighbours at the same wavelength, over its variance.
    pairs : float32 array (n, 2 r + 1) or (n, 2 r + 1, 2 r + 1)
        How what exceeds 1 is shared out among the neighbours, by their offset; the sum is 1, or 0 where it is not
        known.
    lags : float32 array (n, m)
        Correlation of wide sums at a wavelength and at the next m ones.
    """

    factor: np.ndarray
    pairs: np.ndarray
    lags: np.ndarray


def coupling_of_slit(shape, n_wavelengths) -> Any:
    """Return the sums that a resampled slit (ny, nx) begins with."""
    from hexcal.kernels import covariance as kernels

    pairs, lags = np.zeros((n_wavelengths, 2 * kernels.REACH + 1)), np.zeros((n_wavelengths, kernels.LAGS + 1))
    return kernels.Coupling(np.zeros(shape), np.zeros(shape), pairs, lags)


def coupling_of_cube(variances) -> Any:
    """Return the sums that a cube begins with; `variances` are those of its voxels, float32 (nz, ny, nx)."""
    from hexcal.kernels import covariance as kernels

    width = 2 * kernels.REACH + 1
    pairs, lags = np.zeros((len(variances), width, width)), np.zeros((len(variances), kernels.LAGS + 1))
    return kernels.Coupling(variances, np.zeros_like(variances), pairs, lags)


def neighbours(coupling) -> Neighbours:
    """Return what the sums say when all exposures are added."""
    own, shared, pairs, lags = coupling
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(own > 0, shared / own, 1.0)
        whole = pairs.reshape(len(pairs), -1).sum(axis=1)
        whole = whole.reshape(-1, *(1,) * (pairs.ndim - 1))
        pairs = np.where(whole > 0, pairs / whole, 0.0)
        correlations = np.zeros((len(lags), lags.shape[1] - 1))
        for lag in range(1, lags.shape[1]):
            if lag < len(lags):
                scale = np.sqrt(lags[:-lag, 0] * lags[lag:, 0])
                correlations[:-lag, lag - 1] = np.where(scale > 0, lags[:-lag, lag] / scale, 0.0)
    return Neighbours(factor.astype(np.float32), pairs.astype(np.float32), correlations.astype(np.float32))


def has_neighbours(model):
    """Whether a slit or a cube says how its pixels vary together."""
    names = ("covar_factor", "covar_pairs", "covar_lags")
    return all(getattr(model, name, None) is not None for name in names)


def include(columns, slit, dispaxis, variances, weights):
    """Let the errors of the spectrum of a slit include how its pixels vary together.

    Parameters
    ----------
    columns : dict of str to array (nx,)
        Of `box_extraction.columns_of`; changed in place, the column CORRELATION is added.
    slit : SlitModel
        Resampled, with what says how its pixels vary together.
    dispaxis : int
        1: dispersed along x; 2: along y.
    variances : sequence of 3 float32 arrays (1, ny, nx) or None
        As the sums take them, dispersed along the last axis.
    weights : float64 array (2, ny, nx)
        With which factors the pixels count in the sum less the background, and in the background.
    """
    scale_variances(columns, *(factors_of_slit(slit, dispaxis, variances, each) for each in weights))
    columns[CORRELATION] = np.array(slit.covar_lags, float)


def factors_of_slit(slit, dispaxis, variances, weights):
    """Return by how much the variances of sums over a slit are larger than without covariance.

    Parameters
    ----------
    slit : SlitModel
        Resampled, with what says how its pixels vary together.
    dispaxis : int
        1: dispersed along x; 2: along y.
    variances : sequence of 3 float32 arrays (1, ny, nx) or None
        As the sums take them, dispersed along the last axis.
    weights : float64 array (ny, nx)
        With which the pixels count.

    Returns
    -------
    float64 array (nx,)
        1 where nothing is summed.
    """

    def turn(values):
        return np.asarray(values if dispaxis == 1 else values.T, float)

    variance = np.zeros(weights.shape)
    for part in variances:
        if part is not None:
            variance += np.nan_to_num(part[0], nan=0.0, posinf=0.0)
    own, factor, pairs = turn(slit.covar_own), turn(slit.covar_factor), np.asarray(slit.covar_pairs, float)
    half, n_along = pairs.shape[1] // 2, len(weights)
    around = np.zeros(weights.shape)
    for offset in range(-half, half + 1):
        low, high = max(0, -offset), min(n_along, n_along - offset)
        if offset and low < high:
            around[low:high] += pairs[:, half + offset] * weights[low + offset : high + offset]
    true = variance * own * (weights**2 + weights * np.maximum(factor - 1, 0) * around)
    plain = (variance * weights**2).sum(axis=0)
    return np.where(plain > 0, true.sum(axis=0) / np.where(plain > 0, plain, 1.0), 1.0)


def variances_of_planes(cube, errors, weights, part=slice(None)):
    """Return the variances of weighted sums over planes of a cube, with covariance: float64 array (n,).

    Parameters
    ----------
    cube : IFUCubeModel
        With what says how its voxels vary together.
    errors : float32 array (nz, ny, nx)
        Of the voxels.
    weights : float64 array (n, ny, nx)
        With which they count, of the planes.
    part : slice
        The planes.
    """
    from hexcal.kernels.covariance import combine_planes

    out = np.empty(len(weights))
    factor, pairs = (np.ascontiguousarray(values[part], np.float32) for values in (cube.covar_factor, cube.covar_pairs))
    run_bands(combine_planes, len(weights), weights, errors[part], factor, pairs, out)
    return out


def scale_variances(columns, of_flux, of_background):
    """Multiply the variances and errors of a spectrum, in place.

    Parameters
    ----------
    columns : dict of str to float64 array (n,)
        By name.
    of_flux, of_background : float64 array (n,)
        Factors of variances of flux and surface brightness, and of the background.
    """
    for kinds, factor in ((("FLUX", "SB"), of_flux), (("BKGD",), of_background)):
        for kind in kinds:
            for part in ("POISSON", "RNOISE", "FLAT"):
                columns[f"{kind}_VAR_{part}"] *= factor
            columns[f"{kind}_ERROR"] *= np.sqrt(factor)
