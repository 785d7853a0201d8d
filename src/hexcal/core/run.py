"""Running a step: open, own, choose references, hooks, process, status, record, save. The one way in and the one way out."""

import contextlib
import logging
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hexcal import memory
from hexcal.core import asked, bands, destinations, hooks, log, members, names, roles, run_files, story
from hexcal.core import inputs as given
from hexcal.core.configspec import require_values
from hexcal.core.progress import Progress
from hexcal.core.progress import shown as progress_shown
from hexcal.core.provenance import Record, version
from hexcal.core.skip import MissingReference, SkipStep
from hexcal.errors import HexcalError, InputError, ReferenceError_, unknown_name
from hexcal.files import endings, gate
from hexcal.models.container import ModelContainer
from hexcal.references import chooser
from hexcal.references.bundle import References
from hexcal.references.folder import NOT_APPLICABLE, ReferenceFolder


@dataclass
class Context:
    """What all steps of one run share."""

    record: Record
    first_input: str | None
    recorder: object
    product: str | None = None
    """Name of the product of an association that is made."""
    folders: dict = field(default_factory=dict)
    choosers: dict = field(default_factory=dict)
    left_out: list = field(default_factory=list)
    """Names of the steps that were left out because there is no reference file for them."""
    progress: Progress | None = None
    """What shows the progress of a pipeline on a terminal."""

    @property
    def input_dir(self):
        """Directory of the first input, or None."""
        return str(Path(self.first_input).parent) if self.first_input else None


def run(step, inputs, named=None):
    """Run a step; inside a pipeline that runs, as part of it, otherwise on its own.

    Parameters
    ----------
    step : Step
        With its parameters set.
    inputs : tuple
        Paths, models or associations.
    named : dict, optional
        Inputs by the name of their role, for a step that declares roles.

    Returns
    -------
    DataModel or tuple of DataModel
        A list of these for an association of several products, and for a list of exposures that are worked on one by one.
    """
    named = named or {}
    if not inputs and not named:
        raise InputError(f"{step.where} needs an input", hint="a FITS file or an open data model")
    if named and not step.roles:
        raise unknown_name("input", next(iter(named)), (), where=step.where)
    if step.parent is not None and step.parent.context is not None:
        if step.roles:
            by_role = roles.checked_roles(step, roles.by_position(step, inputs, named), None)
            inputs = tuple(by_role.values())
        return _step(step, inputs, step.parent.context)
    hooks.require_allowed(step)
    with gate.run(), endings.orderly():
        if step.roles:
            products = roles.products(step, inputs, named)
            results = _products(step, products)
            if roles.gives_list(step, inputs):
                return [model for result in results for model in (result if isinstance(result, list) else [result])]
            return results if len(products) > 1 else results[0]
        given.require_number(step, inputs)
        inputs = given.together(inputs)
        return _outermost(step, inputs, None, lambda: tuple(given.owned(step, item) for item in inputs))


def _products(step, products):
    """Run a step on the products of an association, one after the other; one product is that of inputs without an association."""
    results, failures = [], []
    for product, by_role in products:
        try:
            results.append(
                _outermost(
                    step,
                    tuple(roles.listed(by_role)),
                    product,
                    lambda by_role=by_role: roles.opened(step, by_role, partial(given.owned, step)),
                )
            )
        except HexcalError as error:
            if len(products) == 1 or getattr(step.parameters, "fail_on_exception", True):
                raise
            step.log.error("Product %s failed: %s", product or roles.listed(by_role)[0], error)
            failures.append(error)
    if not results:
        raise failures[0]
    return results


def _outermost(step, inputs, product, opened):
    """Run the outermost step of a run: its record and log, its inputs opened by ``opened()``, its result saved."""
    sources = run_files.note_inputs(inputs)
    with gate.run(), log.configured() if not _logs() else contextlib.nullcontext(), log.recorded() as recorder:
        context = step.context = Context(Record(step, sources), sources[0].path, recorder, product)
        story.begin(step, sources)
        # They were chosen before the run began; said here, they stand in the log of each product.
        for kind, path in {one.kind: one.path for one in step.parameter_references}.items():
            step.log.info("Parameter reference %s: %s", kind, path)
        try:
            memory.require_enough()
            run_files.note_parameters(step)
            _check_destination(step)
            if hasattr(step, "step_defs"):
                bands.prepare_kernels()
            models = opened()
            for model in members.models(models):
                story.inspect_input(step, model)
            with progress_shown(step, models[0]):
                result = _step(step, models, context)
            story.conclude(step, members.models(result))
            if step.saves:
                # A step that was skipped returns all that it was given; only the first is a product.
                _save_all(step, models[0] if step.last_status == "SKIPPED" else result)
            return result
        finally:
            step.context = None
            context.record.close()


