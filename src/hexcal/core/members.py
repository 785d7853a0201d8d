"""Several exposures as the input of a step.

Which of them decides, which are worked on one by one, what is noted on each.
"""

from collections.abc import Callable, Iterator
from typing import Any

from hexcal.core.skip import SkipStep
from hexcal.errors import InputError
from hexcal.models.container import ModelContainer
from hexcal.models.datamodel import DataModel


def deciding(model: Any) -> Any:
    """Return the exposure whose metadata choose the references of a product.

    Of a container the first science member, else the first.
    """
    if not isinstance(model, ModelContainer):
        return model
    model.check()
    kinds = model.exptypes
    return peek(model, kinds.index("science") if "science" in kinds else 0)


def peek(container: ModelContainer, index: int) -> DataModel:
    """Return a member to be looked at only."""
    with container.borrowed(index, changed=False) as member:
        return member


def exposures(model: Any) -> Iterator[Any]:
    """Yield the exposures of an input that need references.

    The science members of a container (all, if it names none), or the model itself.
    """
    if not isinstance(model, ModelContainer):
        yield model
        return
    kinds = model.exptypes
    for index, kind in enumerate(kinds):
        if kind == "science" or "science" not in kinds:
            yield peek(model, index)


def models(result: Any) -> Iterator[DataModel]:
    """Yield the models of a result, members of containers among them, to have something noted in their metadata."""
    for item in result if isinstance(result, list | tuple) else [result]:
        if isinstance(item, ModelContainer):
            yield from item.each(changed=())
        elif isinstance(item, DataModel):
            yield item


def are_mapped(step, model: Any) -> bool:
    """Whether a step for single exposures is given several, so that it works on one after the other."""
    return isinstance(model, ModelContainer) and bool(step.input_model) and not step.roles and not takes_container(step)


def takes_container(step) -> bool:
    """Whether a step works on all exposures of a container together."""
    names = (step.input_model,) if isinstance(step.input_model, str) else step.input_model or ()
    return any(name.endswith("Container") for name in names)


def process_each(step, container: ModelContainer, entry: dict, process: Callable) -> tuple[ModelContainer, str]:
    """Run a step for single exposures on each member of a container.

    Parameters
    ----------
    step : Step
        The step.
    container : ModelContainer
        Its members are replaced by their results, with a status each.
    entry : dict
        The entry of the step in the record of the run; gets one of each member.
    process : callable
        ``process(step, inputs, entry)`` runs the step on one exposure.

    Returns
    -------
    ModelContainer, str
        The container, and "COMPLETE" if the step was complete for one of the members, else "SKIPPED".
    """
    statuses = []
    for index in range(len(container)):
        member = container.borrow(index)
        part = step.context.record.part(entry, container.name_of(index))
        try:
            result = process(step, (member,), part)
            part["status"] = "COMPLETE"
        except SkipStep as reason:
            step.log.log(reason.level, "Step %s skipped for %s: %s", step.name, part["name"], reason)
            result, part["status"] = member, "SKIPPED"
        if not isinstance(result, DataModel):
            raise InputError(
                f"{step.where} gives several products of an exposure and is run on one exposure at a time",
                where=str(container.path or "association in memory"),
                hint="run it on each member",
            )
        step.set_status(result, part["status"])
        container.give_back(index, model=result)
        statuses.append(part["status"])
    return container, "COMPLETE" if "COMPLETE" in statuses else "SKIPPED"
