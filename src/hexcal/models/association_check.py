"""What a valid association is: products with members, each with a file name and a type.

And, where one is given, what its JSON schema asks for.
"""

import json
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from numbers import Integral, Real
from pathlib import Path

from hexcal.errors import InputError

__all__ = [
    "STAGE_2",
    "STAGE_3",
    "AssociationError",
    "AssociationNotValidError",
    "as_json_values",
    "check",
    "check_schema",
    "member_names",
    "warn_of_folders",
    "warn_of_product_folders",
    "warn_of_repeats",
]

_SCHEMAS = Path(__file__).parent / "schemas"

STAGE_2 = str(_SCHEMAS / "association_stage2.json")
"""Schema of stage-2 associations (path)."""

STAGE_3 = str(_SCHEMAS / "association_stage3.json")
"""Schema of stage-3 associations (path)."""


class AssociationError(InputError):
    """An association cannot be made, written or read, or a rule is not usable."""


class AssociationNotValidError(AssociationError):
    """The data are not a valid association."""


# ---- what opening the members needs


def check(association, where):
    """Raise InputError unless every product of an association has members, each with a file name and a type.

    Parameters
    ----------
    association : Mapping
        With "products".
    where : str
        File, for the message.
    """
    products = association["products"]
    if not _is_list(products) or not products:
        raise InputError("`products` must be a list of at least one product", where=where)
    for number, product in enumerate(products):
        place = f"products[{number}]"
        members = product.get("members") if isinstance(product, Mapping) else None
        if not _is_list(members) or not members:
            raise InputError(f"{place} must have `members`, a list of at least one member", where=where)
        for index, member in enumerate(members):
            _check_member(member, f"{place}.members[{index}]", where)


def _is_list(value):
    return isinstance(value, list | tuple)


def _check_member(member, place, where):
    for key in ("expname", "exptype"):
        if not isinstance(member, Mapping) or not isinstance(member.get(key), str) or not member[key].strip():
            raise InputError(f"{place} must have a text `{key}`", where=where)
    if member["expname"] == Path(where).name:
        raise InputError(f"{place}: the association names itself as a member, '{member['expname']}'", where=where)


# ---- schemas


def check_schema(association, schema_file):
    """Compare an association with a schema.

    Parameters
    ----------
    association : mapping
        The association, or what is to become one.
    schema_file : path-like
        A JSON schema (draft 4, 6 or 7).

    Raises
    ------
    AssociationNotValidError
        If it does not follow the schema: says where, what is there, and what should be.
    AssociationError
        If there is no such schema, or it is not one.
    """
    import fastjsonschema

    try:
        _validator(str(schema_file))(_with_dicts(association))
    except fastjsonschema.JsonSchemaValueException as error:
        raise AssociationNotValidError(*_words(error)) from None


@lru_cache(maxsize=32)
def _validator(schema_file):
    import fastjsonschema

    try:
        schema = json.loads(Path(schema_file).read_text(encoding="utf-8"))
        return fastjsonschema.compile(schema)
    except (OSError, ValueError, fastjsonschema.JsonSchemaDefinitionException) as error:
        raise AssociationError(
            f"the schema of the rule cannot be used: {error}",
            where=schema_file,
            hint="correct `schema_file` of the rule",
        ) from error


def _with_dicts(value):
    """The association as the validator knows it: dictionaries, whatever kind of mapping they are."""
    value = getattr(value, "data", value) if isinstance(value, Mapping) and not isinstance(value, dict) else value
    if isinstance(value, dict):
        # Products and members are what a rule may have made of classes of its own.
        products = value.get("products")
        if isinstance(products, list) and not all(map(_all_dicts, products)):
            return as_json_values(value)
        return value
    return as_json_values(value) if isinstance(value, Mapping) else value


def _all_dicts(product):
    members = product.get("members") if isinstance(product, dict) else None
    return not isinstance(product, Mapping) or (
        isinstance(product, dict)
        and not (isinstance(members, list) and any(isinstance(m, Mapping) and not isinstance(m, dict) for m in members))
    )


