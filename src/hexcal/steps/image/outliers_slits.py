"""Outliers of spectra of slits: each exposure is compared with the median of all, rectified on one grid."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.models.container import ModelContainer
from hexcal.models.dqflags import pixel
from hexcal.models.science import MultiSlitModel
from hexcal.steps.image.outliers_images import FLAGS, Limits, MedianRule, blotted, flag_outliers, median_of
from hexcal.steps.image.outliers_neighbours import deviating
from hexcal.steps.image.weight_threshold import weight_threshold
from hexcal.steps.spectrum.parts import name_of_part
from hexcal.steps.spectrum.slit_sources import Source

_SEEN = 3.0
"""Pixels so many errors bright tell how an exposure samples the light."""
_NEAR, _FEWEST = 10, 5
"""They are looked at within so many pixels in dispersion direction, and must be so many."""
_MOST = 5.0
"""Largest factor."""
WITH_NAN = ("data", "err", "var_poisson", "var_rnoise", "var_flat")


@dataclass(frozen=True)
class SlitRule:
    """How slits are compared; see the parameters of the step.

    Attributes
    ----------
    limits : Limits
        When a pixel is an outlier.
    median : MedianRule
        How the median is taken.
    pixfrac, kernel : float, str
        Of the drops.
    bad : int
        Flags of pixels that do not count for the median.
    by_variance : bool
        Whether pixels weigh by their read noise, otherwise all the same within an exposure.
    mask_part : float
        Pixels with less than this part of the typical weight do not count.
    level : float
        Background that is not in the median.
    few_above_only : bool
        Whether of fewer than 3 values only what lies above the median is an outlier.
    median_errors : bool
        Whether the errors are the median of those of all exposures, rectified as the values are, instead of those of
        each pixel.
    follows_sampling : bool
        Whether what is expected follows how each exposure samples a source (`as_sampled`).
    by_wavelength : bool
        Whether the typical weight is that of each wavelength.
    resamples : bool
        Whether the exposures are rectified onto a common grid; otherwise they must lie on one, and are compared pixel
        by pixel, without the room that interpolation needs: the first limit of the errors holds alone.
    neighbours : float
        Limit at which a pixel differs from what its neighbours in the same exposure predict
        (`outliers_neighbours.deviating`); 0: they are not asked.
    """

    limits: Limits
    median: MedianRule
    pixfrac: float = 1.0
    kernel: str = "square"
    bad: int = 1
    by_variance: bool = True
    mask_part: float = 0.7
    level: float = 0.0
    few_above_only: bool = False
    median_errors: bool = False
    follows_sampling: bool = False
    by_wavelength: bool = False
    resamples: bool = True
    neighbours: float = 0.0


@dataclass
class SlitOutliers:
    """What was found in a slit of several exposures.

    Attributes
    ----------
    counts : list of int
        Pixels flagged in each exposure.
    median : float32 array
        The rectified median.
    images : list of (float32 array, float32 array)
        Of each exposure what is rectified, and the median at its pixels (NaN beside it).
    """

    counts: list
    median: np.ndarray
    images: list


def flag_all(exposures, rule, set_nan=False):
    """Flag the outliers of all slits of several exposures, in their flags.

    Parameters
    ----------
    exposures : ModelContainer
        Of single slits, which are compared, or of products of slits, of which those of the same name are.
    rule : SlitRule
        How they are compared.
    set_nan : bool
        Make outliers NaN in values, errors and variances.

    Yields
    ------
    str, SlitOutliers
        Name of a slit, and what was found.
    """
    with exposures.borrowed(0, changed=False) as first:
        is_single = not isinstance(first, MultiSlitModel)
        name = name_of_part(first)
    if is_single:
        yield name, flag_slit(Source(name, exposures), rule, set_nan)
        return
    slits: dict[str, list] = {}
    models = [exposures.borrow(number) for number in range(len(exposures))]
    for model in models:
        for part in model.slits:
            slits.setdefault(name_of_part(part, model), []).append(part)
    for name, parts in slits.items():
        if len(parts) > 1:
            yield name, flag_slit(Source(name, parts), rule, set_nan)
    for number in range(len(exposures)):
        exposures.give_back(number)


def flag_slit(source, rule, set_nan=False):
    """Flag the outliers of a slit in all its exposures, in their flags.

    Parameters
    ----------
    source : hexcal.steps.spectrum.slit_sources.Source
        The slit in each exposure; two or more.
    rule : SlitRule
        How they are compared.
    set_nan : bool
        Make outliers NaN in values, errors and variances.

    Returns
    -------
    SlitOutliers

    Raises
    ------
    InputError
        If an exposure has no WCS of a slit, or sees nothing.
    """
    place = _CommonGrid.of(source) if rule.resamples else _SamePixels.of(source)
    limits = rule.limits if rule.resamples else Limits((rule.limits.snr[0],) * 2, (0.0, 0.0), 0)
    images, errors = [], []
    for number, slit in enumerate(_each(source)):
        images.append(place.image_of(slit, number, rule))
        if rule.median_errors:
            errors.append(place.image_of(slit, number, rule, "err"))
    median = median_of(images, rule.median)
    errors = median_of(errors, MedianRule()).values if errors else None
    counts, results = [], []
    changed = ("dq", *WITH_NAN) if set_nan else ("dq",)
    for number, slit in enumerate(_each(source, changed)):
        window, at_pixels = place.window(number), place.at_pixels(number)
        expected = at_pixels(median.values)
        few = at_pixels(median.counts, linear=False) if rule.few_above_only else None
        spread = None if median.spread is None else at_pixels(median.spread)
        data, err, dq = (np.ascontiguousarray(plane[window]) for plane in (slit.data, slit.err, slit.dq))
        if rule.follows_sampling:
            expected = as_sampled(expected, data, err, dq, place.dispaxis)
        err = err if errors is None else at_pixels(errors)
        before = (dq & pixel.OUTLIER) == 0
        counts.append(flag_outliers(data, err, dq, expected, limits, rule.level, few, spread))
        if rule.neighbours:
            rest = median_of([image for other, image in enumerate(images) if other != number], rule.median)
            others = as_sampled(at_pixels(rest.values), data, err, dq, place.dispaxis) + rule.level
            counts[-1] += _flag_by_neighbours(slit, window, dq, rule, place.dispaxis, others)
        slit.dq[window] = dq
        if set_nan:
            _make_nan(slit, window, before & ((dq & pixel.OUTLIER) != 0))
        results.append((images[number], expected))
    return SlitOutliers(counts, median.values, results)


def _flag_by_neighbours(slit, window, dq, rule, dispaxis, others):
    """Flag pixels that differ from what their neighbours predict, in `dq`; returns how many were not flagged before."""
    var_flat = None if slit.var_flat is None else slit.var_flat[window]
    outliers = deviating(slit.data[window], slit.err[window], var_flat, dq, dispaxis, rule.neighbours, others)
    dq[outliers] |= FLAGS
    return int(np.count_nonzero(outliers))


def as_sampled(expected, data, errors, dq, dispaxis):
    """Return what is expected of an exposure, scaled to how its pixels sample the light across the dispersion.

    A point source that falls into the middle of a pixel in one exposure, and between two pixels in the others, is
    sharper there than their median, in proportion to its light. How a row of the detector stands to the median changes
    slowly with wavelength, and is the same in lines and beside them: it is the running median of their ratio.

    Parameters
    ----------
    expected, data, errors : float32 array (ny, nx)
        The median at the pixels of the exposure (NaN beside it), the values, their standard deviations.
    dq : uint32 array (ny, nx)
        Flags: DO_NOT_USE does not count.
    dispaxis : int
        1: dispersed along x; 2: along y.

    Returns
    -------
    float32 array (ny, nx)
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.running_median import running_median

    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(np.abs(expected) > _SEEN * errors, data / expected, np.nan).astype(np.float32)
    ratio[(dq & pixel.DO_NOT_USE) != 0] = np.nan
    rows = np.ascontiguousarray(ratio if dispaxis == 1 else ratio.T)
    factor = np.empty_like(rows)
    run_bands(running_median, len(rows), rows, _NEAR, False, factor)
    known = np.cumsum(np.pad(np.isfinite(rows), ((0, 0), (_NEAR + 1, _NEAR))), axis=1)
    enough = known[:, 2 * _NEAR + 1 :] - known[:, : -2 * _NEAR - 1] >= _FEWEST
    factor = np.where(enough, np.clip(factor, 0, _MOST), 1).astype(np.float32)
    return np.ascontiguousarray(expected * (factor if dispaxis == 1 else factor.T))


