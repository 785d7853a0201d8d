"""Fit the flicker noise of each group of a ramp, or of a rate, and subtract it: arrays only."""

import warnings
from dataclasses import dataclass

import numpy as np

from hexcal.errors import ParameterError
from hexcal.steps.detector import flicker_mask
from hexcal.steps.detector.flicker_fit import FourierFit, line_levels


@dataclass(frozen=True)
class Fit:
    """How noise and background are fitted.

    `method`, `background`, `box`: as the parameters of the step. `columns`: lines are columns. `n_parts`: parts of a
    line with noise of their own. `from_first`: a group is compared with the first one, and not with the one before it.
    `n_sigma`: pixels further from the background of the image that is fitted are left out as well; None for none.
    """

    method: str = "median"
    background: str | None = "median"
    box: list | None = None
    columns: bool = False
    n_parts: int = 1
    from_first: bool = False
    n_sigma: float | None = None


@dataclass(frozen=True)
class Found:
    """What was taken for noise (as it changed the data: result minus input) and for background in each image.

    Float32 arrays like the data, DN.
    """

    noise: np.ndarray
    background: np.ndarray


def clean(cube, masks, fit, flags=None, flat=None, keep=False):
    """Subtract flicker noise from the groups of a ramp, or from rates, in place.

    Parameters
    ----------
    cube : float32 array (nints, ngroups, ny, nx) or (nints, ny, nx)
        A ramp, in DN: the noise of a group is what its difference to the group before, or to the first one, shows. Or
        rates.
    masks : bool array (nints or 1, ny, nx)
        Pixels without sources.
    fit : Fit
    flags : bool array (nints, ngroups, ny, nx), optional
        Samples of a ramp that do not count.
    flat : float32 array (ny, nx), optional
        Shape of the background.
    keep : bool
        Return what was found.

    Returns
    -------
    Found or None
    """
    removed = Found(np.zeros_like(cube), np.zeros_like(cube)) if keep else None
    fourier: dict = {}
    for integration in range(len(cube)):
        which = min(integration, len(masks) - 1)
        images = _Images(masks[which], fit, flat, fourier, which)
        if cube.ndim == 3:
            mean = _median_image(cube, None, fit) if fit.background == "median_image" else None
            noise, background = images.noise(cube[integration], None, mean)
            cube[integration] -= noise
            if removed is not None:
                removed.noise[integration], removed.background[integration] = -noise, background
            continue
        _clean_ramp(cube, integration, images, fit, flags, removed)
    return removed


def _clean_ramp(cube, integration, images, fit, flags, removed):
    """Clean the groups of one integration from the second on.

    What was found in the differences to the group before adds up along the ramp.
    """
    ramp = cube[integration]
    reference, total = ramp[0].copy(), np.zeros_like(ramp[0])
    for number in range(1, len(ramp)):
        current = ramp[number].copy()
        mean = _median_image(cube, number, fit) if fit.background == "median_image" else None
        bad = None if flags is None else flags[integration, number]
        # The difference of infinite samples is NaN, which counts as missing.
        with np.errstate(invalid="ignore"):
            difference = current - reference
        noise, background = images.noise(difference, bad, mean)
        if fit.from_first:
            total = noise
        else:
            total, reference = total + noise, current
        ramp[number] -= total
        if removed is not None:
            removed.noise[integration, number], removed.background[integration, number] = -total, background


@dataclass
class _Images:
    """Fits images that share a mask: bool (ny, nx)."""

    mask: np.ndarray
    fit: Fit
    flat: np.ndarray | None
    fourier: dict
    key: int

    def noise(self, image, bad, mean_image):
        """Noise and background of one image (float32 (ny, nx), DN), `bad` samples (bool (ny, nx)) left out."""
        good = self.mask & np.isfinite(image)
        if bad is not None:
            good &= ~bad
        if not good.any():
            return np.zeros_like(image), np.zeros_like(image)
        background, sigma = self._background(image, good, mean_image)
        level = image - background
        if self.fit.n_sigma is not None and sigma is not None:
            with np.errstate(invalid="ignore"):
                good &= np.abs(level) <= np.float32(self.fit.n_sigma * sigma)
        if self.fit.columns:
            level, good = np.ascontiguousarray(level.T), np.ascontiguousarray(good.T)
        noise = line_levels(level, good, self.fit.n_parts)
        if self.fit.method == "fft":
            noise = self._low_frequencies(level, good, noise)
        return np.ascontiguousarray(noise.T) if self.fit.columns else noise, background

    def _background(self, image, good, mean_image):
        """Background (float32 (ny, nx)), and sigma of the pixels below it, DN; zeros and None without background."""
        if self.fit.background is None:
            return np.zeros_like(image), None
        scaled = image if self.flat is None else image / self.flat
        if self.fit.background == "median_image":
            background = _scaled(mean_image, image, good)
        elif self.fit.background == "model":
            background = flicker_mask.background_model(scaled, good, self.fit.box)
        else:
            known = flicker_mask.clipped(scaled[good], by_lower_side=True)
            if self.flat is None:
                return np.full_like(image, known.median), known.lower_sigma
            background = np.full_like(image, known.median)
        if self.flat is not None and self.fit.background != "median_image":
            background *= self.flat
        if self.fit.n_sigma is None:
            return background, None
        return background, flicker_mask.clipped((image - background)[good], by_lower_side=True).lower_sigma

    def _low_frequencies(self, level, good, medians):
        """Fourier fit in each part of the lines.

        The mask, and so the equations, are the same for all images; a pixel that is bad in this one alone stands at the
        level of its line.
        """
        mask = np.ascontiguousarray(self.mask.T) if self.fit.columns else self.mask
        filled = np.where(good, level, medians)
        noise = []
        for part, columns in enumerate(_parts(level.shape[1], self.fit.n_parts)):
            key = self.key, part
            if key not in self.fourier:
                self.fourier[key] = FourierFit(mask[:, columns])
            noise.append(self.fourier[key].noise(filled[:, columns]))
        return np.concatenate(noise, axis=1)


def _scaled(mean_image, image, good):
    """A mean image times the factor that fits an image best."""
    good = good & np.isfinite(mean_image)
    values, model = image[good].astype(np.float64), mean_image[good].astype(np.float64)
    square = float((model**2).sum())
    factor = float((values * model).sum()) / square if square > 0 else 0.0
    return np.where(np.isfinite(mean_image), mean_image, np.float32(0)) * np.float32(factor)


def _median_image(cube, number, fit):
    """Median over integrations of the difference of a group, or (`number` None) of the rates."""
    if len(cube) < 3:
        raise ParameterError(
            "background_method = median_image takes the median of integrations; at least 3 are needed, "
            f"found {len(cube)}",
            where="background_method",
            hint="use median or model",
        )
    images = cube if number is None else cube[:, number] - cube[:, 0 if fit.from_first else number - 1]
    with warnings.catch_warnings():
        # A pixel without any value is NaN in the result, which is what it should be.
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(images, axis=0)


def _parts(length, n_parts):
    width = length // n_parts
    return [slice(part * width, length if part == n_parts - 1 else (part + 1) * width) for part in range(n_parts)]
