"""Outliers of images: each is compared with the median of all, resampled to a common grid and back."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.models.dqflags import pixel
from hexcal.models.scratch import Scratch, let_go
from hexcal.steps.image import resampling
from hexcal.steps.image.local_sky import local_sky
from hexcal.steps.image.weight_threshold import weight_threshold

FLAGS = np.uint32(pixel.OUTLIER | pixel.DO_NOT_USE)
_SECTION = 1 << 20
"""Bytes of each image that are in memory for the median."""


@dataclass(frozen=True)
class Limits:
    """When a pixel is an outlier; see the parameters of the step.

    Attributes
    ----------
    snr, scale : tuple of 2 float
        Of the first and of the second pass.
    grow : int
        Neighbours of a detection that the second pass looks at.
    star_scale : float or None
        Scale of the first pass where the median is steeper than noise makes it (2.5 errors); None: as elsewhere.
    top_scale : float or None
        The same in pixels that no pixel around is above in the median: tops of stars; None: `star_scale`.
    star_beside : float or None
        Scale of the second pass where the median is steep; None: as elsewhere.
    sharpening : float
        Where the median is steep, so many times its curvature are taken from it (`smoothing_of`).
    """

    snr: tuple = (5.0, 4.0)
    scale: tuple = (1.2, 0.7)
    grow: int = 1
    star_scale: float | None = None
    top_scale: float | None = None
    star_beside: float | None = None
    sharpening: float = 0.0

    def with_scale(self, first):
        """Return the same with another scale of the first pass for stars.

        Elsewhere the steepness is that of noise, and beside a detection nothing is taken for a star.
        """
        return replace(self, star_scale=first)

    @property
    def values(self):
        """All limits as the kernel takes them: 8 float."""
        star = self.scale[0] if self.star_scale is None else self.star_scale
        top = star if self.top_scale is None else self.top_scale
        beside = self.scale[1] if self.star_beside is None else self.star_beside
        pairs = (float(value) for pair in zip(self.snr, self.scale, strict=True) for value in pair)
        return (*pairs, float(star), float(top), float(beside), float(self.sharpening))


@dataclass(frozen=True)
class MedianRule:
    """How a median is taken.

    Attributes
    ----------
    n_low, n_high : int
        So many of the lowest and highest values of each pixel do not count, where more are left.
    lower_of_two : bool
        Of two or four values the lower one of the two in the middle is taken, instead of their mean.
    lowest_of_rays : bool
        Of three values, two of which are cosmic rays, the lowest is taken.
    with_spread : bool
        Whether the scatter of the values is computed.
    """

    n_low: int = 0
    n_high: int = 0
    lower_of_two: bool = False
    with_spread: bool = False
    lowest_of_rays: bool = False


@dataclass(frozen=True)
class Median:
    """The median of images: float32 arrays (ny, nx).

    Attributes
    ----------
    values : float32 array
        NaN where there is none.
    counts : float32 array
        How many values each pixel has.
    spread : float32 array or None
        Robust standard deviation of the values of each pixel; 0 of fewer than 3.
    """

    values: np.ndarray
    counts: np.ndarray
    spread: np.ndarray | None = None


def median_of(images, rule, threads=None):
    """Return the median of images, of which only a section is in memory at a time.

    Parameters
    ----------
    images : list of float32 arrays (ny, nx)
        In memory or mapped from files; NaN does not count.
    rule : MedianRule
        How it is taken.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    Median
    """
    from hexcal.kernels.outliers import median

    ny, nx = images[0].shape
    result, counts = np.empty((2, ny, nx), np.float32)
    spread = np.empty((ny, nx) if rule.with_spread else (1, 1), np.float32)
    rows = min(ny, max(1, _SECTION // (4 * nx)))
    stack = np.empty((len(images), rows, nx), np.float32)
    sky, noise = _sky_and_noise(images[0], rule.lowest_of_rays)
    details = (rule.n_low, rule.n_high, rule.lower_of_two)
    for first in range(0, ny, rows):
        n_rows = min(rows, ny - first)
        for number, image in enumerate(images):
            stack[number, :n_rows] = image[first : first + n_rows]
            let_go(image)
        part = slice(first, first + n_rows)
        scatter = spread[part] if rule.with_spread else spread
        here = sky[part] if sky.size else sky
        run_bands(median, n_rows, stack, *details, here, noise, result[part], counts[part], scatter, threads=threads)
    return Median(result, counts, spread if rule.with_spread else None)


def _sky_and_noise(image, is_asked):
    """The sky of an image (float32 array), and the robust standard deviation of one in 64 pixels from it.

    The sky is of shape (0, 0) if it is not asked for, or if there is none.
    """
    sky = local_sky(image, np.isfinite(image)) if is_asked else None
    if sky is None:
        return np.zeros((0, 0), np.float32), np.inf
    values = np.abs(image[::8, ::8] - sky[::8, ::8])
    values = values[np.isfinite(values)]
    return sky, 1.4826 * float(np.median(values)) if values.size else np.inf


def flag_outliers(data, errors, dq, expected, limits, level=0.0, number=None, spread=None, threads=None):
    """Flag what differs from what is expected, in place.

    Parameters
    ----------
    data, errors : float32 array (ny, nx)
        An image and its standard deviations.
    dq : uint32 array (ny, nx)
        Gets OUTLIER and DO_NOT_USE.
    expected : float32 array (ny, nx)
        What the median of all images makes of it.
    limits : Limits
        When a pixel is an outlier.
    level : float
        Background of the image that is not in `expected`.
    number : float32 array (ny, nx), optional
        How many values the median has in each pixel; then only what is above it is an outlier where there are fewer
        than 3.
    spread : float32 array (ny, nx), optional
        Scatter of the values of which the median is; takes the place of errors that are smaller where the median is
        steep.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    int
        Number of pixels flagged.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section outlier_detection.
    """
    from hexcal.kernels.outliers import compare, flag

    ny = data.shape[0]
    passed, counts = np.empty(data.shape, np.uint8), np.zeros(ny, np.int64)
    none = np.zeros((1, 1), np.float32)
    more = (none if number is None else number, none if spread is None else spread)
    run_bands(compare, ny, data, expected, errors, *more, float(level), limits.values, passed, threads=threads)
    run_bands(flag, ny, passed, limits.grow, FLAGS, dq, counts, threads=threads)
    return int(counts.sum())


def blotted(image, x, y, threads=None, linear=True):
    """Return the values of an image at the places of the pixels of an exposure (float32, NaN beside it).

    Linear between its pixels, or of the nearest one.
    """
    from hexcal.kernels import outliers

    result = np.empty(x.shape, np.float32)
    run_bands(outliers.blot if linear else outliers.nearest, x.shape[0], image, x, y, result, threads=threads)
    return result


class CommonGrid:
    """Exposures on a common grid, one after the other, and the median of them.

    Parameters
    ----------
    exposures : ModelContainer
        The images.
    projections : list of gwcs.WCS
        Of each image.
    grid : Grid
        The common grid.
    manner : Manner
        How they are resampled.
    mask_part : float
        Pixels with less than this part of the typical weight do not count.
    in_memory : bool
        Whether resampled images wait in memory, or in files.
    """

    def __init__(self, exposures, projections, grid, manner, mask_part, in_memory):
        self.exposures, self.grid, self.manner = exposures, grid, manner
        self._projections = projections
        self._mask_part, self._scratch = mask_part, None if in_memory else Scratch()
        self._images: list[Any] = []

    def add(self, numbers):
        """Resample the detectors of one exposure; returns the image and its weights."""
        drizzle = resampling.new_drizzle(self.grid, self.manner, 0)
        for number in numbers:
            with self.exposures.borrowed(number, changed=False) as model:
                resampling.add_model(drizzle, model, self.grid, self.manner, self._projections[number])
        result = drizzle.finish(self.manner.fill)
        masked = result.data.copy()
        masked[(result.weights < weight_threshold(result.weights, self._mask_part)) | (result.weights == 0)] = np.nan
        if self._scratch is not None:
            masked = self._scratch.store(f"{len(self._images)}.npy", masked)
        self._images.append(masked)
        return result

    def median(self, rule):
        """Return the `Median` of what was added, and forget that.

        Where of two values the lower one is asked for, two cosmic rays of three values are none of the median either.
        """
        result = median_of(self._images, replace(rule, lowest_of_rays=rule.lower_of_two))
        self._images.clear()
        if self._scratch is not None:
            self._scratch.remove()
        return result
