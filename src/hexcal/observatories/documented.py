"""The names that the documents of an observatory's pipelines know, whether this version of Hexcal has them or not.

They stand in ``documented.tsv`` of the observatory's folder:

    kind, name, owner, class, type, default, references, releases. `kind` is pipeline, step, part (a step in a pipeline,
    by its name there), parameter or model; `owner` is the pipeline or step of a part or parameter; `references` holds
    types separated by ``|``, `releases` those of the original that have the name.

Whether a name is in this version is not written down: it is what the classes say. So a name that is not known is either
misspelled, or documented and not built yet, and the user is told which.
"""

import os
from functools import cache
from typing import NamedTuple

from hexcal import observatories
from hexcal.errors import HexcalError, InputError, ParameterError, unknown_name
from hexcal.observatories.tables import read_table

COLUMNS = ("kind", "name", "owner", "class", "type", "default", "references", "releases")
_HINT = "`hexcal steps --not-built` lists what this version does not have"


class Documented(NamedTuple):
    """One documented name."""

    kind: str
    name: str
    owner: str
    class_name: str
    type: str
    default: str
    references: tuple[str, ...]
    releases: tuple[str, ...]


@cache
def names() -> tuple[Documented, ...]:
    """Return all documented names, of all observatories."""
    folders = dict.fromkeys(observatory.folder for observatory in observatories.everywhere())
    files = [os.path.join(folder, "documented.tsv") for folder in folders]
    rows = [row for file in files if os.path.exists(file) for row in read_table(file, COLUMNS)]
    return tuple(
        Documented(
            *row, references=tuple(references.split("|")) if references else (), releases=tuple(releases.split("|"))
        )
        for *row, references, releases in rows
    )


def target(name: str) -> Documented | None:
    """Return the documented pipeline or step of this alias or class, or None."""
    return next(
        (row for row in names() if row.kind in ("pipeline", "step") and name in (row.name, row.class_name)), None
    )


def parts(pipeline: str) -> dict[str, str]:
    """Return the documented steps of a pipeline: name there -> class."""
    return {row.name: row.class_name for row in names() if row.kind == "part" and row.owner == pipeline}


def parameters(owner: str) -> dict[str, Documented]:
    """Return the documented parameters of a pipeline or step by name, without those that every step has."""
    return {row.name: row for row in names() if row.kind == "parameter" and row.owner == owner}


def models() -> tuple[str, ...]:
    """Return the names of the documented models."""
    return tuple(row.name for row in names() if row.kind == "model")


def not_in_this_version(kind: str, name: str, releases=(), where=None, error: type[HexcalError] = ParameterError):
    """Return (not raise) the exception for a documented name that this version does not have."""
    since = f" (release {releases[0]} of the original)" if len(releases) == 1 else ""
    return error(
        f"the {kind} '{name}' is documented{since}, but is not in this version of Hexcal", where=where, hint=_HINT
    )


def unknown_target(name: str, known):
    """Return (not raise) the exception for a name that is neither an alias nor a class of this version."""
    last = name.rpartition(".")[2]
    row = target(last) or target(name)
    if last == "SystemCall":
        return ParameterError(
            f"there is no step '{name}': commands are run as hooks of a step",
            hint="--post_hooks='COMMAND {0}' with any step; {0} stands for the name of its product",
        )
    if row is not None:
        return not_in_this_version(row.kind, name, row.releases)
    return unknown_name("step or pipeline", name, known)


def unknown_parameter(name: str, known, owner: str, where=None, kind="parameter"):
    """Return (not raise) the exception for a parameter that a pipeline or step of this version does not have.

    Parameters
    ----------
    name : str
        What was given.
    known : iterable of str
        What would be right.
    owner : str
        Alias of the pipeline or step.
    where : str, optional
        Whose parameter it is, for the message.
    kind : str
        What it is called: "parameter", "attribute" or "option".
    """
    row = parameters(owner).get(name)
    if row is not None:
        return not_in_this_version("parameter", f"{owner}.{name}", row.releases, where)
    return unknown_name(kind, name, known, where=where)


def unknown_step(name: str, known, pipeline: str, where=None):
    """Return (not raise) the exception for a step that a pipeline of this version does not have."""
    if name in parts(pipeline):
        return not_in_this_version("step", f"{pipeline}.{name}", where=where)
    return unknown_name("step", name, known, where=where)


def unknown_model(name: str, known):
    """Return (not raise) the exception for a model class that this version does not have."""
    if name in models():
        return not_in_this_version("model", name, error=InputError)
    return unknown_name("model", name, known, error=InputError)


def unknown_public_name(name: str, known, module: str):
    """Return (not raise) the exception for a name that a public module does not have."""
    row = target(name)
    if row is not None and name == row.class_name:
        return not_in_this_version(row.kind, name, row.releases, where=module)
    if name in models():
        return not_in_this_version("model", name, where=module)
    return unknown_name("name", name, known, where=module)
