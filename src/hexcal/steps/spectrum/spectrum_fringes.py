"""Residual fringes of MIRI MRS in extracted spectra: the same waves as of detector columns, fitted to one spectrum."""

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.models.dqflags import pixel

_PERIODS = ((2.8, 0.5, (1, 2, 3, 4)), (0.38, 0.06, (3, 4)))
"""Period and half its range, cm^-1, of the interference in the substrate of the detectors, and of that in a dichroic,
with the channels that have it (Argyriou et al. 2020, A&A 641, A150)."""
_KNOTS = 3.0
"""Periods between the knots of the continuum."""
_FEWEST, _MOST = 1, 15
"""Waves."""
_OVERSAMPLING = 16.0
"""Waves that are tried for each one that the length of the spectrum tells from the next: between those of a coarser
choice, several stand for one, and do so badly at the ends."""
_ROUNDS = 4
"""How often continuum and waves are fitted in turn."""
_FEWEST_POINTS = 50
_BORDERS = (7.58, 11.63, 17.84)
"""Wavelengths (micron) between the channels: in the middle of what two of them see (JWST documents: 4.9 to 7.65,
7.51 to 11.70, 11.55 to 17.98, 17.70 to 27.9 micron)."""
_BEYOND = 0.4
"""A stretch of a spectrum that reaches farther than this to both sides of a border holds both channels, micron."""
_GAP = 50
"""Planes without values between one channel of an exposure and the next, at least."""
COLUMNS = {"RF_FLUX": "FLUX", "RF_SURF_BRIGHT": "SURF_BRIGHT", "RF_BACKGROUND": "BACKGROUND"}
"""Columns of spectra without fringes, and those that they are made of."""


def add_columns(columns, channels):
    """Give the spectrum of a cube of MIRI MRS the columns without fringes, in place.

    Each channel of a cube of several ones is fitted by itself: its fringes have phases of their own.

    Parameters
    ----------
    columns : dict of str to float64 array (n,)
        WAVELENGTH, FLUX, SURF_BRIGHT and BACKGROUND, with their errors, and DQ: what is DO_NOT_USE does not count.
    channels : str
        Numbers of the channels, 1 to 4: "1", "12" ...

    Returns
    -------
    float
        Largest amplitude of the fringes, as a share of the flux; 0: none were found.
    """
    gain = _of_channels(columns, "FLUX", "FLUX_ERROR", channels)
    columns["RF_FLUX"], columns["RF_SURF_BRIGHT"] = columns["FLUX"] / (1 + gain), columns["SURF_BRIGHT"] / (1 + gain)
    beside = _of_channels(columns, "BACKGROUND", "BKGD_ERROR", channels)
    columns["RF_BACKGROUND"] = columns["BACKGROUND"] / (1 + beside)
    return float(np.abs(gain).max())


def _of_channels(columns, name, error, channels):
    """What a column of a spectrum is to be divided by, less 1."""
    wavelength = columns["WAVELENGTH"]
    values = np.where(columns["DQ"] & pixel.DO_NOT_USE == 0, columns[name], np.nan)
    if len(channels) == 1:
        return fringes(wavelength, values, columns[error], int(channels))
    gain = np.zeros(len(wavelength))
    for part, channel in _stretches(wavelength, np.flatnonzero(np.isfinite(values))):
        if str(channel) in channels:
            gain[part] = fringes(wavelength[part], values[part], columns[error][part], channel)
    return gain


def _stretches(wavelength, seen):
    """Yield the stretches of a spectrum of several channels, each with its channel: slice, int.

    An exposure sees of each channel a part, with a gap between them; exposures of all bands have no gaps.
    """
    for run in np.split(seen, np.flatnonzero(np.diff(seen) > _GAP) + 1):
        waves = wavelength[run]
        cuts = [
            border for border in _BORDERS if len(run) and waves[0] < border - _BEYOND < border + _BEYOND < waves[-1]
        ]
        for piece in np.split(run, np.searchsorted(waves, cuts)):
            if len(piece):
                middle = wavelength[piece[len(piece) // 2]]
                yield slice(piece[0], piece[-1] + 1), 1 + int(np.searchsorted(_BORDERS, middle))


def fringes(wavelength, flux, error, channel, threads=None):
    """Return what a spectrum is to be divided by, less 1: float64 array (n,); 0 where no fringes are found.

    A smooth continuum, lines without weight, and sine waves in wavenumber are fitted together, as many waves as the
    data want (residual_fringe does the same to the columns of the detector).

    Where few spaxels of the aperture see a wavelength, at the torn ends of a band, the sum is wrong and has an error
    that is many times smaller than beside them; by such errors the continuum would follow these few wavelengths. So no
    error counts as smaller than the median.

    Parameters
    ----------
    wavelength, flux, error : float64 array (n,)
        Micron; values that are not finite, or have no error, do not count.
    channel : int
        Of MIRI MRS, 1 to 4.
    threads : int, optional
        Default: the number of the run.
    """
    from hexcal.kernels.residual_fringe import fit_fringes

    gain, wavenumber = np.zeros(len(flux)), 1e4 / np.asarray(wavelength, float)
    good = np.isfinite(flux) & np.isfinite(error) & (error > 0)
    if good.sum() < _FEWEST_POINTS:
        return gain
    sampling, span = float(np.median(np.abs(np.diff(wavenumber)))), float(np.ptp(wavenumber))
    weights = np.where(good, 1 / np.maximum(error, np.median(error[good])) ** 2, 0.0)
    for period, half_range, channels in _PERIODS:
        # Waves of less than three points cannot be told from noise.
        if channel not in channels or 3 * sampling >= period - half_range:
            continue
        lowest, highest = 1 / (period + half_range), 1 / (period - half_range)
        n_waves = int((highest - lowest) * _OVERSAMPLING * span) + 2
        signal = np.where(good, flux, 0.0) / (1 + gain)
        fitted, number = np.empty((1, len(flux))), np.empty(1, np.int64)
        spacing, step = _KNOTS * period / sampling, (highest - lowest) / (n_waves - 1)
        settings = [np.array([value]) for value in (spacing, lowest, step)]
        counts = [np.array([value], np.int64) for value in (n_waves, _FEWEST, _MOST)]
        arrays = signal[None], weights[None], np.ascontiguousarray(wavenumber)[None]
        run_bands(fit_fringes, 1, *arrays, *settings, *counts, _ROUNDS, fitted, number, threads=threads)
        if number[0] > 0:
            gain = (1 + gain) * (1 + fitted[0]) - 1
    return gain
