"""Fill in pixels of spectra that are not to be used with estimates."""

from typing import Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.models.dqflags import pixel
from hexcal.steps.spectrum.parts import SkipPart, correct_parts

_DO_NOT_USE, _NON_SCIENCE = np.uint32(pixel.DO_NOT_USE), np.uint32(pixel.NON_SCIENCE)
_ESTIMATED = np.uint32(pixel.FLUX_ESTIMATED)
_VARIANCES = ("var_poisson", "var_rnoise", "var_flat")
_EVERYTHING = np.s_[:, :]
_LEAST_SNR = 5.0
"""Of the adjacent columns, for their profile to be fitted. Measured of release 3.0.0; the documents are silent."""


class PixelReplaceStep(Step):
    """Fill in pixels of spectra that are DO_NOT_USE with estimates, so that they leave no gap in extracted spectra.

    The flag goes, and FLUX_ESTIMATED takes its place. Cosmetic: use it with caution.

    fit_profile: the median of the adjacent columns, each divided by its largest absolute value, scaled to the good
    pixels of the affected column (least squares of absolute values); where no pixel of the adjacent columns is above
    5 sigma, their median as it is. mingrad: the mean of the two neighbours along the axis on which they differ less.
    Errors are estimated in the same way.
    """

    alias = "pixel_replace"
    by_integration = True
    input_model = ("MultiSlitModel", "SlitModel", "ImageModel", "CubeModel", "IFUImageModel")

    class Parameters(StepParameters):
        """How pixels are estimated."""

        algorithm: Literal["fit_profile", "mingrad", "trace_model", "N/A"] = parameter(
            "fit_profile",
            "'fit_profile': from the profile of adjacent columns; 'mingrad': from the neighbours; 'trace_model': from "
            "the model of adaptive_trace_model, where it has one; 'N/A': not at all.",
        )
        n_adjacent_cols: int = parameter(
            3, "Columns on either side of an affected one that its profile is made of.", ge=1, unit="pixels"
        )
        skip: bool = parameter(True, "The step runs only where that is asked for.")
        output_use_model: bool = parameter(
            True, "Name products after the models. Products of several exposures always are."
        )

    def process(self, model):
        algorithm = self.parameters.algorithm
        if algorithm == "N/A":
            raise SkipStep("the algorithm is N/A", is_expected=True)
        counts = []
        correct_parts(model, lambda part: counts.append(self._replace(part)), self.log)
        self.tell_count("%d pixels were replaced", sum(counts))
        return model

    def _replace(self, part):
        """Fill in the pixels of a part; returns how many."""
        if not np.isfinite(part.data).any():
            raise SkipPart("all of its values are NaN")
        if self.parameters.algorithm == "trace_model":
            return _fill_by_model(part)
        axis = part.get_meta("meta.wcsinfo.dispersion_direction") or (2 if part.meta.instrument.name == "MIRI" else 1)
        regions = _regions(part) if self.parameters.algorithm == "fit_profile" else [(_EVERYTHING, None)]
        arrays = {name: getattr(part, name) for name in ("data", "err", "dq", *_VARIANCES)}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        count = 0
        for image in _images(arrays, axis):
            for window, member in regions:
                window, member = (window, member) if axis == 1 else (window[::-1], None if member is None else member.T)
                views = {name: array[window] for name, array in image.items()}
                if self.parameters.algorithm == "fit_profile":
                    count += fill_by_profile(views, member, self.parameters.n_adjacent_cols)
                else:
                    count += fill_by_gradient(views)
        return count


def _fill_by_model(part):
    """Fill in the pixels of a part that are DO_NOT_USE with the model of its trace; returns how many.

    Their errors are those of the model's neighbours along the dispersion, as `fill_by_gradient` estimates them.
    """
    model = part.trace_model if part.has("trace_model") else None
    if model is None or model.shape != part.data.shape:
        raise SkipPart("there is no model of its trace: run adaptive_trace_model first")
    flagged = (part.dq & _DO_NOT_USE != 0) & (part.dq & _NON_SCIENCE == 0) & np.isfinite(model)
    if not flagged.any():
        return 0
    arrays = {name: getattr(part, name) for name in ("data", "err", "dq", *_VARIANCES)}
    image = {name: array.copy() for name, array in arrays.items() if array is not None}
    image["data"][flagged] = np.nan
    fill_by_gradient(image)
    for name, array in image.items():
        if name not in ("data", "dq"):
            getattr(part, name)[flagged] = array[flagged]
    part.data[flagged] = model[flagged]
    part.dq[flagged] = (part.dq[flagged] & ~_DO_NOT_USE) | _ESTIMATED
    return int(flagged.sum())


