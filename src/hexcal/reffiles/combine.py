"""Individual reference files joined to the one that is delivered, pixel by pixel, in bands of rows."""

from typing import Any, Literal

import numpy as np

from hexcal.core.parameters import CheckedValues, parameter
from hexcal.errors import InputError
from hexcal.models import dqflags
from hexcal.models.dqflags import pixel
from hexcal.reffiles.statistics import MEDIAN_ERROR, clipped

_ARRAYS = ("data", "coeffs")
_BAND = 1 << 23
_FEW = 5
"""The scatter of fewer values says little of their error: those of the files are propagated."""
_UNKNOWN = {
    "superbias": pixel.UNRELIABLE_BIAS, "dark": pixel.UNRELIABLE_DARK, "linearity": pixel.NO_LIN_CORR,
    "saturation": pixel.NO_SAT_CHECK, "flat": pixel.NO_FLAT_FIELD,
}  # fmt: skip
"""The flag of each type that says that a value is not known."""


class CombineParameters(CheckedValues):
    """How individual files become one."""

    method: Literal["mean", "median", "clip", "weighted", "first"] = parameter(
        "clip", "Mean, median, clipped mean, mean weighted by 1/ERR^2, or the first file as it is."
    )
    sigma: float = parameter(3.0, "Clipping: values farther from the median are left out.", unit="sigma", gt=0)
    max_iterations: int = parameter(5, "Most iterations of clipping.", ge=0)
    min_values: int = parameter(
        3, "Pixels with fewer values are flagged DO_NOT_USE; with fewer files, fewer are enough.", ge=1
    )
    flag_fraction: float = parameter(
        0.8, "Share of the files that must have a flag for it to be set; 0: any of them, 1: all.", ge=0, le=1
    )
    flag_fractions: dict[str, float] = parameter(
        {}, "The same for single flags: {HOT: 0.5, RC: 0}; those that are not named are under flag_fraction."
    )


def combined(models: list[Any], parameters: CombineParameters, maker: Any = None) -> Any:
    """Join reference files of one type and shape.

    Parameters
    ----------
    models : list of DataModel
        The individual files.
    parameters : CombineParameters
        How.
    maker : type, optional
        What has made them; it may have a way of its own to join them.

    Returns
    -------
    DataModel
        A copy of the first with joined values, ERR as standard error, and flags.

    Raises
    ------
    InputError
        If there are none, if they are of several classes or shapes, or hold tables, which nobody can average.
    """
    if not models:
        raise InputError("there are no individual files to join")
    first = models[0]
    kinds = {(model.model_type, model.shape) for model in models}
    if len(kinds) > 1:
        raise InputError(
            f"the individual files differ: {', '.join(f'{kind} {shape}' for kind, shape in sorted(kinds))}"
        )
    own = maker().combine(models) if maker is not None and len(models) > 1 else None
    if own is not None:
        return own
    result = first.copy()
    if len(models) == 1 or parameters.method == "first":
        return result
    name = next((name for name in _ARRAYS if name in first.specs and first.has(name)), None)
    has_flags = "dq" in first.specs and first.has("dq")
    if name is None and not has_flags:
        raise InputError(
            f"files of {first.model_type} hold no image: they cannot be averaged", hint="method=first takes the first"
        )
    if has_flags:
        result.dq = _flags(models, parameters)
    if name is not None:
        _values(models, name, result, has_flags, parameters)
    return result


def _flags(models, parameters):
    """Each flag where at least a share of the files has it; one file after the other."""
    counts: dict[int, Any] = {}
    shape = _flags_of(models[0]).shape
    for model in models:
        flags = _flags_of(model)
        for bit in range(32):
            has = (flags & np.uint32(1 << bit)) != 0
            if has.any():
                counts.setdefault(bit, np.zeros(shape, np.uint16))
                counts[bit] += has
    result = np.zeros(shape, np.uint32)
    for bit, count in counts.items():
        names = dqflags.names_of(1 << bit)
        fraction = parameters.flag_fractions.get(names[0] if names else "", parameters.flag_fraction)
        result[count >= max(1, int(np.ceil(fraction * len(models))))] |= np.uint32(1 << bit)
    return result


