"""Associations as text: JSON and YAML, in both directions."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from hexcal.errors import InputError, unknown_name
from hexcal.files import gate
from hexcal.models import bounds
from hexcal.models.association_check import AssociationError, AssociationNotValidError, as_json_values

__all__ = ["FORMATS", "Format", "format_named", "from_json", "from_yaml", "parse"]


def from_json(text, where=None, **options):
    """Return what a JSON text holds.

    Parameters
    ----------
    text : str
        The text.
    where : str, optional
        Its file, for the message.
    **options
        For ``json.loads``.

    Raises
    ------
    InputError
        If it is not JSON, with the line, or nested too deep.
    """
    try:
        return bounds.from_json(text, where, **options)
    except json.JSONDecodeError as error:
        raise InputError(
            f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}",
            where=where,
            hint="often a comma too many or too few, or a bracket that is not closed",
        ) from None


def from_yaml(text, where=None):
    """Return what a YAML text holds.

    Parameters
    ----------
    text : str
        The text.
    where : str, optional
        Its file, for the message.

    Raises
    ------
    InputError
        If it is not YAML, with the line, nested too deep, or unfolds to too much.
    """
    import yaml

    try:
        return bounds.from_yaml(text, where)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise InputError(f"not YAML: {place}{getattr(error, 'problem', None) or 'malformed'}", where=where) from None


class Format:
    """A way to write an association as text.

    Parameters
    ----------
    name : str
        Of the format, and ending of its files.
    to_text, from_text : function
        ``to_text(dict, **kwargs)``, ``from_text(str, **kwargs)``.
    """

    def __init__(self, name, to_text, from_text):
        self.name, self._to_text, self._from_text = name, to_text, from_text

    def dump(self, association, **kwargs):
        """Return the suggested file name and the text of an association; `kwargs` go to the library of the format."""
        name = getattr(association, "asn_name", "unnamed_association")
        return f"{name}.{self.name}", self._call(self._to_text, as_json_values(association), kwargs)

    def load(self, text, **kwargs):
        """Return what a text holds (usually a dict).

        Raises
        ------
        AssociationNotValidError
            If it is not of this format; says where.
        """
        try:
            return self._call(self._from_text, text, kwargs)
        except AssociationError:
            raise
        except InputError as error:
            raise AssociationNotValidError(error.message, error.where) from None

    def _call(self, function, argument, options):
        try:
            return function(argument, **options)
        except TypeError as error:
            raise AssociationError(
                f"{self.name} does not know an option: {error}", hint=f"given: {', '.join(options)}"
            ) from error

    def __repr__(self):
        return f"Format({self.name!r})"


def _to_json(association, indent=4, **kwargs):
    return json.dumps(association, indent=indent, **kwargs)


def _to_yaml(association, **kwargs):
    import yaml

    return yaml.safe_dump(association, **{"default_flow_style": False, "allow_unicode": True, **kwargs})


FORMATS = {
    "json": Format("json", _to_json, from_json),
    "yaml": Format("yaml", _to_yaml, from_yaml),
}
"""Known formats by name, in the order in which they are tried."""


def format_named(name):
    """Return a `Format`; raises AssociationError with the nearest name if there is none."""
    if name not in FORMATS:
        raise unknown_name("format of an association", name, FORMATS, error=AssociationError)
    return FORMATS[name]


def parse(serialized, format=None, **kwargs):
    """Return what a serialized association holds, without looking at it.

    Parameters
    ----------
    serialized : str, bytes, path, file object or mapping
        Text, or a file that holds it. A text that names an existing file, or ends like the name of one, is taken as a
        path.
    format : str, optional
        ``"json"`` or ``"yaml"``; None: all are tried.
    **kwargs
        For the library that reads the format.

    Returns
    -------
    dict or list

    Raises
    ------
    AssociationNotValidError
        If it cannot be read, or holds neither a dictionary nor a list.
    """
    if isinstance(serialized, Mapping):
        return as_json_values(serialized)
    text, where = _text(serialized)
    formats = list(FORMATS.values()) if format is None else [format_named(format)]
    problems = []
    for known in formats:
        try:
            content = known.load(text, **kwargs)
        except AssociationNotValidError as error:
            problems.append(error.message)
            continue
        if isinstance(content, dict | list):
            return content
        problems.append(f"{known.name}: holds {content!r:.40}, not an association" if text.strip() else "empty")
    raise AssociationNotValidError(
        f"not an association: {'; '.join(dict.fromkeys(problems))}",
        where=where,
        hint="an association is a dictionary in JSON or YAML",
    )


def _text(serialized):
    """The text, and the name of its file if it comes from one."""
    if isinstance(serialized, str) and _looks_like_path(serialized):
        serialized = Path(serialized)
    if isinstance(serialized, os.PathLike):
        try:
            gate.reading(serialized, "association")
            return bounds.read_bytes(serialized, "the file of an association").decode("utf-8"), str(serialized)
        except InputError as error:
            raise AssociationNotValidError(error.message, error.where, error.hint) from error
        except (OSError, UnicodeDecodeError) as error:
            raise AssociationNotValidError(
                f"the association cannot be read: {getattr(error, 'strerror', None) or error}",
                where=str(serialized),
                hint="check the name",
            ) from error
    where = getattr(serialized, "name", None)
    read = getattr(serialized, "read", None)
    if read is not None:
        serialized = read()
    if isinstance(serialized, bytes | bytearray):
        try:
            serialized = bytes(serialized).decode("utf-8")
        except UnicodeDecodeError as error:
            raise AssociationNotValidError(f"not an association: {error}", where=where) from error
    if not isinstance(serialized, str):
        raise AssociationNotValidError(
            f"an association is read from text, a file, a path or a dictionary, not from {type(serialized).__name__}"
        )
    return serialized, where


def _looks_like_path(text):
    if "\n" in text or "{" in text or not text.strip():
        return False
    return text.endswith((".json", ".yaml", ".yml")) or (len(text) < 1024 and Path(text).is_file())
