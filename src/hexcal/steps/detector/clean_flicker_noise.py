"""Take flicker (1/f) noise out of ramps and rates."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import group, pixel
from hexcal.steps.detector import flicker_mask
from hexcal.steps.detector.flicker_clean import Fit, clean
from hexcal.steps.detector.flicker_fit import line_levels
from hexcal.steps.detector.flicker_rates import rates_of
from hexcal.steps.detector.lit_regions import always_lit, draft_with_wcs, lit_by_spectra

_AMPLIFIERS = 4
_SHOWS_NO_NOISE = group.DO_NOT_USE | group.JUMP_DET
"""Flags of a sample whose difference to another group says nothing of noise; saturated pixels are out by their rate."""
_BRIGHT = 5.0
"""Sigma beyond which a pixel is a source whatever the noise of its line."""
_AUTOMATIC = ("NIS_IMAGE", "NRC_IMAGE")
"""Exposure types with automatic parameters."""


class CleanFlickerNoiseStep(Step):
    """Fit the flicker noise of each group to pixels without sources, and subtract it."""

    alias = "clean_flicker_noise"
    reference_types = ("flat", "gain", "readnoise")
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
            False,
            "Leave out regions that are known to see light (MIRI images: flagged NON_SCIENCE; NIRSpec: slits and "
            "slices by the WCS, and shutters that cannot close).",
        )
        apply_flat_field: bool = parameter(False, "Take the background to follow the flat field.")
        n_sigma: float = parameter(
            2.0, "Pixels further from the background than this are taken for sources.", unit="sigma", gt=0
        )
        differences: Literal["previous", "first"] = parameter(
            "previous",
            "The noise of a group shows in its difference to the group before, or to the first one, "
            "where errors of the fit do not add up.",
        )
        mask_from: Literal["rate", "rate_less_lines"] = parameter(
            "rate",
            "Sources are found in the rate, and left out of each difference; "
            "or in the rate less the medians of its lines, where noise is no source.",
        )
        fit_histogram: bool = parameter(False, "Find background and sigma by a fit to the histogram of values.")
        single_mask: bool = parameter(True, "One mask for all integrations.")
        user_mask: Any = parameter(None, "File or model with a mask: true or 1 where there is no source.")
        save_mask: bool = parameter(False, "Write the mask, with suffix _mask.")
        save_background: bool = parameter(False, "Write the background, with suffix _flicker_bkg.")
        save_noise: bool = parameter(False, "Write the noise subtracted, with suffix _flicker_noise.")

    def references_needed(self, model):
        """The flat, where it is used; gain and read noise for the rate of a ramp."""
        flat = ("flat",) if self._settings(model).apply_flat_field else ()
        return (*flat, "gain", "readnoise") if model.data.ndim == 4 and self.parameters.user_mask is None else flat

    def needs_all_integrations(self, model):
        """For masks and background."""
        return "masks of sources and the background are made from all integrations"

    def process(self, model):
        settings = self._settings(model)
        cube = as_cube(model)
        if cube is None:
            raise SkipStep(
                "the noise is measured in differences between groups, and a single group has none", is_expected=True
            )
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
            lines_are_columns(model),
            n_parts,
            settings.differences == "first",
            settings.n_sigma if settings.mask_from == "rate" else None,
        )
        flags = model.groupdq & _SHOWS_NO_NOISE != 0 if cube.ndim == 4 else None
        removed = clean(cube, masks, fit, flags, flat, keep=settings.save_noise or settings.save_background)
        if settings.save_mask:
            self._save(model, masks.astype(np.float32), "mask")
        if removed is not None and settings.save_noise:
            self._save(model, removed.noise, "flicker_noise")
        if removed is not None and settings.save_background:
            self._save(model, removed.background, "flicker_bkg")
        return model

    def _settings(self, model):
        own = self.parameters
        settings = Settings(**{name: getattr(own, name) for name in Settings.__dataclass_fields__})
        if not own.autoparam:
            return settings
        if model.meta.exposure.type not in _AUTOMATIC:
            self.log.info("there are no automatic parameters for %s: those given are used", model.meta.exposure.type)
            return settings
        return replace(settings, apply_flat_field=True, background_method="median", fit_by_channel=False)

    def _masks(self, model, cube, settings):
        """Usable pixels of each integration: bool (nints, ny, nx), or (1, ny, nx) for all."""
        if settings.user_mask is not None:
            return given_mask(self.open_model(settings.user_mask), cube.shape)
        # Reference pixels see no light: 3.0.0 leaves out those that are far from the background, as any pixel.
        reference = pixel.REFERENCE_PIXEL if settings.mask_from == "rate_less_lines" else 0
        bad = (model.pixeldq if cube.ndim == 4 else model.dq) & (pixel.DO_NOT_USE | reference) != 0
        if settings.mask_science_regions:
            bad = bad | _science_regions(self, model)
        rates = rates_of(self, model, settings.single_mask) if cube.ndim == 4 else cube
        if settings.single_mask and len(rates) > 1:
            good = np.isfinite(rates)
            with np.errstate(invalid="ignore"):
                rates = (np.where(good, rates, 0).sum(axis=0) / good.sum(axis=0))[None]
            bad = bad.all(axis=0) if bad.ndim == 3 else bad
        bads = bad if bad.ndim == 3 else [bad] * len(rates)
        n_parts = _n_parts(model) if settings.fit_by_channel else 1
        columns = lines_are_columns(model)
        masks = []
        for rate, excluded in zip(rates, bads, strict=True):
            if settings.mask_from == "rate_less_lines":
                rate = _less_lines(rate, excluded, settings, columns, n_parts)
            masks.append(flicker_mask.source_free(rate, excluded, settings.n_sigma, settings.fit_histogram))
        self.log.info("pixels without sources: %.0f %%", 100 * np.mean(masks))
        return np.array(masks)

    def extra_products(self):
        """The mask, the background and the noise."""
        parameters = self.parameters
        extras = {
            "mask": parameters.save_mask,
            "flicker_bkg": parameters.save_background,
            "flicker_noise": parameters.save_noise,
        }
        return [{"suffix": suffix} for suffix, is_asked in extras.items() if is_asked]

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
    differences: str
    mask_from: str
    fit_histogram: bool
    single_mask: bool
    user_mask: Any
    save_mask: bool
    save_background: bool
    save_noise: bool


def _less_lines(rate, bad, settings, columns, n_parts):
    """A rate less the medians of its lines.

    A line with much noise is no source, and without this all of it would be masked.
    """
    faint = flicker_mask.source_free(rate, bad, max(settings.n_sigma, _BRIGHT), settings.fit_histogram)
    if columns:
        return rate - line_levels(np.ascontiguousarray(rate.T), np.ascontiguousarray(faint.T), n_parts).T
    return rate - line_levels(rate, faint, n_parts)


# ---- what the exposure says


def as_cube(model):
    """The data with integrations in front, a view; None for a ramp of one group."""
    data = model.data
    if data.ndim == 4:
        return data if data.shape[1] > 1 else None
    return data if data.ndim == 3 else data[None]


def lines_are_columns(model):
    """Whether pixels that are read one after the other lie in a column.

    MIRI has no such noise along rows, but stripes along columns.
    """
    return model.is_miri or abs(model.meta.subarray.fastaxis or 1) == 2


def _n_parts(model):
    """Amplifiers side by side in a line: four in the full frames of the near infrared."""
    return _AMPLIFIERS if not model.is_miri and model.meta.exposure.noutputs == _AMPLIFIERS else 1


def _science_regions(step, model):
    """Pixels that are known to see light, from the flags, or of NIRSpec from the WCS: bool (ny, nx)."""
    if model.meta.instrument.name == "NIRSPEC":
        located = draft_with_wcs(step, model) if model.data.ndim == 4 else model
        return lit_by_spectra(located) | always_lit(located)
    if not model.is_miri or model.meta.exposure.type not in ("MIR_IMAGE", "MIR_4QPM", "MIR_LYOT", "MIR_CORONCAL"):
        raise ParameterError(
            "mask_science_regions is for MIRI images, whose flags mark the regions, and for spectra of NIRSpec; "
            f"regions of {model.meta.exposure.type} need coordinates",
            where="mask_science_regions",
            hint="give a user_mask",
        )
    flags = model.pixeldq if model.data.ndim == 4 else model.dq
    return flags & pixel.NON_SCIENCE != 0


def given_mask(model, shape):
    """Return the mask of a user for data of a shape (..., ny, nx): bool (nints or 1, ny, nx); InputError if unfit."""
    mask = np.asarray(model.data)
    mask = mask if mask.ndim == 3 else mask[None]
    if mask.shape[-2:] != shape[-2:] or mask.ndim != 3 or len(mask) not in (1, shape[0]):
        raise InputError(
            f"the mask must have the shape of the image, {shape[-2:]}, "
            f"or one plane for each of {shape[0]} integrations; found {model.data.shape}",
            where="user_mask",
        )
    return np.nan_to_num(mask) > 0
