"""The YAML text of nodes of WCSs, made once for all products that they are written to.

A source of a multi-object exposure is written to several products, and its WCS shares most transforms with those of
all other slits. The text of a node is kept in pieces: text, and places where something depends on the file that it is
written to. These are the nodes that several others hold, which stand in a file once and are referred to elsewhere, and
the numbers of blocks of arrays.
"""

import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hexcal.models import yaml_scalars

VALUE, ITEM, IN_BRACKETS = "value", "item", "in brackets"
"""Where a node stands: behind the key of a mapping, behind the dash of a list, in a list or mapping in brackets."""
_ARRAY_TAG = "tag:stsci.edu:asdf/core/ndarray-"
_WIDTH = 80
"""Column behind which a list in brackets goes on in the next line, as the ASDF library has it."""
_ALIAS_WIDTH = 6
_MOST_KEPT = 16 << 20
"""Characters that are kept of one file: as many as the WCSs of some 300 slits have."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A place where a node stands that others hold, too."""

    node: Any
    indent: int
    position: str
    column: int


@dataclass(frozen=True, slots=True)
class Content:
    """What stands at such a place if it is the first one in a file.

    Attributes
    ----------
    tag : str
        With a space before it; empty if there is none.
    is_flow : bool
        Whether it is written in brackets.
    indent : int
        Of its lines.
    pieces : tuple of str, int or Shared
        Text; an int is the number of a block in the file that the node is of.
    size : int
        Characters of its text.
    """

    tag: str
    is_flow: bool
    indent: int
    pieces: tuple
    size: int


class NodeTexts:
    """The texts of the nodes of one file."""

    def __init__(self):
        # The nodes themselves are kept: an identity is that of a node only as long as there is the node.
        self._known: dict[int, Any] = {}
        self._roots: set[int] = set()
        self._shared: set[int] = set()
        self._kept: dict[tuple, Content] = {}
        self._size = 0
        self._lock = threading.Lock()

    def add(self, root: Any) -> None:
        """Look at a node and all inside, as far as that has not been done.

        Where one that is known turns out to be in several others, the texts made until then are forgotten.
        """
        with self._lock:
            if id(root) in self._roots:
                return
            self._roots.add(id(root))
            n_shared = len(self._shared)
            waiting = [root] if id(root) not in self._known else []
            if not waiting:
                self._shared.add(id(root))
            self._known[id(root)] = root
            while waiting:
                for child in _children(waiting.pop()):
                    if id(child) in self._known:
                        self._shared.add(id(child))
                    else:
                        self._known[id(child)] = child
                        waiting.append(child)
            if len(self._shared) > n_shared:
                self._forget()

    def content(self, place: Shared) -> Content:
        """Return what stands at a place; the node must have been added, or be in one that was."""
        is_flow = place.position == IN_BRACKETS or _is_flow(place.node)
        key = (id(place.node), place.indent, place.position, place.column if is_flow else 0)
        with self._lock:
            content = self._kept.get(key)
            if content is None:
                content = _content(place, is_flow, self._shared)
                if self._size > _MOST_KEPT:
                    self._forget()
                self._kept[key] = content
                self._size += content.size
        return content

    def _forget(self):
        self._kept.clear()
        self._size = 0


_OF_SOURCE: weakref.WeakKeyDictionary[Any, NodeTexts] = weakref.WeakKeyDictionary()
"""File -> what is known of its nodes; not part of the file's object, which another process may get a copy of."""
_LOCK = threading.Lock()


def of_source(source: Any) -> NodeTexts:
    """Return the texts of the nodes of a file (`stored_wcs.Source`)."""
    with _LOCK:
        return _OF_SOURCE.setdefault(source, NodeTexts())


def _children(node) -> Iterator[Any]:
    """Yield the lists and mappings directly inside a node; numbers and text are written where they stand."""
    if isinstance(node.value, str):
        return
    for item in node.value:
        child = item[1] if isinstance(item, tuple) else item
        if not isinstance(child.value, str):
            yield child


def _is_flow(node):
    return node.flow_style is True or not node.value


