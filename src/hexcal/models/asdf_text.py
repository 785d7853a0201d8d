"""The text of the tree of an ASDF file: plain YAML, the bookkeeping of ASDF, and each WCS as it stands."""

import datetime
from typing import Any

from hexcal.models import node_texts, yaml_scalars
from hexcal.models.node_texts import IN_BRACKETS, ITEM, VALUE, Shared
from hexcal.models.stored_wcs import StoredWcs

TAG = "tag:stsci.edu:asdf/core/"
"""What the tags of ASDF's own types begin with."""
_LONGEST_KEY = 128
"""Characters of a key that stands before its value; a longer one has a line of its own."""


class Software(dict[str, Any]):
    """A program, as ASDF files name it."""

    tag = " !core/software-1.0.0"


class HistoryEntry(dict[str, Any]):
    """One entry of the history."""

    tag = " !core/history_entry-1.0.0"


def text_of(content: dict[str, Any], wcses: list[StoredWcs]) -> tuple[str, list[bytes]]:
    """Return the YAML of a tree, and the blocks of the arrays in its WCSs.

    Parameters
    ----------
    content : dict
        Nested dicts and lists of str, float, int, bool, None, and StoredWcs. A dict or list that occurs twice is
        written twice; a WCS, and what several of them share, once.
    wcses : list of StoredWcs
        Those in it.

    Returns
    -------
    text : str
        Without the line that begins a document.
    blocks : list of bytes
        Those that are in use, each once.
    """
    for wcs in wcses:
        # All before the first one is written: what they share is known then.
        node_texts.of_source(wcs.source).add(wcs.node)
    document = _Document()
    document.mapping(content, 0)
    return document.finished(), document.blocks


class _Document:
    def __init__(self):
        self.blocks: list[bytes] = []
        self._out: list[str] = []
        # Of nodes that were met: where they stand, and what is written there without a name and with one.
        self._first: dict[int, tuple[int, Shared, node_texts.Content]] = {}
        self._names: dict[int, str] = {}
        # Source: places of the numbers of its blocks, and these numbers.
        self._numbers: dict[int, tuple[Any, list[tuple[int, int]]]] = {}

    def mapping(self, content, indent):
        """Write the lines of a dict; where the first one begins is reached."""
        start, is_first = f"\n{' ' * indent}", True
        for key, value in content.items():
            if not is_first:
                self._out.append(start)
            is_first, text = False, yaml_scalars.of_value(key)
            if len(text) > _LONGEST_KEY:
                self._out.append(f"? {text}{start}:")
                self._value(value, indent, ITEM, indent + 1)
            else:
                self._out.append(f"{text}:")
                self._value(value, indent, VALUE, indent + len(text) + 1)

    def _value(self, value, indent, position, column):
        if isinstance(value, dict | list):
            is_list, tag = isinstance(value, list), getattr(value, "tag", "")
            if not value:
                self._out.append(f"{tag} {'[]' if is_list else '{}'}")
                return
            inner = node_texts.inner_indent(is_list, indent, position)
            self._out.append(_beginning(tag, inner, position))
            (self._list if is_list else self.mapping)(value, inner)
        elif isinstance(value, StoredWcs):
            texts = node_texts.of_source(value.source)
            places = self._numbers.setdefault(id(value.source), (value.source, []))[1]
            self._node(Shared(value.node, indent, position, column), texts, places)
        elif isinstance(value, datetime.datetime):
            self._out.append(f" {value.isoformat(' ')}")
        else:
            self._out.append(f" {yaml_scalars.of_value(value)}")

    def _list(self, values, indent):
        start = f"\n{' ' * indent}"
        for number, value in enumerate(values):
            self._out.append(f"{start}-" if number else "-")
            self._value(value, indent, ITEM, indent + 1)

    def _node(self, place, texts, places):
        """Write a node: what it stands for where it is met first, then a reference to that."""
        key = id(place.node)
        if key in self._first:
            name = self._names.setdefault(key, f"id{len(self._names) + 1:03d}")
            self._out.append(f"*{name}" if place.position == IN_BRACKETS else f" *{name}")
            return
        content = texts.content(place)
        self._first[key] = (len(self._out), place, content)
        self._out.append("")
        for piece in content.pieces:
            if isinstance(piece, str):
                self._out.append(piece)
            elif isinstance(piece, int):
                places.append((len(self._out), piece))
                self._out.append("")
            else:
                self._node(piece, texts, places)

    def finished(self):
        """Return the text, with names and numbers of blocks."""
        for key, (index, place, content) in self._first.items():
            name = self._names.get(key)
            self._out[index] = _head(place, content, f" &{name}" if name else "")
        known: dict[int, int] = {}
        for source, places in self._numbers.values():
            numbers = {}
            for number in sorted({number for _, number in places}):
                block = source.blocks[number]
                if id(block) not in known:
                    known[id(block)] = len(self.blocks)
                    self.blocks.append(block)
                numbers[number] = known[id(block)]
            for index, number in places:
                self._out[index] = str(numbers[number])
        return "".join(self._out)


def _head(place, content, anchor):
    lead = anchor + content.tag
    if place.position == IN_BRACKETS:
        return f"{lead[1:]} " if lead else ""
    return f"{lead} " if content.is_flow else _beginning(lead, content.indent, place.position)


def _beginning(lead, indent, position):
    """What stands between a key or dash and the first line of a list or mapping."""
    return f"{lead}\n{' ' * indent}" if lead or position == VALUE else " "
