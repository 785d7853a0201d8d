"""A background as a spectrum: its value at any wavelength."""

from dataclasses import dataclass

import numpy as np

from hexcal.errors import InputError

_DO_NOT_USE = 1


@dataclass
class BackgroundSpectrum:
    """Surface brightness of the background by wavelength.

    Attributes
    ----------
    wavelength : float64 (n,)
        Increasing [micron].
    brightness : float64 (n,)
        MJy/sr.
    """

    wavelength: np.ndarray
    brightness: np.ndarray

    @classmethod
    def of(cls, spectrum):
        """Return the usable elements of a spectrum of extract_1d or combine_1d, in the order of wavelengths.

        Parameters
        ----------
        spectrum : hexcal.steps.spectrum.combining.Spectrum
            Elements with DO_NOT_USE, or that are not finite, are left out.

        Raises
        ------
        InputError
            If there is none.
        """
        good = np.isfinite(spectrum.brightness) & (spectrum.dq & _DO_NOT_USE == 0)
        if not good.any():
            raise InputError("the background spectrum has no usable element")
        order = np.argsort(spectrum.wavelength[good])
        return cls(spectrum.wavelength[good][order], spectrum.brightness[good][order])

    def at(self, wavelength):
        """Return the brightness at wavelengths, and where it is known.

        Parameters
        ----------
        wavelength : float array
            Micron; NaN where there is none.

        Returns
        -------
        float64 array, bool array
            Interpolated linearly; 0 and False where the wavelength is NaN, or beyond the spectrum.
        """
        known = np.zeros(wavelength.shape, bool)
        np.greater_equal(wavelength, self.wavelength[0], out=known, where=np.isfinite(wavelength))
        known &= np.nan_to_num(wavelength, nan=np.inf) <= self.wavelength[-1]
        level = np.zeros(wavelength.shape)
        level[known] = np.interp(wavelength[known], self.wavelength, self.brightness)
        return level, known


def smoothed(values, kernel):
    """Return the running median over `kernel` elements, an even number of which is one less.

    Near the ends it is that of the elements that are there.

    Parameters
    ----------
    values : float64 (n,)
        Not changed.
    kernel : int
        At least 1; 1 and 2 change nothing.
    """
    half = (kernel - 1) // 2
    if half == 0:
        return values
    padded = np.pad(values, half, constant_values=np.nan)
    return np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)
