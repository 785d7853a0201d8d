"""What the class of a step declares: parameters, reference types, names.

In Hexcal's own form or in that of the original.
"""

import sys
from pathlib import Path
from typing import Any

from hexcal.core.configspec import parameters_from_spec, spec_text
from hexcal.core.parameter_values import ParameterValues
from hexcal.core.parameters import with_overrides
from hexcal.errors import ParameterError


class SpecText:
    """The parameters of a class as a configspec text, made when it is asked for."""

    def __get__(self, instance, owner):
        return spec_text(owner.Parameters)


def _spec_beside(cls):
    """Text of the file ``<module>.spec`` beside the module of a step; None if there is none.

    It may take the place of the attribute `spec` of the step.
    """
    module = sys.modules.get(cls.__module__)
    path = getattr(module, "__file__", None)
    if path is None or cls.__module__.partition(".")[0] == "hexcal":
        return None
    beside = Path(path).with_suffix(".spec")
    return beside.read_text(encoding="utf-8") if beside.is_file() else None


def _declared_types(cls) -> Any:
    """The `reference_file_types` of a class.

    A property is asked on an instance with default parameters, since ``override_...`` belong to the class.
    """
    declared: Any = cls.__dict__["reference_file_types"]
    if not isinstance(declared, property):
        return declared
    instance = cls.__new__(cls)
    for name, value in (("name", cls.alias), ("parent", None), ("context", None)):
        object.__setattr__(instance, name, value)
    object.__setattr__(instance, "_values", ParameterValues(cls.Parameters))
    try:
        return declared.__get__(instance, cls)
    except AttributeError as error:
        raise ParameterError(
            "reference_file_types asks for something that the step has only while it runs: "
            f"{error.message if isinstance(error, ParameterError) else error}",
            where=cls.__name__,
            hint="return all types that the step may need; get_reference_file asks for those that it does need",
        ) from error


def _require_free_names(cls):
    """Refuse parameters that nobody could read, since every step has an attribute of that name."""
    step = next(base for base in reversed(cls.__mro__) if base.__name__ == "Step")
    for name in cls.Parameters.model_fields:
        if hasattr(step, name):
            raise ParameterError(
                f"a parameter cannot be called '{name}': every step has an attribute of that name",
                where=cls.__name__,
                hint="choose another name",
            )


def complete(cls):
    """Derive the attributes of a class of steps that follow from what it declares.

    Called for each subclass of `Step`.
    """
    own = cls.__dict__
    text = own["spec"] if "spec" in own else _spec_beside(cls)
    if text is not None:
        declared = parameters_from_spec(text, f"{cls.__name__}Spec", cls.Parameters)
        setattr(cls, "Parameters", declared)  # noqa: B010 - a class made at run time
    _require_free_names(cls)
    cls.alias = own.get("alias") or own.get("class_alias") or (cls.__name__.lower() if cls.alias is None else cls.alias)
    cls.class_alias = cls.alias
    if "reference_file_types" in own:
        cls.reference_types, cls.takes_references = tuple(_declared_types(cls)), False
    elif "reference_types" in own:
        cls.reference_file_types = list(own["reference_types"])
    cls.status = cls.__dict__.get("status", cls.alias)
    cls.parameters_class = with_overrides(cls.Parameters, f"{cls.__name__}Parameters", cls.reference_types)
