"""Running a step: open, own, choose references, hooks, process, status, record, save. The one way in and the one way out."""

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from hexcal.core import bands, hooks, log, names
from hexcal.core import inputs as given
from hexcal.core.configspec import require_values
from hexcal.core.provenance import Record, version
from hexcal.core.skip import SkipStep
from hexcal.errors import InputError, ReferenceError_, ResourceError, unknown_name
from hexcal.references import chooser
from hexcal.references.bundle import References
from hexcal.references.folder import NOT_APPLICABLE, ReferenceFolder


@dataclass
class Context:
    """What all steps of one run share."""

    record: Record
    first_input: str | None
    recorder: object
    folders: dict = field(default_factory=dict)
    choosers: dict = field(default_factory=dict)

    @property
    def input_dir(self):
        """Directory of the first input, or None."""
        return str(Path(self.first_input).parent) if self.first_input else None


def run(step, inputs):
    """Run a step; inside a pipeline that runs, as part of it, otherwise on its own.

    Parameters
    ----------
    step : Step
        With its parameters set.
    inputs : tuple
        Paths or models.

    Returns
    -------
    DataModel or tuple of DataModel
    """
    if step.parent is not None and step.parent.context is not None:
        return _step(step, inputs, step.parent.context)
    if not inputs:
        raise InputError(f"{step.where} needs an input", hint="a FITS file or an open data model")
    paths = [given.path_of(item) for item in inputs]
    with log.configured() if not _logs() else contextlib.nullcontext(), log.recorded() as recorder:
        context = Context(
            Record(step, [path for path in paths if path is None or Path(path).is_file()]), paths[0], recorder
        )
        step.context = context
        # They were chosen before the run began; said here, they stand in the log of each product.
        for kind, path in {one.kind: one.path for one in step.parameter_references}.items():
            step.log.info("Parameter reference %s: %s", kind, path)
        try:
            _check_destination(step, paths)
            if hasattr(step, "step_defs"):
                bands.prepare_kernels()
            result = _step(step, tuple(given.owned(step, item) for item in inputs), context)
            if step.saves:
                _save_all(step, result)
            return result
        finally:
            step.context = None
            context.record.close()


def _logs():
    import logging

    return logging.getLogger(log.ROOT).hasHandlers()


def _check_destination(step, inputs):
    """Fail before the work, not after it, when the product could not be written."""
    if not step.saves:
        return
    path = names.output_path(step)
    names.refuse_to_overwrite(path, inputs)
    directory = path.parent
    while not directory.exists():
        directory = directory.parent
    if not directory.is_dir() or not os.access(directory, os.W_OK):
        raise ResourceError(
            "the output directory cannot be written", where=str(path.parent), hint="give another output_dir"
        )


def _step(step, inputs, context):
    step.context = context
    entry = context.record.begin(step)
    status = "FAILED"
    try:
        if step.parameters.skip:
            step.log.info("Step %s skipped", step.name)
            status = "SKIPPED"
            return _marked(step, inputs[0], status)
        step.log.info("Step %s running", step.name)
        inputs = tuple(given.checked(step, item) for item in hooks.run_before(step, inputs))
        result, status = _process(step, inputs, entry)
        result = hooks.run_after(step, _marked(step, result, status))
        if step.parent is not None and step.saves:
            _save_all(step, result)
        return result
    finally:
        context.record.end(entry, status)
        step.log.info("Step %s %s in %.2f s", step.name, status.lower(), entry["seconds"])
        if step.parent is not None:
            step.context = None


def _process(step, inputs, entry):
    try:
        require_values(step)
        if hasattr(step, "step_defs"):
            if step.prefetch_references:
                _prefetch(step, inputs[0])
        elif step.parent is None and len(step.reference_types) > 1:
            _fetch(step, inputs[0], [step])
        chosen = _choose_references(step, inputs[0], entry)
        arguments = (
            (*inputs, References(chosen, inputs[0])) if step.reference_types and step.takes_references else inputs
        )
        return step.process(*arguments), "COMPLETE"
    except SkipStep as reason:
        step.log.warning("Step %s skipped: %s", step.name, reason)
        return inputs[0], "SKIPPED"


def _marked(step, result, status):
    if not hasattr(step, "step_defs"):
        for model in result if isinstance(result, list | tuple) else [result]:
            if hasattr(model, "set_meta"):
                model.set_meta(f"meta.cal_step.{step.status}", status)
    return result


# ---- references


def reference_path(step, model, reference_type):
    """Return the reference file of a type for a model: an override, else from the run's folder of references.

    Returns
    -------
    str or DataModel
        "N/A" where there is none. An override may be a model.

    Raises
    ------
    ReferenceError_
        If no place for reference files was given.
    """
    override = f"override_{reference_type.replace('-', '_')}"
    given = getattr(step.parameters, override, None)
    if given is not None:
        if isinstance(given, str | Path) and str(given).upper() != NOT_APPLICABLE and not Path(given).is_file():
            raise ReferenceError_(
                f"the {reference_type} reference given by {override} does not exist",
                where=str(given),
                hint="check the path",
            )
        return NOT_APPLICABLE if isinstance(given, str) and given.upper() == NOT_APPLICABLE else given
    folder = step.inherited("references") or os.environ.get("HEXCAL_REFERENCES")
    if not folder and chooser.is_configured():
        return _chooser_for(step, model).find(reference_type)
    if not folder:
        raise ReferenceError_(
            f"{step.where} needs a {reference_type} reference, and no place for reference files is given",
            where=" ".join(
                str(value)
                for path in ("meta.instrument.name", "meta.instrument.detector", "meta.exposure.type")
                if (value := model.get_meta(path)) is not None
            ),
            hint=f"--references=FOLDER, a CRDS cache in CRDS_PATH, --{_option(step)}{override}=FILE, or --{_option(step)}skip=true",
        )
    folders = step.context.folders if step.context else {}
    if folder not in folders:
        folders[folder] = ReferenceFolder(folder)
    return folders[folder].find(reference_type, model)


