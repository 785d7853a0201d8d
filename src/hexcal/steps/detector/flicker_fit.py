"""The flicker noise of one image: constant along each line, or a few low frequencies of it."""

import numpy as np

_SLOWEST_KEPT = 150
"""Pixels of a line in the shortest wave that is fitted in full; waves down to half of it are damped. Shorter ones are noise of single pixels."""
_LINES_AT_A_TIME = 64
_RIDGE = 1e-3
"""Share of the usable pixels by which coefficients are held to zero, where the mask leaves them open."""


def median_noise(image, usable, background, level, n_parts, threads=None):
    """Return the median of each line less the background, float32 (ny, nx), DN; parameters as of the kernel `line_medians`, lines are rows."""
    from hexcal.core.bands import run_bands
    from hexcal.kernels.flicker import line_medians

    ny, nx = image.shape
    noise = np.empty((ny, n_parts))
    run_bands(line_medians, ny, image, usable, background, float(level), noise, threads=threads)
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
    Least squares with the pixels of sources left out, in the manner of Rauscher 2024 (PASP 136, 015001), which fits an incomplete Fourier basis to the
    pixels that see no light and filters out the high frequencies. The normal equations of a line depend only on the mask and are solved once.
    """

    def __init__(self, usable):
        self._usable = usable
        nx = usable.shape[1]
        n_waves = max(1, int(2 * nx / _SLOWEST_KEPT))
        number = np.arange(1, n_waves + 1)
        angle = 2 * np.pi * np.arange(nx)[:, None] / nx * number
        self._basis = np.concatenate([np.ones((nx, 1)), np.cos(angle), np.sin(angle)], axis=1)
        damped = np.clip((number - n_waves / 2) / (n_waves / 2), 0, 1)
        weight = 0.5 * (1 + np.cos(np.pi * damped))
        self._filter = np.concatenate([[1.0], weight, weight])
        self._inverse = np.concatenate(
            [
                self._inverted(usable[first : first + _LINES_AT_A_TIME])
                for first in range(0, len(usable), _LINES_AT_A_TIME)
            ]
        )

    def _inverted(self, usable):
        weighted = usable[:, :, None] * self._basis
        normal = weighted.transpose(0, 2, 1) @ self._basis
        count = usable.sum(axis=1)
        ridge = np.maximum(_RIDGE * count, 1.0)[:, None] * np.ones(self._basis.shape[1])
        # The mean of a line is not held: it is what the median method would find.
        ridge[:, 0] = 1e-9
        normal[:, np.arange(normal.shape[1]), np.arange(normal.shape[1])] += ridge
        normal[count == 0] = np.eye(normal.shape[1])
        return np.linalg.inv(normal).astype(np.float32)

    def noise(self, image):
        """Return the low frequencies of an image (float32 (ny, nx), DN, its background subtracted): float32 (ny, nx), DN."""
        values = np.where(self._usable & np.isfinite(image), image, np.float32(0))
        moments = values @ self._basis.astype(np.float32)
        coefficients = np.einsum("lij,lj->li", self._inverse, moments) * self._filter.astype(np.float32)
        return (coefficients @ self._basis.T.astype(np.float32)).astype(np.float32)
