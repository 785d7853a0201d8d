"""The `meta` tree: attribute access to nested metadata, checked against the observatory's keyword dictionary."""

from typing import Any

import numpy as np

from hexcal.errors import ParameterError, unknown_name
from hexcal.models import stored_wcs

_CONVERT = {"int": int, "float": float, "str": str, "bool": bool}


class Node:
    """A branch of a model's metadata, such as ``model.meta.exposure``.

    Reading a name that the dictionary knows but the file does not set gives None; a name that neither knows is refused
    with the nearest right one. Reading never creates anything. Names outside the dictionary may be assigned: they are
    kept in the ASDF extension.
    """

    __slots__ = ("_model", "_path")

    def __init__(self, model, path):
        object.__setattr__(self, "_model", model)
        object.__setattr__(self, "_path", path)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return with_attributes(self._model.get_meta(f"{self._path}.{name}", strict=True))

    def __setattr__(self, name, value):
        self._model.set_meta(f"{self._path}.{name}", value)

    def __delattr__(self, name):
        self._model.set_meta(f"{self._path}.{name}", None)

    def __contains__(self, name):
        return name in self.instance

    def __iter__(self):
        return iter(self.instance)

    def keys(self):
        """Names of what is set on this branch."""
        return self.instance.keys()

    def values(self):
        """Values of what is set on this branch."""
        return [value for _, value in self.items()]

    def hasattr(self, name):
        """Whether a name is set on this branch."""
        return name in self

    def items(self):
        """Pairs of name and value of what is set on this branch."""
        return {name: stored_wcs.opened(value) for name, value in self.instance.items()}.items()

    @property
    def instance(self):
        """The branch as a plain dict (what is set; not a copy)."""
        return self._model.branch(self._path)

    def __eq__(self, other):
        return isinstance(other, Node) and self.instance == other.instance

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self):
        return f"<{self._path}: {', '.join(self.instance) or 'nothing set'}>"


class Entry(dict):
    """An entry of a list in the metadata: what it holds are attributes too (``meta.asn_table.products[0].name``)."""

    def __getattr__(self, name):
        if name.startswith("_") or name not in self:
            raise AttributeError(f"there is no '{name}'; there are: {', '.join(map(str, self)) or 'none'}")
        value = self[name]
        if isinstance(value, dict) and not isinstance(value, Entry):
            value = self[name] = Entry(value)
        return with_attributes(value)

    def __setattr__(self, name, value):
        self[name] = value


def with_attributes(value) -> Any:
    """Return a value of the metadata; of a list, the dicts in it have become entries (in place)."""
    if isinstance(value, list):
        value[:] = [Entry(item) if isinstance(item, dict) and not isinstance(item, Entry) else item for item in value]
    return value


def checked(path, value, keyword):
    """Return `value` as the type that the dictionary asks for.

    Parameters
    ----------
    path : str
        Dotted path, for the message.
    value : object
        What is assigned; None removes.
    keyword : Keyword or None
        The entry of the dictionary; without one any value is right.

    Raises
    ------
    ParameterError
        If the value is not of the type, or not one of the allowed values.
    """
    if value is None or keyword is None:
        return value
    if isinstance(value, np.generic):
        value = value.item()
    convert = _CONVERT.get(keyword.type)
    where = f"{path} ({keyword.keyword})"
    if convert is not None and not _fits_type(value, keyword.type):
        raise ParameterError(f"{path} must be of type {keyword.type}, got {value!r}", where=where)
    value = convert(value) if convert else value
    if isinstance(value, str) and any(letter < " " for letter in value):
        raise ParameterError(
            f"{path} goes onto a header card, which holds one line of text; "
            f"{value!r} holds line breaks or other control characters",
            where=where,
            hint="replace them by blanks",
        )
    if keyword.allowed and isinstance(value, str) and value not in keyword.allowed:
        raise unknown_name("value", value, keyword.allowed, where=where)
    return value


def _fits_type(value, kind):
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if kind == "float":
        return isinstance(value, int | float)
    return isinstance(value, str)


def walk(tree, prefix=""):
    """Yield (dotted path, value) of every leaf of a nested dict."""
    for name, value in tree.items():
        path = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(value, dict) and value:
            yield from walk(value, path)
        else:
            yield path, value


def merge_below(tree, other):
    """Add to `tree` what only `other` has; what `tree` has stays (nested dicts, in place)."""
    for name, value in other.items():
        mine = tree.get(name)
        if isinstance(mine, dict) and isinstance(value, dict):
            merge_below(mine, value)
        elif name not in tree:
            tree[name] = value
