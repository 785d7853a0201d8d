"""Parameters of steps that were written for the original.

The `spec` text in ConfigObj's configspec form becomes a Parameters class.
"""

import ast
import os
import re
import types
import typing
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, create_model

from hexcal.core.parameters import CheckedValues, StepParameters
from hexcal.errors import ParameterError
from hexcal.python_texts import syntax_tree

_SECTION = re.compile(r"^\s*\[\s*(?P<name>\w+)\s*\]\s*(?:#.*)?$")
_LINE = re.compile(r"^\s*(?P<name>\w+)\s*=\s*(?P<check>\w+)\s*(?:\((?P<arguments>.*)\))?\s*(?:#\s*(?P<help>.*))?$")


def _existing(path):
    if path is not None and not os.path.exists(path):
        raise ValueError(f"there is no file {path}")
    return path


_TYPES = {
    "integer": int,
    "float": float,
    "boolean": bool,
    "string": str,
    "list": list,
    "force_list": list,
    "int_list": list[int],
    "float_list": list[float],
    "bool_list": list[bool],
    "string_list": list[str],
    "input_file": Annotated[str, AfterValidator(_existing)],
    "output_file": str,
}


def parameters_from_spec(spec, name, base=StepParameters):
    """Make a Parameters class from a configspec text.

    Parameters
    ----------
    spec : str
        Lines ``name = type(bounds, default=value) # help``; types integer, float, boolean, string, list, force_list,
        int_list, float_list, bool_list, string_list, option, input_file, output_file. What follows a line ``[section]``
        becomes one parameter of that name, a dictionary.
    name : str
        Name of the class.
    base : type
        Parameters that the class has besides, those of the step that it derives from.

    Returns
    -------
    type
        Subclass of `base`. A parameter without default is None until it is set; running a step without it is an error.

    Raises
    ------
    ParameterError
        For a line that is not understood.
    """
    fields: dict[str, Any] = {}
    sections: dict[str, dict[str, Any]] = {}
    target = fields
    for line in spec.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        title = _SECTION.match(line)
        if title is not None:
            target = sections.setdefault(title["name"], {})
            continue
        words = _LINE.match(line)
        if words is None or words["check"] not in (*_TYPES, "option"):
            raise ParameterError(
                f"the line {line.strip()!r} of a spec is not understood",
                where=name,
                hint="name = type(default=value) # help",
            )
        positional, keywords = _arguments(words["arguments"] or "", name)
        target[words["name"]] = _field(words["check"], positional, keywords, words["help"] or words["name"])
    fields |= {title: _section(title, inner) for title, inner in sections.items()}
    return create_model(name, __base__=base, **fields)


def _section(title, fields):
    """The parameters of a section as one parameter.

    A dictionary, of which the user gives as much as differs from the defaults.
    """
    checked = create_model(title, __base__=CheckedValues, **fields)

    def check(values):
        try:
            return checked(**values).model_dump()
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"{first['loc'][0]}: {first['msg']}") from None

    return Annotated[dict, AfterValidator(check)], Field(
        checked().model_dump(),
        description=f"The parameters {', '.join(fields)}.",
        json_schema_extra={"spec": "".join(f"{_spec_line(*item)}\n" for item in checked.model_fields.items())},
    )


_WORDS = {int: "integer", float: "float", bool: "boolean", str: "string", list: "list"}


def spec_text(cls):
    """Return the parameters of a step as a configspec text, as `parameters_from_spec` reads it.

    Parameters
    ----------
    cls : type
        Subclass of `StepParameters`; parameters that every step has are in the text only where the default differs.
    """
    shared = StepParameters.model_fields
    fields = cls.model_fields.items()
    own = [(name, field) for name, field in fields if name not in shared or field.default != shared[name].default]
    plain = "".join(f"{_spec_line(name, field)}\n" for name, field in own if not _is_section(field))
    # What stands after a section belongs to it.
    return plain + "".join(f"[{name}]\n{field.json_schema_extra['spec']}" for name, field in own if _is_section(field))


def _is_section(field):
    return "spec" in (field.json_schema_extra or {})


def _spec_line(name, field):
    kinds = typing.get_args(field.annotation) if isinstance(field.annotation, types.UnionType) else (field.annotation,)
    kind = next(item for item in kinds if item is not type(None))
    arguments = []
    if typing.get_origin(kind) is Literal:
        word, arguments = "option", [repr(choice) for choice in typing.get_args(kind)]
    elif typing.get_origin(kind) is list:
        word = {int: "int_list", float: "float_list", bool: "bool_list"}.get(typing.get_args(kind)[0], "string_list")
    elif (field.json_schema_extra or {}).get("path"):
        word = "output_file" if field.json_schema_extra.get("writes") else "input_file"
    else:
        word = _WORDS.get(kind, "string")
    bounds = {"ge": "min", "min_length": "min", "le": "max", "max_length": "max"}
    arguments += [
        f"{bounds[key]}={getattr(item, key)}"
        for item in field.metadata
        for key in bounds
        if getattr(item, key, None) is not None
    ]
    default = f"list({', '.join(map(repr, field.default))})" if isinstance(field.default, list) else repr(field.default)
    return f"{name} = {word}({', '.join([*arguments, f'default={default}'])})  # {field.description or name}"


def _arguments(text, name):
    """Positional and keyword arguments of a check; words without quotes are texts."""
    try:
        call = syntax_tree(f"check({text})", mode="eval").body
    except SyntaxError as error:
        raise ParameterError(f"the arguments ({text}) of a spec are not understood", where=name) from error
    assert isinstance(call, ast.Call)
    return [_value(item) for item in call.args], {item.arg: _value(item.value) for item in call.keywords}


def _value(node):
    if isinstance(node, ast.Name):
        return {"None": None, "True": True, "False": False, "true": True, "false": False}.get(node.id, node.id)
    if isinstance(node, ast.Call):  # list(1, 2) as default
        return [_value(item) for item in node.args]
    return ast.literal_eval(node)


def _field(check, positional, keywords, text):
    required = "default" not in keywords
    default = keywords.get("default")
    if check == "option":
        return Literal[tuple(positional)] | None, _described(default, text, required)  # type: ignore[valid-type]
    low, high = (*positional, None, None)[:2]
    low, high = keywords.get("min", low), keywords.get("max", high)
    names = ("ge", "le") if check in ("integer", "float") else ("min_length", "max_length")
    bounds = {key: value for key, value in zip(names, (low, high), strict=True) if value is not None}
    return _TYPES[check] | None, _described(default, text, required, _PATHS.get(check, {}), **bounds)


_PATHS = {"input_file": {"path": True}, "output_file": {"path": True, "writes": True}}


def _described(default, text, required, about=None, **bounds):
    extra: Any = {**({"required": True} if required else {}), **(about or {})}
    return Field(default, description=text, json_schema_extra=extra or None, **bounds)


def require_values(step):
    """Raise ParameterError if a parameter without default has no value (only a `spec` can declare one)."""
    for name, field in step.parameters_class.model_fields.items():
        if (field.json_schema_extra or {}).get("required") and getattr(step.parameters, name) is None:
            raise ParameterError(
                f"the parameter {name} has no default and must be given", where=step.where, hint=f"--{name}=VALUE"
            )