def inner_indent(is_list, indent, position):
    """Return where the lines of a list or mapping begin: a list in a mapping no further to the right than its key."""
    return indent if is_list and position == VALUE else indent + 2


def _content(place, is_flow, shared):
    node = place.node
    writer = _Writer(shared)
    tag = yaml_scalars.of_tag(node.tag, _is_mapping(node))
    if is_flow:
        indent = place.indent
        writer.flow(node, indent, place.column + len(tag) + 1)
    else:
        indent = inner_indent(not _is_mapping(node), place.indent, place.position)
        writer.block(node, indent)
    pieces = tuple(writer.joined())
    return Content(tag, is_flow, indent, pieces, sum(len(piece) for piece in pieces if isinstance(piece, str)))


def _is_mapping(node):
    return node.id == "mapping"


class _Writer:
    """Writes one node and what only it holds."""

    def __init__(self, shared):
        self._shared = shared
        self._pieces: list[Any] = []

    def joined(self):
        """Yield the pieces, with neighbouring texts as one."""
        texts: list[str] = []
        for piece in self._pieces:
            if isinstance(piece, str):
                texts.append(piece)
                continue
            if texts:
                yield "".join(texts)
                texts = []
            yield piece
        if texts:
            yield "".join(texts)

    def block(self, node, indent):
        """Write a list or mapping line by line; where the first one begins is reached."""
        start, is_array = f"\n{' ' * indent}", node.tag.startswith(_ARRAY_TAG)
        for number, item in enumerate(node.value):
            if number:
                self._pieces.append(start)
            if not isinstance(item, tuple):
                self._pieces.append("-")
                self._node(item, indent, ITEM, indent + 1)
                continue
            key = yaml_scalars.of_node(item[0], False)
            self._pieces.append(f"{key}:")
            if is_array and key == "source":
                self._pieces += [" ", int(item[1].value)]
            else:
                self._node(item[1], indent, VALUE, indent + len(key) + 1)

    def _node(self, node, indent, position, column):
        if isinstance(node.value, str):
            self._pieces.append(f" {yaml_scalars.of_node(node, False)}")
        elif id(node) in self._shared:
            self._pieces.append(Shared(node, indent, position, column))
        else:
            tag = yaml_scalars.of_tag(node.tag, _is_mapping(node))
            if _is_flow(node):
                self._pieces.append(f"{tag} ")
                self.flow(node, indent, column + len(tag) + 1)
            else:
                inner = inner_indent(not _is_mapping(node), indent, position)
                self._pieces.append(f"{tag}\n{' ' * inner}" if tag or position == VALUE else " ")
                self.block(node, inner)

    def flow(self, node, indent, column):
        """Write a list or mapping in brackets from a column on; return the column behind it."""
        opening, closing = "{}" if _is_mapping(node) else "[]"
        inner, is_array = indent + 2, node.tag.startswith(_ARRAY_TAG)
        self._pieces.append(opening)
        column += 1
        for number, item in enumerate(node.value):
            if number:
                self._pieces.append(",")
                column += 1
            if column > _WIDTH:
                self._pieces.append(f"\n{' ' * inner}")
                column = inner
            elif number:
                self._pieces.append(" ")
                column += 1
            if not isinstance(item, tuple):
                column = self._in_brackets(item, inner, column)
                continue
            key = yaml_scalars.of_node(item[0], True)
            self._pieces.append(f"{key}: ")
            column += len(key) + 2
            if is_array and key == "source":
                self._pieces.append(int(item[1].value))
                column += len(item[1].value)
            else:
                column = self._in_brackets(item[1], inner, column)
        self._pieces.append(closing)
        return column + 1

    def _in_brackets(self, node, indent, column):
        if isinstance(node.value, str):
            text = yaml_scalars.of_node(node, True)
            self._pieces.append(text)
            return column + len(text)
        if id(node) in self._shared:
            self._pieces.append(Shared(node, indent, IN_BRACKETS, column))
            return column + _ALIAS_WIDTH
        tag = yaml_scalars.of_tag(node.tag, _is_mapping(node))
        if tag:
            self._pieces.append(f"{tag[1:]} ")
            column += len(tag)
        return self.flow(node, indent, column)
