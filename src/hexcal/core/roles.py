"""The roles of the inputs of a step: science and PSF, science and background.

Received by name, and read from associations.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hexcal.core.inputs import OtherKind
from hexcal.errors import InputError, ParameterError, unknown_name
from hexcal.models import association_file, formats
from hexcal.models.container import ModelContainer
from hexcal.models.datamodel import DataModel


@dataclass(frozen=True)
class Role:
    """One input of a step or pipeline.

    Attributes
    ----------
    name : str
        Name of the argument of `process`, and type of the members of an association that have this role.
    model : str or tuple of str, optional
        Name of the model class that each input of the role is taken as; None: as it is.
    many : bool
        Whether `process` gets all inputs of the role, as a `ModelContainer` (an empty one if there is none); otherwise
        it gets one model, or None.
    required : bool
        Whether there must be one.
    other_names : tuple of str
        Other types of members, or keys of a dict of inputs, that have this role ("sci" for "science").
    hint : str
        What to give, for the message where an input is of another kind.
    """

    name: str
    model: str | tuple | None = None
    many: bool = False
    required: bool = True
    other_names: tuple = ()
    hint: str = ""

    @property
    def names(self):
        """All its names, in small letters (tuple of str)."""
        return tuple(name.lower() for name in (self.name, *self.other_names))


def products(step, inputs: tuple, named: dict) -> list[tuple[str | None, dict[str, Any]]]:
    """Sort the inputs of a run into the roles of its step, once for each product of an association.

    Parameters
    ----------
    step : Step
        It declares `roles`.
    inputs : tuple
        Inputs by position: in the order of the roles, or one association.
    named : dict
        Inputs by the name of their role.

    Returns
    -------
    list of (str or None, dict)
        Name of the product (None without an association), and role -> input, not yet opened: a path or model, a list of
        these, or None.

    Raises
    ------
    InputError
        If a required role has no input, or a role for one input has several.
    """
    association = _association(inputs) if not named else None
    if association is None and len(inputs) == 1 and isinstance(inputs[0], Mapping):
        # {"science": [...], "background": [...]}
        inputs, named = (), {_role_called(step, name): items for name, items in inputs[0].items()}
    if association is None:
        by_role = by_position(step, inputs, named)
        return [(None, checked_roles(step, given, None)) for given in _one_by_one(step, by_role)]
    results = []
    for name, container in association.by_product():
        by_role = checked_roles(step, _by_type(step, container), association)
        results.append((name or _name_of_first(by_role[step.roles[0].name]), by_role))
    return results


def _name_of_first(inputs):
    """Name of a product that the association gives none: that of its first exposure of the first role (science)."""
    is_known = isinstance(inputs, ModelContainer) and len(inputs)
    return formats.split(inputs.name_of(0))[0] if is_known else None


def gives_list(step, inputs: tuple) -> bool:
    """Whether a run gives a list, one result per exposure.

    For a list or a dict of lists of exposures that the step works on one by one.
    """
    first = step.roles[0]
    if len(inputs) != 1 or first.many or association_file.is_association(inputs[0]):
        return False
    by_name = inputs[0] if isinstance(inputs[0], Mapping) else {first.name: inputs[0]}
    return any(isinstance(value, list | tuple) for name, value in by_name.items() if str(name).lower() in first.names)


def _role_called(step, name):
    """Name of the role that a key of a dict of inputs stands for, in any case; an unknown one stays, to be refused."""
    name = str(name).lower()
    return next((role.name for role in step.roles if name in role.names), name)


def _one_by_one(step, by_role):
    """Yield the inputs by role, once for each exposure if the first role takes one and several are given.

    The others are the same for each.
    """
    first = step.roles[0]
    value = by_role[first.name]
    if first.many or not isinstance(value, list | tuple) or not value:
        yield by_role
        return
    for item in value:
        yield {**by_role, first.name: item}


def by_position(step, inputs: tuple, named: dict) -> dict[str, Any]:
    """Return role -> input for inputs given by position and by name."""
    names = [role.name for role in step.roles]
    for name in named:
        if name not in names:
            raise unknown_name("input", name, names, where=step.where)
    if len(inputs) > len(names):
        raise InputError(
            f"{step.where} takes {len(names)} inputs ({', '.join(names)}), {len(inputs)} are given",
            hint="several inputs of one role are given as a list or an association",
        )
    given = dict(zip(names, inputs, strict=False))
    twice = [name for name in given if name in named]
    if twice:
        raise ParameterError(f"the input {twice[0]} is given twice", where=step.where)
    return {**dict.fromkeys(names), **given, **named}


def checked_roles(step, given: dict[str, Any], association: ModelContainer | None) -> dict[str, Any]:
    """Return the inputs by role, after a check that what is required is there, and once where one is wanted."""
    for role in step.roles:
        value = given.get(role.name)
        count = len(value) if isinstance(value, list | tuple | ModelContainer) else int(value is not None)
        if count == 0 and role.required:
            present = [name for name, item in given.items() if item is not None and name != role.name]
            raise InputError(
                f"{step.where} needs an input of the role '{role.name}'; found: {', '.join(present) or 'none'}",
                where=str(association.path) if association is not None and association.path else None,
                hint=f"a member with exptype '{role.name}', or {role.name}=FILE in Python",
            )
        if count > 1 and not role.many:
            raise InputError(
                f"{step.where} works on one input of the role '{role.name}', {count} are given",
                where=str(association.path) if association is not None and association.path else None,
                hint="give each of them a product of its own",
            )
    return given


def _association(inputs):
    """The one input if it is an association (its file, a mapping, or an open container of one), as a container.

    Otherwise None.
    """
    if len(inputs) != 1:
        return None
    item = inputs[0]
    if isinstance(item, Mapping):
        return ModelContainer(item) if association_file.is_association(item) else None
    if isinstance(item, str | Path) and is_association_file(item):
        return ModelContainer(item)
    return item if isinstance(item, ModelContainer) and item.asn_table else None


def is_association_file(path) -> bool:
    """Whether a path names an association rather than data."""
    if Path(path).suffix not in association_file.SUFFIXES:
        return False
    return association_file.is_association(association_file.read_text(path))


def _by_type(step, container):
    """Role -> members of that type, as a container that shares them; files that are no models (catalogues) as paths.

    None where there is none.
    """
    given: dict[str, Any] = {}
    for role in step.roles:
        given[role.name] = container.of_type(*role.names) or container.other_files(role.name) or None
    known = {name for role in step.roles for name in role.names}
    unused = sorted({kind for kind in container.all_exptypes if kind not in known})
    if unused:
        counts = ", ".join(f"{container.all_exptypes.count(kind)} {kind}" for kind in unused)
        step.log.info("Members of the association that %s does not use: %s", step.where, counts)
    for kind in unused:
        for meant in difflib.get_close_matches(kind, known, n=1, cutoff=0.8):
            step.log.warning("Members of the type '%s' are not used: is '%s' meant?", kind, meant)
    return given


def listed(given: dict[str, Any]) -> list:
    """Return the inputs of all roles, one after the other, as paths and models."""
    items = []
    for value in given.values():
        if isinstance(value, list | tuple):
            items += list(value)
        elif value is not None:
            items.append(value)
    return items


def opened(step, given: dict[str, Any], owned) -> tuple:
    """Open the inputs of each role as the step takes them.

    Parameters
    ----------
    step : Step
        It declares `roles`.
    given : dict
        As of `products`.
    owned : callable
        ``owned(item, names)`` opens one path or model as one of the named classes, and makes sure that the run may
        change it.

    Returns
    -------
    tuple
        One model, `ModelContainer` or None for each role, in their order.
    """
    return tuple(_opened(step, role, given[role.name], owned) for role in step.roles)


def _opened(step, role, value, owned):
    if isinstance(value, ModelContainer):
        container = value.copy()
    elif isinstance(value, list | tuple) and all(isinstance(item, Path) for item in value) and role.model is None:
        # Catalogues and other files that are no models: the step opens them itself.
        return value if role.many else str(value[0])
    elif role.many or isinstance(value, list | tuple):
        items = value if isinstance(value, list | tuple) else [] if value is None else [value]
        container = ModelContainer([item.copy() if isinstance(item, DataModel) else item for item in items])
    else:
        return None if value is None else _owned_as(step, role, value, owned)
    container.on_open = lambda model: _owned_as(step, role, model, owned)
    return container if role.many else container.borrow(0)


def _owned_as(step, role, item, owned):
    """Open an input of a role; an error says of which, beside the first."""
    try:
        return owned(item, role.model)
    except InputError as error:
        if role is step.roles[0]:
            raise
        hint = role.hint if role.hint and isinstance(error, OtherKind) else error.hint
        raise InputError(f"as {role.name}, {error.message}", error.where, hint) from error
