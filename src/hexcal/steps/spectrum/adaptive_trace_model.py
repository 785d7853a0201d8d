"""Model the trace of spectra, and interpolate undersampled ones with the model."""

import numpy as np

from hexcal.core import Step, StepParameters, names, parameter
from hexcal.errors import ParameterError
from hexcal.models.dqflags import pixel
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.spectrum.parts import SkipPart, correct_parts, name_of_part
from hexcal.steps.spectrum.trace_fitting import compact, fit_trace
from hexcal.steps.spectrum.trace_oversampling import fine_flags, fine_rows, inflation, interpolated, oversampled

_VARIANCES = ("var_poisson", "var_rnoise", "var_flat")
_NIRSPEC, _MIRI = 1, 2
_CLIPS = 10


class AdaptiveTraceModelStep(Step):
    """Model the profile of spectra by splines, and with the model interpolate exposures that are undersampled.

    A slice of an integral-field unit samples the image of a star with so few pixels that the cube made of them shows
    waves in the spectra of single spaxels (Law et al. 2023, AJ 166, 45; Law & Clarke 2026, arXiv:2603.26916). The
    profile of a star changes slowly with wavelength, and its trace runs across the pixels, so that the columns around
    one sample it finely. A cubic spline is fitted to them. The model goes to TRACEMODEL, where the source is compact;
    elsewhere it is NaN. With `oversample` each pixel is divided across the spectrum: near compact sources the values
    are the model and what it leaves over, interpolated; elsewhere they are interpolated linearly. Errors are multiplied
    by 0.23 oversample + 0.77, flags are those of the nearest pixel; a gap that the model fills is FLUX_ESTIMATED.

    As release 3.0.0, from its documentation. Differences: the knots of the splines have the distance of the pixels;
    slits are modelled, and not divided; `oversample` is a whole number; the pixels of a lone slit are compared with
    their own median.
    """

    alias = "adaptive_trace_model"
    input_model = ("IFUImageModel", "MultiSlitModel", "SlitModel", "ImageModel")

    class Parameters(StepParameters):
        """Which spectra are modelled, where the model holds, and whether pixels are divided."""

        fit_threshold: float = parameter(
            10.0,
            "Slices are modelled whose mean is this many standard deviations above those of the others; 0: all slices.",
            unit="sigma",
            ge=0,
        )
        oversample: float = parameter(
            1.0, "Number of pixels that each is divided into; 1: only the model.", ge=1, allow_inf_nan=False
        )
        slope_limit: float = parameter(
            0.1,
            "The source is compact where its profile, of sum 1, changes by more from pixel to pixel; 0: everywhere.",
            ge=0,
        )
        psf_optimal: bool = parameter(
            False, "Take the model alone, for all slices and pixels: for an isolated point source."
        )
        save_intermediate_results: bool = parameter(
            False, "Save the full model, the one used, the linear interpolation and what the model leaves over."
        )
        maximum_cores: str = parameter("none", "Accepted: the work is always divided among the threads of the run.")
        skip: bool = parameter(True, "The step runs only where that is asked for.")
        output_use_model: bool = parameter(True, "Name products after the models.")

    def require_parameters(self):
        """Pixels are divided into whole parts."""
        factor = self.parameters.oversample
        if factor != round(factor):
            raise ParameterError(f"oversample must be a whole number, got {factor:g}", where="oversample")

    def process(self, model):
        factor = round(self.parameters.oversample)
        if factor > 1 and not model.is_ifu:
            raise ParameterError(
                "only integral-field exposures are divided into finer pixels",
                where="oversample",
                hint="leave oversample at 1 for slits; the model of their trace is made all the same",
            )
        if model.is_ifu:
            self._ifu(model, factor)
        else:
            correct_parts(model, self._slit, self.log)
        return model

    def _slit(self, part):
        """Model the trace of a slit."""
        from hexcal.steps.spectrum.trace_places import along_slit

        if part.data.ndim != 2:
            raise SkipPart("exposures of many integrations are not modelled")
        if not np.isfinite(part.data).any():
            raise SkipPart("all of its values are NaN")
        if wcs_of(part) is None:
            raise SkipPart("it has no WCS; the step assign_wcs gives it one")
        axis = part.get_meta("meta.wcsinfo.dispersion_direction") or (_MIRI if part.is_miri else _NIRSPEC)
        along, data = along_slit(part), _values(part)
        along, data = (along, data) if axis == _NIRSPEC else (along.T, data.T)
        model = np.full(data.shape, np.nan)
        if self._are_bright(_brightest_row(data), data):
            trace = fit_trace(along, data)
            profile = trace.profile(along)
            limit = 0.0 if self.parameters.psf_optimal else self.parameters.slope_limit
            model = np.where(compact(profile, limit), profile * trace.scale, np.nan)
        part.trace_model = np.asarray(model if axis == _NIRSPEC else model.T, np.float32)
        self.log.info("%s: %d pixels of a compact source", name_of_part(part), np.isfinite(part.trace_model).sum())

    def _are_bright(self, levels, others=None):
        """Whether levels are far enough above the others of them (or above other values) for a model."""
        given = self.parameters
        if given.psf_optimal or given.fit_threshold == 0:
            return np.isfinite(levels)
        mean, sigma = _clipped(levels if others is None else others)
        return levels > mean + given.fit_threshold * sigma

    def _ifu(self, model, factor):
        """Model the traces of all slices; divide the pixels, if that is asked for."""
        from hexcal.steps.spectrum.ifu_planes import slice_planes

        axis = 1 if model.is_miri else 0
        data = _values(model)
        fine = _Fine(model, factor, axis, self.parameters.save_intermediate_results)
        slices = [(plane, *_window(plane, data.shape)) for plane in slice_planes(model)]
        levels = np.array([_mean(data[window][member]) for _, window, member in slices])
        is_bright = self._are_bright(levels)
        for (plane, window, member), bright in zip(slices, is_bright, strict=True):
            trace = None
            if bright:
                values = np.where(member, data[window], np.nan)
                trace = fit_trace(_turned(_along(plane, window, member), axis), _turned(values, axis))
            fine.add(plane, window, member, trace, self.parameters)
        self.log.info("%d of %d slices are bright enough to be modelled", np.count_nonzero(is_bright), len(slices))
        fine.finish(model)
        self.log.info("%d pixels belong to a compact source", np.isfinite(model.trace_model).sum())
        for suffix, image in fine.intermediate.items():
            self._save_intermediate(model, image, suffix)

    def _save_intermediate(self, model, image, suffix):
        from hexcal.models.science import IFUImageModel

        product = IFUImageModel(np.asarray(image, np.float32))
        product.update(model, without=("meta.wcs",))
        self.save_model(product, suffix=suffix, force=True, basepath=names.name_of_member(self, model))


