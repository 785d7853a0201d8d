"""Running a step: open, own, choose references, hooks, process, status, record, save.

The one way in and the one way out.
"""

import contextlib
import logging
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hexcal import memory
from hexcal.core import hooks, library_logs, log, members, names, roles, run_files, run_references, saved_records, story
from hexcal.core import inputs as given
from hexcal.core.configspec import require_values
from hexcal.core.progress import Progress
from hexcal.core.progress import shown as progress_shown
from hexcal.core.provenance import Record, version
from hexcal.core.reading_ahead import ReadingAhead
from hexcal.core.skip import MissingReference, SkipStep
from hexcal.errors import HexcalError, InputError, unknown_name
from hexcal.files import endings, gate
from hexcal.models.container import ModelContainer
from hexcal.references.bundle import References


@dataclass
class Context:
    """What all steps of one run share."""

    record: Record
    first_input: str | None
    recorder: log.Recorder
    product: str | None = None
    """Name of the product of an association that is made."""
    folders: dict = field(default_factory=dict)
    choosers: dict = field(default_factory=dict)
    left_out: list = field(default_factory=list)
    """Names of the steps that were left out because there is no reference file for them."""
    progress: Progress | None = None
    """What shows the progress of a pipeline on a terminal."""
    reading: ReadingAhead | None = None
    """What reads the references of the steps to come."""

    @property
    def input_dir(self):
        """Directory of the first input, or None."""
        return str(Path(self.first_input).parent) if self.first_input else None

    @contextlib.contextmanager
    def apart(self):
        """Forget afterwards which steps ran inside, and what they logged: it concerns the products saved inside only.

        Else the last of a hundred sources would carry the records of all others.
        """
        kept = [(items, len(items)) for items in (self.record.entries, self.recorder.lines)]
        try:
            yield
        finally:
            for items, count in kept:
                del items[count:]

    def close(self):
        """End what runs beside the steps, and the record."""
        if self.reading is not None:
            self.reading.close()
        self.record.close()


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
        A list of these for an association of several products, and for a list of exposures that are worked on one by
        one.
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
    with gate.run(), endings.orderly(), memory.kept_for_reuse():
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
    """Run a step on the products of an association, one after the other.

    One product is that of inputs without an association.
    """
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
    with (
        gate.run(),
        log.configured() if not _logs() else contextlib.nullcontext(),
        log.recorded() as recorder,
        library_logs.passed_on(),
    ):
        context = step.context = Context(Record(step, sources), sources[0].path, recorder, product)
        story.begin(step, sources)
        # They were chosen before the run began; said here, they stand in the log of each product.
        for kind, path in {reference.kind: reference.path for reference in step.parameter_references}.items():
            step.log.info("Parameter reference %s: %s", kind, path)
        try:
            memory.require_enough()
            _require_parameters(step)
            run_files.note_parameters(step)
            run_files.plan_products(step)
            step.prepare()
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
            context.close()


def _require_parameters(step):
    """Have a step and all steps in it that are not skipped look at their parameters: not after minutes of work."""
    if step.parameters.skip:
        return
    step.require_parameters()
    for inner in step.steps.values():
        _require_parameters(inner)


def _logs():
    return logging.getLogger(log.ROOT).hasHandlers()


def _step(step, inputs, context):
    step.context = context
    entry = context.record.begin(step)
    status = "FAILED"
    try:
        if step.parameters.skip:
            step.log.info("Step %s skipped", step.name)
            status = "SKIPPED"
            return _marked(step, _unchanged(step, inputs), status)
        step.require_parameters()
        step.log.info("Step %s running", step.name)
        if context.progress is not None:
            context.progress.begin(step.name)
        inputs = tuple(given.checked(step, item) for item in hooks.run_before(step, inputs))
        with library_logs.of_step(step.log.name):
            result, status = _process(step, inputs, entry)
        if not members.are_mapped(step, inputs[0]):
            result = _marked(step, result, status)
        result = hooks.run_after(step, result)
        if step.parent is not None and step.is_saved_for:
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


def _unchanged(step, inputs):
    """What a skipped step returns: all that it was given, or what its result would have taken the place of."""
    return inputs[0] if len(inputs) == 1 or step.changes_first_only else tuple(inputs)


def _process(step, inputs, entry):
    try:
        require_values(step)
        for exposure in members.exposures(inputs[0]):
            step.look_up_references(exposure)
        if members.are_mapped(step, inputs[0]):
            return members.process_each(step, inputs[0], entry, _process_one)
        return _process_one(step, inputs, entry), "COMPLETE"
    except SkipStep as reason:
        leave_out(step, reason)
        return _unchanged(step, inputs), "SKIPPED"


def leave_out(step, reason):
    """Tell why a step is left out, and remember it if that is for want of a reference file."""
    if isinstance(reason, MissingReference) and not reason.is_expected:
        step.context.left_out.append(step.name)
    step.log.log(reason.level, "Step %s skipped: %s", step.name, reason)


def _process_one(step, inputs, entry):
    """Choose the references of one exposure or product, and have the step do its work on it."""
    return processed(step, inputs, references_of(step, inputs, entry))


def references_of(step, inputs, entry):
    """Choose the references of one exposure or product; returns the arguments of `process` that hold them."""
    exposure = members.deciding(inputs[0])
    chosen = run_references.choose(step, exposure, entry)
    if isinstance(inputs[0], ModelContainer):
        for member in members.models(inputs[0]):
            run_references.note(step, member, chosen)
    if not (step.reference_types and step.takes_references):
        return {}
    choose = partial(run_references.choose_for_part, step, entry)
    reading = step.context.reading
    return {"references": References(chosen, exposure, choose, None if reading is None else reading.take)}


def processed(step, inputs, references, process=None):
    """Have a step do its work on one exposure or product, with `references_of` it.

    ``process`` may take the place of its own.
    """
    from hexcal.models.superstripes import SuperstripeRampModel

    process = process or step.process
    if isinstance(inputs[0], SuperstripeRampModel) and step.superstripes != "whole":
        return _place_by_place(step, inputs[0], process, *references.values())
    if step.roles:
        result = process(**dict(zip((role.name for role in step.roles), inputs, strict=True)), **references)
    else:
        result = process(*inputs, *references.values())
    run_references.name_asked(step, result)
    return result


def _place_by_place(step, ramp, process, *references):
    """Have a step work on a ramp of superstripes as on a ramp of each place; what it counts is added up."""
    if step.superstripes is None:
        raise InputError(
            f"{step.name} works on ramps whose superstripes refpix has put together",
            where=str(ramp.path or "model in memory"),
            hint="run refpix before, and do not skip it",
        )
    step.begin_blocks()
    try:
        for place in range(ramp.n_places):
            ramp.take_place(place, process(ramp.at_place(place), *references))
        step.tell_counts()
    finally:
        step.end_blocks()
    return ramp


def _marked(step, result, status):
    for model in members.models(result):
        step.set_status(model, status)
    return result


# ---- saving


def _save_all(step, result):
    if not step.product_is_model:
        return
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
        record = context.record.as_dict()
        saved_records.note(record)
        model.set_meta("provenance", record)
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
