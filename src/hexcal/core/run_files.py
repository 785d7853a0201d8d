"""Which files a run reads and writes.

Its inputs with all members, the files that its parameters name, the products that it will make.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from hexcal.core import destinations, inputs, names
from hexcal.core.parameters import INFRASTRUCTURE
from hexcal.files import gate


@dataclass(frozen=True)
class Source:
    """What an input is read from.

    Attributes
    ----------
    path : str or None
        Its file; None for a model in memory.
    members : tuple of (pathlib.Path, str)
        Files of the association that it is, of all levels, with their roles.
    """

    path: str | None
    members: tuple = ()


def source_of(item):
    """Return the `Source` of an input (a path or a model)."""
    from hexcal.models.container import ModelContainer

    path = inputs.path_of(item)
    if isinstance(item, ModelContainer):
        return Source(path, tuple(item.files()))
    return Source(path, tuple(_members(Path(item))) if isinstance(item, str | Path) else ())


def _members(path):
    from hexcal.models import association_file

    if path.suffix not in association_file.SUFFIXES or not os.path.isfile(path):
        return []
    content = association_file.read_text(path)
    if not association_file.is_association(content):
        return []
    association_file.check(content, str(path))
    return list(association_file.member_files(content, path.parent))


def note_inputs(items):
    """Protect the files of inputs from being overwritten in the present run; returns the `Source` of each.

    An association whose members have several roles is one.
    """
    sources = []
    for source in map(source_of, items):
        if not source.members or source not in sources:
            sources.append(source)
    for source in sources:
        if source.path is not None:
            gate.reading(source.path, "input")
        for path, role in source.members:
            gate.reading(path, role)
    return sources


def note_parameters(step):
    """Protect the files that parameters of a step and of its steps name, and plan those that they say are written.

    Raises
    ------
    InputError
        If a file that is to be written is one that is read.
    """
    steps = list(_tree(step))
    for reference in step.parameter_references:
        gate.reading(reference.path, f"parameter reference {reference.kind}")
    for each in steps:
        for name in each.parameters_class.model_fields:
            if name not in INFRASTRUCTURE and not _writes(each, name):
                for path in _paths(getattr(each.parameters, name)):
                    gate.reading(path, f"parameter {name} of {each.where}")
    for each in steps:
        for name in each.parameters_class.model_fields:
            if _writes(each, name) and getattr(each.parameters, name) and not each.parameters.skip:
                folder = Path(each.inherited("output_dir") or "")
                path = folder / getattr(each.parameters, name)
                destinations.require_possible(
                    path, f"the file of {name}", f"give another {name}", folder_is_made=path.parent == folder
                )
                gate.plan(path)


def plan_products(step):
    """Fail before the work, and not after it, where a product of a step or of one of its steps cannot be written.

    Raises
    ------
    ResourceError
        If no file can be written there.
    InputError
        If it is a file that is read.
    """
    planned = set()
    for each in _tree(step):
        if each is not step and each.parameters.skip:
            continue
        for path in _products(each):
            # Of several products of one name the later ones get numbers.
            if path not in planned:
                planned.add(path)
                what = "the product" if each is step else f"the product of {each.where}"
                hint = "give another output_dir, output_file or suffix"
                destinations.require_possible(path, what, hint)
                gate.plan(path)


def _products(step):
    """Paths of what a step will write: its result, if it saves it, and what it writes besides."""
    if step.is_saved_for and step.product_is_model:
        yield names.output_path(step)
    for details in step.extra_products():
        yield names.output_path(step, **details)


def _tree(step):
    yield step
    for inner in step.steps.values():
        yield from _tree(inner)


def _writes(step, name):
    return bool((step.parameters_class.model_fields[name].json_schema_extra or {}).get("writes"))


def _paths(value):
    """Texts that may be paths: whether there is such a file is seen by the gate."""
    if isinstance(value, list | tuple):
        return [path for item in value for path in _paths(item)]
    path = getattr(value, "path", None) or value
    return [path] if isinstance(path, str | Path) and os.path.isfile(path) else []