def _logs():
    return logging.getLogger(log.ROOT).hasHandlers()


def _check_destination(step):
    """Fail before the work, not after it, when the product could not be written."""
    if not step.saves:
        return
    path = names.output_path(step)
    destinations.require_possible(path, "the product", "give another output_dir, output_file or suffix")
    gate.plan(path)


def _step(step, inputs, context):
    step.context = context
    entry = context.record.begin(step)
    status = "FAILED"
    try:
        if step.parameters.skip:
            step.log.info("Step %s skipped", step.name)
            status = "SKIPPED"
            return _marked(step, _unchanged(inputs), status)
        step.log.info("Step %s running", step.name)
        if context.progress is not None:
            context.progress.begin(step.name)
        inputs = tuple(given.checked(step, item) for item in hooks.run_before(step, inputs))
        result, status = _process(step, inputs, entry)
        if not members.are_mapped(step, inputs[0]):
            result = _marked(step, result, status)
        result = hooks.run_after(step, result)
        if step.parent is not None and step.saves:
            _save_all(step, result)
        return result
    finally:
        step.last_status = status
        context.record.end(entry, status)
        if context.progress is not None:
            context.progress.end(step.name)
        step.log.info("Step %s %s in %.2f s", step.name, status.lower(), entry["seconds"])
        if step.parent is not None:
            step.context = None


def _unchanged(inputs):
    """What a skipped step returns: all that it was given."""
    return inputs[0] if len(inputs) == 1 else tuple(inputs)


def _process(step, inputs, entry):
    try:
        require_values(step)
        if hasattr(step, "step_defs"):
            if step.prefetch_references:
                for exposure in members.exposures(inputs[0]):
                    _prefetch(step, exposure)
        elif step.parent is None and len(step.reference_types) > 1:
            for exposure in members.exposures(inputs[0]):
                _fetch(step, exposure, [step])
        if members.are_mapped(step, inputs[0]):
            return members.process_each(step, inputs[0], entry, _process_one)
        return _process_one(step, inputs, entry), "COMPLETE"
    except SkipStep as reason:
        if isinstance(reason, MissingReference) and not reason.is_expected:
            step.context.left_out.append(step.name)
        step.log.log(logging.INFO if reason.is_expected else logging.WARNING, "Step %s skipped: %s", step.name, reason)
        return _unchanged(inputs), "SKIPPED"


def _process_one(step, inputs, entry):
    """Choose the references of one exposure or product, and have the step do its work on it."""
    exposure = members.deciding(inputs[0])
    chosen = _choose_references(step, exposure, entry)
    if isinstance(inputs[0], ModelContainer):
        for member in members.models(inputs[0]):
            _note_references(step, member, chosen)
    references = {}
    if step.reference_types and step.takes_references:
        references["references"] = References(chosen, exposure, partial(_choose_for_part, step, entry))
    if step.roles:
        result = step.process(**dict(zip((role.name for role in step.roles), inputs, strict=True)), **references)
    else:
        result = step.process(*inputs, *references.values())
    asked.name_in(step, result)
    return result


def _marked(step, result, status):
    if not hasattr(step, "step_defs"):
        for model in members.models(result):
            model.set_meta(f"meta.cal_step.{step.status}", status)
    return result


# ---- references


def reference_path(step, model, reference_type, name=None):
    """Return the reference file of a type for a model: an override, else from the run's folder of references; from now on it is protected.

    Returns
    -------
    str or DataModel
        "N/A" where there is none. An override may be a model.

    Raises
    ------
    ReferenceError_
        If no place for reference files was given.
    """
    source = _reference_source(step, model, reference_type, name or exposure_name(model))
    path = getattr(source, "path", source)
    if path is not None and str(path) != NOT_APPLICABLE:
        gate.reading(path, f"{reference_type} reference")
    return source


def exposure_name(model):
    """Name of the exposure that a model is, as the record of a run has it."""
    path = getattr(model, "path", None)
    return str(path.name if path is not None else model.get_meta("meta.filename") or "")


def _reference_source(step, model, reference_type, name):
    override = f"override_{reference_type.replace('-', '_')}"
    given = getattr(step.parameters, override, None)
    former = step.context.record.former.asked if step.context else {}
    pinned = former.get((step.qualified_name, reference_type, Path(name).name))
    if given is None and pinned is not None:
        return pinned
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


