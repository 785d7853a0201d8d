"""Typed, documented, bounded parameters of a step; frozen for a run."""

# Every public signature is typed; what lies behind it need not be.
# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import copy
import os
import re
import reprlib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic.fields import FieldInfo

from hexcal.core.lists import split_list
from hexcal.errors import ParameterError, unknown_name

NOT_IN_REFERENCES = (
    "input_dir output_dir output_ext output_file output_use_index output_use_model pre_hooks post_hooks references "
    "save_results search_output_file"
).split()
"""Parameters that say where the files of one user are, or run code: no parameter reference of an observatory has them,
nor a file given as override.
"""

INFRASTRUCTURE = (
    "output_file output_dir output_ext output_use_model output_use_index save_results search_output_file suffix "
    "input_dir skip pre_hooks post_hooks references"
).split()
"""Parameters of every step; they say where things go, not what is done to the data, and do not belong into a parameter
reference file.
"""


_WORD = re.compile(r"[\w.+-]+")
ModelT = TypeVar("ModelT", bound=BaseModel)


class FromFile(str):
    """A text in a parameter file, which may be a path relative to the folder of that file.

    Parameters
    ----------
    text : str
        The text.
    folder : pathlib.Path
        Of the parameter file.
    """

    folder: Path

    def __new__(cls, text: str, folder: Path) -> "FromFile":
        """Make the text with its folder."""
        instance = super().__new__(cls, text)
        instance.folder = folder
        return instance

    def value(self, is_path: bool) -> str:
        """Return the plain text; of a path, from where it is meant."""
        return str(self.folder / self) if is_path and self else str(self)


def parameter(default: Any, help: str, unit: str | None = None, writes: bool = False, **bounds: Any) -> Any:
    """Declare a parameter.

    Parameters
    ----------
    default : object
        Its default value.
    help : str
        One sentence for the user.
    unit : str, optional
        Unit of the value, as shown in the help.
    writes : bool
        Whether it names a file that the step writes (in output_dir unless absolute). Files that other parameters name
        are protected from being overwritten.
    **bounds
        ``ge``, ``gt``, ``le``, ``lt``, ``min_length``, ``max_length``; ``allow_inf_nan=False`` for finite numbers only.
    """
    extra: Any = {name: value for name, value in (("unit", unit), ("writes", writes)) if value}
    return Field(default, description=help, json_schema_extra=extra or None, **bounds)


class CheckedValues(BaseModel):
    """Values by name, understood as the command line, parameter files and Python give them."""

    # The checks of a class are made when a value is first given: a pipeline has twenty steps, and most of them have
    # their defaults.
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=False, arbitrary_types_allowed=True, defer_build=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _from_text(cls, value: Any, info: ValidationInfo) -> Any:
        """Words of the command line and of .cfg files.

        'None' where None is allowed, commas between the items of a list.
        """
        field = cls.model_fields[str(info.field_name)]
        annotation = field.annotation
        if isinstance(value, FromFile):
            details: Any = field.json_schema_extra or {}
            value = value.value(is_path=details.get("path", False))
        choices = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
        if isinstance(value, str) and value.strip().lower() in ("none", "") and type(None) in choices:
            return None
        if isinstance(value, str) and {bool, str} <= set(choices) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        if any(choice is list or typing.get_origin(choice) is list for choice in choices):
            if isinstance(value, str):
                return split_list(value)
            if value is not None and not isinstance(value, list | tuple):
                return [value]
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and str in choices
            and not {int, float} & set(choices)
        ):
            # ``maximum_cores=2`` is as clear as ``maximum_cores='2'``.
            return str(value)
        return value

    @field_validator("*")
    @classmethod
    def _of_64_bits(cls, value: Any) -> Any:
        """Kernels and files hold whole numbers of 64 bits."""
        if isinstance(value, int) and abs(value) >= 2**63:
            raise ValueError("must fit into 64 bits")
        return value

    @field_validator("*")
    @classmethod
    def _no_nan(cls, value: Any) -> Any:
        """A number that is NaN compares with nothing: no step means it."""
        if any(isinstance(item, float) and item != item for item in (value if isinstance(value, list) else [value])):
            raise ValueError("must not be NaN")
        return value


class StepParameters(CheckedValues):
    """The parameters that every step and pipeline has."""

    output_file: str | None = parameter(None, "Base name of the output; implies save_results.")
    output_dir: str | None = parameter(
        None, "Directory of the output; implies save_results. Default: the current directory."
    )
    output_ext: str = parameter(".fits", "Type of the output file.")
    output_use_model: bool = parameter(False, "Take output names from the file name in each model, not from the input.")
    output_use_index: bool = parameter(True, "Number the outputs when a step returns several.")
    save_results: bool = parameter(False, "Write the result to a file.")
    search_output_file: bool = parameter(True, "Use the output_file of the pipeline that the step is part of.")
    suffix: str | None = parameter(None, "Suffix of the output name. Default: the name of the step.")
    input_dir: str | None = parameter(None, "Directory of further inputs. Default: that of the first input.")
    skip: bool = parameter(False, "Leave the step out.")
    pre_hooks: list[Any] = parameter([], "Functions, steps or commands to run on the input, before the step.")
    post_hooks: list[Any] = parameter([], "Functions, steps or commands to run on the result, after the step.")
    references: str | None = parameter(
        None, "Folder of reference files. Default: the environment variable HEXCAL_REFERENCES."
    )
    profile: str | None = parameter(
        None,
        "Set of defaults: a release of the original (3.0.0), 'recommended', or 'documents'. Default: "
        "the environment variable HEXCAL_PROFILE.",
    )

    @field_validator("suffix", "output_ext")
    @classmethod
    def _a_word(cls, value: Any, info: ValidationInfo) -> Any:
        """Part of a file name, which leads into no other folder."""
        return value if value is None else word(value, str(info.field_name))


