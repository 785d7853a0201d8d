"""Fourier transforms of series in the order in which IRS2 frames are read.

A series has N = 712 x 2048 values: 2048 lines of 712 times, stored with the lines along the last axis. N has the prime
factor 89, which makes a transform of all values at once slow. With the time n = p + 712 l (place p of line l) and the
frequency f = f1 + 2048 f2 (cycles per frame)::

    X[f] = sum_p exp(-2 pi i p f2 / 712) { exp(-2 pi i p f1 / N) sum_l x[p, l] exp(-2 pi i l f1 / 2048) }

that is, transforms along the lines, a phase, and transforms along the places (Cooley and Tukey 1965, Math. Comp. 19,
297). What is in braces is called `of_lines` here; much can be done to series in that form. Series are real, so that
f1 = 0 ... 1024 says all: spectra are complex (712, 1025), f2 along the first axis.
"""

from functools import lru_cache

import numpy as np

from hexcal.steps.detector import irs2

SHAPE = irs2.PERIOD, irs2.LINES // 2 + 1
"""Of a spectrum."""


@lru_cache(maxsize=1)
def _phases():
    """complex64 (712, 1025): the phase of a place at a frequency of the lines."""
    cycles = np.outer(np.arange(SHAPE[0]), np.arange(SHAPE[1])) / irs2.N_TIMES
    return np.exp(-2j * np.pi * cycles).astype(np.complex64)


def phases(places):
    """Return the phases of some places of a line, complex64 (nplaces, 1025)."""
    return _phases()[places]


def of_lines(values, places):
    """Transform values along the lines.

    Parameters
    ----------
    values : float32 (nplaces, 2048)
    places : int (nplaces,)
        Their places in the line.

    Returns
    -------
    complex64 (nplaces, 1025)
    """
    from scipy import fft

    transformed = np.asarray(fft.rfft(values, axis=-1))
    transformed *= phases(places)
    return transformed


def values_at(transformed, places):
    """Undo `of_lines` at some places: float32 (nplaces, 2048) of all places, complex64 (712, 1025)."""
    from scipy import fft

    return np.asarray(fft.irfft(transformed[places] * phases(places).conj(), irs2.LINES, axis=-1))


def spectrum(transformed):
    """Return the spectrum of a series that is transformed along the lines, complex64 (712, 1025)."""
    from scipy import fft

    return np.asarray(fft.fft(transformed, axis=-2))


def from_spectrum(values):
    """Undo `spectrum`; the spectrum is overwritten."""
    from scipy import fft

    return np.asarray(fft.ifft(values, axis=-2, overwrite_x=True))


def spread(half):
    """Order the frequencies of `numpy.fft.rfft` as spectra have them.

    Parameters
    ----------
    half : complex (..., 729089)

    Returns
    -------
    complex (..., 712, 1025)
    """
    whole = np.concatenate([half, np.conj(half[..., -2:0:-1])], axis=-1)
    return np.ascontiguousarray(whole.reshape(*half.shape[:-1], irs2.PERIOD, irs2.LINES)[..., : SHAPE[1]])


def gathered(values):
    """Undo `spread`: complex (..., 729089)."""
    # A frequency beyond 1024 of the lines is the negative of one that is there.
    frequency = np.arange(irs2.N_TIMES // 2 + 1)
    of_line, there = frequency % irs2.LINES, frequency % irs2.LINES < SHAPE[1]
    mirrored = irs2.N_TIMES - frequency
    at = np.where(there, frequency, mirrored) // irs2.LINES, np.where(there, of_line, mirrored % irs2.LINES)
    spectrum = values[..., at[0] % irs2.PERIOD, at[1]]
    return np.where(there, spectrum, np.conj(spectrum))
