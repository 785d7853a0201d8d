"""Photometry of sources in circular apertures, with a local background."""

from dataclasses import dataclass

import numpy as np

from hexcal import quick_imports
from hexcal.core.bands import run_bands
from hexcal.steps.image.phase_scatter import phase_scatter
from hexcal.steps.image.smooth_photometry import smooth_sum

_WIDE = 2.5
"""Radius of the aperture against which the others are held, in that of the largest."""
_CLIPPING, _ROUNDS = 3.0, 5
"""Of the ring: standard deviations, and rounds at most."""


@dataclass(frozen=True)
class Apertures:
    """The apertures of a filter, from the APCORR reference.

    Attributes
    ----------
    energies : tuple of int
        Encircled energies in per cent, ascending.
    radii, corrections : tuple of float
        Radius in pixels, and the factor to the total flux, of each.
    inner, outer : float
        Radii of the ring of the local background, in pixels.
    """

    energies: tuple[int, ...]
    radii: tuple[float, ...]
    corrections: tuple[float, ...]
    inner: float
    outer: float


@dataclass(frozen=True)
class AperturePhotometry:
    """Fluxes in apertures, in the unit of the image times pixels.

    Attributes
    ----------
    flux, error, noise : float64 array (n_apertures, n)
        With errors, and what of them is noise of the pixels.
    background, background_error : float64 array (n,)
        Clipped median per pixel in the ring, and its standard error.
    phase : float64 array (n_apertures,)
        What the fluxes of bright stars scatter beyond their noise, as a fraction; 0 unless it is asked for.
    """

    flux: np.ndarray
    error: np.ndarray
    noise: np.ndarray
    background: np.ndarray
    background_error: np.ndarray
    phase: np.ndarray


def measure(
    net, err, masked, x, y, apertures: Apertures, with_phase: bool = False, smooth: bool = False
) -> AperturePhotometry:
    """Measure sources in apertures.

    Parameters
    ----------
    net, err : float32 array (ny, nx)
        Image without background, and its standard deviation.
    masked : bool array (ny, nx)
    x, y : float64 array (n,)
        Centres, 0-based pixels.
    apertures : Apertures
    with_phase : bool
        Add to the errors what bright stars scatter with the phase of pixels.
    smooth : bool
        Interpolate between pixels where all near a source count; elsewhere, and otherwise, their light is even.

    Notes
    -----
    Apertures are exact (the part of each pixel inside counts). The median of the ring, clipped at 3 sigma, is
    subtracted.
    """
    positions = np.column_stack([x, y])
    is_finite = np.asarray(np.isfinite(positions).all(axis=1))
    centres = np.where(is_finite[:, None], positions, 0.0)
    level, deviation, number = _ring(net, masked, centres, apertures)
    # The median has a larger error than the mean, by sqrt(pi / 2) for a Gaussian.
    with np.errstate(divide="ignore", invalid="ignore"):
        level_error = deviation / np.sqrt(number) * np.sqrt(np.pi / 2)
    sums = [_sum(net, err, masked, centres, radius) for radius in apertures.radii]
    if smooth:
        sums = [
            (_smoothed(total, net, masked, centres, r), e) for (total, e), r in zip(sums, apertures.radii, strict=True)
        ]
    flux = np.array(
        [total - np.pi * radius**2 * level for (total, _), radius in zip(sums, apertures.radii, strict=True)]
    )
    error = np.array([error for _, error in sums])
    noise, phase = error.copy(), np.zeros(len(apertures.radii))
    if with_phase:
        wide = _WIDE * apertures.radii[-1]
        total, total_error = _sum(net, err, masked, centres, wide)
        expected = apertures.energies[0] / 100
        phase = phase_scatter(flux, error, total - np.pi * wide**2 * level, total_error, expected)
        error = np.hypot(error, phase[:, None] * np.abs(flux))
    for array in (flux, error, noise):
        array[:, ~is_finite] = np.nan
    level[~is_finite] = level_error[~is_finite] = np.nan
    return AperturePhotometry(flux, error, noise, level, level_error, phase)


