"""Single values as YAML text: numbers by themselves, all else as libyaml writes it, each text once."""

import functools
import math
from typing import Any

TAGS = {"!": "tag:stsci.edu:asdf/"}
"""Handles of tags in an ASDF file."""
_PLAIN = "tag:yaml.org,2002:"
_EMPTY = '""'
_UNBROKEN = 1 << 30
_BREAKS = frozenset("\n\r\x85\u2028\u2029")
_KNOWN: dict[tuple, str] = {}
"""(Tag, value, style, whether it is in brackets): its text, of values that were written."""
_TEXTS: dict[str, str] = {}
"""Text of Python: how it stands in YAML."""
_MOST_KNOWN = 1 << 16
_LONG = 60


@functools.cache
def _yaml() -> Any:
    import yaml

    return yaml


@functools.cache
def _patterns() -> dict[str, Any]:
    """Type -> what plain text of that type looks like."""
    resolvers = _yaml().resolver.Resolver.yaml_implicit_resolvers["1"]
    return {tag: pattern for tag, pattern in resolvers if tag.endswith((":float", ":int"))}


def of_value(value: Any) -> str:
    """Return the text of a value of Python: str, float, int, bool, None."""
    if type(value) is str:
        text = _TEXTS.get(value)
        return _noted_text(value) if text is None else text
    if type(value) is float:
        return of_float(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def of_float(value: float) -> str:
    """Return the text of a number; YAML 1.1 asks for a decimal point."""
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    return text.replace("e", ".0e", 1) if "e" in text and "." not in text else text


def of_node(node: Any, in_brackets: bool) -> str:
    """Return the text of a scalar node, with its tag where that is needed."""
    pattern = None if node.style else _patterns().get(node.tag)
    if pattern is not None and pattern.match(node.value):
        return node.value
    key = (node.tag, node.value, node.style, in_brackets)
    text = _KNOWN.get(key)
    if text is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        text = _KNOWN[key] = _by_library(*key)
    return text


@functools.lru_cache(maxsize=1024)
def of_tag(tag: str, is_mapping: bool) -> str:
    """Return the tag of a collection with a space before it; nothing where it need not be said."""
    if tag == f"{_PLAIN}{'map' if is_mapping else 'seq'}":
        return ""
    with_empty_text = _by_library(tag, "", '"', False)
    return f" {with_empty_text.removesuffix(_EMPTY).rstrip()}"


def _noted_text(value):
    if len(value) > _LONG and value.isascii() and value.isprintable() and value == value.strip():
        # A line of a log, mostly, which is never met again.
        return "'" + value.replace("'", "''") + "'"
    if len(_TEXTS) >= _MOST_KNOWN:
        _TEXTS.clear()
    text = _TEXTS[value] = _by_library(f"{_PLAIN}str", value, None, False)
    return text


def _by_library(tag, value, style, in_brackets):
    """As libyaml writes it in a list; on one line, since a text does not know where it will stand."""
    yaml = _yaml()
    if style in ("|", ">") or not _BREAKS.isdisjoint(value):
        style = '"'
    item = yaml.ScalarNode(tag, value, style=style)
    text = yaml.serialize(
        yaml.SequenceNode(f"{_PLAIN}seq", [item], flow_style=in_brackets),
        Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper),
        allow_unicode=True,
        width=_UNBROKEN,
        tags=TAGS,
    )
    text = text[text.index("---") + 3 :].strip()
    return text[1:-1] if in_brackets else text[2:]
