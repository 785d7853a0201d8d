"""A wave of known frequency in the order in which pixels are read.

What is left of ramps by its phase, and taking it out.
"""

import numpy as np

from hexcal.kernels.compiled import kernel

AMPLIFIERS = 4
"""Columns that are read at the same time."""
EDGE = 1e-7
"""Bins by which a phase is moved on, lest what is exactly at an edge be taken for the end of the bin before."""


@kernel
def bin_by_phase(first_row, last_row, ramp, usable, cycles, start, bins_of_cycle, sums, counts, firsts):
    """Sum the residuals of straight-line fits to the ramps of one integration by the phase of a wave.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    ramp : float32 array (ngroups, ny, nx), DN
        One integration.
    usable : bool array (ny, nx)
        Only these ramps count.
    cycles : tuple of 3 floats
        Cycles of the wave from one group, row, and set of four columns to the next.
    start : float
        Cycles before the first pixel of the integration.
    bins_of_cycle : float
        Bins in a cycle; what is left of it after the last bin belongs to that.
    sums : float64 array (ny, nbins), DN
        Result: sums of residuals, apart for each row so that their order does not depend on the bands.
    counts : float64 array (ny, nbins)
        Result: number of samples.
    firsts : float64 array (ny, nbins)
        Result: number of samples of the first group.
    """
    n_groups, _, nx = ramp.shape
    n_bins = sums.shape[1]
    center = (n_groups - 1) / 2.0
    spread = n_groups * (n_groups * n_groups - 1) / 12.0
    mean, slope = np.empty(nx), np.empty(nx)
    for row in range(first_row, last_row):
        mean[:] = 0.0
        slope[:] = 0.0
        for group in range(n_groups):
            values = ramp[group, row]
            for column in range(nx):
                mean[column] += values[column]
                slope[column] += (group - center) * values[column]
        for group in range(n_groups):
            values = ramp[group, row]
            phase_of_row = start + cycles[0] * group + cycles[1] * row
            for column in range(nx):
                if usable[row, column]:
                    phase = phase_of_row + cycles[2] * (column // AMPLIFIERS)
                    place = min(np.int64((phase - np.floor(phase)) * bins_of_cycle + EDGE), n_bins - 1)
                    line = mean[column] / n_groups + (group - center) * slope[column] / spread
                    sums[row, place] += values[column] - line
                    counts[row, place] += 1.0
                    firsts[row, place] += 1.0 if group == 0 else 0.0


@kernel
def subtract_wave(first_row, last_row, ramp, wave, cycles, start, between):
    """Subtract a wave from one integration, in place.

    Parameters
    ----------
    first_row, last_row, cycles, start
        As for `bin_by_phase`.
    ramp : float32 array (ngroups, ny, nx), DN
        One integration.
    wave : float64 array (nbins,), DN
        The wave at the middles of its bins.
    between : bool
        Linear between the middles; otherwise the same in all of a bin.
    """
    n_groups, _, nx = ramp.shape
    n_bins = wave.size
    for row in range(first_row, last_row):
        for group in range(n_groups):
            values = ramp[group, row]
            phase_of_row = start + cycles[0] * group + cycles[1] * row
            for column in range(nx):
                phase = phase_of_row + cycles[2] * (column // AMPLIFIERS)
                place = (phase - np.floor(phase)) * n_bins
                if not between:
                    values[column] -= wave[np.int64(place + EDGE) % n_bins]
                    continue
                place -= 0.5
                low = np.int64(np.floor(place))
                share = place - low
                values[column] -= wave[low % n_bins] * (1.0 - share) + wave[(low + 1) % n_bins] * share
