"""What a step is given: opened, of a kind that the step works on, with a header that agrees with the data.

Checked here once, for every step.
"""

import inspect
import math
from pathlib import Path

from hexcal.errors import InputError
from hexcal.models.container import ModelContainer

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_POSITIVE = ("group_time", "frame_time", "nframes", "frame_divisor")
_TEXTS = {"T": True, "TRUE": True, "F": False, "FALSE": False}
_CHECKED_BRANCHES = ("meta.exposure", "meta.subarray", "meta.visit")
"""Branches of the metadata that decide how an exposure is calibrated."""


class OtherKind(InputError):
    """A model is of another kind than a step works on."""


def require_number(step, inputs):
    """Raise InputError unless a step is given as many inputs as it takes."""
    parameters = list(inspect.signature(step.process).parameters.values())
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return
    names = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
    with_references = bool(step.reference_types and step.takes_references)
    required = sum(parameter.default is parameter.empty for parameter in names) - with_references
    most = len(names) - with_references
    if required <= len(inputs) <= most:
        return
    number = f"{most} input{'s' if most > 1 else ''}" if required == most else f"{required} to {most} inputs"
    raise InputError(
        f"{step.where} takes {number}, {len(inputs)} are given",
        where=", ".join(str(path_of(item) or "model in memory") for item in inputs),
        hint="run it once for each file" if most == 1 < len(inputs) else f"hexcal run {step.alias} --help",
    )


def together(inputs):
    """Return the inputs of a step without roles (tuple).

    A list of exposures, or an association as a dict, becomes a container.
    """
    return tuple(ModelContainer(item) if isinstance(item, dict | list) else item for item in inputs)


def path_of(item):
    """Return the path (str) of an input, or None for a model in memory.

    Raises
    ------
    InputError
        If the input is neither a path nor a data model.
    """
    from hexcal.models.bounds import require_possible_name
    from hexcal.models.datamodel import DataModel

    if isinstance(item, DataModel):
        return str(item.path) if item.path is not None else None
    if isinstance(item, str | Path):
        require_possible_name(item)
        return str(item)
    raise InputError(f"an input must be a file name or a data model, got {type(item).__name__}")


def owned(step, item, names=None):
    """Return an input as a model that the run may change: read from the file, or a copy of what the caller passed.

    Parameters
    ----------
    step : Step
        The outermost step of the run.
    item : path-like or DataModel
        The input.
    names : str or tuple of str, optional
        As `accepted`.

    Raises
    ------
    InputError
        If the input is not of a kind that the step works on, or its header contradicts the data or itself.
    """
    import hexcal.models.open as models

    model = accepted(
        step, item.copied(shares_wcs=True) if isinstance(item, models.DataModel) else models.open(item), names
    )
    if hasattr(model, "check"):
        check_header(model)
        model.check()
    # A broken ASDF extension is found now, and not when the product is written.
    model.get_meta("cal_logs")
    return model


def checked(step, item):
    """Return what a step inside a pipeline, or a hook, hands to a step: `accepted` if it is a model.

    What a step opens itself, as it is.
    """
    from hexcal.models.datamodel import DataModel

    return accepted(step, item) if isinstance(item, DataModel) else item


def accepted(step, model, names=None):
    """Return a model as the kind that a step works on: a raw exposure becomes a ramp, for a step that works on ramps.

    Parameters
    ----------
    step : Step
        Its `input_model` is the name of a model class, or several names; None takes any model.
    model : DataModel
        What the step is given. A step for single exposures takes the members of a container one after the other.
    names : str or tuple of str, optional
        Names of model classes, instead of those of `input_model`; ``ImageContainer`` is a container of ImageModel.

    Raises
    ------
    InputError
        If it is of another kind; says what is required and what was found.
    """
    from hexcal.models.single import model_class

    names = step.input_model if names is None else names
    names = (names,) if isinstance(names, str) else names or ()
    if isinstance(model, ModelContainer) or any(name.endswith("Container") for name in names):
        return _accepted_members(step, model, names)
    classes = [model_class(name) for name in names]
    for cls in classes:
        if cls.accepts(model):
            return cls.taken(model)
    if not classes:
        return model
    required = " or ".join(f"{'an' if name[0] in 'AEIO' else 'a'} {name}" for name in names)
    article = "an" if model.model_type[0] in "AEIO" else "a"
    raise OtherKind(
        f"{step.where} works on {required}, the input is {article} {model.model_type}{_described(model)}",
        where=str(model.path or "model in memory"),
        hint="`hexcal info FILE` shows what a file is",
    )