class _Fine:
    """The arrays of an exposure with divided pixels, slice by slice; with a factor of 1, only its model."""

    def __init__(self, model, factor, axis, keeps_all):
        self.factor, self.axis = factor, axis
        self.data, self.dq = _values(model), model.dq
        shape = [n * factor if number == axis else n for number, n in enumerate(model.data.shape)]
        self.shape = tuple(shape)
        self.values = np.full(self.shape, np.nan, np.float32)
        self.model = np.full(self.shape, np.nan, np.float32)
        names = ("spline_full", "spline_used", "linear_interp", "spline_residual")[: 4 if factor > 1 else 2]
        self.intermediate = {name: np.full(self.shape, np.nan, np.float32) for name in names if keeps_all}
        names = ("err", *_VARIANCES, "wavelength") if factor > 1 else ()
        self.others = {name: getattr(model, name) for name in names if getattr(model, name) is not None}
        self.fine = {name: np.full(self.shape, np.nan, np.float32) for name in self.others}

    def add(self, plane, window, member, trace, given):
        """Interpolate a slice."""
        factor, axis = self.factor, self.axis
        fine_window = tuple(
            slice(part.start * factor, part.stop * factor) if number == axis else part
            for number, part in enumerate(window)
        )
        data, inside = _turned(np.where(member, self.data[window], np.nan), axis), _turned(member, axis)
        along = _turned(_along(plane, window, member), axis)
        fine_along = along if factor == 1 else _turned(_fine_along(plane, window, member, factor, axis), axis)
        values, model = oversampled(
            data, along, fine_along, inside, trace, given.slope_limit, factor, given.psf_optimal and trace is not None
        )
        seen = np.repeat(member, factor, axis=axis)
        self.values[fine_window][seen] = _turned(values, axis)[seen]
        self.model[fine_window][seen] = _turned(model, axis)[seen]
        for name, plane_of in self.others.items():
            between = interpolated(_turned(plane_of[window], axis), inside, factor)
            self.fine[name][fine_window][seen] = _turned(between, axis)[seen]
        if self.intermediate:
            self._keep(fine_window, seen, data, along, fine_along, inside, model, trace)

    def _keep(self, window, seen, data, along, fine_along, inside, model, trace):
        full = np.full(fine_along.shape, np.nan) if trace is None else trace.profile(fine_along) * trace.scale
        kept = {"spline_full": full, "spline_used": model}
        if self.factor > 1:
            kept["linear_interp"] = interpolated(data, inside, self.factor)
            rest = np.full(data.shape, np.nan) if trace is None else data - trace.profile(along) * trace.scale
            kept["spline_residual"] = interpolated(rest, inside, self.factor)
        for name, image in kept.items():
            self.intermediate[name][window][seen] = _turned(image, self.axis)[seen]

    def finish(self, model):
        """Give the exposure its arrays, and the WCS of its pixels."""
        if self.factor == 1:
            model.trace_model = self.model
            return
        from hexcal.steps.wcs import oversampling

        grown = inflation(self.factor)
        flags = _turned(
            fine_flags(_turned(self.dq, self.axis), _turned(self.data, self.axis), _turned(self.values, self.axis)),
            self.axis,
        )
        regions, wcs = model.regions, wcs_of(model)
        for name in model.specs:
            # What is not interpolated, such as corrections for each pixel, does not fit any more.
            setattr(model, name, None)
        model.data, model.dq, model.trace_model = self.values, np.ascontiguousarray(flags), self.model
        for name, plane in self.fine.items():
            power = {"err": 1, "wavelength": 0}.get(name, 2)
            setattr(model, name, plane * np.float32(grown**power))
        if regions is not None:
            model.regions = np.repeat(regions, self.factor, axis=self.axis)
        model.meta.wcs = oversampling.divided(wcs, self.factor, self.axis)


