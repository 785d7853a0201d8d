"""Find bad pixels of integral-field exposures by the exposures themselves."""

from typing import Literal

import numpy as np

from hexcal.core import Role, SkipStep, Step, StepParameters, parameter, run_bands
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import pixel
from hexcal.steps.flux.mrs_gap import GAPS, clipped
from hexcal.steps.flux.planes import planes_of

BAD_PIXEL = np.uint32(pixel.OTHER_BAD_PIXEL | pixel.DO_NOT_USE)
_MODELS = ("IFUImageModel", "ImageModel")


class BadpixSelfcalStep(Step):
    """Flag pixels that stand out from their neighbours along the spectra, in all exposures alike (release 3.0.0).

    The smallest value that any of the exposures has at a pixel (science, background and selfcal ones) is compared with
    the median of its neighbours along the axis of dispersion. The faintest and the brightest pixels of the difference
    are flagged OTHER_BAD_PIXEL and DO_NOT_USE, in the science exposure, where they become NaN, and in the backgrounds.
    Of MIRI MRS the residual dark between the two channels is subtracted from each exposure before they are compared.

    Without exposures beside the science one the step is skipped, unless ``force_single`` is set. Off by default.
    """

    alias = "badpix_selfcal"
    is_often_left_out = True
    roles = (
        Role("science", _MODELS),
        Role("background", _MODELS, many=True, required=False, other_names=("bkg",)),
        Role("selfcal", _MODELS, many=True, required=False),
    )
    changes_first_only = True
    bad_pixels = None
    """After a run: which pixels were flagged (ny, nx), for the background exposures of the pipeline."""

    class Parameters(StepParameters):
        """How many pixels are flagged."""

        skip: bool = parameter(True, "Leave the step out.")
        flagfrac_lower: float = parameter(0.001, "Share of the pixels that is flagged as too faint.", ge=0, le=0.5)
        flagfrac_upper: float = parameter(0.001, "Share of the pixels that is flagged as too bright.", ge=0, le=0.5)
        kernel_size: int = parameter(
            15, "Pixels along the spectra that the median is taken of; odd.", unit="pixel", ge=1
        )
        force_single: bool = parameter(False, "Go on without other exposures, by the science exposure alone.")
        save_flagged_bkg: bool = parameter(
            False, "Write the flagged background exposures, with suffix _badpix_selfcal_bkg_N."
        )
        edges: Literal["zero", "inside"] = parameter(
            "zero",
            "What lies beyond the ends of the spectra: 'zero', as in the original, which flags bright pixels "
            "there; 'inside': nothing, the median is that of the neighbours there are.",
        )

    def require_parameters(self):
        """The median is centred on its pixel."""
        size = self.parameters.kernel_size
        if size % 2 == 0:
            raise ParameterError(
                f"kernel_size must be odd, so that the median is centred on its pixel, got {size}", where="kernel_size"
            )

    def process(self, science, background, selfcal):
        own = self.parameters
        self.bad_pixels = None
        others = [container for container in (background, selfcal) if container is not None and len(container)]
        if not others and not own.force_single:
            raise SkipStep("there is no background or selfcal exposure; force_single goes on with the exposure alone")
        axis = dispersion_axis(science)
        lowest = without_dark(science)
        for container in others:
            for index in range(len(container)):
                with container.borrowed(index, changed=False) as other:
                    _check(science, other)
                    np.fmin(lowest, without_dark(other), out=lowest)
        self.bad_pixels = outliers(lowest, axis, own.kernel_size, (own.flagfrac_lower, own.flagfrac_upper), own.edges)
        science.dq[self.bad_pixels] |= BAD_PIXEL
        planes = planes_of(science)
        for array in (planes.data, planes.err, *planes.all_variances):
            array[self.bad_pixels] = np.nan
        self.log.info("%d bad pixels flagged", np.count_nonzero(self.bad_pixels))
        if own.save_flagged_bkg and background is not None:
            self._save_backgrounds(background)
        return science

    def _save_backgrounds(self, background):
        for index in range(len(background)):
            with background.borrowed(index, changed=False) as member:
                flagged = member.copied(shares_wcs=True)
                flagged.dq[self.bad_pixels] |= BAD_PIXEL
                self.save_model(flagged, suffix=f"badpix_selfcal_bkg_{index}", force=True)


def _check(science, other):
    if other.data.shape != science.data.shape:
        raise InputError(
            f"all exposures must have the shape of the science exposure {science.data.shape}, "
            f"one has {other.data.shape}",
            where=str(other.path or "model in memory"),
        )


def dispersion_axis(model):
    """Return the axis of the array along which wavelengths run: 0 for MIRI, 1 for NIRSpec (DISPAXIS goes before)."""
    axis = model.get_meta("meta.wcsinfo.dispersion_direction")
    if axis in (1, 2):
        return 1 if axis == 1 else 0
    return 0 if model.meta.instrument.name == "MIRI" else 1


def without_dark(model):
    """Return the values of an exposure; those of MIRI MRS without the residual dark between the channels (a copy)."""
    gap = GAPS.get(str(model.meta.instrument.detector)) if model.meta.instrument.name == "MIRI" else None
    if gap is None:
        return model.data.copy()
    dark = clipped(model.data[gap])
    return model.data - np.float32(np.median(dark) if dark.size else 0.0)


def outliers(image, axis, size, shares, edges="zero", threads=None):
    """Find the pixels that stand out most from the median of their neighbours along an axis.

    Parameters
    ----------
    image : float32 array (ny, nx)
        NaN is never an outlier.
    axis : int
        0 or 1, along which neighbours lie.
    size : int
        Pixels that the median is taken of; odd.
    shares : (float, float)
        Shares of the finite pixels that are too faint and too bright.
    edges : {"zero", "inside"}
        What lies beyond the ends.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    bool array (ny, nx)

    Notes
    -----
    JWST pipeline documentation, badpix_selfcal, "Algorithm".
    """
    from hexcal.kernels.running_median import running_median

    lines = np.ascontiguousarray(image if axis == 1 else image.T)
    medians = np.empty_like(lines)
    run_bands(running_median, len(lines), lines, size // 2, edges == "zero", medians, threads=threads)
    excess = lines - medians
    finite = excess[np.isfinite(excess)]
    if not finite.size:
        return np.zeros(image.shape, bool)
    low, high = np.quantile(finite, [shares[0], 1 - shares[1]])
    bad = (excess < low) | (excess > high)
    return bad if axis == 1 else np.ascontiguousarray(bad.T)