def _accepted_members(step, model, names):
    """Return a container whose members are of a kind that the step works on, checked when each is first opened."""
    kinds = tuple(name.removesuffix("Container") + "Model" for name in names if name.endswith("Container"))
    if not kinds and step.steps and names:
        raise InputError(
            f"{step.where} works on {' or '.join(names)}, the input is an association",
            where=str(model.path or "association in memory"),
            hint="run it on each member",
        )
    container = model if isinstance(model, ModelContainer) else ModelContainer([model])
    if names:
        container.on_open = lambda member: owned_member(step, member, kinds or names)
    return container


def owned_member(step, member, names):
    """Return a member of a container as one of the named classes, with its header checked."""
    member = accepted(step, member, names)
    check_header(member)
    member.check()
    return member


def _described(model):
    facts = [f"shape {model.shape}"] if model.shape else []
    exposure_type = model.get_meta("meta.exposure.type")
    facts += [f"EXP_TYPE {exposure_type}"] if exposure_type else []
    return f" ({', '.join(facts)})" if facts else ""


def check_header(model):
    """Refuse an exposure whose header contradicts the data or itself, before the first step runs.

    Values of the branches exposure, subarray and visit must be of their type (texts 'T' and 'F' are taken as true and
    false), times and numbers of frames must be positive, axes must be directions of an image, and the size of the
    subarray must be that of the image.

    Raises
    ------
    InputError
        With the keyword, the value, and what is allowed.
    """
    for branch in _CHECKED_BRANCHES:
        _check_types(model, branch)
    exposure = model.branch("meta.exposure")
    for name in _POSITIVE:
        value = exposure.get(name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise _wrong(model, f"meta.exposure.{name}", "must be positive", value)
    _check_subarray(model)
    _check_shapes(model)


def _check_shapes(model):
    """Arrays whose shape follows from that of the primary array must have it; nothing is read for it."""
    for name, spec in model.specs.items():
        shape_of = getattr(spec, "shape_of", None)
        if shape_of is None or model.shape is None:
            continue
        shape = model.shape_of(name)
        if shape is not None and tuple(shape) != tuple(shape_of(model.shape)):
            raise InputError(
                f"{spec.hdu} must have the shape {tuple(shape_of(model.shape))} to fit the data, it has {tuple(shape)}",
                where=str(model.path or "model in memory"),
                hint=f"correct the array {name}",
            )


def _check_types(model, branch):
    for name, value in list(model.branch(branch).items()):
        keyword = model.observatory.keywords.of_path(f"{branch}.{name}", model.model_type)
        if keyword is None or keyword.type not in ("bool", "int", "float"):
            continue
        if keyword.type == "bool" and isinstance(value, str) and value.strip().upper() in _TEXTS:
            model.set_meta(f"{branch}.{name}", _TEXTS[value.strip().upper()])
        elif isinstance(value, str) or (keyword.type == "bool") != isinstance(value, bool):
            kind = {"bool": "true or false (T or F)", "int": "a whole number", "float": "a number"}[keyword.type]
            raise _wrong(model, f"{branch}.{name}", f"must be {kind}", value)


def _is_resampled(model):
    """Whether it is a mosaic or a cube, whose header still has the subarray of its first exposure."""
    is_mosaic = model.get_meta("meta.cal_step.resample") == "COMPLETE"
    return is_mosaic or model.model_type in ("DrizProductModel", "IFUCubeModel")


def _check_subarray(model):
    subarray = model.branch("meta.subarray")
    for name in ("fastaxis", "slowaxis"):
        value = subarray.get(name)
        if value is not None and abs(value) not in (1, 2):
            raise _wrong(model, f"meta.subarray.{name}", "must be 1, -1, 2 or -2", value)
    if model.shape is None or len(model.shape) < 2 or _is_resampled(model) or model.model_type == "SlitModel":
        return  # a slit is a part of its subarray
    for name, pixels, axis in (("xsize", model.shape[-1], "columns"), ("ysize", model.shape[-2], "rows")):
        value = subarray.get(name)
        if value is not None and value != pixels and (value, pixels) != _interleaved(model):
            if value and pixels % value == 0 and model.get_meta("meta.cal_step.adaptive_trace_model") == "COMPLETE":
                continue  # each pixel was divided into several
            raise _wrong(model, f"meta.subarray.{name}", f"must be the size of the image, {pixels} {axis}", value)


def _interleaved(model):
    """Rows of the detector and of a frame in which reference pixels are interleaved.

    SUBSIZE2 of NIRSpec IRS2 data counts the former.
    """
    return (2048, 3200) if "IRS2" in str(model.branch("meta.exposure").get("readpatt") or "") else None


def _wrong(model, path, rule, value):
    keyword = model.observatory.keywords.of_path(path, model.model_type)
    name = keyword.keyword if keyword is not None else path
    return InputError(
        f"{name} {rule}; it is {value!r}",
        where=str(model.path or "model in memory"),
        hint=f"correct the keyword {name} in the header",
    )
