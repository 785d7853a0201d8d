"""Where a spectrum is extracted: limits along the slit for each pixel in dispersion direction."""

from dataclasses import dataclass
from typing import Any

import numpy as np

POLYNOMIAL, MEAN, MEDIAN = "poly", "mean", "median"


@dataclass(frozen=True)
class Aperture:
    """The regions of source and background; a pixel with the number ``p`` reaches from ``p - 0.5`` to ``p + 0.5``.

    Attributes
    ----------
    lower, upper : float64 array (regions, nx)
        Limits of the source along the slit, for each of the pixels in dispersion direction.
    background_lower, background_upper : float64 array (regions, nx)
        Of the background; no region: none is subtracted.
    first, last : int
        Pixels ``first <= x < last`` in dispersion direction that are extracted.
    fit, order : str, int
        How the background is fitted: "poly" of an order, "mean", "median".
    smoothing : int
        Pixels in dispersion direction that the background is averaged over; 1: none.
    offset : float
        Pixels by which it was moved to the source.
    """

    lower: np.ndarray
    upper: np.ndarray
    background_lower: np.ndarray
    background_upper: np.ndarray
    first: int
    last: int
    fit: str = POLYNOMIAL
    order: int = 0
    smoothing: int = 1
    offset: float = 0.0

    @property
    def has_background(self):
        """Whether there is a region of background."""
        return len(self.background_lower) > 0

    @property
    def limits(self):
        """First and last pixel along the slit, on average, inclusive."""
        part = slice(self.first, self.last)
        if self.first >= self.last:
            part = slice(None)
        return float(self.lower[:, part].min(axis=0).mean() + 0.5), float(self.upper[:, part].max(axis=0).mean() - 0.5)


@dataclass(frozen=True)
class Choices:
    """What parameters say in place of the reference; None: nothing."""

    smoothing_length: int | None = None
    bkg_fit: str | None = None
    bkg_order: int | None = None
    subtract_background: bool | None = None


def nominal_aperture(entry, shape, dispaxis, wavelengths, choices) -> Aperture:
    """Return the aperture as the reference has it, before it is moved to the source.

    Parameters
    ----------
    entry : ApertureEntry
        Of the reference; an empty one for the whole slit.
    shape : tuple of 2 int
        (ny, nx), ny along the slit and nx in dispersion direction.
    dispaxis : int
        1: the limits in dispersion direction are ``xstart`` and ``xstop``, 2: ``ystart`` and ``ystop``.
    wavelengths : float64 array (nx,)
        Micron; for polynomials of the wavelength.
    choices : Choices
        What parameters say.

    Returns
    -------
    Aperture
    """
    ny, nx = shape
    along = ("ystart", "ystop") if dispaxis == 1 else ("xstart", "xstop")
    dispersed = ("xstart", "xstop") if dispaxis == 1 else ("ystart", "ystop")
    start, stop = (getattr(entry, name) for name in dispersed)
    first = 0 if start is None else max(round(start), 0)
    last = nx if stop is None else min(round(stop) + 1, nx)
    low, high = (getattr(entry, name) for name in along)
    low, high = 0.0 if low is None else float(low), ny - 1.0 if high is None else float(high)
    if entry.extract_width is not None:
        middle = (low + high) / 2
        low, high = middle - (entry.extract_width - 1) / 2, middle + (entry.extract_width - 1) / 2
    variable = wavelengths if str(entry.independent_var or "pixel").lower().startswith("wave") else np.arange(nx)
    lower, upper = _limits(entry.src_coeff, variable)
    if not len(lower):
        lower, upper = np.full((1, nx), low - 0.5), np.full((1, nx), high + 0.5)
    subtract = choices.subtract_background
    subtract = entry.subtract_background if subtract is None else subtract
    beside = _limits(None if subtract is False else entry.bkg_coeff, variable)
    fit = (choices.bkg_fit or entry.bkg_fit or POLYNOMIAL).lower()
    order = next((value for value in (choices.bkg_order, entry.bkg_order) if value is not None), 0)
    smoothing = next((value for value in (choices.smoothing_length, entry.smoothing_length) if value is not None), 1)
    return Aperture(lower, upper, *beside, first, max(last, first), fit, int(order), int(smoothing))


def _limits(coefficients, variable):
    """Lower and upper limits of each region, by polynomials of rising order."""
    if not coefficients:
        return np.empty((0, len(variable))), np.empty((0, len(variable)))
    values = np.array(
        [np.polynomial.polynomial.polyval(variable, polynomial) + 0.0 * variable for polynomial in coefficients], float
    )
    return values[0::2].copy(), values[1::2].copy()


def share_inside(lower, upper, n_along):
    """Return which part of each pixel lies in any of some regions: float64 array (n_along, nx).

    Parameters
    ----------
    lower, upper : float64 array (regions, nx)
        Limits along the slit.
    n_along : int
        Pixels along the slit.
    """
    pixels = np.arange(n_along)[:, None, None]
    parts = np.minimum(pixels + 0.5, upper.T[None]) - np.maximum(pixels - 0.5, lower.T[None])
    return np.minimum(np.clip(parts, 0, None).sum(axis=2), 1.0)


def moved(aperture, offset) -> Aperture:
    """Return an aperture with all its regions moved along the slit.

    Parameters
    ----------
    aperture : Aperture
        The aperture.
    offset : float or float64 array (nx,)
        Pixels.
    """
    from dataclasses import replace

    values: Any = np.asarray(offset, float)
    regions = (aperture.lower, aperture.upper, aperture.background_lower, aperture.background_upper)
    lower, upper, background_lower, background_upper = (limits + values for limits in regions)
    return replace(
        aperture,
        lower=lower,
        upper=upper,
        background_lower=background_lower,
        background_upper=background_upper,
        offset=aperture.offset + float(np.nanmean(values)),
    )


def centre_at(aperture, column, n_along):
    """Return the middle of the source along the slit at a pixel in dispersion direction: the mean of its pixels.

    Parameters
    ----------
    aperture : Aperture
        Pixels count as far as they lie in it.
    column : int
        The pixel in dispersion direction.
    n_along : int
        Pixels along the slit.
    """
    lower, upper, pixels = aperture.lower[:, column], aperture.upper[:, column], np.arange(n_along)[:, None]
    weights = np.clip(np.minimum(pixels + 0.5, upper) - np.maximum(pixels - 0.5, lower), 0, None).sum(axis=1)
    if not weights.any():
        return float((lower.min() + upper.max()) / 2)
    return float((weights * pixels[:, 0]).sum() / weights.sum())