def _values(model):
    """The values of an exposure, NaN where they are not to be used."""
    return np.where((model.dq & pixel.DO_NOT_USE) != 0, np.float32(np.nan), model.data)


def _turned(image, axis):
    """An image with the dispersion along rows, or back again."""
    return image.T if axis else image


def _window(plane, shape):
    """The rows and columns that hold a slice, and which of their pixels are of it."""
    rows, columns = plane.rows, plane.columns
    window = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    member = np.zeros(shape, bool)
    member[rows, columns] = True
    return window, member[window]


def _along(plane, window, member):
    """Position along the slice of its pixels (ny, nx); NaN outside."""
    rows, columns = np.nonzero(member)
    result = np.full(member.shape, np.nan)
    result[rows, columns] = plane.locate(columns + float(window[1].start), rows + float(window[0].start))[0]
    return result


def _fine_along(plane, window, member, factor, axis):
    """The same of fine pixels."""
    seen = np.repeat(member, factor, axis=axis)
    rows, columns = (indices.astype(float) for indices in np.nonzero(seen))
    if axis == 0:
        rows = fine_rows(member.shape[0], factor)[rows.astype(int)]
    else:
        columns = fine_rows(member.shape[1], factor)[columns.astype(int)]
    result = np.full(seen.shape, np.nan)
    result[seen] = plane.locate(columns + window[1].start, rows + window[0].start)[0]
    return result


def _mean(values):
    """Mean of what is known of values; NaN of nothing."""
    known = values[np.isfinite(values)]
    return known.mean(dtype=np.float64) if known.size else np.nan


def _brightest_row(image):
    """Mean of the brightest row of an image."""
    return np.nanmax([_mean(row) for row in image])


def _clipped(image):
    """Mean and standard deviation of values, without what is more than 3 standard deviations from the median."""
    values = image[np.isfinite(image)].astype(np.float64)
    for _ in range(_CLIPS):
        middle, sigma = np.median(values), values.std()
        kept = values[np.abs(values - middle) <= 3 * sigma]
        if kept.size in (0, values.size):
            break
        values = kept
    return values.mean(), values.std()
