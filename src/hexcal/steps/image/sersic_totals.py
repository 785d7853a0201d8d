"""Total fluxes of extended sources: light in an aperture, and beyond it what Sersic profiles have there."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_INDICES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
_HALF_LIGHT = (0.03, *(0.35 * 1.22**step for step in range(24)))
"""Half-light radii, in pixels (times the scale of a source): from a point to what fills the annuli."""
_AXIS_RATIOS = (0.35, 0.6, 0.9)
_EDGES = np.concatenate([np.arange(0, 8, 0.5), np.arange(8, 20, 1.0), np.arange(20, 40, 2.0)])
_NODES = np.concatenate([np.arange(0, 8, 0.2), np.arange(8, 20, 0.5), np.arange(20, 43, 1.5)])
_REACH = 40.0
_ISOPHOTE = 12.0
"""A source whose isophotal area is that of a larger circle is measured in pixels twice as wide, and so on."""
_BESIDE = 5
"""Pixels so near to other sources do not count."""
_LEAST_SHARE = 0.6
_ROUGHNESS, _BEYOND, _DEPARTURE = 0.05, 0.1, 0.01
"""Relative errors: of an annulus of the model, of the light beyond the aperture, of the whole."""


@dataclass(frozen=True)
class Gaussians:
    """A sum of circular Gaussians: float64 arrays (n,).

    Attributes
    ----------
    weights : float64 array
        Parts of the light, of sum 1.
    sigmas : float64 array
        Standard deviations.
    """

    weights: np.ndarray
    sigmas: np.ndarray

    @classmethod
    def of_energies(cls, radii, energies, sigmas) -> "Gaussians":
        """Return those that have some encircled energies: a least-squares fit of weights that are not negative.

        Parameters
        ----------
        radii, energies : float64 array (m,)
            Parts of the light within circles.
        sigmas : float64 array (n,)
            Standard deviations to choose from.
        """
        from scipy.optimize import nnls

        radii = np.asarray(radii, float)
        inside = 1 - np.exp(-0.5 * (radii[:, None] / sigmas) ** 2)
        # The last row holds the sum to 1.
        weight = 3.0 if len(radii) < 50 else 10.0
        rows = np.vstack([inside, np.full((1, len(sigmas)), weight)])
        weights, _ = nnls(rows, np.append(energies, weight), maxiter=5000)
        kept = weights > 1e-5
        return cls(weights[kept] / weights[kept].sum(), np.asarray(sigmas)[kept])


@dataclass(frozen=True)
class Totals:
    """Total fluxes in the unit of the image times pixels: float64 arrays (n,); NaN where there is none."""

    flux: np.ndarray
    error: np.ndarray


def total_fluxes(net, err, masked, labels, sources, point_source: Gaussians) -> Totals:
    """Measure the total fluxes of sources.

    Parameters
    ----------
    net, err : float32 array (ny, nx)
        Image without background, and its standard deviation.
    masked : bool array (ny, nx)
    labels : int array (ny, nx)
        The map of the sources.
    sources : object
        With ``x``, ``y`` (0-based pixels), ``labels``, ``area`` (isophotal, in pixels) and ``axis_ratio``: arrays (n,).
    point_source : Gaussians
        The image of a point, in pixels.

    Returns
    -------
    Totals
        With errors that hold the noise, the choice of the profile, and that galaxies are not quite Sersic profiles.

    Notes
    -----
    Means in annuli about the source are compared with those of Sersic (1963) profiles of all indices and half-light
    radii of a grid, convolved with the image of a point, on a constant background. Profiles and image are sums of
    Gaussians (Hogg & Lang 2013, PASP 125, 719), of which convolution and means over angles have closed forms. The flux
    is that in a circle, divided by what a profile has in it (as Graham & Driver 2005, PASA 22, 118, correct Kron's
    magnitudes), averaged over the profiles by their likelihood; the circle is the one that gives the smallest error.
    """
    from scipy.ndimage import maximum_filter

    width = 2 * _BESIDE + 1
    reversed_labels = np.where(labels > 0, np.iinfo(np.int32).max - labels.astype(np.int64), 0).astype(np.int32)
    highest = maximum_filter(labels.astype(np.int32), width)
    lowest = np.iinfo(np.int32).max - maximum_filter(reversed_labels, width)
    unusable = masked | ~np.isfinite(net) | ~np.isfinite(err)
    flux, error = np.full((2, len(sources.x)), np.nan)
    for number, (x, y, label) in enumerate(zip(sources.x, sources.y, sources.labels, strict=True)):
        if not (np.isfinite(x) and np.isfinite(y)):
            continue
        radius = np.sqrt(sources.area[number] / np.pi)
        scale = 2.0 ** max(0, int(np.ceil(np.log2(max(radius, 1.0) / _ISOPHOTE))))
        place = _Place.around(net.shape, float(x), float(y), scale)
        part = place.part
        # Nothing of another label nearby: the highest and the lowest label there are that of the source, or none.
        alone = (highest[part] == 0) | ((highest[part] == label) & (lowest[part] == label))
        annuli = place.annuli(net[part], err[part], alone & ~unusable[part])
        if annuli is None:
            continue
        nearest = int(np.argmin(np.abs(np.array(_AXIS_RATIOS) - sources.axis_ratio[number])))
        models = _profiles(point_source.weights.tobytes(), point_source.sigmas.tobytes(), scale)[nearest]
        flux[number], error[number] = _total(annuli, models, scale)
    return Totals(flux, error)


@dataclass(frozen=True)
class _Annuli:
    """Annuli about a source: float64 arrays (n,); mean radius and value, variance of it, number of all pixels."""

    radius: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    n_pixels: np.ndarray


@dataclass(frozen=True)
class _Place:
    """The part of an image around a source, and the annulus of each pixel of a square, of which it is a part."""

    part: tuple
    inner: tuple
    radius: np.ndarray
    annulus: np.ndarray

    @classmethod
    def around(cls, shape, x, y, scale):
        margin = int(np.ceil(_REACH * scale))
        column, row = int(np.rint(x)), int(np.rint(y))
        offsets = np.arange(-margin, margin + 1)
        radius = np.hypot((offsets + row - y)[:, None], offsets + column - x)
        annulus = np.searchsorted(_EDGES * scale, radius, "right") - 1
        annulus[radius >= _REACH * scale] = len(_EDGES)
        first = max(0, row - margin), max(0, column - margin)
        last = min(shape[0], row + margin + 1), min(shape[1], column + margin + 1)
        part = tuple(slice(low, max(low, high)) for low, high in zip(first, last, strict=True))
        inner = tuple(
            slice(piece.start - middle + margin, piece.stop - middle + margin)
            for piece, middle in zip(part, (row, column), strict=True)
        )
        return cls(part, inner, radius, annulus)

    def annuli(self, values, errors, usable):
        """The means of the usable pixels in annuli; None where too few have any."""
        count = len(_EDGES) + 1
        n_pixels = np.bincount(self.annulus.ravel(), minlength=count)[:-1].astype(float)
        total_radius = np.bincount(self.annulus.ravel(), self.radius.ravel(), count)[:-1]
        where = self.annulus[self.inner][usable]
        n_used = np.bincount(where, minlength=count)[:-1]
        sums = np.bincount(where, values[usable].astype(float), count)[:-1]
        squares = np.bincount(where, errors[usable].astype(float) ** 2, count)[:-1]
        there = n_pixels > 0
        if np.count_nonzero(n_used) < np.count_nonzero(there) / 2:
            return None
        with np.errstate(all="ignore"):
            mean, variance = sums / n_used, squares / n_used.astype(float) ** 2
            radius = total_radius / n_pixels
        return _Annuli(radius[there], mean[there], variance[there], n_pixels[there])


def _total(annuli, models, scale):
    """Flux and error of a source from its annuli and the profiles (m, n_nodes) of a scale."""
    place = np.clip(np.searchsorted(_NODES * scale, annuli.radius) - 1, 0, len(_NODES) - 2)
    part = annuli.radius / scale - _NODES[place]
    part /= _NODES[place + 1] - _NODES[place]
    profiles = models[:, place] * (1 - part) + models[:, place + 1] * part
    seen = np.isfinite(annuli.mean) & (annuli.variance > 0)
    fit = _Fit.of(profiles, annuli, seen, np.zeros(len(seen)))
    rough = _ROUGHNESS * fit.flux[fit.best] * profiles[fit.best]
    fit = _Fit.of(profiles, annuli, seen, rough**2)
    if not np.isfinite(fit.chi2[fit.best]):
        return np.nan, np.nan
    likelihood = np.exp(-0.5 * (fit.chi2 - fit.chi2[fit.best]))
    likelihood /= likelihood.sum()
    # Annuli that nobody has seen have what the best profile has there.
    expected = fit.background[fit.best] + fit.flux[fit.best] * profiles[fit.best]
    values = np.where(seen, annuli.mean, expected)
    variances = np.where(seen, annuli.variance, (fit.flux[fit.best] * profiles[fit.best]) ** 2)
    sums, areas = np.cumsum(values * annuli.n_pixels), np.cumsum(annuli.n_pixels)
    noise = np.cumsum(variances * annuli.n_pixels**2)
    shares = np.cumsum(profiles * annuli.n_pixels, axis=1)
    flux = (sums - fit.background[:, None] * areas) / shares
    mean = likelihood @ flux
    variance = likelihood @ ((noise + fit.background_variance[:, None] * areas**2) / shares**2 + (flux - mean) ** 2)
    share = shares[fit.best]
    error = np.sqrt(variance + (_BEYOND * np.maximum(1 - share, 0) / share * mean) ** 2)
    error[share < _LEAST_SHARE] = np.inf
    chosen = int(np.argmin(error))
    if not np.isfinite(error[chosen]):
        return np.nan, np.nan
    return mean[chosen], float(np.hypot(error[chosen], _DEPARTURE * mean[chosen]))


@dataclass(frozen=True)
class _Fit:
    """The fluxes, backgrounds and sums of squares of profiles fitted to annuli: float64 arrays (m,)."""

    flux: np.ndarray
    background: np.ndarray
    background_variance: np.ndarray
    chi2: np.ndarray

    @property
    def best(self):
        return int(np.argmin(self.chi2))

    @classmethod
    def of(cls, profiles, annuli, seen, more_variance):
        weights = np.zeros(len(seen))
        weights[seen] = 1 / (annuli.variance + more_variance)[seen]
        values = np.where(seen, annuli.mean, 0.0)
        pp, p1, total = profiles**2 @ weights, profiles @ weights, weights.sum()
        pd, d1 = profiles @ (weights * values), (weights * values).sum()
        with np.errstate(all="ignore"):
            determinant = pp * total - p1**2
            flux, background = (pd * total - d1 * p1) / determinant, (pp * d1 - p1 * pd) / determinant
            chi2 = (values - background[:, None] - flux[:, None] * profiles) ** 2 @ weights
            chi2[~(flux > 0)] = np.inf
            return cls(flux, background, pp / determinant, chi2)


@lru_cache(maxsize=8)
def _profiles(weights, sigmas, scale):
    """Mean values at radii (the nodes, times the scale) of profiles of flux 1, convolved with the image of a point.

    Returns
    -------
    float64 array (n_axis_ratios, n_profiles, n_nodes)
    """
    from scipy.special import i0e

    point = Gaussians(np.frombuffer(weights), np.frombuffer(sigmas))
    radius2 = (_NODES * scale) ** 2
    result = np.empty((len(_AXIS_RATIOS), len(_INDICES), len(_HALF_LIGHT), len(_NODES)))
    for number, index in enumerate(_INDICES):
        sersic = sersic_gaussians(index)
        parts = np.outer(sersic.weights, point.weights).ravel()
        for step, half_light in enumerate(_HALF_LIGHT):
            widths = sersic.sigmas * half_light * scale
            major = np.add.outer(widths**2, point.sigmas**2).ravel()
            for ratio_number, ratio in enumerate(_AXIS_RATIOS):
                minor = np.add.outer((ratio * widths) ** 2, point.sigmas**2).ravel()
                # exp(-r^2 cos^2 / 2 major - r^2 sin^2 / 2 minor), averaged over angles, is a Bessel function.
                mean, half = 0.25 * (1 / major + 1 / minor), 0.25 * (1 / minor - 1 / major)
                steep, flat = np.multiply.outer(radius2, mean - half), np.multiply.outer(radius2, half)
                values = np.exp(-steep) * i0e(flat)
                result[ratio_number, number, step] = values @ (parts / (2 * np.pi * np.sqrt(major * minor)))
    return result.reshape(len(_AXIS_RATIOS), -1, len(_NODES))


@lru_cache(maxsize=32)
def sersic_gaussians(index: float) -> Gaussians:
    """Return the Gaussians of a Sersic profile of half-light radius 1 (their encircled energies agree to 1 %).

    Parameters
    ----------
    index : float
        0.5 (a Gaussian) to 4 (de Vaucouleurs).

    Notes
    -----
    b_n = 2n - 1/3 + 0.009876/n (Prugniel & Simien 1997, A&A 321, 111).
    """
    from scipy.special import gammainc

    b = 2 * index - 1 / 3 + 0.009876 / index
    radii = np.geomspace(0.01, 12.0 if index > 1 else 5.0, 200)
    energies = gammainc(2 * index, b * radii ** (1 / index))
    sigmas = np.geomspace(0.02, 6.0 if index > 1 else 2.5, 14)
    # A Gaussian has half of its light within 1.177 standard deviations.
    return Gaussians.of_energies(radii, energies, np.append(sigmas, 1 / np.sqrt(2 * np.log(2))))


def point_source_gaussians(radii, energies) -> Gaussians:
    """Return the Gaussians of the image of a point.

    Parameters
    ----------
    radii, energies : float64 array (n,)
        Encircled energies, as parts, within radii in pixels.
    """
    radii = np.asarray(radii, float)
    smallest, largest = 0.4 * radii.min(), 8 * radii.max()
    return Gaussians.of_energies(radii, np.asarray(energies, float), np.geomspace(smallest, largest, 14))
