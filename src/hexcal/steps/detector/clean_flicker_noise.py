"""Take flicker (1/f) noise out of ramps and rates."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import group, pixel
from hexcal.steps.detector import flicker_mask
from hexcal.steps.detector.flicker_fit import FourierFit, median_noise

_AMPLIFIERS = 4
_UNUSABLE_GROUPS = group.DO_NOT_USE | group.SATURATED | group.JUMP_DET
_BRIGHT = 5.0
"""Sigma beyond which a pixel is a source whatever the noise of its line."""
_AUTOMATIC = ("NIS_IMAGE", "NRC_IMAGE")
"""Exposure types with automatic parameters."""


class CleanFlickerNoiseStep(Step):
    """Fit the flicker noise of each group to pixels without sources, and subtract it."""

    alias = "clean_flicker_noise"
    reference_types = ("flat",)
    takes_references = False

    class Parameters(StepParameters):
        """Parameters of the fit of flicker noise."""

        skip: bool = parameter(True, "Leave the step out.")
        autoparam: bool = parameter(False, "Choose flat field, background and channels for NIRISS and NIRCam images.")
        fit_method: Literal["fft", "median"] = parameter(
            "median", "Noise of a line: its median, or low frequencies fitted to it."
        )
        fit_by_channel: bool = parameter(False, "Fit each amplifier by itself (near infrared, full frame).")
        background_method: Literal["median", "model", "median_image"] | None = parameter(
            "median",
            "Background kept: one number, medians in boxes, the median of all integrations (time series), or none.",
        )
        background_box_size: list[int] | None = parameter(
            None,
            "Size of the boxes of the background model; default 32, 32.",
            unit="pixels",
            min_length=2,
            max_length=2,
        )
        mask_science_regions: bool = parameter(
            False, "Leave out regions that are known to see light (MIRI images: flagged NON_SCIENCE)."
        )
        apply_flat_field: bool = parameter(False, "Take the background to follow the flat field.")
        n_sigma: float = parameter(
            2.0, "Pixels further from the background than this are taken for sources.", unit="sigma", gt=0
        )
        fit_histogram: bool = parameter(False, "Find background and sigma by a fit to the histogram of values.")
        single_mask: bool = parameter(True, "One mask for all integrations.")
        user_mask: Any = parameter(None, "File or model with a mask: true or 1 where there is no source.")
        save_mask: bool = parameter(False, "Write the mask, with suffix _mask.")
        save_background: bool = parameter(False, "Write the background, with suffix _flicker_bkg.")
        save_noise: bool = parameter(False, "Write the noise subtracted, with suffix _flicker_noise.")

    def references_needed(self, model):
        """The flat, where it is used."""
        return self.reference_types if self._settings(model).apply_flat_field else ()

    def process(self, model):
        settings = self._settings(model)
        cube = _as_cube(model)
        if cube is None:
            raise SkipStep("the noise of a ramp is that of differences; one group has none")
        masks = self._masks(model, cube, settings)
        flat = self._flat(model) if settings.apply_flat_field else None
        if flat is None and self.parameters.autoparam and model.meta.exposure.type in _AUTOMATIC:
            # What is left of the flat field in the background is smooth, and a model follows it.
            settings = replace(settings, background_method="model")
        n_parts = _n_parts(model) if settings.fit_by_channel else 1
        fit = Fit(
            settings.fit_method,
            settings.background_method,
            settings.background_box_size,
            _lines_are_columns(model),
            n_parts,
        )
        noise, background = clean(cube, masks, fit, flat, keep=settings.save_noise or settings.save_background)
        if settings.save_mask:
            self._save(model, masks.astype(np.float32), "mask")
        if settings.save_noise:
            self._save(model, noise, "flicker_noise")
        if settings.save_background:
            self._save(model, background, "flicker_bkg")
        return model

    def _settings(self, model):
        own = self.parameters
        settings = Settings(**{name: getattr(own, name) for name in Settings.__dataclass_fields__})
        if not own.autoparam:
            return settings
        if model.meta.exposure.type not in _AUTOMATIC:
            self.log.info("no automatic parameters for %s: those given hold", model.meta.exposure.type)
            return settings
        return replace(settings, apply_flat_field=True, background_method="median", fit_by_channel=False)

    def _masks(self, model, cube, settings):
        """Usable pixels of each integration: bool (nints, ny, nx), or (1, ny, nx) for all."""
        if settings.user_mask is not None:
            return _given_mask(self.open_model(settings.user_mask), cube.shape)
        bad = (model.pixeldq if cube.ndim == 4 else model.dq) & (pixel.DO_NOT_USE | pixel.REFERENCE_PIXEL) != 0
        if settings.mask_science_regions:
            bad = bad | _science_regions(model)
        if cube.ndim == 4:
            rates = flicker_mask.draft_rate(cube, model.groupdq, _UNUSABLE_GROUPS)
        else:
            rates = cube
        if settings.single_mask and len(rates) > 1:
            good = np.isfinite(rates)
            with np.errstate(invalid="ignore"):
                rates = (np.where(good, rates, 0).sum(axis=0) / good.sum(axis=0))[None]
            bad = bad.all(axis=0) if bad.ndim == 3 else bad
        bads = bad if bad.ndim == 3 else [bad] * len(rates)
        fit = Fit(columns=_lines_are_columns(model), n_parts=_n_parts(model) if settings.fit_by_channel else 1)
        masks = [
            flicker_mask.source_free(_even(rate, one, settings, fit), one, settings.n_sigma, settings.fit_histogram)
            for rate, one in zip(rates, bads, strict=True)
        ]
        self.log.info("pixels without sources: %.0f %%", 100 * np.mean(masks))
        return np.array(masks)

    def _flat(self, model):
        if self.get_reference_file(model, "flat") == "N/A":
            self.log.warning("no flat reference: the background is not flat-fielded")
            return None
        reference: Any = self.get_reference_file_model(model, "flat")
        flat = reference.cutout(model).data
        return np.where(np.isfinite(flat) & (flat > 0), flat, np.float32(1))

    def _save(self, model, array, suffix):
        from hexcal.models.open import open as open_model

        extra = open_model(array)
        extra.update(model)
        self.save_model(extra, suffix, force=True)


@dataclass(frozen=True)
class Settings:
    """Parameters of the step, with automatic ones filled in."""

    fit_method: str
    fit_by_channel: bool
    background_method: str | None
    background_box_size: list | None
    mask_science_regions: bool
    apply_flat_field: bool
    n_sigma: float
    fit_histogram: bool
    single_mask: bool
    user_mask: Any
    save_mask: bool
    save_background: bool
    save_noise: bool


@dataclass(frozen=True)
class Fit:
    """How noise and background are fitted: methods, size of the boxes of the background, direction of the lines, and number of parts of a line."""

    method: str = "median"
    background: str | None = "median"
    box: list | None = None
    columns: bool = False
    n_parts: int = 1


def clean(cube, masks, fit, flat=None, keep=False):
    """Subtract flicker noise from the groups of a ramp, or from rates, in place.

    Parameters
    ----------
    cube : float32 array (nints, ngroups, ny, nx) or (nints, ny, nx)
        A ramp, in DN: each group but the first is cleaned of what its difference to the first one shows. Or rates.
    masks : bool array (nints or 1, ny, nx)
        Pixels without sources.
    fit : Fit
    flat : float32 array (ny, nx), optional
        Shape of the background.
    keep : bool
        Return noise and background.

    Returns
    -------
    tuple of two arrays like `cube`, or of None
        Noise and background of each group.
    """
    noise, background = (np.zeros_like(cube), np.zeros_like(cube)) if keep else (None, None)
    fourier, mean_images = {}, {}
    for integration in range(len(cube)):
        which = min(integration, len(masks) - 1)
        for number in range(1, cube.shape[1]) if cube.ndim == 4 else (None,):
            place = integration if number is None else (integration, number)
            image = cube[place].copy() if number is None else cube[place] - cube[integration, 0]
            if fit.background == "median_image" and number not in mean_images:
                mean_images[number] = _median_image(cube, number)
            shape, level = _background(image, masks[which], fit, flat, mean_images.get(number))
            found = _noise(image, masks[which], shape, level, fit, fourier, which)
            cube[place] -= found
            if keep:
                noise[place], background[place] = found, np.float32(level) * shape
    return noise, background


def _background(image, mask, fit, flat, mean_image):
    """Shape (float32 (ny, nx)) and factor of the background of one image."""
    shape = np.ones_like(image) if flat is None else flat
    if fit.background is None:
        return shape, 0.0
    good = mask & np.isfinite(image)
    if not good.any():
        return shape, 0.0
    if fit.background == "model":
        return flicker_mask.background_model(image / shape, good, fit.box) * shape, 1.0
    if fit.background == "median_image":
        good &= np.isfinite(mean_image)
        values, model = image[good].astype(np.float64), mean_image[good].astype(np.float64)
        square = float((model**2).sum())
        return np.where(np.isfinite(mean_image), mean_image, np.float32(0)), float(
            (values * model).sum()
        ) / square if square > 0 else 0.0
    return shape, float(np.median(image[good] if flat is None else image[good] / shape[good]))


def _median_image(cube, number):
    """Median over integrations of the difference of a group to the first one, or (`number` None) of the rates."""
    import warnings

    images = cube if number is None else cube[:, number] - cube[:, 0]
    if len(images) < 3:
        raise ParameterError(
            f"background_method = median_image takes the median of integrations; at least 3 are needed, found {len(images)}",
            where="background_method",
            hint="use median or model",
        )
    with warnings.catch_warnings():
        # A pixel without any value is NaN in the result, which is what it should be.
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(images, axis=0)


def _even(rate, bad, settings, fit):
    """A rate less the medians of its lines: a line with much noise is no source, and without this all of it would be masked."""
    faint = flicker_mask.source_free(rate, bad, max(settings.n_sigma, _BRIGHT), settings.fit_histogram)
    return rate - _noise(rate, faint, np.ones_like(rate), 0.0, fit, {}, 0)


def _noise(image, mask, shape, level, fit, fourier, key):
    """Noise of one image: float32 (ny, nx), DN."""
    if fit.columns:
        image, mask, shape = (np.ascontiguousarray(array.T) for array in (image, mask, shape))
    if fit.method == "median":
        noise = median_noise(image, mask, shape, level, fit.n_parts)
    else:
        noise = np.concatenate(
            [
                _fourier(fourier, (key, part), mask[:, columns]).noise(
                    image[:, columns] - np.float32(level) * shape[:, columns]
                )
                for part, columns in enumerate(_parts(image.shape[1], fit.n_parts))
            ],
            axis=1,
        )
    return np.ascontiguousarray(noise.T) if fit.columns else noise


def _parts(length, n_parts):
    width = length // n_parts
    return [slice(part * width, length if part == n_parts - 1 else (part + 1) * width) for part in range(n_parts)]


def _fourier(known, key, mask):
    if key not in known:
        known[key] = FourierFit(mask)
    return known[key]


# ---- what the exposure says


def _as_cube(model):
    """The data with integrations in front, a view; None for a ramp of one group."""
    data = model.data
    if data.ndim == 4:
        return data if data.shape[1] > 1 else None
    return data if data.ndim == 3 else data[None]


def _lines_are_columns(model):
    """Whether pixels that are read one after the other lie in a column. MIRI has no such noise along rows, but stripes along columns."""
    return model.is_miri or abs(model.meta.subarray.fastaxis or 1) == 2


def _n_parts(model):
    """Amplifiers side by side in a line: four in the full frames of the near infrared."""
    return _AMPLIFIERS if not model.is_miri and model.meta.exposure.noutputs == _AMPLIFIERS else 1


def _science_regions(model):
    """Pixels that are known to see light, from the flags: bool (ny, nx)."""
    if not model.is_miri or model.meta.exposure.type not in ("MIR_IMAGE", "MIR_4QPM", "MIR_LYOT", "MIR_CORONCAL"):
        raise ParameterError(
            f"mask_science_regions is for MIRI images, where flags tell; regions of {model.meta.exposure.type} need coordinates",
            where="mask_science_regions",
            hint="give a user_mask",
        )
    flags = model.pixeldq if model.data.ndim == 4 else model.dq
    return flags & pixel.NON_SCIENCE != 0


def _given_mask(model, shape):
    mask = np.asarray(model.data)
    mask = mask if mask.ndim == 3 else mask[None]
    if mask.shape[-2:] != shape[-2:] or mask.ndim != 3 or len(mask) not in (1, shape[0]):
        raise InputError(
            f"the mask must have the shape of the image, {shape[-2:]}, or one plane for each of {shape[0]} integrations; found {model.data.shape}",
            where="user_mask",
        )
    return np.nan_to_num(mask) > 0
