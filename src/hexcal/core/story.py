"""The log of a run tells its story.

What runs, on what, with which parameters and references, and whether the result can be right.
"""

import numpy as np

from hexcal.core.provenance import version

_NOT_TOLD = ("save_results", "output_dir", "output_file", "references", "input_dir")
"""Parameters that say where files are; other lines of the log name the files."""


def begin(step, sources) -> None:
    """Tell the version, the inputs, and the parameters that differ from the defaults.

    Parameters
    ----------
    step : Step
        The outermost step of the run.
    sources : sequence
        The inputs; each with the attribute ``path``, None for a model in memory.
    """
    step.log.info("Hexcal %s runs %s", version(), step.name)
    for source in sources:
        step.log.info("Input: %s", source.path or "a model in memory")
    changed = list(_changed(step, ""))
    step.log.info("Parameters that differ from the defaults: %s", ", ".join(changed) or "none")


def _changed(step, prefix):
    for name, field in type(step.parameters).model_fields.items():
        value = getattr(step.parameters, name)
        source = step.source_of(name)
        # What a pipeline has as default for a step is a default, too.
        if name not in _NOT_TOLD and not source.startswith("default") and not _same(value, field.default):
            yield f"{prefix}{name}={getattr(value, 'path', None) or value} ({source})"
    for name, inner in step.steps.items():
        yield from _changed(inner, f"{prefix}{name}.")


def _same(value, default):
    return value is default or (type(value) is type(default) and value == default)


def inspect_input(step, model) -> None:
    """Warn if the data of an input are the same number everywhere: a file that was never filled.

    Reads no more than the first image that has two values.
    """
    first = None
    for image in _images(model):
        first = image.flat[0] if first is None else first
        if (image != first).any():
            return
    if first is not None:
        step.log.warning("All values of the input are %s: is it the right file?", first)


def conclude(step, models) -> None:
    """Warn of a result without a finite value, and of corrections that were left out.

    Tell how many pixels are not to be used.
    """
    for model in models:
        images = _images(model)
        if model.shape and 0 not in model.shape and not any(np.isfinite(image).any() for image in images):
            step.log.warning("No value of the %s is a finite number", model.model_type)
        _tell_flagged(step, model)
    left_out = list(dict.fromkeys(step.context.left_out))
    if left_out and step.steps:
        step.log.warning("The result is NOT corrected by %s: there is no reference file", ", ".join(left_out))


def _tell_flagged(step, model):
    from hexcal.models import dqflags

    unusable_flag = dqflags.of(model.observatory).get("DO_NOT_USE", 0)
    if "dq" not in model.specs or not model.has("dq"):
        return
    size = unusable = 0
    for flags in _images(model, "dq"):
        size, unusable = size + flags.size, unusable + int(np.count_nonzero(flags & np.uint32(unusable_flag)))
    if size:
        step.log.info(
            "%s: %d of %d pixels (%.2f %%) are flagged DO_NOT_USE",
            model.model_type,
            unusable,
            size,
            100 * unusable / size,
        )


def _images(model, name=None):
    """Yield the images of an array, by default the primary one; what is not in memory is read as it is asked for."""
    name = name or model.primary
    # A model of slits has arrays in its parts only.
    shape = None if name is None else model.shape_of(name)
    if not shape or len(shape) < 2 or 0 in shape:
        return
    for index in np.ndindex(shape[:-2]):
        yield model.read(name, index or slice(None))