def _regions(part):
    """Where spectra lie: (window, which of its pixels) of each slice of an integral-field exposure, or everything."""
    if not part.is_ifu:
        return [(_EVERYTHING, None)]
    from hexcal.steps.wcs.spectral import ifu_slices

    return [(piece.window, np.isfinite(piece.wavelength)) for piece in ifu_slices(part)]


def _images(arrays, axis):
    """The images of a part, one per integration, with the dispersion along their last axis: views of its arrays."""
    data = arrays["data"]
    indices = [()] if data.ndim == 2 else [(number,) for number in range(len(data))]
    for index in indices:
        image = {name: array[index] for name, array in arrays.items()}
        yield image if axis == 1 else {name: array.T for name, array in image.items()}


def _spreads(image):
    """The standard deviations of an image: names, and float32 array (n, ny, nx)."""
    names = [name for name in ("err", *_VARIANCES) if name in image]
    with np.errstate(invalid="ignore"):
        stack = [image[name] if name == "err" else np.sqrt(image[name]) for name in names]
    return names, np.ascontiguousarray(np.stack(stack), np.float32)


def fill_by_profile(image, member, n_adjacent, threads=None):
    """Fill in pixels that are DO_NOT_USE from the profile of adjacent columns, in place; returns how many.

    Parameters
    ----------
    image : dict
        data, err, dq and variances: arrays (ny, nx) with the dispersion along rows. Pixels that are NON_SCIENCE stay.
    member : bool array (ny, nx) or None
        Which pixels belong to the spectrum; None: all.
    n_adjacent : int
        Columns on either side.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    int

    Notes
    -----
    JWST pipeline documentation 1.13.5, section pixel_replace. Normalisation, scaling and the least ratio of signal to
    noise as measured of release 3.0.0, which finds the scale by numerical minimisation, to some 5e-4; here it is the
    exact least squares of the absolute values, with the sign of the largest value of the affected column. (Of values
    with their signs the scale would be too small, since the profile has noise too: by 5 % instead of 2 % too large
    where the peak is 10 sigma.)
    """
    from hexcal.core import run_bands
    from hexcal.kernels.pixel_replace import by_profile

    dq, data = image["dq"], np.ascontiguousarray(image["data"])
    wanted = (dq & _DO_NOT_USE != 0) & (dq & _NON_SCIENCE == 0)
    good = (dq & _DO_NOT_USE == 0) & np.isfinite(data)
    if member is not None:
        wanted, good = wanted & member, good & member
    columns_of_pixels, rows = np.nonzero(wanted.T)
    if not rows.size:
        return 0
    names, planes = _spreads(image)
    columns, starts = np.unique(columns_of_pixels, return_index=True)
    starts = np.append(starts, rows.size)
    estimates = np.full((rows.size, len(names) + 1), np.nan)
    arguments = (columns, starts, rows, data, planes, np.ascontiguousarray(good), n_adjacent, _LEAST_SNR, estimates)
    run_bands(by_profile, columns.size, *arguments, threads=threads)
    return _put(image, names, rows, columns_of_pixels, estimates)


def fill_by_gradient(image, threads=None):
    """Fill in pixels that are NaN from their neighbours, in place; returns how many.

    Parameters
    ----------
    image : dict
        As of `fill_by_profile`. Pixels that are NON_SCIENCE get a value, and stay DO_NOT_USE.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    int
    """
    from hexcal.core import run_bands
    from hexcal.kernels.pixel_replace import by_gradient

    data = np.ascontiguousarray(image["data"])
    rows, columns = np.nonzero(np.isnan(data))
    if not rows.size:
        return 0
    names, planes = _spreads(image)
    estimates = np.full((rows.size, len(names) + 1), np.nan)
    run_bands(by_gradient, rows.size, rows, columns, data, planes, estimates, threads=threads)
    return _put(image, names, rows, columns, estimates)


def _put(image, names, rows, columns, estimates):
    """Write estimates into an image, where there are any."""
    known = np.isfinite(estimates[:, 0])
    where, values = (rows[known], columns[known]), estimates[known]
    image["data"][where] = values[:, 0]
    for number, name in enumerate(names, 1):
        image[name][where] = values[:, number] if name == "err" else values[:, number] ** 2
    flags = image["dq"][where]
    flags = np.where(flags & _NON_SCIENCE != 0, flags, flags & ~_DO_NOT_USE)
    image["dq"][where] = flags | _ESTIMATED
    return int(known.sum())
