"""Flag cosmic rays and other outliers that remain in calibrated exposures."""

from typing import Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, names, parameter
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import pixel
from hexcal.steps.image import outliers_ifu, resampling
from hexcal.steps.image.good_bits import bad_flags
from hexcal.steps.image.groups import exposure_groups
from hexcal.steps.image.outliers_exposures import flag_by_common_grid, flag_by_pixels
from hexcal.steps.image.outliers_images import Limits, MedianRule
from hexcal.steps.image.outliers_stack import StackRule, flag_cube

IMAGES = {"FGS_IMAGE", "MIR_IMAGE", "NRC_IMAGE", "NIS_IMAGE"}
STACKS = {"MIR_LYOT", "MIR_4QPM", "NRC_CORON"}
TIME_SERIES = {"MIR_LRS-SLITLESS", "NRC_TSGRISM", "NIS_SOSS", "NRS_BRIGHTOBJ", "NRC_TSIMAGE"}
SLITS = {"MIR_LRS-FIXEDSLIT", "NRS_FIXEDSLIT", "NRS_MSASPEC"}
INTEGRAL_FIELDS = {"MIR_MRS", "NRS_IFU"}
_WITH_NAN = ("data", "err", "var_poisson", "var_rnoise", "var_flat")


class OutlierDetectionStep(Step):
    """Flag pixels that differ from the median of all exposures (OUTLIER, and DO_NOT_USE).

    Images are resampled to a common grid, all detectors of an exposure together; their median is interpolated back to
    each exposure, and a pixel is an outlier where ``|image - median| > scale * steepness + snr * ERR``, the steepness
    being the largest difference of the median to its four neighbours. Beside an outlier the second, lower pair of
    limits holds. Integrations of coronagraphic and of time-series exposures are compared as they are, with the median
    of all, or of those near in time (`rolling_window_width`). Spectra of slits are rectified to a common grid for each
    slit (as by resample_spec), and compared in the same way.

    Of integral-field exposures, pixels are flagged that differ from their neighbours along the slices in all exposures
    of a detector: by more than the local median of such differences, times a factor that `threshold_percent` of the
    pixels do not reach. Their values become NaN. What the documents leave open is as in 3.0.0: the local median counts
    pixels outside of the frame as 0, and is at least a third of the median of the frame.

    Rows of the detector that lie side by side see nearly the same spectrum. With `neighbour_snr`, pixels of slits and
    of integral-field exposures are outliers, too, that differ from what these rows predict, unless other exposures
    agree with them: cosmic rays on a star, at places that no other exposure sees, and in single integral-field
    exposures.

    Only sections of the resampled images are in memory for the median. What the original has no parameter for, and
    `--profile=recommended` sets: of two or four values the lower one of the two in the middle is the median
    (`two_values`), so that a cosmic ray in one of two is none in the other, and two in the same place of four exposures
    are both found; the errors are at least the scatter of a pixel (`add_scatter`), and the limits those that bright
    stars need (`star_scale`), so that the changing core of a star is no outlier; what resampling smooths is taken back
    (`sharpen`), so that cosmic rays on stars are found; and what only one exposure sees is flagged if it is sharper
    than stars (`alone`).
    """

    alias = "outlier_detection"
    input_model = ("ImageContainer", "CubeContainer", "SlitContainer", "MultiSlitContainer", "IFUImageContainer")
    relative_time = 3.0
    _asn_id = None

    class Parameters(StepParameters):
        """How exposures are resampled, and when a pixel is an outlier."""

        search_output_file: bool = parameter(False, "Use the output_file of the pipeline that the step is part of.")
        weight_type: Literal["ivm", "exptime"] = parameter(
            "ivm", "Weight of a pixel: the inverse of the read noise variance, or the exposure time."
        )
        pixfrac: float = parameter(1.0, "Size to which pixels are shrunk before they are laid on the grid.", ge=0, le=1)
        kernel: Literal["square", "gaussian", "point", "tophat", "turbo", "lanczos2", "lanczos3"] = parameter(
            "square", "How the value of a pixel is spread over those of the grid."
        )
        fillval: str = parameter(
            "INDEF", "Value of pixels without data in the resampled images: a number, NAN, or INDEF (0)."
        )
        maskpt: float = parameter(
            0.7, "Pixels with less than this fraction of the typical weight do not count for the median.", ge=0, le=1
        )
        nlow: int = parameter(0, "Number of the lowest values of a pixel that do not count for the median.", ge=0)
        nhigh: int = parameter(0, "Number of the highest values of a pixel that do not count for the median.", ge=0)
        snr: str = parameter("5.0 4.0", "Limits in units of the errors: of the first pass, and beside a detection.")
        scale: str = parameter(
            "1.2 0.7", "Limits in units of the steepness: of the first pass, and beside a detection."
        )
        grow: int = parameter(1, "Distance from a detection up to which the second limits hold.", unit="pixel", ge=0)
        backg: float = parameter(0.0, "Background of the exposures in addition to the level that skymatch found.")
        kernel_size: str = parameter("7 7", "Integral-field exposures only: size of the window of the local median.")
        threshold_percent: float = parameter(
            99.8, "Integral-field exposures only: percentile above which a pixel is an outlier.", ge=0, le=100
        )
        ifu_second_check: bool = parameter(False, "Integral-field exposures only: flag NaN differences too.")
        ifu_isolated: bool = parameter(
            False,
            "Integral-field exposures only: outliers must differ in dispersion direction, too, as the light of a star "
            "does not.",
        )
        rolling_window_width: int = parameter(
            0, "Time series: integrations in the window of a rolling median; 0: the median of all.", ge=0
        )
        save_intermediate_results: bool = parameter(
            False, "Write the resampled images, the median, and what it is in each exposure."
        )
        resample_data: bool = parameter(
            True, "Resample images, or rectify slits, to a common grid; otherwise they must lie on one."
        )
        good_bits: str = parameter("~DO_NOT_USE", "Flags of pixels that count for the median; ~: those that do not.")
        scale_detection: bool = parameter(
            False, "Scale integrations to the same total signal before they are compared."
        )
        allowed_memory: float | None = parameter(
            None,
            "Part of the free memory that a resampled image may take. Default: $DMODEL_ALLOWED_MEMORY, else all.",
            gt=0,
            le=1,
        )
        in_memory: bool = parameter(False, "Keep the resampled images in memory; otherwise they wait in files.")
        pixmap_stepsize: float = parameter(
            1.0,
            "Above 1: pixels between the nodes of the map from exposures to the grid, which is then interpolated.",
            ge=1,
        )
        pixmap_order: Literal[1, 3] = parameter(1, "Order of the splines of that interpolation.")
        two_values: Literal["mean", "lower"] = parameter(
            "mean",
            "The median of two or four values: the mean of the two in the middle, or the lower one; then of up to two "
            "only what lies above it is an outlier, and in images it is of three the lowest where two are cosmic rays.",
        )
        star_scale: bool = parameter(
            False, "Images: raise the limits in units of the steepness to what the bright stars of an exposure need."
        )
        sharpen: bool = parameter(
            False,
            "Images that are resampled: take back in the median what resampling smooths, as the bright pixels of each "
            "exposure tell it; stars need lower limits then (star_scale).",
        )
        alone: Literal["median", "sharpness"] = parameter(
            "median",
            "Pixels that one exposure sees: compared with its own median, "
            "or flagged too if they are sharper than stars.",
        )
        add_scatter: bool = parameter(
            False,
            "Errors are at least the scatter that a pixel has over all exposures (where their median is steep) or "
            "integrations.",
        )
        slit_errors: Literal["exposure", "median"] = parameter(
            "exposure", "Slits: errors of each pixel, or the median of those of all exposures, rectified as the values."
        )
        slit_sampling: Literal["median", "followed"] = parameter(
            "median",
            "Slits: what is expected is the median of all exposures, or follows how each exposure samples a source "
            "across the dispersion.",
        )
        followed_scale: float = parameter(
            1.0,
            "Slits, slit_sampling=followed only: scale is multiplied by it, since what follows the sampling needs less "
            "room.",
            ge=0,
        )
        slit_weights: Literal["slit", "wavelength"] = parameter(
            "slit", "Slits: whether the typical weight that maskpt means is that of the slit, or of each wavelength."
        )
        neighbour_snr: float = parameter(
            0.0,
            "Slits and integral-field exposures: pixels are outliers, too, if they differ by more than this many errors"
            " from what the rows beside them in their exposure predict; 0: these are not asked.",
            ge=0,
        )
        set_nan: bool = parameter(False, "Make outliers NaN in values, errors and variances.")

    def suffix_for(self, model):
        """``crf``, of integrations ``crfints``, with the id of the association before it."""
        suffix = "crfints" if model is not None and len(model.shape or ()) == 3 else "crf"
        return f"{self._asn_id}_{suffix}" if self._asn_id else suffix

    def process(self, exposures):
        exposures.check()
        self._asn_id = exposures.asn_table.get("asn_id")
        kinds = {(len(model.shape or ()), model.meta.exposure.type, model.is_tso) for model in exposures.each()}
        modes = {self._mode(*kind) for kind in kinds}
        if len(modes) > 1:
            raise InputError(
                f"exposures of different modes are given: {', '.join(sorted(str(kind[1]) for kind in kinds))}",
                where=self.where,
                hint="run the step on the exposures of each mode separately",
            )
        mode = modes.pop()
        if mode == "images":
            self._flag_images(exposures.of_type("science"))
        elif mode == "integral field":
            given = self.parameters
            rule = outliers_ifu.IFURule(
                outliers_ifu.window_of(given.kernel_size),
                given.threshold_percent,
                given.ifu_second_check,
                given.ifu_isolated,
                given.neighbour_snr,
            )
            science = exposures.of_type("science")
            outliers_ifu.flag_exposures(self, science, rule, {"data", *self.changed()})
        elif mode == "slits":
            self._flag_slits(exposures.of_type("science"))
        else:
            self._flag_stacks(exposures, self.parameters.rolling_window_width if mode == "time series" else 0)
        return exposures

    def require_parameters(self):
        """Texts that stand for numbers and flags must be understood."""
        given = self.parameters
        for name in ("snr", "scale"):
            self.pair_of(name)
        bad_flags(given.good_bits)
        resampling.fill_of(given.fillval)
        outliers_ifu.window_of(given.kernel_size)

    def _mode(self, dimensions, exposure_type, is_tso):
        """Return "images", "slits", "stacks", "time series" or "integral field"."""
        if exposure_type in SLITS and dimensions < 3:
            return "slits"
        if exposure_type in INTEGRAL_FIELDS:
            return "integral field"
        known = IMAGES | STACKS | TIME_SERIES | SLITS
        if exposure_type not in known:
            raise SkipStep(f"exposures of type {exposure_type} have no outlier detection")
        if dimensions == 3:
            return "time series" if exposure_type in TIME_SERIES or is_tso else "stacks"
        if exposure_type not in IMAGES:
            raise InputError(
                f"integrations (a CubeModel) are needed of EXP_TYPE {exposure_type}, an image is given",
                where=self.where,
            )
        return "images"

    # ---- images

    def _flag_images(self, science):
        science.check()
        if self.parameters.scale_detection:
            raise ParameterError(
                "scale_detection is for the integrations of an exposure, and images are given", where="scale_detection"
            )
        groups = exposure_groups(science)
        if len(groups) < 2:
            raise SkipStep(f"there is only one exposure ({next(iter(groups))}), and nothing to compare it with")
        if self.parameters.resample_data:
            flag_by_common_grid(self, science, groups)
        else:
            flag_by_pixels(self, science)

    def pair_of(self, name):
        """Return the two numbers of ``snr`` or ``scale``."""
        text = str(getattr(self.parameters, name))
        try:
            first, second = (float(word) for word in text.replace(",", " ").split())
        except ValueError:
            raise ParameterError(f"{name} must be two numbers, such as '5.0 4.0', got {text!r}", where=name) from None
        return first, second

    def median_rule(self):
        """Return how medians are taken (MedianRule)."""
        given = self.parameters
        return MedianRule(given.nlow, given.nhigh, given.two_values == "lower", given.add_scatter)

    def finish(self, model, before, name, count):
        """Tell how many pixels were flagged, and make them NaN where that is asked for."""
        self.log.info("%s: %d of %d pixels are outliers (%.3f %%)", name, count, before.size, 100 * count / before.size)
        if self.parameters.set_nan:
            new = before & ((model.dq & pixel.OUTLIER) != 0)
            for array in _WITH_NAN:
                values = getattr(model, array)
                if values is not None:
                    values[new] = np.nan

    def changed(self):
        """Return the names of the arrays of an exposure that may change."""
        return ("dq", *_WITH_NAN) if self.parameters.set_nan else ("dq",)

    # ---- slits

    def _flag_slits(self, science):
        from hexcal.steps.image.outliers_slits import SlitRule, flag_all

        if len(science) < 2:
            raise SkipStep("there is only one exposure, and nothing to compare it with")
        given = self.parameters
        factor = given.followed_scale if given.slit_sampling == "followed" else 1.0
        first, second = (factor * limit for limit in self.pair_of("scale"))
        if given.resample_data:
            self.log.info("Limits in units of the steepness: %.3g, beside a detection %.3g", first, second)
        rule = SlitRule(
            Limits(self.pair_of("snr"), (first, second), given.grow),
            self.median_rule(),
            given.pixfrac,
            given.kernel,
            bad_flags(given.good_bits),
            given.weight_type == "ivm",
            given.maskpt,
            given.backg,
            given.two_values == "lower",
            given.slit_errors == "median",
            given.slit_sampling == "followed",
            given.slit_weights == "wavelength",
            given.resample_data,
            given.neighbour_snr,
        )
        for name, result in flag_all(science, rule, given.set_nan):
            numbers = ", ".join(map(str, result.counts))
            self.log.info("%s: %s pixels of its exposures are outliers", name, numbers)
            for number, (rectified, expected) in enumerate(result.images):
                if given.resample_data:
                    self.save_intermediate(science, number, "outlier_s2d", rectified, None)
                self.save_intermediate(science, number, "blot", expected, None)
            self.save_intermediate(science, 0, "median", result.median, None, of_product=True)

    # ---- integrations

    def _flag_stacks(self, exposures, window):
        given = self.parameters
        if given.backg:
            raise ParameterError(
                "backg is for images that are resampled, and integrations are compared as they are", where="backg"
            )
        rule = StackRule(
            snr=self.pair_of("snr")[0],
            bad=bad_flags(given.good_bits),
            mask_part=given.maskpt,
            by_variance=given.weight_type == "ivm",
            window=window,
            median=self.median_rule(),
            add_scatter=given.add_scatter,
            same_total=given.scale_detection,
        )
        done = 0
        for number in range(len(exposures)):
            with exposures.borrowed(number, changed=self.changed()) as model:
                if model.shape[0] < 2:
                    self.log.warning(
                        "%s has one integration only: nothing to compare it with", exposures.name_of(number)
                    )
                    continue
                done += 1
                before = (model.dq & pixel.OUTLIER) == 0
                count, medians = flag_cube(model, rule, given.save_intermediate_results)
                self.finish(model, before, exposures.name_of(number), count)
            if medians is not None:
                self.save_intermediate(exposures, number, "median", medians if len(medians) > 1 else medians[0], None)
        if not done:
            raise SkipStep("no exposure has several integrations")

    # ---- intermediate products

    def save_intermediate(self, exposures, number, suffix, data, wcs, wht=None, of_product=False):
        """Write an intermediate result, if that is asked for: named after an exposure, or after the product."""
        if not self.parameters.save_intermediate_results:
            return
        from hexcal.models.science import CubeModel, ImageModel

        with exposures.borrowed(number, changed=False) as model:
            product = (CubeModel if data.ndim == 3 else ImageModel)(data.copy())
            product.update(model)
            base = None if of_product else names.name_of_member(self, model)
        product.dq = product.err = None
        if wht is not None:
            product.wht = wht
        if wcs is not None:
            product.meta.wcs = wcs
        suffix = f"{self._asn_id}_{suffix}" if self._asn_id else suffix
        self.save_model(product, suffix=suffix, force=True, basepath=base)