def _make_nan(slit, window, outliers):
    for name in WITH_NAN:
        values = getattr(slit, name)
        if values is not None:
            values[window][outliers] = np.nan


def _each(source, changed: Any = False) -> Iterator[Any]:
    """The slit in each exposure; those of a container are borrowed one after the other."""
    exposures = source.exposures
    yield from exposures.each(changed=changed) if isinstance(exposures, ModelContainer) else exposures


@dataclass(frozen=True)
class _CommonGrid:
    """Exposures that are rectified onto one grid that holds all.

    Attributes
    ----------
    grid : SlitGrid
    windows : list of pairs of slices
        Which part of each exposure sees anything.
    places : list of pairs of float64 arrays (ny, nx)
        Where the pixels of these parts lie on the grid.
    """

    grid: Any
    windows: list
    places: list

    @classmethod
    def of(cls, source):
        from hexcal.steps.spectrum.slit_grid import slit_grid
        from hexcal.steps.spectrum.slit_resampling import coordinates_of

        dispaxis, seen, is_miri = _dispersion_axis(source), [], False
        for slit in _each(source):
            seen.append(coordinates_of(slit))
            is_miri = slit.is_miri
        coordinates = [each for each, _ in seen]
        grid = slit_grid(coordinates, dispaxis, ratio=1.0, pixel_scale=None, shape=None, has_margin=not is_miri)
        return cls(grid, [window for _, window in seen], [grid.positions(*each) for each in coordinates])

    @property
    def dispaxis(self):
        return self.grid.dispaxis

    def window(self, number):
        """Which part of an exposure sees anything."""
        return self.windows[number]

    def image_of(self, slit, number, rule, name="data"):
        return _rectified(slit, self.grid, self.places[number], self.window(number), rule, name)

    def at_pixels(self, number):
        """Return the function that gives an image on the grid at the pixels of an exposure."""
        x, y = self.places[number]
        return lambda image, linear=True: blotted(image, x, y, linear=linear)