def recorded_name(step, source):
    """Return the name of a reference as the R_ keywords give it: ``crds://`` and the file name for one from the cache of the run's choosers, else its path."""
    name = str(getattr(source, "path", None) or source)
    if name in step.context.record.former.names:
        return step.context.record.former.names[name]
    path = Path(name)
    cached = any(path.is_relative_to(one.context.cache.root) for one in step.context.choosers.values())
    return f"crds://{path.name}" if cached else name


def _chooser_for(step, model):
    """The chooser of a run: one per exposure, since the steps change nothing that the rules ask for."""
    choosers = step.context.choosers if step.context else {}
    key = getattr(model, "chooser_key", None) or str(model.path or id(model))
    if key not in choosers:
        choosers[key] = chooser.Chooser(model)
        step.log.info("Context of the references: %s", choosers[key].context.name)
    return choosers[key]


def _option(step):
    return f"steps.{step.name}." if step.parent is not None else ""


def _prefetch(pipeline, model):
    """Look up the references of all steps before the first of them runs: what is missing is known at once, not after minutes."""
    missing, errors = [], {}
    steps = [step for step in pipeline.steps_for(model) if not step.parameters.skip]
    for step in steps:
        step.require(model)
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
    """Raise the first of several errors, with the names of what is missing besides (dict of str to ReferenceError_)."""
    (_, first), *others = errors.items()
    if not others:
        raise first
    names = ", ".join(name for name, _ in others)
    raise type(first)(f"{first.message}; also missing: {names}", first.where, first.hint) from first


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
        source = reference_path(step, model, reference_type, entry.get("name"))
        chosen[reference_type] = source
        step.context.record.reference(entry, reference_type, source if source != NOT_APPLICABLE else None)
        step.log.info("Reference %s: %s", reference_type, getattr(source, "path", None) or source)
    _note_references(step, model, chosen)
    absent = [kind for kind, source in chosen.items() if isinstance(source, str) and source == NOT_APPLICABLE]
    if absent and step.takes_references:
        message = f"no {' and no '.join(absent)} reference"
        if step.skippable:
            raise MissingReference(message, step.is_often_left_out)
        raise ReferenceError_(f"{step.where} cannot do without: {message}", hint=f"give override_{absent[0]}")
    return chosen


def _choose_for_part(step, entry, model, name):
    """Choose the references for one member or part of what a step works on (see `References.for_member`)."""
    return _choose_references(step, model, step.context.record.part(entry, name))


def _note_references(step, model, chosen):
    """Write into the metadata of a model which references a step uses for it, and which context chose them."""
    for reference_type, source in chosen.items():
        model.set_meta(f"meta.ref_file.{reference_type}.name", recorded_name(step, source))
    name_context(step, model)


def name_context(step, model):
    """Write into the header of a model which context of CRDS has chosen its references."""
    contexts = [one.context.name for one in step.context.choosers.values()]
    # Parameters may have been chosen by the rules although all reference files were given by hand.
    for name in contexts or step.context.record.contexts:
        model.set_meta("meta.ref_file.crds.context_used", name)
        model.set_meta("meta.ref_file.crds.sw_version", f"Hexcal {version()}")


# ---- saving


def _save_all(step, result):
    models = list(result) if isinstance(result, list | tuple) else [result]
    for number, model in enumerate(models):
        if isinstance(model, ModelContainer):
            for member in model.each():
                save(step, member, basepath=names.name_of_member(step, member))
        elif model is not None:
            save(step, model, None, number if len(models) > 1 else None)


def save(step, model, suffix=None, idx=None, basepath=None):
    """Write one product: its name by the rules, its record, its log.

    Returns
    -------
    str
        Path written.
    """
    path = names.free_path(step, basepath=basepath, suffix=suffix, idx=idx, model=model)
    gate.check(path)
    context = step.context
    if context is not None:
        outermost = context.record.step
        model.set_meta("provenance", context.record.as_dict())
        model.set_meta("cal_logs", {**_former_logs(model), outermost.name: list(context.recorder.lines)})
    model.set_meta("meta.calibration_software_version", version())
    model.set_meta("meta.calibration_software_revision", f"Hexcal {version()}")
    names.make_folder(path.parent)
    model.save(path)
    step.log.info("Saved %s in %s", type(model).__name__, path)
    return str(path)


def _former_logs(model):
    logs = model.get_meta("cal_logs")
    return dict(logs.instance) if hasattr(logs, "instance") else {}