def as_json_values(value):
    """Return a copy made of dict, list, str, int, float, bool and None, as JSON and YAML know them.

    Other objects become text.
    """
    if isinstance(value, Mapping):
        return {str(name): as_json_values(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json_values(item) for item in value]
    if value is None or type(value) in (str, int, float, bool):
        return value
    # Scalars of numpy are numbers, too; subclasses of str become text.
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else str(value)


_KINDS = {
    "string": "text",
    "array": "a list",
    "object": "a dictionary",
    "null": "null",
    "number": "a number",
    "integer": "a whole number",
}


def _words(error):
    """Message, place and hint for an error of the validator."""
    place = _place(error.path[1:])
    shown = json.dumps(error.value, default=str)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    wanted = error.rule_definition
    if error.rule == "required":
        missing = [name for name in wanted if not isinstance(error.value, dict) or name not in error.value]
        return f"{place} must have {_names(wanted)}; {_names(missing)} is missing", None, f"add {_names(missing)}"
    if error.rule == "type":
        kinds = " or ".join(_KINDS.get(kind, kind) for kind in ([wanted] if isinstance(wanted, str) else wanted))
        return f"{place} must be {kinds}, it is {shown}", None, None
    if error.rule == "contains":
        description = (wanted.get("description") if isinstance(wanted, dict) else None) or json.dumps(wanted)
        return f"{place} must have at least one {description}, it is {shown}", None, None
    return f"{place} is not valid ({error.rule}: {json.dumps(wanted)}): {shown}", None, None


def _names(names):
    return ", ".join(f"'{name}'" for name in names)


def _place(path):
    text = "".join(f"[{part}]" if re.fullmatch(r"\d+", str(part)) else f".{part}" for part in path)
    return text.lstrip(".") or "an association"


# ---- folders


def warn_of_folders(names, where=None):
    """Warn of members that are named with a folder: the files of an association lie beside it.

    Parameters
    ----------
    names : iterable of str
        As the association names them.
    where : str, optional
        The association, for the message.
    """
    with_folder = [name for name in names if "/" in name or "\\" in name]
    if with_folder:
        place = f"{where}: " if where else ""
        warnings.warn(
            f"{place}{len(with_folder)} members are named with a folder, such as '{with_folder[0]}'; "
            "'expname' should be a file name only, of a file beside the association",
            UserWarning,
            stacklevel=3,
        )


def warn_of_product_folders(products, where=None):
    """Warn of products that are named with a folder: where they go is said by the run, not by the association.

    Parameters
    ----------
    products : iterable of mapping
        Of an association.
    where : str, optional
        The association, for the message.
    """
    names = [str(product.get("name") or "") for product in products]
    with_folder = [name for name in names if Path(name).name != name and name]
    if with_folder:
        place = f"{where}: " if where else ""
        warnings.warn(
            f"{place}the product '{with_folder[0]}' is written as '{Path(with_folder[0]).name}': the folder in its "
            "name is left out, output_dir says where products go",
            UserWarning,
            stacklevel=3,
        )


def warn_of_repeats(names, where=None):
    """Warn of files that are members of a product more than once in one role: they count as so many exposures.

    Parameters
    ----------
    names : iterable of (hashable, str)
        Product and role, and name of the file, of each member.
    where : str, optional
        The association, for the message.
    """
    repeated = [name for (_, name), count in Counter(names).items() if count > 1]
    if repeated:
        place = f"{where}: " if where else ""
        listed = ", ".join(repeated[:3]) + (", ..." if len(repeated) > 3 else "")
        warnings.warn(
            f"{place}{len(repeated)} files are members more than once, and count as often: {listed}",
            UserWarning,
            stacklevel=3,
        )


def member_names(content):
    """Yield the `expname` of each member of what was read as an association, whatever else it lacks."""
    for product in _entries(content, "products"):
        for member in _entries(product, "members"):
            name = member.get("expname") if isinstance(member, Mapping) else None
            if isinstance(name, str):
                yield name


def _entries(mapping, name):
    entries = mapping.get(name) if isinstance(mapping, Mapping) else None
    return entries if isinstance(entries, list) else ()
