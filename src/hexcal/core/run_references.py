"""The reference files of a run.

Chosen for each step and exposure, looked up before the first step runs, recorded, and named in the headers.
"""

import os
from pathlib import Path

from hexcal.core import members
from hexcal.core.provenance import version
from hexcal.core.reading_ahead import ReadingAhead, wanted_by
from hexcal.core.skip import MissingReference
from hexcal.errors import ReferenceError_, unknown_name
from hexcal.files import ahead, gate
from hexcal.references import chooser
from hexcal.references.conditioning import NOT_APPLICABLE
from hexcal.references.folder import ReferenceFolder


def reference_path(step, model, reference_type, name=None):
    """Return the reference file of a type for a model: an override, else from the run's folder of references.

    From now on it is protected.

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
        if isinstance(given, str | Path) and str(given).upper() != NOT_APPLICABLE and not os.path.isfile(given):
            raise ReferenceError_(
                f"the {reference_type} reference given by {override} does not exist",
                where=str(given),
                hint="check the path",
            )
        return NOT_APPLICABLE if isinstance(given, str) and given.upper() == NOT_APPLICABLE else given
    folder = step.inherited("references") or os.environ.get("HEXCAL_REFERENCES")
    if not folder and chooser.is_configured():
        chosen_by = _chooser_for(step, model)
        if reference_type in step.may_lack_rules and not chosen_by.has_rules_for(reference_type):
            return NOT_APPLICABLE
        return chosen_by.find(reference_type)
    if not folder:
        raise ReferenceError_(
            f"{step.where} needs a {reference_type} reference, and no source of reference files is set",
            where=" ".join(
                str(value)
                for path in ("meta.instrument.name", "meta.instrument.detector", "meta.exposure.type")
                if (value := model.get_meta(path)) is not None
            ),
            hint=(
                f"--references=FOLDER, a CRDS cache in CRDS_PATH, --{_option(step)}{override}=FILE, "
                f"or --{_option(step)}skip=true"
            ),
        )
    folders = step.context.folders if step.context else {}
    if folder not in folders:
        folders[folder] = ReferenceFolder(folder)
    return folders[folder].find(reference_type, model)


def recorded_name(step, source):
    """Return the name of a reference as the R_ keywords give it.

    The name of the file, with ``crds://`` before it for one that CRDS has chosen.

    Where the file lies stands in the record of the run, which has no limit of length as header cards have.
    """
    if source == NOT_APPLICABLE:
        return NOT_APPLICABLE
    path = source if isinstance(source, str | Path) else source.path or source.get_meta("meta.filename")
    if path is None:
        return "model in memory"
    if str(path) in step.context.record.former.names:
        return step.context.record.former.names[str(path)]
    roots = [chooser.context.cache.root for chooser in step.context.choosers.values()]
    is_cached = any(Path(path).is_relative_to(root) for root in roots)
    return f"crds://{Path(path).name}" if is_cached else Path(path).name


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


def look_up_all(pipeline, model):
    """Look up the references of all steps before the first of them runs.

    What is missing is known at once, not after minutes; and the files are read by the system while the first steps
    work.
    """
    missing, errors, sources = [], {}, {}
    steps = [step for step in pipeline.steps_for(model) if not step.parameters.skip]
    for step in steps:
        step.require(model)
    fetch(pipeline, model, steps)
    for step in steps:
        for reference_type in step.references_needed(model):
            try:
                source = reference_path(step, model, reference_type)
                if isinstance(source, str | Path) and source == NOT_APPLICABLE:
                    missing += [] if step.skippable else [f"{reference_type} (step {step.name})"]
                else:
                    sources[step.name, reference_type] = getattr(source, "path", source)
            except ReferenceError_ as error:
                errors.setdefault(reference_type, error)
    if errors:
        _raise_together(errors)
    if missing:
        raise ReferenceError_(
            f"the result cannot be computed without reference files that are missing: {', '.join(missing)}",
            where=pipeline.inherited("references") or os.environ.get("HEXCAL_REFERENCES"),
            hint="--references DIR names a folder that has them; "
            "`hexcal simulate references --like FILE` makes a neutral set",
        )
    for path in dict.fromkeys(source for source in sources.values() if source is not None):
        ahead.read_ahead(path)
    read_ahead(pipeline, model, steps, sources)


def read_ahead(pipeline, model, steps, sources):
    """Begin to read what the steps will need of their references; not for a second exposure of the same run.

    Parameters
    ----------
    sources : dict
        (name of a step, reference type) -> its file.
    """
    context, is_first = pipeline.context, pipeline.context.reading is None
    if not is_first:
        context.reading.close()
    context.reading = ReadingAhead(wanted_by(steps, model, sources) if is_first else ())


def _raise_together(errors):
    """Raise the first of several errors, with the names of what is missing besides (dict of str to ReferenceError_)."""
    (_, first), *others = errors.items()
    if not others:
        raise first
    names = ", ".join(name for name, _ in others)
    raise type(first)(f"{first.message}; also missing: {names}", first.where, first.hint) from first


def fetch(pipeline, model, steps):
    """Have the files of all steps in the cache together, if they come from one.

    Listed in the log, fetched side by side.
    """
    if os.environ.get("HEXCAL_REFERENCES") or not chooser.is_configured():
        return
    needed = [
        (step, kind)
        for step in steps
        if not step.inherited("references")
        for kind in step.references_needed(model)
        if getattr(step.parameters, f"override_{kind.replace('-', '_')}", None) is None
    ]
    if needed:
        chosen_by = _chooser_for(pipeline, model)
        types = [kind for step, kind in needed if kind not in step.may_lack_rules or chosen_by.has_rules_for(kind)]
        chosen_by.fetch(list(dict.fromkeys(types)))


def choose(step, model, entry):
    """Choose the references that a step declares for one exposure.

    They are noted in the record of the run and in the header.

    Parameters
    ----------
    step : Step
        The step.
    model : DataModel or PartOfExposure
        The exposure, whose metadata choose.
    entry : dict
        Of the step, or of one exposure or part, in the record.

    Returns
    -------
    dict
        Reference type -> path, or an open model that was given.

    Raises
    ------
    MissingReference, ReferenceError_
        If there is none of a type: the former if the exposure can go on without the step.
    """
    chosen = {}
    for reference_type in step.references_needed(model):
        if reference_type not in step.reference_types:
            raise unknown_name("reference type", reference_type, step.reference_types, where=step.where)
        source = reference_path(step, model, reference_type, entry.get("name"))
        chosen[reference_type] = source
        step.context.record.reference(entry, reference_type, source if source != NOT_APPLICABLE else None)
        step.log.info("Reference %s: %s", reference_type, getattr(source, "path", None) or source)
    note(step, model, chosen)
    without = [kind for kind, source in chosen.items() if isinstance(source, str) and source == NOT_APPLICABLE]
    absent = [kind for kind in without if not step.is_optional(kind)]
    if absent and step.takes_references:
        message = f"no {' and no '.join(absent)} reference"
        if step.skippable:
            raise MissingReference(message, step.is_often_left_out)
        raise ReferenceError_(f"{step.where} cannot run: {message}", hint=f"give override_{absent[0]}")
    return chosen


def choose_for_part(step, entry, model, name):
    """Choose the references for one member or part of what a step works on (see `References.for_member`)."""
    return choose(step, model, step.context.record.part(entry, name))


def note(step, model, chosen):
    """Write into the metadata of a model which references a step uses for it, and which context chose them."""
    for reference_type, source in chosen.items():
        model.set_meta(f"meta.ref_file.{reference_type}.name", recorded_name(step, source))
    name_context(step, model)


def name_context(step, model):
    """Write into the header of a model which context of CRDS has chosen its references."""
    contexts = [chooser.context.name for chooser in step.context.choosers.values()]
    # Parameters may have been chosen by the rules although all reference files were given by hand.
    for name in contexts or step.context.record.contexts:
        model.set_meta("meta.ref_file.crds.context_used", name)
        model.set_meta("meta.ref_file.crds.sw_version", f"Hexcal {version()}")


def ask(step, model, reference_type):
    """Return the reference of a type for a model: a path, "N/A", or an open model that was given.

    It is noted in the record of the run.

    Parameters
    ----------
    step : Step
        Which asks.
    model : DataModel
        For which exposure.
    reference_type : str
        Such as "dark".
    """
    source = reference_path(step, model, reference_type)
    if step.context is not None:
        step.context.record.asked(step.qualified_name, reference_type, exposure_name(model), source)
    return source


def name_asked(step, result):
    """Write the references that a step has asked for into the headers of its results, as R_ keywords.

    Parameters
    ----------
    step : Step
        Which has run.
    result : DataModel or sequence of DataModel
        Its results.
    """
    items = step.context.record.entry_of(step.qualified_name)["references_asked"]
    for model in members.models(result) if items else ():
        for item in items:
            # Of several exposures each has its own; a result of all has what was asked first.
            is_own = item["exposure"] == exposure_name(model)
            if is_own or model.get_meta(f"meta.ref_file.{item['type']}.name") is None:
                model.set_meta(
                    f"meta.ref_file.{item['type']}.name", recorded_name(step, item["path"] or NOT_APPLICABLE)
                )
        name_context(step, model)


def opened(step, model, reference_type):
    """Return the reference of a type for a model as an open model (see `ask`).

    Raises
    ------
    ReferenceError_
        If the type does not apply to the exposure ("N/A").
    """
    from hexcal.models.datamodel import DataModel
    from hexcal.models.open import open as open_model

    reference = ask(step, model, reference_type)
    if isinstance(reference, DataModel):
        return reference
    if reference == NOT_APPLICABLE:
        raise ReferenceError_(
            f"no {reference_type} reference applies to the exposure (N/A)",
            where=step.where,
            hint=f"ask get_reference_file first, or give override_{reference_type}",
        )
    return open_model(reference)
