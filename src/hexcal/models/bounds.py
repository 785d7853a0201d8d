"""How much is read of what others made.

No device and no pipe, no text without end, no tree that is too deep or unfolds to more than memory holds.

A few hundred bytes of YAML can stand for billions of values (an anchor that holds ten aliases of an anchor that holds
ten aliases ...); a few kilobytes of brackets exceed the stack. Both are found before anything is made of them.
"""

import errno
import json
import os
import re
import stat
from typing import Any

from hexcal.errors import InputError
from hexcal.models.garbage import not_collected

MOST_TEXT = 256 << 20
"""Bytes of JSON, YAML or other text in one file: a thousand times the largest association of a programme."""
MOST_DEPTH = 200
"""Levels of lists and dictionaries: transforms of the most complex spectrographs have some 60."""
MOST_NODES = 5_000_000
"""Values in a YAML tree, each alias counted as often as it occurs."""

_SAFE_DEPTH = 1000
# Each level of a block begins further to the right than the one around it.
_INDENTED = f"[ ?:-]{{{_SAFE_DEPTH}}}"
# A list within a line that holds no other one: its brackets belong together, since what stands in a list without quotes
# cannot hold them. In quotes, comments and names of tags and anchors they could stand for themselves, and in UTF-16
# they could be halves of letters.
_FLAT = re.compile(rb"\[[^\[\]{}\"'#!&*%\r\n]*\]")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_WCS_TAG = "tag:stsci.edu:gwcs/wcs-"
_HINT = "no file of an observatory is like that: do not trust where it came from"
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def require_possible_name(path):
    """Raise InputError for a name that no file can have: too long, or with a null character."""
    text = os.fsdecode(path)
    try:
        os.stat(text)
    except ValueError:
        raise InputError("a file name cannot hold a null character", where=text) from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(
                f"the name of a file is too long: {len(text)} characters",
                where=f"{text[:60]}...",
                hint="check the name",
            ) from None


def require_regular(path, what="a file"):
    """Refuse what is no regular file, before it is opened.

    Opening a named pipe waits for ever, and reading a device need not end.

    Parameters
    ----------
    path : path-like
        Links are followed. A path at which there is nothing is left to whoever opens it.
    what : str
        What is required, with its article.

    Raises
    ------
    InputError
        If it is a directory, a device, a pipe or a socket.
    """
    require_possible_name(path)
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    kind = next((name for test, name in _KINDS if test(mode)), None)
    if kind is not None:
        hint = "name a file in it" if stat.S_ISDIR(mode) else "copy its content into a file first"
        raise InputError(f"{what} is required, this is {kind}", where=os.fspath(path), hint=hint)


def read_bytes(path, what="a file", most=MOST_TEXT):
    """Return the content of a regular file that is not larger than a text can be (bytes).

    Parameters
    ----------
    path : path-like
        The file.
    what : str
        What is required, with its article, for the message.
    most : int
        Bytes.

    Raises
    ------
    InputError
        If it is no regular file, or larger.
    OSError
        If it cannot be read.
    """
    require_regular(path, what)
    with open(path, "rb") as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise InputError(
            f"{what} of at most {most >> 20} MB is required, this one has {os.path.getsize(path) >> 20} MB",
            where=os.fspath(path),
            hint="check that this is the right file",
        )
    return content


def from_json(text, where, **options):
    """Return what a JSON text holds, if it is not too deep.

    Parameters
    ----------
    text : str or bytes
        JSON.
    where : str
        File or address, for the message.
    **options
        For ``json.loads``.

    Raises
    ------
    InputError
        If it is nested deeper than `MOST_DEPTH`.
    ValueError
        If it is not JSON.
    """
    try:
        tree = json.loads(text, **options)
    except RecursionError:
        raise _too_deep(where) from None
    level = [tree] if isinstance(tree, dict | list) else []
    for _ in range(MOST_DEPTH):
        level = [part for value in level for part in _parts(value) if isinstance(part, dict | list)]
        if not level:
            return tree
    raise _too_deep(where)


def _parts(value):
    return value.values() if isinstance(value, dict) else value


def from_yaml(text, where, base=None):
    """Return what a YAML text holds, if it is within the bounds.

    It must not be too deep, not refer to itself, and unfold to no more values than are read.

    Parameters
    ----------
    text : str or bytes
        YAML, one document.
    where : str
        File, for the message.
    base : type, optional
        The loader of PyYAML; default: ``SafeLoader``.

    Raises
    ------
    InputError
        If it is nested deeper than `MOST_DEPTH`, refers to itself, or stands for more than `MOST_NODES` values. Nothing
        of it was made by then.
    yaml.YAMLError
        If it is not YAML.
    """
    return _of_yaml(text, where, base, lambda loader: loader.get_single_data())


