"""1/f noise of the read-out.

It wanders while the pixels are read one after the other, so that neighbours along a line share it.
"""

import numpy as np

from hexcal.errors import ParameterError

LINE_OVERHEAD = 12
"""Pixel times between two lines."""


def flicker_noise(shape, sigma, rng, n_outputs=1, columns=False):
    """Draw 1/f noise for each group of an exposure.

    Parameters
    ----------
    shape : tuple
        (nints, ngroups, ny, nx).
    sigma : float
        Standard deviation within a group, DN.
    rng : numpy.random.Generator
    n_outputs : int
        Amplifiers side by side along a line, each with noise of its own; the second and the fourth read in the other
        direction.
    columns : bool
        Pixels that are read one after the other lie in a column.

    Returns
    -------
    float32 array (nints, ngroups, ny, nx), DN
        The truth plane: power as 1 / frequency from one wave per group to one per two pixel times; the mean of a group
        is zero.

    Raises
    ------
    ParameterError
        If a line cannot be divided between the outputs, or sigma is negative.
    """
    n_ints, n_groups, ny, nx = shape
    lines, length = (nx, ny) if columns else (ny, nx)
    if sigma < 0:
        raise ParameterError(f"the noise must not be negative, got {sigma}", where="sigma")
    if n_outputs < 1 or length % n_outputs:
        raise ParameterError(
            f"a line of {length} pixels cannot be divided between {n_outputs} outputs", where="n_outputs"
        )
    width = length // n_outputs
    noise = np.empty((n_ints, n_groups, lines, length), np.float32)
    for image in noise.reshape(-1, lines, length):
        for output in range(n_outputs):
            part = series(lines * (width + LINE_OVERHEAD), rng).reshape(lines, -1)[:, :width]
            image[:, output * width : (output + 1) * width] = part[:, ::-1] if output % 2 else part
        image -= image.mean()
        image *= sigma / image.std()
    return np.ascontiguousarray(noise.swapaxes(-1, -2)) if columns else noise


def series(length, rng):
    """A time series whose power falls with frequency as 1/f: float64 (length)."""
    n_waves = length // 2 + 1
    spectrum = rng.standard_normal(n_waves) + 1j * rng.standard_normal(n_waves)
    spectrum[1:] /= np.sqrt(np.arange(1, n_waves))
    spectrum[0] = 0
    return np.fft.irfft(spectrum, length)
