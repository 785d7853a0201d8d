"""The nodes of several WCSs in one new file, with the numbers that their arrays have there."""

import threading
import weakref
from collections.abc import Iterator
from typing import Any

_ARRAY_TAG = "tag:stsci.edu:asdf/core/ndarray-"


class ArrayPaths:
    """Which nodes of a file have arrays in them: few do. Each node is looked at once, whatever WCSs it belongs to."""

    def __init__(self):
        # The nodes themselves are kept: an identity is that of a node only as long as there is the node.
        self._known: dict[int, Any] = {}
        self._parents: dict[int, list[int]] = {}
        self._leading: set[int] = set()

    def add(self, root: Any) -> None:
        """Look at a node and all inside, as far as that has not been done."""
        if id(root) in self._known:
            return
        self._known[id(root)] = root
        waiting, found = [root], []
        while waiting:
            node = waiting.pop()
            if _number_of(node) is not None:
                found.append(id(node))
            for child in _children(node):
                self._parents.setdefault(id(child), []).append(id(node))
                if id(child) in self._leading:
                    found.append(id(node))
                if id(child) not in self._known:
                    self._known[id(child)] = child
                    waiting.append(child)
        while found:
            number = found.pop()
            if number not in self._leading:
                self._leading.add(number)
                found += self._parents.get(number, ())

    def lead(self, node: Any) -> bool:
        """Return whether there are arrays in a node that was looked at."""
        return id(node) in self._leading

    def numbers(self, root: Any, seen: set[int]) -> Iterator[int]:
        """Yield the numbers of the blocks of the arrays in a node, but for what is in nodes that were seen."""
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if id(node) in seen or not self.lead(node):
                continue
            seen.add(id(node))
            number = _number_of(node)
            if number is not None:
                yield int(number.value)
            waiting.extend(_children(node))


_PATHS: weakref.WeakKeyDictionary[Any, ArrayPaths] = weakref.WeakKeyDictionary()
"""File -> what is known of its nodes; not part of the file's object, which another process may get a copy of."""
_LOCK = threading.Lock()


class Renumbering:
    """The nodes of several WCSs in one new file, with the numbers that their arrays have there.

    Parameters
    ----------
    wcses : sequence of StoredWcs

    Attributes
    ----------
    blocks : list of bytes
        Blocks of the new file: those that are in use, each once.
    """

    def __init__(self, wcses):
        self.blocks: list[bytes] = []
        self._places: dict[int, int] = {}
        of_source: dict[int, list] = {}
        for wcs in wcses:
            of_source.setdefault(id(wcs.source), []).append(wcs)
        self._nodes: dict[int, Any] = {}
        for group in of_source.values():
            self._take(group)

    def _take(self, group):
        source, seen = group[0].source, set()
        with _LOCK:
            paths = _PATHS.setdefault(source, ArrayPaths())
            for wcs in group:
                paths.add(wcs.node)
        used = {number for wcs in group for number in paths.numbers(wcs.node, seen)}
        numbers = {number: self._place_of(source.blocks[number]) for number in sorted(used)}
        is_same, copies = all(number == former for former, number in numbers.items()), {}
        for wcs in group:
            self._nodes[id(wcs)] = wcs.node if is_same else _renumbered(wcs.node, numbers, paths, copies)

    def _place_of(self, block):
        if id(block) not in self._places:
            self._places[id(block)] = len(self.blocks)
            self.blocks.append(block)
        return self._places[id(block)]

    def node(self, wcs):
        """Return the node that stands for a WCS in the new file."""
        return self._nodes[id(wcs)]


def _children(node) -> Iterator[Any]:
    """Yield the lists and mappings directly inside a node; numbers and text cannot hold an array."""
    if isinstance(node.value, str):
        return
    for item in node.value:
        child = item[1] if isinstance(item, tuple) else item
        if not isinstance(child.value, str):
            yield child


def _number_of(node):
    """The node that holds the number of the block of an array, or None for all else."""
    if not node.tag.startswith(_ARRAY_TAG) or isinstance(node.value, str):
        return None
    pairs = [item for item in node.value if isinstance(item, tuple)]
    return next((value for key, value in pairs if key.value == "source"), None)


def _renumbered(node, numbers, paths, copies):
    """Return a copy of a node whose arrays have other numbers; `copies` holds what is copied already.

    What has no arrays in it is not copied.
    """
    if id(node) in copies:
        return copies[id(node)]
    if not paths.lead(node):
        return node
    # Known before its parts: a transform may be the inverse of its inverse.
    copy = copies[id(node)] = type(node)(node.tag, [], flow_style=node.flow_style)
    children: list = [
        (item[0], _renumbered(item[1], numbers, paths, copies))
        if isinstance(item, tuple)
        else _renumbered(item, numbers, paths, copies)
        for item in node.value
    ]
    source = _number_of(node)
    if source is not None:
        number = type(source)(source.tag, str(numbers[int(source.value)]), style=source.style)
        children = [(key, number if key.value == "source" else value) for key, value in children]
    copy.value.extend(children)
    return copy