@dataclass(frozen=True)
class _SamePixels:
    """Exposures that lie on one grid as they are."""

    dispaxis: int

    @classmethod
    def of(cls, source):
        from hexcal.errors import InputError

        shapes = {slit.shape for slit in _each(source)}
        if len(shapes) > 1:
            raise InputError(
                f"without resample_data all exposures must have one shape, found {', '.join(map(str, sorted(shapes)))}",
                where=source.name,
            )
        return cls(_dispersion_axis(source))

    def window(self, number):
        return np.s_[:, :]

    def image_of(self, slit, number, rule, name="data"):
        from hexcal.steps.image.drizzling import weights_of

        weights = weights_of(slit.dq, rule.bad, slit.var_rnoise if rule.by_variance else None)
        image = np.array(getattr(slit, name), np.float32)
        image[~_counts(weights, rule, self.dispaxis)] = np.nan
        return image

    def at_pixels(self, number):
        return lambda image, linear=True: image


def _dispersion_axis(source):
    """The axis of the detector along which all exposures are dispersed."""
    from hexcal.errors import InputError
    from hexcal.steps.spectrum.slit_resampling import dispersion_axis

    axes = {dispersion_axis(slit, source.name) for slit in _each(source)}
    if len(axes) > 1:
        raise InputError("the exposures are dispersed along different axes of their detectors", where=source.name)
    return axes.pop()


def _rectified(slit, grid, positions, window, rule, name="data"):
    """An array of the slit of one exposure on the grid, NaN where it has too little weight."""
    from hexcal.steps.image.drizzling import weights_of
    from hexcal.steps.spectrum.slit_resampling import resampled_values

    variance = slit.var_rnoise if rule.by_variance else None
    cut = [
        None if plane is None else np.ascontiguousarray(plane[window])
        for plane in (getattr(slit, name), slit.dq, variance)
    ]
    values, dq, variance = cut
    weights = weights_of(dq, rule.bad, variance)
    result = resampled_values(values, weights, grid, positions, pixfrac=rule.pixfrac, kernel=rule.kernel)
    result.data[~_counts(result.weights, rule, grid.dispaxis)] = np.nan
    return result.data


def _counts(weights, rule, dispaxis):
    """Which pixels have enough weight to count for the median."""
    low = weight_threshold(weights, rule.mask_part)
    if rule.by_wavelength:
        low = rule.mask_part * _typical_of_wavelengths(weights, int(dispaxis == 2))
    return (weights >= low) & (weights > 0)


def _typical_of_wavelengths(weights, axis):
    """Median of the positive weights along the slit; 0 without any."""
    positive = np.where(weights > 0, weights, np.nan)
    known = np.isfinite(positive).any(axis=axis, keepdims=True)
    return np.nan_to_num(np.nanmedian(np.where(known, positive, 0), axis=axis, keepdims=True))