def _ring(net, masked, centres, apertures):
    """Clipped median, standard deviation and number of pixels of the ring around each source."""
    from hexcal.kernels.apertures import ring_statistics

    n = len(centres)
    x, y = np.ascontiguousarray(centres.T)
    median, deviation, number = np.empty(n), np.empty(n), np.empty(n, np.int64)
    results = median, deviation, number
    radii = float(apertures.inner), float(apertures.outer)
    run_bands(ring_statistics, n, net, masked, x, y, *radii, _CLIPPING, _ROUNDS, *results)
    return results


def _sum(net, err, masked, centres, radius):
    """Sum in a circle around each source, and its standard deviation."""
    from hexcal.kernels.apertures import sum_circles

    x, y = np.ascontiguousarray(centres.T)
    sums, errors = np.empty((2, len(centres)))
    run_bands(sum_circles, len(centres), net, err, masked, x, y, float(radius), sums, errors)
    return sums, errors


def _smoothed(sums, net, masked, centres, radius):
    """Sums with interpolation between pixels, where there are such."""
    x, y = np.ascontiguousarray(centres.T)
    smooth = smooth_sum(net, masked, x, y, radius)
    return np.where(np.isfinite(smooth), smooth, sums)


def magnitudes(flux_jy, error_jy) -> tuple[np.ndarray, np.ndarray]:
    """Return AB magnitudes and their errors; NaN where the flux is not positive.

    Parameters
    ----------
    flux_jy, error_jy : float64 array
        In jansky.

    Notes
    -----
    AB = -2.5 log10(F) + 8.9 (Oke & Gunn 1983, ApJ 266, 713); the error is 2.5 log10(1 + dF / F).
    """
    with np.errstate(all="ignore"):
        flux = np.where(flux_jy > 0, flux_jy, np.nan)
        return -2.5 * np.log10(flux) + 8.9, 2.5 * np.log10(1 + error_jy / flux)


def daofind_shapes(net, x, y, fwhm: float) -> tuple[np.ndarray, np.ndarray]:
    """Return sharpness and roundness of sources as DAOFIND defines them (Stetson 1987, PASP 99, 191).

    Parameters
    ----------
    net : float32 array (ny, nx)
    x, y : float64 array (n,)
        Centres; the shapes are those of the nearest pixel.
    fwhm : float
        Of the kernel, in pixels.
    """
    from hexcal.steps.image.star_finding import StarFinder, tiles_around

    kernel = StarFinder("dao", fwhm).kernel()
    radius = kernel.x_radius
    size = 2 * radius + 1
    centres = np.rint(np.column_stack([np.nan_to_num(y), np.nan_to_num(x)])).astype(int)
    tiles = tiles_around(net, centres, 2 * radius).astype(np.float64)
    convolved = np.empty((len(tiles), size, size))
    for j in range(size):
        for i in range(size):
            convolved[:, j, i] = (tiles[:, j : j + size, i : i + size] * kernel.data).sum(axis=(1, 2))
    core = tiles[:, radius : radius + size, radius : radius + size]
    peak, middle = core[:, radius, radius], convolved[:, radius, radius].copy()
    mean = ((core * kernel.mask).sum(axis=(1, 2)) - peak) / (kernel.n_pixels - 1)
    convolved[:, radius, radius] = 0
    r = radius
    quadrants = (
        convolved[:, : r + 1, r + 1 :],
        convolved[:, :r, : r + 1],
        convolved[:, r:, :r],
        convolved[:, r + 1 :, r:],
    )
    sums = [part.sum(axis=(1, 2)) for part in quadrants]
    with np.errstate(all="ignore"):
        roundness = 2 * (sums[1] + sums[3] - sums[0] - sums[2]) / np.abs(convolved).sum(axis=(1, 2))
        return (peak - mean) / middle, roundness


def nearest_neighbours(x, y) -> tuple[np.ndarray, np.ndarray]:
    """Return for each source the index of its nearest neighbour (-1 for none), and the distance (NaN for none)."""
    with quick_imports.for_scipy():
        from scipy.spatial import KDTree

    index, distance = np.full(len(x), -1), np.full(len(x), np.nan)
    is_finite = np.isfinite(x) & np.isfinite(y)
    if np.count_nonzero(is_finite) > 1:
        positions, where = np.column_stack([x, y])[is_finite], np.flatnonzero(is_finite)
        neighbours = KDTree(positions).query(positions, k=2)
        distances, indices = (np.asarray(part) for part in neighbours)
        index[is_finite], distance[is_finite] = where[indices[:, 1]], distances[:, 1]
    return index, distance
