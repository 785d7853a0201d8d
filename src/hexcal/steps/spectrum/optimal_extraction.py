"""Optimal extraction of a slit: the profile of a point source is fitted to each pixel in dispersion direction."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.errors import ReferenceError_

_EDGE = 0.5
"""Profiles of reference files count positions from the edge of the first pixel."""
_FARTHEST = 2.0
"""Pixels by which the place of a source may be improved."""
_NEAREST, _STEP = 3.0, 0.5
"""Pixels from a source at which its negative image may be, and between the places that are tried."""
_SURE = 10.0
"""A negative image is as many errors bright, over all wavelengths."""
_ANY = "ANY"


@dataclass(frozen=True)
class Profiles:
    """Profiles of a point source across the dispersion.

    Attributes
    ----------
    wavelengths : float64 array (n,)
        Micron.
    values : float64 array (n, m)
        The profile at each wavelength.
    per_pixel : float
        Elements of a profile in a pixel.
    centre : float
        Element that is the centre.
    """

    wavelengths: np.ndarray
    values: np.ndarray
    per_pixel: float
    centre: float

    def at(self, wavelengths, trace, n_along):
        """Return the profile of a source on the pixels of a slit, of unit sum.

        Parameters
        ----------
        wavelengths : float64 array (nx,)
            Of the pixels in dispersion direction, micron.
        trace : float64 array (nx,)
            Where the source is along the slit.
        n_along : int
            Pixels along the slit.

        Returns
        -------
        float64 array (n_along, nx)
            0 beyond the profile, and where the wavelength is not known.
        """
        from scipy.ndimage import map_coordinates

        pixels = np.arange(n_along, dtype=float)[:, None]
        elements = (pixels - np.asarray(trace)[None] - _EDGE) * self.per_pixel + self.centre
        rows = np.interp(wavelengths, self.wavelengths, np.arange(len(self.wavelengths)))
        places = [np.broadcast_to(np.nan_to_num(rows), elements.shape), np.nan_to_num(elements, nan=-1.0)]
        profile = map_coordinates(self.values, places, order=1, mode="constant", cval=0.0)
        profile[:, ~np.isfinite(wavelengths)] = 0.0
        total = profile.sum(axis=0)
        return np.where(total > 0, profile / np.where(total > 0, total, 1.0), 0.0)


def read_profiles(chosen, name, kind, dispaxis) -> Profiles:
    """Return the profiles of a psf reference for a slit.

    Parameters
    ----------
    chosen : DataModel
        The reference (SpecPsfModel).
    name, kind : str
        Of the slit, and the exposure type: the first aperture of either name, or of any, is taken.
    dispaxis : int
        1: dispersed along x, profiles are columns of the image; 2: along y, they are rows.

    Raises
    ------
    ReferenceError_
        If there is none.
    """
    where = str(getattr(chosen, "path", None) or "a model in memory")
    for aperture in getattr(chosen, "apertures", None) or []:
        if str(aperture.get_meta("name") or _ANY).upper() not in (_ANY, str(name).upper(), str(kind).upper()):
            continue
        values = np.asarray(aperture.data, float)
        values = values.T if dispaxis == 1 else values
        waves = np.asarray(aperture.wave, float)
        if values.ndim != 2 or len(waves) != len(values):
            raise ReferenceError_(
                f"a psf reference needs a profile for each of its {len(waves)} wavelengths, it has {values.shape[0]}",
                where=where,
            )
        centre = aperture.get_meta("center_row" if dispaxis == 1 else "center_col")
        order = np.argsort(waves)
        return Profiles(waves[order], values[order], float(aperture.get_meta("subpix") or 1), float(centre or 0.0))
    raise ReferenceError_(f"the psf reference has no aperture for {name}", where=where)


@dataclass(frozen=True)
class Fit:
    """A fitted slit: sums as of `box_extraction.sums`, and images (nints, ny, nx).

    Attributes
    ----------
    sums : float64 array (nints, 9, nx)
        Flux, its variances, background under the source, its variances (unknown: NaN where it is fitted), and the
        number of pixels of a box of the same noise.
    scene : float32 array (nints, ny, nx)
        The model: source and background.
    profile : float32 array (ny, nx)
        Of the source.
    weights : float64 array (ny, nx)
        With which the pixels count in the flux of the last integration.
    """

    sums: np.ndarray
    scene: np.ndarray
    profile: np.ndarray
    weights: np.ndarray


def fit_profile(data, variances, profile, order=None, negative=None) -> Fit:
    """Fit the flux of a source, and a polynomial background, to each pixel in dispersion direction: least squares.

    Parameters
    ----------
    data : float32 array (nints, ny, nx)
        Dispersed along the last axis; NaN does not count. All pixels have the same weight.
    variances : sequence of 3 float32 arrays or None
        VAR_POISSON, VAR_RNOISE, VAR_FLAT.
    profile : float64 array (ny, nx)
        Of unit sum.
    order : int, optional
        Of the polynomial of the background; None: there is none.
    negative : float64 array (ny, nx), optional
        Profile of a second image of the source, whose flux is fitted, too, and does not count.

    Returns
    -------
    Fit

    Notes
    -----
    Horne 1986 (PASP 98, 609), with equal weights.
    """
    n_ints, ny, nx = data.shape
    pixels = np.linspace(-1, 1, ny)
    terms = [] if order is None else [pixels**power for power in range(order + 1)]
    sums, scene = np.zeros((n_ints, 9, nx)), np.full(data.shape, np.nan, np.float32)
    squares, weights = (profile**2).sum(axis=0), np.zeros((ny, nx))
    for column in range(nx):
        images = [] if negative is None or not negative[:, column].any() else [negative[:, column]]
        design = np.column_stack([profile[:, column], *terms, *images])
        inverses: dict[bytes, Any] = {}
        for number in range(n_ints):
            values = data[number, :, column].astype(float)
            good = np.isfinite(values)
            if good.sum() < design.shape[1] or not (design[good, 0] ** 2).sum() > 0:
                continue
            inverse = inverses.setdefault(good.tobytes(), None)
            if inverse is None:
                inverse = inverses[good.tobytes()] = np.linalg.pinv(design[good])
            solution = inverse @ values[good]
            weights[good, column] = inverse[0]
            result = sums[number, :, column]
            result[8] = 1 / squares[column]
            # What is written as background is per pixel: here its mean under the profile.
            level = design[:, 1 : 1 + len(terms)] @ solution[1 : 1 + len(terms)]
            result[4] = (level * design[:, 0]).sum() * result[8]
            result[0] = solution[0] + result[4]
            result[1:4] = _variances(variances, number, good, column, inverse[0])
            scene[number, :, column] = design @ solution
    return Fit(sums, scene, profile.astype(np.float32), weights)


def _variances(variances, number, good, column, factors):
    """Variances of the flux, which is a sum of pixels times factors."""
    spreads = [None if variance is None else variance[number, good, column].astype(float) for variance in variances]
    return [0.0 if spread is None else (factors**2) @ np.nan_to_num(spread) for spread in spreads]


def nod_offset(data, profiles, wavelengths, trace, order=None):
    """Return how far from a source its negative image lies, which subtracting another nod leaves; None for none.

    Parameters
    ----------
    data, profiles, wavelengths, trace, order
        As of `best_shift`; the trace is where the source is.
    """
    from scipy.optimize import minimize_scalar

    data = np.asarray(data, float)
    places = np.arange(_NEAREST, len(data), _STEP)
    middle = float(np.nanmedian(trace))
    offsets = [offset for offset in (*-places, *places) if 0 <= middle + offset <= len(data) - 1]
    source = fit_profile(data[None].astype(np.float32), (None,) * 3, profiles.at(wavelengths, trace, len(data)), order)
    good = np.isfinite(data)
    left = np.where(good, data - np.nan_to_num(source.scene[0]), 0.0)

    def fluxes(offset):
        image = np.where(good, profiles.at(wavelengths, trace + offset, len(data)), 0.0)
        squares = (image**2).sum(axis=0)
        return (image * left).sum(axis=0) / np.where(squares > 0, squares, 1.0), squares

    def badness(offset) -> Any:
        flux, squares = fluxes(offset)
        return float(-(np.minimum(flux, 0) ** 2 * squares).sum())

    if not offsets:
        return None
    start = min(offsets, key=badness)
    minimum: Any = minimize_scalar(
        badness, bounds=(start - _STEP, start + _STEP), method="bounded", options={"xatol": 1e-4}
    )
    flux, squares = fluxes(minimum.x)
    flux = flux[squares > 0]
    scatter = 1.4826 * np.median(np.abs(flux - np.median(flux))) if flux.size else np.inf
    return float(minimum.x) if flux.size and np.median(flux) * np.sqrt(flux.size) < -_SURE * scatter else None


def best_shift(data, profiles, wavelengths, trace, order=None):
    """Return by how many pixels the trace must be moved for the smallest residuals: float, at most 2.

    Parameters
    ----------
    data : float32 array (ny, nx)
        Dispersed along the last axis.
    profiles : Profiles
        Of the reference.
    wavelengths, trace : float64 array (nx,)
        Of the pixels in dispersion direction; where the source is along the slit.
    order : int, optional
        Of the background.
    """
    from scipy.optimize import minimize_scalar

    data = np.asarray(data, float)
    good = np.isfinite(data)
    values = np.where(good, data, 0.0)
    if not good.any():
        return 0.0

    def residual(shift) -> Any:
        source = np.where(good, profiles.at(wavelengths, trace + shift, len(data)), 0.0)
        if order is not None:
            counts = np.maximum(good.sum(axis=0), 1)
            source = np.where(good, source - source.sum(axis=0) / counts, 0.0)
            level = np.where(good, values - values.sum(axis=0) / counts, 0.0)
        else:
            level = values
        squares = (source**2).sum(axis=0)
        flux = (source * level).sum(axis=0) / np.where(squares > 0, squares, 1.0)
        return float(((level - flux * source) ** 2).sum())

    start = min(np.linspace(-_FARTHEST, _FARTHEST, 17), key=residual)
    minimum: Any = minimize_scalar(
        residual, bounds=(start - 0.3, start + 0.3), method="bounded", options={"xatol": 1e-5}
    )
    return float(np.clip(minimum.x, -_FARTHEST, _FARTHEST))
