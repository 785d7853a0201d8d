"""The flicker noise of one image: constant along each line, or a few low frequencies of it."""

import numpy as np

_SLOWEST_KEPT = 150
"""Pixels of a line in the shortest wave that is fitted in full; waves down to half of it are damped. Shorter ones are
noise of single pixels.
"""
_RIDGE = 1e-3
"""Share of the usable pixels by which coefficients are held to zero, where the mask leaves them open."""


def line_levels(image, usable, n_parts, threads=None):
    """Return the median of the usable pixels of each line, float32 (ny, nx), DN.

    Parameters as of the kernel `line_medians`, lines are rows.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.flicker import line_medians

    ny, nx = image.shape
    noise = np.empty((ny, n_parts))
    run_bands(line_medians, ny, image, usable, noise, threads=threads)
    widths = np.full(n_parts, nx // n_parts)
    widths[-1] += nx - widths.sum()
    return np.repeat(noise.astype(np.float32), widths, axis=1)


class FourierFit:
    """Low frequencies of each line, fitted to its usable pixels.

    Parameters
    ----------
    usable : bool array (ny, nx)
        Pixels that see no source; the same for all images that are fitted.

    Notes
    -----
    Least squares with the pixels of sources left out, in the manner of Rauscher 2024 (PASP 136, 015001), which fits an
    incomplete Fourier basis to the pixels that see no light and filters out the high frequencies. The normal equations
    of a line depend only on its mask, and hold nothing but Fourier coefficients of it: products of two waves are waves
    of the sum and of the difference of their frequencies.
    """

    def __init__(self, usable):
        self._usable = usable
        nx = usable.shape[1]
        n_waves = max(1, int(2 * nx / _SLOWEST_KEPT))
        number = np.arange(1, n_waves + 1)
        angle = 2 * np.pi * np.arange(nx)[:, None] / nx * number
        self._basis = np.concatenate([np.ones((nx, 1)), np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
        damped = np.clip((number - n_waves / 2) / (n_waves / 2), 0, 1)
        weight = 0.5 * (1 + np.cos(np.pi * damped))
        self._filter = np.concatenate([[1.0], weight, weight]).astype(np.float32)
        self._inverse = np.linalg.inv(_normal_equations(usable, n_waves)).astype(np.float32)

    def noise(self, image):
        """Return the low frequencies of an image (float32 (ny, nx), DN, its background subtracted).

        Float32 (ny, nx), DN.
        """
        moments = np.where(self._usable & np.isfinite(image), image, np.float32(0)) @ self._basis
        coefficients = (self._inverse @ moments[:, :, None])[:, :, 0] * self._filter
        return coefficients @ self._basis.T


def _normal_equations(usable, n_waves):
    """Sums over the usable pixels of each line of products of 1, cosines and sines.

    Float64 (ny, 1 + 2 n_waves, 1 + 2 n_waves), with the ridge.
    """
    nx, count = usable.shape[1], usable.sum(axis=1)
    # Frequencies up to the sum of two; a short line has no more than half its pixels, and the rest are mirrored.
    waves = np.fft.fft(usable.astype(np.float32), axis=1)[:, np.arange(-n_waves, 2 * n_waves + 1) % nx]
    cosine, sine = waves.real, -waves.imag
    j, k = np.meshgrid(np.arange(n_waves + 1), np.arange(n_waves + 1), indexing="ij")
    plus, minus = n_waves + j + k, n_waves + j - k
    cos_cos = (cosine[:, minus] + cosine[:, plus]) / 2
    sin_sin = ((cosine[:, minus] - cosine[:, plus]) / 2)[:, 1:, 1:]
    cos_sin = ((sine[:, plus] - sine[:, minus]) / 2)[:, :, 1:]
    normal = np.concatenate(
        [
            np.concatenate([cos_cos, cos_sin], axis=2),
            np.concatenate([cos_sin.transpose(0, 2, 1), sin_sin], axis=2),
        ],
        axis=1,
    ).astype(np.float64)
    diagonal = np.arange(normal.shape[1])
    ridge = np.maximum(_RIDGE * count, 1.0)[:, None] * np.ones(diagonal.size)
    # The mean of a line is not held: it is what the median method would find.
    ridge[:, 0] = 1e-9
    normal[:, diagonal, diagonal] += ridge
    normal[count == 0] = np.eye(diagonal.size)
    return normal
