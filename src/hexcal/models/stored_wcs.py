"""A WCS as it stands in the tree of an ASDF file.

It is written back as it stands as long as nobody changes it. What computes with it takes its description
(`hexcal.models.wcs`), which is read in no time; an object of gwcs, for which the libraries of all transforms have to be
loaded, is made when a user asks for one.
"""

import struct
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hexcal.errors import InputError
from hexcal.models.garbage import not_collected
from hexcal.models.wcs.description import Frame, Wcs
from hexcal.models.wcs.objects import ObjectsOfFile
from hexcal.models.wcs.transforms import Transform

TAG = "tag:stsci.edu:gwcs/wcs-"
"""What the tag of a WCS begins with; its version follows."""

_MAGIC = b"\xd3BLK"
_ALLOCATED = struct.Struct(">Q")
_STREAMED = 1
_DESCRIBED: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
"""Object of gwcs: what told whether it was changed, and its description then."""
_READ: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
"""Object of gwcs: the file that it was read from, what tells whether it was changed, and whether it is known that there
is no description of it."""


@dataclass(eq=False, repr=False)
class Source:
    """What the WCSs of one file share.

    Parameters
    ----------
    blocks : sequence of bytes
        The blocks of binary data of the file, each with its header.
    standard : bytes
        Version of the ASDF standard that the file follows: it says which libraries read the tags.
    where : str
        File, for messages.
    """

    blocks: Any
    standard: bytes
    where: str
    reader: Any = field(default=None, init=False)
    objects: ObjectsOfFile = field(default_factory=ObjectsOfFile, init=False)

    def described(self, node):
        """Return the description of what a node of the file stands for; what is shared there is shared here."""
        from hexcal.models.wcs.reading import Reader

        if self.reader is None:
            self.reader = Reader(self.blocks)
        with not_collected():
            return self.reader.value(node)


@dataclass(eq=False, repr=False)
class StoredWcs:
    """The YAML nodes of a WCS, with the blocks of binary data that they name.

    Parameters
    ----------
    node : yaml.Node
        Of the WCS; what an alias stands for is in it. Never changed.
    source : Source
        The file.
    """

    node: Any
    source: Source
    _description: Any = field(default=None, init=False)

    standard = property(lambda self: self.source.standard)
    where = property(lambda self: self.source.where)

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return "<WCS, not read yet>"

    def described(self) -> Wcs | None:
        """Return its description; None if it is made of transforms that there is no description for."""
        from hexcal.models.wcs.reading import NotDescribed

        if self._description is None:
            try:
                self._description = self.source.described(self.node)
            except NotDescribed:
                self._description = False
        return self._description or None

    @property
    def known_description(self):
        """Its description, if it has been asked for; else None."""
        return self._description or None

    def read(self):
        """Return it as an object of gwcs, a new one at each call.

        Raises
        ------
        InputError
            If the libraries that are installed do not know what it is made of.
        """
        wcs = self.source.objects.read(self)
        if not is_wcs(wcs):
            raise InputError(
                f"the WCS ({self.node.tag.rpartition('/')[2]}) is made of transforms that the installed libraries "
                "cannot read",
                where=self.where,
                hint="run the step assign_wcs again; as long as nobody asks for it, it is kept as it is",
            )
        _READ[wcs] = (self.where, _state(wcs), self._description is False)
        return wcs


def wcs_of(model) -> Any:
    """Return the WCS of a model for what computes with it, None if there is none.

    Its description, else the object of gwcs. What ``meta.wcs`` gives is always an object of gwcs, for users, which
    takes seconds to load and to make.
    """
    value = model.branch("meta").get("wcs")
    if value is None:
        value = (model.whole_tree().get("meta") or {}).get("wcs")
    if isinstance(value, Wcs):
        return value
    return (isinstance(value, StoredWcs) and value.described()) or model.meta.wcs


def described(value) -> Wcs | None:
    """Return the description of a WCS in whatever form; None if there is none for it.

    An object of gwcs is written and read for it.

    Parameters
    ----------
    value : StoredWcs, Wcs or gwcs.WCS
    """
    if isinstance(value, Wcs):
        return value
    if isinstance(value, StoredWcs):
        return value.described()
    state = _state(value)
    if _DESCRIBED.get(value, (None,))[0] != state:
        _DESCRIBED[value] = (state, stored([value], None)[0].described())
    return _DESCRIBED[value][1]


def _state(wcs):
    """What tells whether an object of gwcs was changed."""
    return tuple(
        (id(step.transform), step.transform.parameters.tobytes(), repr(step.transform._user_bounding_box))
        for step in wcs.pipeline
        if step.transform is not None
    )


def is_of_file(value, where):
    """Whether a WCS, in whatever form, is as it was read from a file."""
    if isinstance(value, StoredWcs):
        return value.where == where
    return is_wcs(value) and _READ.get(value, ())[:2] == (where, _state(value))


def is_as_read(wcs):
    """Whether an object of gwcs is as it was read from its file."""
    return wcs in _READ and _READ[wcs][1] == _state(wcs)


def is_undescribed(wcs):
    """Whether an object of gwcs was read because there is no description of it."""
    return wcs in _READ and _READ[wcs][2]


def written(wcses):
    """Return descriptions as they stand in a file, with what they share written once.

    Parameters
    ----------
    wcses : sequence of Wcs

    Returns
    -------
    list of StoredWcs
    """
    from hexcal.models.wcs import writing

    writer = writing.Writer()
    nodes = [writer.node(wcs) for wcs in wcses]
    source = Source(writer.blocks, writing.STANDARD, "a WCS in memory")
    results = [StoredWcs(node, source) for node in nodes]
    for result, wcs in zip(results, wcses, strict=True):
        result._description = wcs
    return results


def is_wcs(value):
    """Whether a value is a WCS object of gwcs (without loading gwcs: what is one has loaded it)."""
    return any(cls.__name__ == "WCS" and cls.__module__.startswith("gwcs") for cls in type(value).__mro__)


def as_gwcs(steps, name="") -> Any:
    """Return the object of gwcs of frames that are descriptions, and of transforms of which some may be.

    Parameters
    ----------
    steps : list of (Frame, transform)
        The others are models of astropy; the last one is None.
    name : str

    Returns
    -------
    gwcs.WCS
    """
    import gwcs

    flat = [part for step in steps for part in step]
    places = [place for place, part in enumerate(flat) if isinstance(part, Frame | Transform)]
    for place, part in zip(places, library_objects([flat[place] for place in places]), strict=True):
        flat[place] = part
    return gwcs.WCS(list(zip(flat[::2], flat[1::2], strict=True)), name=name)


def library_objects(values):
    """Return descriptions of frames and transforms as objects of gwcs and astropy (list)."""
    import yaml

    from hexcal.models import asdf_tree
    from hexcal.models.wcs import writing

    writer = writing.Writer()
    content = asdf_tree.file_of(writer.node({"values": list(values)}), writing.STANDARD, writer.blocks, yaml)
    return list(asdf_tree.from_bytes_with_library(content, "transforms in memory")["values"])


def stored(wcses: Any, standard: Any) -> list[Any]:
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
    """Return what stands in a tree as the object that it is: a WCS as an object of gwcs."""
    if isinstance(value, Wcs):
        value = written([value])[0]
    return value.read() if isinstance(value, StoredWcs) else value


def all_opened(tree):
    """Read every WCS in nested dicts and lists, in place; return the tree."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for name, value in list(pairs):
        if isinstance(value, StoredWcs | Wcs):
            tree[name] = opened(value)
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
