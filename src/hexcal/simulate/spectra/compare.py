"""Spectra that a pipeline has extracted, compared with the true ones."""

from dataclasses import dataclass

import numpy as np

from hexcal.models.dqflags import pixel

_REACH = 4.0
"""Sigma of a line within which its flux is summed."""


@dataclass(frozen=True)
class Line:
    """One line of a source.

    Attributes
    ----------
    centre : float
        True, µm.
    flux : float
        Found / true.
    shift : float
        Of the centre, in steps of the spectrum.
    """

    centre: float
    flux: float
    shift: float


@dataclass(frozen=True)
class Compared:
    """One spectrum beside the truth.

    Attributes
    ----------
    name : str
        Of the source.
    wavelength, flux, error, true : float64 array (n,)
        Of the points that are good: µm, and the unit of the spectrum.
    lines : tuple of Line
    """

    name: str
    wavelength: np.ndarray
    flux: np.ndarray
    error: np.ndarray
    true: np.ndarray
    lines: tuple

    @property
    def ratio(self):
        """Found / true."""
        return self.flux / self.true

    @property
    def bias(self):
        """Median of found / true, less 1."""
        return float(np.median(self.ratio)) - 1

    @property
    def scatter(self):
        """Robust standard deviation of found / true."""
        return 1.4826 * float(np.median(np.abs(self.ratio - np.median(self.ratio))))

    @property
    def pull(self):
        """Median and robust width of (found - true) / error."""
        pull = (self.flux - self.true) / self.error
        middle = float(np.median(pull))
        return middle, 1.4826 * float(np.median(np.abs(pull - middle)))


def compare(source, wavelength, flux, error, dq, limits=(0.0, np.inf)):
    """Compare an extracted spectrum with that of its source.

    Parameters
    ----------
    source : Source
    wavelength, flux, error : float array (n,)
        µm; Jy of a star, MJy/sr of a surface.
    dq : int array (n,)
    limits : tuple of float
        Wavelengths that count, µm.

    Returns
    -------
    Compared or None
        None if no point is good.
    """
    wavelength, flux, error = (np.asarray(each, float) for each in (wavelength, flux, error))
    good = np.isfinite(flux) & np.isfinite(error) & (np.asarray(dq, np.int64) & pixel.DO_NOT_USE == 0)
    good &= (wavelength > limits[0]) & (wavelength < limits[1]) & (error > 0)
    if not good.any():
        return None
    order = np.argsort(wavelength[good])
    wavelength, flux, error = (each[good][order] for each in (wavelength, flux, error))
    lines = (_line(source.light, number, wavelength, flux) for number in range(len(source.light.lines)))
    measured = tuple(line for line in lines if line is not None)
    return Compared(source.name, wavelength, flux, error, source.light(wavelength), measured)


def _line(light, number, wavelength, flux):
    """A line beside the truth, if all of it is within the spectrum: the true continuum is taken away."""
    from dataclasses import replace

    centre, sigma, _ = light.lines[number]
    if wavelength[0] > centre - _REACH * sigma or wavelength[-1] < centre + _REACH * sigma:
        return None
    others = replace(light, lines=tuple(line for n, line in enumerate(light.lines) if n != number))
    near = np.abs(wavelength - centre) < _REACH * sigma
    step = np.gradient(wavelength)
    measured, true = (
        (values - others(wavelength))[near] * step[near] for values in (flux, light(wavelength))
    )  # fmt: skip
    if near.sum() < 4 or not true.sum():
        return None
    places = [(each * wavelength[near]).sum() / each.sum() for each in (measured, true)]
    middle = int(np.argmin(np.abs(wavelength - centre)))
    return Line(centre, float(measured.sum() / true.sum()), float((places[0] - places[1]) / step[middle]))