def _recorded_name(step, source):
    """Name of a reference as the R_ keywords give it: ``crds://`` and the file name for one from the cache of the run's choosers, else its path."""
    name = str(getattr(source, "path", None) or source)
    if name in step.context.record.former.names:
        return step.context.record.former.names[name]
    path = Path(name)
    cached = any(path.is_relative_to(one.context.cache.root) for one in step.context.choosers.values())
    return f"crds://{path.name}" if cached else name


def _chooser_for(step, model):
    """The chooser of a run: one per exposure, since the steps change nothing that the rules ask for."""
    choosers = step.context.choosers if step.context else {}
    key = str(model.path or id(model))
    if key not in choosers:
        choosers[key] = chooser.Chooser(model)
    return choosers[key]


def _option(step):
    return f"steps.{step.name}." if step.parent is not None else ""


def _prefetch(pipeline, model):
    """Look up the references of all steps before the first of them runs: what is missing is known at once, not after minutes."""
    missing, errors = [], {}
    steps = [step for step in pipeline.steps_for(model) if not step.parameters.skip]
    _fetch(pipeline, model, steps)
    for step in steps:
        for reference_type in step.references_needed(model):
            try:
                if reference_path(step, model, reference_type) == NOT_APPLICABLE and not step.skippable:
                    missing.append(f"{reference_type} (step {step.name})")
            except ReferenceError_ as error:
                errors.setdefault(reference_type, error)
    if errors:
        _raise_together(errors)
    if missing:
        raise ReferenceError_(
            f"reference files are missing without which there is no result: {', '.join(missing)}",
            where=str(pipeline.inherited("references") or os.environ.get("HEXCAL_REFERENCES")),
            hint="`hexcal simulate references --like FILE` makes a neutral set",
        )


def _raise_together(errors):
    """Raise the first of several errors, with what else cannot be had (dict of str to ReferenceError_)."""
    (_, first), *others = errors.items()
    if not others:
        raise first
    names = ", ".join(name for name, _ in others)
    raise type(first)(f"{first.message}; nor can be had: {names}", first.where, first.hint) from first


def _fetch(pipeline, model, steps):
    """Have the files of all steps in the cache together, if they come from one: listed in the log, fetched side by side."""
    if os.environ.get("HEXCAL_REFERENCES") or not chooser.is_configured():
        return
    types = [
        kind
        for step in steps
        if not step.inherited("references")
        for kind in step.references_needed(model)
        if getattr(step.parameters, f"override_{kind.replace('-', '_')}", None) is None
    ]
    if types:
        _chooser_for(pipeline, model).fetch(list(dict.fromkeys(types)))


def _choose_references(step, model, entry):
    chosen = {}
    for reference_type in step.references_needed(model):
        if reference_type not in step.reference_types:
            raise unknown_name("reference type", reference_type, step.reference_types, where=step.where)
        source = reference_path(step, model, reference_type)
        chosen[reference_type] = source
        step.context.record.reference(entry, reference_type, source if source != NOT_APPLICABLE else None)
        model.set_meta(f"meta.ref_file.{reference_type}.name", _recorded_name(step, source))
    contexts = [one.context.name for one in step.context.choosers.values()]
    # Parameters may have been chosen by the rules although all reference files were given by hand.
    for name in contexts or step.context.record.contexts:
        model.set_meta("meta.ref_file.crds.context_used", name)
        model.set_meta("meta.ref_file.crds.sw_version", f"Hexcal {version()}")
    absent = [kind for kind, source in chosen.items() if isinstance(source, str) and source == NOT_APPLICABLE]
    if absent and step.takes_references:
        message = f"no {' and no '.join(absent)} reference"
        if step.skippable:
            raise SkipStep(message)
        raise ReferenceError_(f"{step.where} cannot do without: {message}", hint=f"give override_{absent[0]}")
    return chosen


# ---- saving


def _save_all(step, result):
    models = list(result) if isinstance(result, list | tuple) else [result]
    for number, model in enumerate(models):
        if model is not None:
            save(step, model, None, number if len(models) > 1 else None)


def save(step, model, suffix=None, idx=None, basepath=None):
    """Write one product: its name by the rules, its record, its log.

    Returns
    -------
    str
        Path written.
    """
    path = names.output_path(step, basepath=basepath, suffix=suffix, idx=idx, model=model)
    context = step.context
    if context is not None:
        names.refuse_to_overwrite(path, context.record.files)
        outermost = context.record.step
        model.set_meta("provenance", context.record.as_dict())
        model.set_meta("cal_logs", {**_former_logs(model), outermost.name: list(context.recorder.lines)})
    model.set_meta("meta.calibration_software_version", version())
    model.set_meta("meta.calibration_software_revision", f"Hexcal {version()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"the output directory cannot be made: {error.strerror}",
            where=str(path.parent),
            hint="give another output_dir",
        ) from error
    model.save(path)
    step.log.info("Saved %s in %s", type(model).__name__, path)
    return str(path)


def _former_logs(model):
    logs = model.get_meta("cal_logs")
    return dict(logs.instance) if hasattr(logs, "instance") else {}
