"""A WCS as it stands in the tree of an ASDF file.

Made into an object of gwcs when it is asked for, and written back as it stands when it is not.

Reading a WCS loads the libraries of all transforms, which takes seconds; most runs only pass it on.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hexcal.errors import InputError

TAG = "tag:stsci.edu:gwcs/wcs-"
"""What the tag of a WCS begins with; its version follows."""

_ARRAY_TAG = "tag:stsci.edu:asdf/core/ndarray-"
_MAGIC = b"\xd3BLK"
_ALLOCATED = struct.Struct(">Q")
_STREAMED = 1


@dataclass(frozen=True, eq=False, repr=False)
class StoredWcs:
    """The YAML nodes of a WCS, with the blocks of binary data that they name.

    Parameters
    ----------
    node : yaml.Node
        Of the WCS; what an alias stands for is in it. Never changed.
    blocks : tuple of bytes
        The blocks of the file, each with its header.
    standard : bytes
        Version of the ASDF standard that the file follows: it says which libraries read the tags.
    where : str
        File, for messages.
    """

    node: Any
    blocks: tuple
    standard: bytes
    where: str

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return "<WCS, not read yet>"

    def read(self):
        """Return it as an object of gwcs, a new one at each call.

        Raises
        ------
        InputError
            If the libraries that are installed do not know what it is made of.
        """
        from hexcal.models import asdf_tree

        found = asdf_tree.from_bytes_with_library(asdf_tree.to_bytes({"wcs": self}), self.where)["wcs"]
        if not is_wcs(found):
            raise InputError(
                f"the WCS ({self.node.tag.rpartition('/')[2]}) is made of transforms that the installed libraries "
                "cannot read",
                where=self.where,
                hint="assign it anew with the step assign_wcs; as long as nobody asks for it, it is kept as it is",
            )
        return found

    def renumbered(self, blocks):
        """Return its node, with the numbers that its arrays have in a list of blocks, to which theirs are added."""
        used = sorted({int(source.value) for node in _nodes(self.node, set()) if (source := _source(node))})
        numbers = {number: _number_of(self.blocks[number], blocks) for number in used}
        if all(number == former for former, number in numbers.items()):
            return self.node
        return _renumbered(self.node, numbers, {})


def is_wcs(value):
    """Whether a value is a WCS object of gwcs (without loading gwcs: what is one has loaded it)."""
    return any(cls.__name__ == "WCS" and cls.__module__.startswith("gwcs") for cls in type(value).__mro__)


def stored(wcses, standard):
    """Return objects of gwcs as they stand in a file.

    Parameters
    ----------
    wcses : list of gwcs.WCS
        The objects.
    standard : bytes or None
        Version of the ASDF standard to follow; None: the newest.

    Returns
    -------
    list of StoredWcs
    """
    from hexcal.models import asdf_tree

    content = asdf_tree.to_bytes_with_library({"wcs": wcses}, version=standard.decode() if standard else None)
    return asdf_tree.from_bytes(content, "a WCS in memory")["wcs"]


def opened(value):
    """Return what stands in a tree as the object that it is: a WCS that was not read is read."""
    return value.read() if isinstance(value, StoredWcs) else value


def all_opened(tree):
    """Read every WCS in nested dicts and lists, in place; return the tree."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for name, value in list(pairs):
        if isinstance(value, StoredWcs):
            tree[name] = value.read()
        elif isinstance(value, dict | list):
            all_opened(value)
    return tree


def objects_in(tree: Any) -> Iterator[Any]:
    """Yield the objects of gwcs in nested dicts and lists."""
    for value in tree.values() if isinstance(tree, dict) else tree:
        if isinstance(value, dict | list):
            yield from objects_in(value)
        elif is_wcs(value):
            yield value


def blocks_of(content, start):
    """Cut the blocks of binary data out of an ASDF file.

    Parameters
    ----------
    content : bytes
        The file.
    start : int
        End of its tree.

    Returns
    -------
    tuple of bytes or None
        Each with its header; None if one of them has no length (a stream).
    """
    position, blocks = content.find(_MAGIC, start), []
    while position >= 0 and content[position : position + 4] == _MAGIC:
        flags = int.from_bytes(content[position + 6 : position + 10], "big")
        if flags & _STREAMED:
            return None
        header = int.from_bytes(content[position + 4 : position + 6], "big")
        (allocated,) = _ALLOCATED.unpack_from(content, position + 14)
        end = position + 6 + header + allocated
        blocks.append(content[position:end])
        position = end
    return tuple(blocks)


def has_blocks(node):
    """Whether an array of a WCS lies in a block of binary data."""
    return any(_source(inner) is not None for inner in _nodes(node, set()))


def _nodes(node, seen):
    """Yield a node and all inside, each once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node
    if not isinstance(node.value, str):
        for item in node.value:
            for inner in item if isinstance(item, tuple) else (item,):
                yield from _nodes(inner, seen)


def _source(node):
    """The node that holds the number of the block of an array, or None for all else."""
    if not node.tag.startswith(_ARRAY_TAG) or isinstance(node.value, str):
        return None
    pairs = [item for item in node.value if isinstance(item, tuple)]
    return next((value for key, value in pairs if key.value == "source"), None)


def _number_of(block, blocks):
    """Position of a block in a list, to the end of which it is added if it is not in it."""
    for number, other in enumerate(blocks):
        if other is block:
            return number
    blocks.append(block)
    return len(blocks) - 1


def _renumbered(node, numbers, copies):
    """Return a copy of a node whose arrays have other numbers; `copies` holds what is copied already."""
    if id(node) in copies:
        return copies[id(node)]
    if isinstance(node.value, str):
        return node
    # Known before its parts: a transform may be the inverse of its inverse.
    copy = copies[id(node)] = type(node)(node.tag, [], flow_style=node.flow_style)
    children: list = [
        tuple(_renumbered(inner, numbers, copies) for inner in item)
        if isinstance(item, tuple)
        else _renumbered(item, numbers, copies)
        for item in node.value
    ]
    source = _source(node)
    if source is not None:
        number = type(source)(source.tag, str(numbers[int(source.value)]), style=source.style)
        children = [(key, number if key.value == "source" else value) for key, value in children]
    copy.value.extend(children)
    return copy