def _values(models, name, result, has_flags, parameters):
    """Fill the array and the errors of the result, in place; of each file only some rows are read at once."""
    shape = models[0].shape_of(name)
    planes, rows = int(np.prod(shape[:-2], dtype=int)), shape[-2]
    step = max(1, _BAND // max(1, len(models) * planes * shape[-1]))
    values, errors = np.empty(shape, np.float32), np.zeros(shape, np.float32)
    least = min(parameters.min_values, len(models))
    few = np.zeros(shape[-2:], bool)
    for first in range(0, rows, step):
        window = np.s_[..., first : first + step, :]
        stack = np.stack([model.read(name, window) for model in models])
        used = np.isfinite(stack)
        if has_flags:
            own = np.stack([_unusable(model, window) for model in models])
            used &= ~own.reshape(len(models), *(1,) * (stack.ndim - own.ndim), *own.shape[1:])
        value, error, count = _joined(stack, used, models, window, parameters)
        if len(models) < _FEW and name == "data" and parameters.method != "weighted" and _have_errors(models):
            error = _propagated(used, models, window, parameters)
        values[window], errors[window] = value, error
        few[first : first + step] |= (count < least).reshape(-1, *count.shape[-2:]).any(axis=0)
    setattr(result, name, values)
    if "err" in result.specs and name == "data":
        result.err = errors
    if has_flags:
        flag = _UNKNOWN.get(str(models[0].meta.reftype or "").lower(), 0)
        result.dq[..., few] |= np.uint32(pixel.DO_NOT_USE | flag)


def _flags_of(model) -> Any:
    """Flags of a model; of one in a file they are not kept in memory, where there may be many."""
    from hexcal.models.open import open as open_model

    return model.dq if model.path is None else open_model(model.path).dq


def _unusable(model, window):
    """Which pixels of some rows of a file do not count, bool (rows, nx)."""
    definitions = model.dq_def if "dq_def" in model.specs else None
    flags = dqflags.translate(model.read("dq", window), definitions, str(model.path), dqflags.of(model.observatory))
    return ((flags & np.uint32(pixel.DO_NOT_USE)) != 0).reshape(-1, *flags.shape[-2:]).any(axis=0)


def _joined(stack, used, models, window, parameters):
    """Value, standard error and number of values, each of the shape of one file's part."""
    flat = stack.reshape(len(stack), -1, stack.shape[-1])
    good = used.reshape(flat.shape)
    if parameters.method == "weighted":
        return _weighted(stack, used, models, window)
    sigma = parameters.sigma if parameters.method == "clip" else np.inf
    statistics = clipped(flat, good, sigma, parameters.max_iterations if parameters.method == "clip" else 0)
    value, error = statistics.mean, statistics.error
    if parameters.method == "median":
        with np.errstate(all="ignore"):
            value = np.nanmedian(np.where(good, flat, np.nan), axis=0) if good.any() else statistics.mean
        error = MEDIAN_ERROR * statistics.error
    shape = stack.shape[1:]
    return value.reshape(shape), np.nan_to_num(error).reshape(shape), statistics.count.reshape(shape)


def _have_errors(models):
    return all("err" in model.specs and model.has("err") for model in models)


def _propagated(used, models, window, parameters):
    """Standard error of the mean, or median, of values whose own errors are known."""
    errors = np.stack([model.read("err", window) for model in models]).astype(np.float64)
    number = np.maximum(used.sum(axis=0), 1)
    error = np.sqrt((np.where(used, errors, 0.0) ** 2).sum(axis=0)) / number
    return error * (MEDIAN_ERROR if parameters.method == "median" and len(models) > 2 else 1.0)


def _weighted(stack, used, models, window):
    errors = np.stack([model.read("err", window) for model in models]).astype(np.float64)
    good = used & (errors > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(good, 1 / errors**2, 0.0)
        total = weight.sum(axis=0)
        value = np.sum(weight * np.where(good, stack, 0.0), axis=0) / total
        error = 1 / np.sqrt(total)
    return value, np.where(np.isfinite(error), error, 0.0), good.sum(axis=0)
