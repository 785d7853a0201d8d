"""Fit a wave of known frequency to ramps: measure it, or find phase and size of a known one."""

from dataclasses import dataclass

import numpy as np

from hexcal.steps.detector import miri_clock

MINIMUM_GROUPS = 3
"""A straight line is taken out of each ramp; in two groups nothing is left of it."""
_GRID = 8, 32, 64
"""Groups, rows and sets of four columns of which the phases are looked at, at most."""
_LARGEST_RESIDUAL = 5.0
"""Ramps whose residuals are larger than this many times the usual ones (cosmic rays, saturation) are no measure of the
wave.
"""


@dataclass(frozen=True)
class Readout:
    """When pixels are read.

    Clocks from one set of four columns, row and frame to the next, and frames from one integration to the next.
    """

    column: int
    row: int
    frame: int
    integration: int

    def cycles(self, frequency):
        """Cycles of a wave from one group, row and set of four columns to the next."""
        return tuple(frequency * miri_clock.CLOCK * clocks for clocks in (self.frame, self.row, self.column))

    def start(self, frequency, integration):
        """Cycles before the first pixel of an integration, less whole ones."""
        return (frequency * miri_clock.CLOCK * self.frame * self.integration * integration) % 1.0

    def centered_start(self, frequency, integration, n_bins, image):
        """As `start`, moved so that samples lie about the middles of `n_bins` bins, wherever these begin.

        Pixels are read at whole clocks: their phases may all lie in one half of a bin, or at its edge. `image` is the
        shape (ny, nx).
        """
        grid = np.ix_(np.arange(_GRID[0]), np.arange(image[0])[: _GRID[1]], np.arange(-(-image[1] // 4))[: _GRID[2]])
        by_group, by_row, by_column = self.cycles(frequency)
        phase = by_group * grid[0] + by_row * grid[1] + by_column * grid[2]
        # Rounded, lest what is exactly at an edge be taken for the end of the bin before.
        place = np.round(phase * n_bins, 6) % 1.0
        return self.start(frequency, integration) + (0.5 - place.mean()) / n_bins


def usable_ramps(ramp, flags):
    """Return which ramps of an integration are straight enough to measure a wave.

    Parameters
    ----------
    ramp : float32 array (ngroups, ny, nx), DN
    flags : uint8 array (ngroups, ny, nx)
        Group flags; flagged ramps do not count.

    Returns
    -------
    bool array (ny, nx)
        Without flags, and with residuals of a straight line of at most five times the median size.
    """
    group = np.arange(len(ramp)) - (len(ramp) - 1) / 2
    mean, variance = ramp.mean(axis=0, dtype=np.float64), np.zeros(ramp.shape[1:])
    with np.errstate(invalid="ignore", over="ignore"):  # of infinite samples
        slope = np.tensordot(group, ramp, (0, 0)) / (group**2).sum()
        for number, image in zip(group, ramp, strict=True):
            variance += (image - mean - number * slope) ** 2
    good = ~flags.any(axis=0) & np.isfinite(variance)
    if not good.any():
        return good
    return good & (variance <= _LARGEST_RESIDUAL**2 * np.median(variance[good]))


def phased(ramp, usable, readout, frequency, integration, n_bins, first_group=0, centered=True, threads=None):
    """Return sums of residuals (DN), numbers of samples, and numbers of first groups by phase, of one integration.

    Float64 (3, nbins). The first group of `ramp` is group `first_group` of the integration. `centered`: samples lie
    about the middles of the bins (`Readout.centered_start`); otherwise bins of two clocks are no wider than that.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.emi import bin_by_phase

    sums, counts, firsts = (np.zeros((ramp.shape[1], n_bins)) for _ in range(3))
    cycles = readout.cycles(frequency)
    start, of_cycle = readout.start(frequency, integration), 1 / (frequency * miri_clock.CLOCK) / 2
    if centered:
        start = readout.centered_start(frequency, integration, n_bins, ramp.shape[1:])
    if centered or n_bins != int(of_cycle):
        of_cycle = float(n_bins)
    start += first_group * cycles[0]
    run_bands(bin_by_phase, ramp.shape[1], ramp, usable, cycles, start, of_cycle, sums, counts, firsts, threads=threads)
    return np.stack([sums.sum(axis=0), counts.sum(axis=0), firsts.sum(axis=0)])


def subtract(ramp, wave, readout, frequency, integration, between=True, threads=None):
    """Subtract a wave from one integration, in place; `wave` float64 (npoints,), DN, begins at phase 0.

    `between`: the wave is taken between its points, as `phased` with `centered` bins it; otherwise it is the same from
    one point to the next.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.emi import subtract_wave

    cycles, start = readout.cycles(frequency), readout.start(frequency, integration)
    if between:
        start = readout.centered_start(frequency, integration, len(wave), ramp.shape[1:])
    run_bands(subtract_wave, ramp.shape[1], ramp, wave, cycles, start, bool(between), threads=threads)


def n_bins_for(frequency, n_wave):
    """Return the number of bins of a wave: two clocks for each, but no more than the reference has points."""
    return int(max(8, min(n_wave, 1 / (frequency * miri_clock.CLOCK) / 2)))


def resampled(wave, n_bins):
    """Return a periodic wave at the middles of `n_bins` bins: float64 (nbins,).

    The first point of `wave` is the middle of its first bin.
    """
    phase = (np.arange(n_bins) + 0.5) / n_bins
    own = (np.arange(len(wave)) + 0.5) / len(wave)
    return np.interp(phase, own, np.asarray(wave, np.float64), period=1.0)


def measured(sums, counts):
    """Return the mean residual by phase, float64 (nbins,), DN; bins without samples are interpolated."""
    filled = counts > 0
    if not filled.any():
        return np.zeros(len(sums))
    wave = np.zeros(len(sums))
    wave[filled] = sums[filled] / counts[filled]
    if not filled.all():
        at = np.arange(len(sums)) / len(sums)
        wave[~filled] = np.interp(at[~filled], at[filled], wave[filled], period=1.0)
    return wave - wave.mean()


def aligned(sums, counts, firsts, reference, scale, step, n_groups):
    """Shift a reference wave so that it correlates best with the measured one, and scale it if asked for.

    Parameters
    ----------
    sums, counts, firsts : float64 array (nbins,)
        As `phased` gives.
    reference : float64 array (nbins,), DN
    scale : bool
        Multiply it by the ratio that leaves least of the measured wave; what the straight lines have taken of it, too,
        is allowed for.
    step : float
        Cycles from group to group.
    n_groups : int

    Returns
    -------
    float64 array (nbins,), DN

    Notes
    -----
    JWST pipeline documentation 1.13.5, section emicorr.
    """
    shape = reference - reference.mean()
    correlation = _correlation(measured(sums, counts) * counts, shape)
    shift = _peak(correlation)
    wave = _shifted(shape, shift)
    norm = _correlation(firsts, _projected_norm(shape, step, n_groups))
    size = float(np.interp(shift, np.arange(len(norm)), norm, period=len(norm)))
    ratio = float((wave * sums).sum()) / size if scale and size > 1e-9 * max(norm.max(), 1e-300) else 1.0
    return _shifted(reference, shift) * ratio


def aligned_by_points(sums, counts, firsts, reference, scale, step, n_groups):
    """As `aligned`, but the reference is shifted by whole points.

    Parameters
    ----------
    sums, counts, firsts : float64 array (nbins,)
        As `phased` gives, not centered.
    reference : float64 array (npoints,), DN
        With its own points, which are those of the result.
    scale, step, n_groups
        As for `aligned`.

    Returns
    -------
    float64 array (npoints,), DN

    Notes
    -----
    The shift is that of the reference implementation 3.0.0 (measured as a black box): the mean residuals stand at the
    beginnings of their bins, are interpolated to the points of the reference, and correlated with it.
    """
    n_bins, n_points = len(sums), len(reference)
    means = measured(sums, counts)
    points = np.interp(np.arange(n_points) / n_points, np.arange(n_bins) / n_bins, means, period=1.0)
    shape = reference - reference.mean()
    shift = int(np.argmax(_correlation(points, shape)))
    wave = resampled(np.roll(shape, shift), n_bins)
    size = float((firsts * _projected_norm(wave, step, n_groups)).sum())
    ratio = float((wave * sums).sum()) / size if scale and size > 0 else 1.0
    return np.roll(reference, shift) * ratio


def joint(sums, firsts, reference, step, n_groups):
    """Find phase and size of a reference wave together with the straight line of each ramp.

    With P the projection that takes a straight line out of a ramp, d the data and w the wave: ``min |P d - a P
    w(phase)|^2``. Since P is its own square, all that is needed of the data are the sums of P d by phase; ``|P w|^2``
    of a ramp depends only on the phase of its first group.

    Parameters
    ----------
    sums, firsts : float64 array (nbins,)
        As `phased` gives: P d summed by phase, and number of ramps by the phase of their first group.
    reference : float64 array (nbins,), DN
    step : float
        Cycles from group to group.
    n_groups : int

    Returns
    -------
    float64 array (nbins,), DN
        The wave as it is in the data; its factor may be negative, if that leaves less.

    Notes
    -----
    Least squares with the parameters of each ramp eliminated (variable projection: Golub and Pereyra 1973, SIAM J.
    Numer. Anal. 10, 413).
    """
    shape = reference - reference.mean()
    norm = _correlation(firsts, _projected_norm(shape, step, n_groups))
    overlap = _correlation(sums, shape)
    usable = norm > 1e-9 * max(norm.max(), 1e-300)
    gain = np.where(usable, overlap**2 / np.where(usable, norm, 1.0), 0.0)
    if not gain.any():
        return np.zeros(len(reference))
    shift = _peak(gain)
    at = np.arange(len(reference))
    ratio = np.interp(shift, at, overlap, period=len(at)) / np.interp(shift, at, norm, period=len(at))
    return _shifted(reference, shift) * ratio


def _projected_norm(wave, step, n_groups):
    """``|P w|^2`` of a ramp by the phase of its first group: float64 (nbins,)."""
    group = np.arange(n_groups) - (n_groups - 1) / 2
    samples = np.array([_shifted(wave, -number * step * len(wave)) for number in range(n_groups)])
    slope = (group[:, None] * samples).sum(axis=0) / (group**2).sum()
    return ((samples - samples.mean(axis=0) - group[:, None] * slope) ** 2).sum(axis=0)


def _correlation(first, second):
    """``c[s] = sum_b first[b] second[b - s]``, circular."""
    return np.fft.irfft(np.fft.rfft(first) * np.conj(np.fft.rfft(second)), len(first))


def _peak(values):
    """Place of the largest value, refined by the parabola through its neighbours."""
    top = int(np.argmax(values))
    left, middle, right = values[top - 1], values[top], values[(top + 1) % len(values)]
    curvature = left - 2 * middle + right
    return top + (0.5 * (left - right) / curvature if curvature < 0 else 0.0)


def _shifted(wave, shift):
    """``wave[b - shift]`` for a shift that need not be whole."""
    at = np.arange(len(wave))
    return np.interp(at - shift, at, wave, period=len(wave))