def yaml_nodes(text, where, base=None):
    """Return the node of the document of a YAML text (None if it is empty), if it is within the bounds: `from_yaml`."""
    return _of_yaml(text, where, base, lambda loader: loader.get_single_node())


def _of_yaml(text, where, base, take):
    import yaml

    parent: Any = base or yaml.SafeLoader

    class Bounded(parent):
        """Looks at the nodes of the document before it makes values of them: merging keys (<<) may unfold, too."""

        def get_single_node(self):
            node = super().get_single_node()
            if node is not None:
                _require_bounded_nodes(node, where)
            return node

    try:
        if _may_be_deep(text):
            _require_shallow_yaml(text, where)
        loader = Bounded(text)
        try:
            with not_collected(len(text)):
                return take(loader)
        finally:
            loader.dispose()
    except RecursionError:
        raise _too_deep(where) from None


def _may_be_deep(text):
    """Whether a YAML text can have too many levels to be composed.

    Too many exceed the stack of the compiled loader, which ends the process.
    """
    if isinstance(text, str):
        text = text.encode()
    # Few files have a line as long as that.
    is_long = max(map(len, text.split(b"\n"))) >= _SAFE_DEPTH
    if is_long and re.search(_INDENTED.encode(), text):
        return True
    left = text if text.startswith(_UTF_16) else _FLAT.sub(b"", text)
    return left.count(b"[") + left.count(b"{") > _SAFE_DEPTH


def _require_shallow_yaml(text, where):
    import yaml

    levels = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        levels += isinstance(event, yaml.CollectionStartEvent)
        levels -= isinstance(event, yaml.CollectionEndEvent)
        if levels > MOST_DEPTH:
            raise _too_deep(where)


def _require_bounded_nodes(root, where):
    """Refuse a document of YAML nodes that is deeper or larger than anything Hexcal reads, or refers to itself.

    What an alias stands for is counted at each place, as a writer that knows no aliases would write it, but looked at
    only once. Transforms within a WCS may refer to themselves: the inverse of an inverse is the transform that it
    began with. A WCS is kept as the nodes that it is, or read by the ASDF library, which makes such a loop of objects.
    """
    known: dict[int, tuple[int, int]] = {}
    # Of each node on the way from the root: itself, what of it has not been looked at, values and levels in it so far.
    path, on_path = [[root, iter(_inner(root)), 1, 1]], {id(root)}
    while path:
        top = path[-1]
        child = _first_unknown(top, known)
        if child is None:
            path.pop()
            on_path.discard(id(top[0]))
            known[id(top[0])] = top[2], top[3]
            if path:
                _add(path[-1], top[2], top[3])
        elif id(child) in on_path:
            if _is_loop_in_wcs(path, child):
                top[2] += 1
                continue
            raise InputError("the tree of a file must not refer to itself, this one does", where=where, hint=_HINT)
        else:
            path.append([child, iter(_inner(child)), 1, 1])
            on_path.add(id(child))
        if len(path) > MOST_DEPTH or top[3] > MOST_DEPTH:
            raise _too_deep(where)
        if top[2] > MOST_NODES:
            raise InputError(
                f"at most {MOST_NODES} values are read from a file, this one unfolds to more", where=where, hint=_HINT
            )


def _is_loop_in_wcs(path, node):
    """Whether a node of the way from the root has a WCS around it."""
    for frame in path:
        if frame[0] is node:
            return False
        if frame[0].tag.startswith(_WCS_TAG):
            return True
    return False


def _first_unknown(frame, known):
    """Count the nodes inside one as far as they are known, and return the first that is not; None at the end."""
    for child in frame[1]:
        if id(child) in known:
            _add(frame, *known[id(child)])
        elif isinstance(child.value, str):
            frame[2] += 1
        else:
            return child
        if frame[2] > MOST_NODES:
            return None
    return None


def _add(frame, nodes, levels):
    frame[2] += nodes
    frame[3] = max(frame[3], levels + 1)


def _inner(node):
    """Nodes inside a node: of a mapping its keys and values."""
    if isinstance(node.value, str):
        return ()
    return [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]


def _too_deep(where):
    return InputError(f"at most {MOST_DEPTH} levels of nesting are read, there are more", where=where, hint=_HINT)
