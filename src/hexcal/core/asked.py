"""Reference files that a step asks for while it runs: recorded like those that it declares."""

from hexcal.core import members


def reference(step, model, reference_type):
    """Return the reference of a type for a model (a path, "N/A", or an open model that was given), and note it in the record of the run.

    Parameters
    ----------
    step : Step
        Which asks.
    model : DataModel
        For which exposure.
    reference_type : str
        Such as "dark".
    """
    from hexcal.core import run

    source = run.reference_path(step, model, reference_type)
    if step.context is not None:
        step.context.record.asked(step.qualified_name, reference_type, run.exposure_name(model), source)
    return source


def name_in(step, result):
    """Write the references that a step has asked for into the headers of its results, as R_ keywords.

    Parameters
    ----------
    step : Step
        Which has run.
    result : DataModel or sequence of DataModel
        Its results.
    """
    from hexcal.core import run

    items = step.context.record.entry_of(step.qualified_name)["references_asked"]
    for model in members.models(result) if items else ():
        for item in items:
            # Of several exposures each has its own; a result of all has what was asked first.
            is_own = item["exposure"] == run.exposure_name(model)
            if is_own or model.get_meta(f"meta.ref_file.{item['type']}.name") is None:
                model.set_meta(f"meta.ref_file.{item['type']}.name", run.recorded_name(step, item["path"] or "N/A"))
        run.name_context(step, model)
