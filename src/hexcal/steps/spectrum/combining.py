"""Weighted means of spectra whose wavelengths need not be the same."""

from dataclasses import dataclass

import numpy as np

DO_NOT_USE = 1
_SAME_ELEMENT = 0.5
"""Wavelengths of different spectra that are nearer than so much of the spacing of elements belong together."""


@dataclass
class Spectrum:
    """One spectrum that is combined with others.

    Attributes
    ----------
    wavelength, flux, flux_error, brightness, brightness_error : float64 (n,)
        In any order of wavelengths, which are finite [micron, Jy, MJy/sr].
    dq : uint32 (n,)
        Flags; elements with DO_NOT_USE do not count.
    weight : float
        Of the whole spectrum.
    """

    wavelength: np.ndarray
    flux: np.ndarray
    flux_error: np.ndarray
    brightness: np.ndarray
    brightness_error: np.ndarray
    dq: np.ndarray
    weight: float = 1.0


def common_wavelengths(wavelengths):
    """Return wavelengths for the mean of several spectra: where theirs are close together, the mean of each clump.

    Sorted together, a wavelength belongs to the clump before it if it is nearer than half the spacing of elements, and
    its spectrum is not in the clump yet. Where offsets are so scattered that a clump lacks spectra that the next one,
    less than an element away, has, both are one: so many wavelengths are grouped as spectra overlap there.

    Parameters
    ----------
    wavelengths : list of float64 (n,)
        Of each spectrum, in either direction; finite.

    Returns
    -------
    float64 (m,)
        Increasing.
    """
    ordered = [np.sort(each) for each in wavelengths if len(each)]
    if not ordered:
        return np.empty(0)
    owners = np.concatenate([np.full(each.size, number) for number, each in enumerate(ordered)])
    spacings = np.concatenate([np.gradient(each) if each.size > 1 else np.full(1, np.inf) for each in ordered])
    joined = np.concatenate(ordered)
    order = np.argsort(joined, kind="stable")
    joined, owners, spacings = joined[order], owners[order], spacings[order]
    starts = _starts_of_clumps(joined, owners, spacings)
    counts = np.diff([*starts, joined.size])
    return np.add.reduceat(joined, starts) / counts


def _starts_of_clumps(joined, owners, spacings):
    """Where clumps begin in sorted wavelengths that belong to the spectra `owners`."""
    distance, element = np.diff(joined), np.minimum(spacings[1:], spacings[:-1])
    near, overlaps = distance < _SAME_ELEMENT * element, distance < element
    clumps = [[0]]
    for place in range(1, joined.size):
        if near[place - 1] and owners[place] not in owners[clumps[-1]]:
            clumps[-1].append(place)
        else:
            clumps.append([place])
    merged = [clumps[0]]
    for clump in clumps[1:]:
        if not overlaps[clump[0] - 1] or np.isin(owners[clump], owners[merged[-1]]).any():
            merged.append(clump)
        else:
            merged[-1] = merged[-1] + clump
    return [clump[0] for clump in merged]


def elements_of(wavelength, common):
    """Return the element of the mean to which each wavelength belongs: the nearest one (int64 (n,)).

    -1 beyond the first and the last.
    """
    if common.size == 1:
        return np.where(wavelength == common[0], 0, -1)
    place = np.interp(wavelength, common, np.arange(common.size), left=np.nan, right=np.nan)
    return np.where(np.isnan(place), -1, np.rint(np.nan_to_num(place))).astype(np.int64)


def combine(spectra, sigma_clip=None):
    """Return the weighted mean of spectra.

    ``flux = sum(w f) / sum(w)``, ``error = sqrt(sum((w e)^2)) / sum(w)``; flags of what counts are joined. Elements
    with DO_NOT_USE, or without a finite flux, do not count.

    Parameters
    ----------
    spectra : list of Spectrum
        What is combined.
    sigma_clip : float, optional
        Fluxes do not count that are farther from the median of their element than so many times the median of all such
        distances.

    Returns
    -------
    dict of str to array (k,)
        Columns of a COMBINE1D table; without the wavelengths where nothing counts.
    """
    common = common_wavelengths([spectrum.wavelength for spectrum in spectra])
    places, counts = [], []
    for spectrum in spectra:
        place = elements_of(spectrum.wavelength, common)
        places.append(place)
        counts.append((place >= 0) & (spectrum.dq & DO_NOT_USE == 0) & np.isfinite(spectrum.flux))
    if sigma_clip is not None:
        _clip(spectra, places, counts, common.size, sigma_clip)
    return _mean(spectra, places, counts, common)


def _clip(spectra, places, counts, size, sigma_clip):
    """Leave out of `counts` what is far from the median of its element."""
    flux = np.full((len(spectra), size), np.nan)
    for row, spectrum, place, counted in zip(flux, spectra, places, counts, strict=True):
        row[place[counted]] = spectrum.flux[counted]
    distance = np.full(flux.shape, np.nan)
    has_any = np.isfinite(flux).any(axis=0)
    if not has_any.any():
        return
    distance[:, has_any] = np.abs(flux[:, has_any] - np.nanmedian(flux[:, has_any], axis=0))
    limit = sigma_clip * np.nanmedian(distance)
    for row, place, counted in zip(distance, places, counts, strict=True):
        counted &= ~(row[np.maximum(place, 0)] > limit)


def _mean(spectra, places, counts, common):
    size = common.size
    weights, numbers, flags = np.zeros(size), np.zeros(size), np.zeros(size, np.uint32)
    sums = {name: np.zeros(size) for name in ("flux", "flux_error", "brightness", "brightness_error")}
    for spectrum, place, counted in zip(spectra, places, counts, strict=True):
        at, weight = place[counted], spectrum.weight
        np.add.at(weights, at, weight)
        np.add.at(numbers, at, 1)
        np.bitwise_or.at(flags, at, spectrum.dq[counted])
        for name, total in sums.items():
            value = weight * getattr(spectrum, name)[counted]
            np.add.at(total, at, value**2 if name.endswith("error") else value)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = {name: (np.sqrt(total) if name.endswith("error") else total) / weights for name, total in sums.items()}
    columns = {
        "WAVELENGTH": common,
        "FLUX": mean["flux"],
        "ERROR": mean["flux_error"],
        "SURF_BRIGHT": mean["brightness"],
        "SB_ERROR": mean["brightness_error"],
        "DQ": flags,
        "WEIGHT": weights,
        "N_INPUT": numbers,
    }
    return {name: values[numbers > 0] for name, values in columns.items()}