def _cores(text: str) -> Any:
    if text.strip().lower() not in ("none", "quarter", "half", "all") and not text.strip().isdecimal():
        raise ValueError("must be 'none', 'quarter', 'half', 'all' or a whole number")
    return text


MaximumCores = Annotated[str, AfterValidator(_cores)]
"""Type of the documented parameter ``maximum_cores`` (see `hexcal.core.bands.threads_from`)."""


def _reference(value: Any) -> Any:
    if value is not None and not isinstance(value, str | os.PathLike):
        from hexcal.models.datamodel import DataModel

        if not isinstance(value, DataModel):
            raise ValueError("must be a file name or an open data model")
    return value


def word(text: str, name: str) -> str:
    """Return `text` if it can be a part of a file's name; else raise ParameterError.

    Parameters
    ----------
    text : str
        A suffix, or an extension.
    name : str
        What it is, for the message.
    """
    if not _WORD.fullmatch(text):
        raise ParameterError(
            f"{name} must be a word of letters, digits and _ . - +, got {text!r}",
            hint="output_dir and output_file say where files go" if name == "suffix" else None,
        )
    return text


def with_overrides(base: type[StepParameters], name: str, reference_types: Iterable[str]) -> type[StepParameters]:
    """Return `base` with a parameter ``override_<type>`` for each reference type."""
    fields: dict[str, Any] = {
        f"override_{reference_type.replace('-', '_')}": (
            Annotated[str | Any | None, AfterValidator(_reference)],
            parameter(None, f"File to use as {reference_type} reference; N/A for none."),
        )
        for reference_type in reference_types
    }
    return create_model(name, __base__=base, __module__=base.__module__, **fields) if fields else base


def validated(cls: type[ModelT], values: Mapping[str, Any], where: str) -> ModelT:
    """Make the parameters of one step from explicit values.

    Parameters
    ----------
    cls : type
        The step's Parameters.
    values : dict
        Explicit values by name.
    where : str
        Whose parameters they are, for messages.

    Raises
    ------
    ParameterError
        For an unknown name (with the nearest right one), a wrong type or a value out of bounds.
    """
    for name in values:
        if name not in cls.model_fields:
            raise unknown_name("parameter", name, cls.model_fields, where=where)
    if not values and not any(field.is_required() for field in cls.model_fields.values()):
        # Defaults are not checked; without checks there is nothing to prepare for them.
        return cls.model_construct()
    try:
        return cls(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise ParameterError(
            f"parameter {name} = {_shown(first['input'])} is not valid: {_reason(first)}",
            where=where,
            hint=describe(cls.model_fields[name], name),
        ) from None


def values_of(parameters: BaseModel) -> dict[str, Any]:
    """Return the values of the parameters of one step by name (dict), as they are.

    Lists and dictionaries are copies.
    """
    return {name: copy.copy(value) if isinstance(value, list | dict) else value for name, value in parameters}


def _shown(value: Any) -> str:
    """A value as messages show it: an array and the like by its type."""
    if isinstance(value, str | int | float | list | tuple | dict | type(None)):
        return reprlib.repr(value)
    return f"<{type(value).__name__}>"


def _reason(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def unit_of(field: FieldInfo) -> str:
    """Return the unit of a parameter, or ""."""
    details: Any = field.json_schema_extra or {}
    return details.get("unit", "")


def bounds_of(field: FieldInfo) -> str:
    """Return the bounds of a parameter as text, such as ">= 0, < 1", or ""."""
    return ", ".join(
        f"{symbol} {getattr(item, key)}"
        for item in field.metadata
        for key, symbol in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        if getattr(item, key, None) is not None
    )


def describe(field: FieldInfo, name: str) -> str:
    """One line on a parameter: name, type, bounds, unit, default, meaning."""
    unit, bounds = unit_of(field), bounds_of(field)
    details = ", ".join(
        text
        for text in (type_name(field.annotation), bounds, f"unit {unit}" if unit else "", f"default {field.default!r}")
        if text
    )
    return f"{name} ({details}): {field.description or ''}"


def type_name(annotation: Any) -> str:
    """Readable name of a type: 'number', 'true or false', 'one of a, b'."""
    plain = {float: "number", int: "whole number", bool: "true or false", str: "text", list: "list", Any: ""}
    if annotation in plain:
        return plain[annotation]
    if typing.get_origin(annotation) is typing.Literal:
        return f"one of {', '.join(map(str, typing.get_args(annotation)))}"
    if typing.get_origin(annotation) is list:
        return "list"
    if typing.get_origin(annotation) is dict:
        return "values by name"
    parts = [type_name(part) for part in typing.get_args(annotation) if part is not type(None)]
    return " or ".join(part for part in parts if part)
