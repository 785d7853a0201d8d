"""The ASDF side of a file: the extension named ASDF in a FITS product, and stand-alone ASDF (and JSON) reference files.

Most trees hold only metadata: text, numbers, lists, dicts, and a WCS, which stays as it stands until it is asked for
(`stored_wcs`). These are read and written as what they are, YAML: the ASDF library takes more than a second to load the
converters of all installed packages. A tree with anything else in it (a transform, an array) goes through the library.
"""

import datetime
import io
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from hexcal import quick_imports
from hexcal.errors import InputError
from hexcal.files import gate
from hexcal.files.atomic import atomic
from hexcal.models import asdf_blocks, bounds, stored_wcs
from hexcal.models.asdf_text import TAG, HistoryEntry, Software, text_of
from hexcal.models.garbage import not_collected
from hexcal.models.stored_wcs import StoredWcs
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.writing import STANDARD

# Written anew by every save, or describing the FITS file that the tree came from.
NOT_METADATA = {"asdf_library", "history", "_fits_hash"}
_HEAD = b"#ASDF 1.0.0\n#ASDF_STANDARD %s\n%%YAML 1.1\n%%TAG ! tag:stsci.edu:asdf/\n--- !core/asdf-1.1.0\n"
_STANDARD = re.compile(rb"#ASDF_STANDARD (\S+)")
_PLAIN_STANDARD = b"1.5.0"
_END = b"\n...\n"
END_OF_TREE = re.compile(rb"\r?\n\.\.\.(\r?\n|$)")
_CHUNK = 1 << 20
_PLAIN = frozenset((str, int, float, bool))


def from_bytes(content, where):
    """Read the content of an ASDF extension.

    Parameters
    ----------
    content : bytes
        The ASDF file that the extension holds.
    where : str
        File name for messages.

    Returns
    -------
    dict
        The tree without arrays that only point back at the FITS extensions, and without the bookkeeping of the ASDF
        library; ``history`` holds a list of texts. A WCS is a `StoredWcs`.
    """
    tree = _plain_tree(content, where, lambda: content)
    return _cleaned(_library_tree(io.BytesIO(content), where) if tree is None else tree)


def from_bytes_with_library(content, where):
    """As `from_bytes`, with every WCS made into an object."""
    return _cleaned(_library_tree(io.BytesIO(content), where))


def from_file(path):
    """Read a stand-alone ASDF or JSON file as a dict."""
    path = Path(path)
    gate.reading(path)
    if path.suffix == ".json":
        try:
            return bounds.from_json(bounds.read_bytes(path, "a JSON file"), str(path))
        except InputError:
            raise
        except ValueError as error:
            raise InputError(
                f"not readable as JSON: {error}",
                where=str(path),
                hint="the file may have been cut, or changed by hand: get it again, or give another one",
            ) from error
    beginning = beginning_of(path)
    require_whole(path, beginning)
    tree = _plain_tree(beginning, str(path), path.read_bytes)
    return _cleaned(_library_tree(path, str(path)) if tree is None else tree)


def beginning_of(path):
    """Return the bytes of a stand-alone ASDF file up to the end of its tree; the arrays that follow are not read."""
    bounds.require_regular(path, "an ASDF file")
    content = bytearray()
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            looked_at = max(0, len(content) - len(_END) - 2)
            content += chunk
            if not content.startswith(b"#ASDF") or END_OF_TREE.search(content, looked_at):
                break
            if len(content) > bounds.MOST_TEXT:
                raise InputError(
                    f"a tree of at most {bounds.MOST_TEXT >> 20} MB can be read, this one is larger", where=str(path)
                )
    return bytes(content)


def require_whole(path, beginning):
    """Raise InputError if an ASDF file ends within its tree or its blocks; what is no ASDF is left to the library."""
    if not beginning.startswith(b"#ASDF"):
        return
    end = END_OF_TREE.search(beginning)
    if end is None:
        raise InputError(
            "the file is truncated: its tree has no end (...)", where=str(path), hint="copy or download it again"
        )
    asdf_blocks.require_whole(path, end.end())


def _plain_tree(content, where, whole):
    """Return the tree if it holds only metadata, else None; `whole` returns the file with its blocks."""
    import yaml

    end = END_OF_TREE.search(content)
    if not content.startswith(b"#ASDF") or end is None:
        return None
    wcs_of = _WcsOfFile(content, end, where, whole)
    try:
        tree = bounds.from_yaml(content[: end.start()], where, loader_of(wcs_of))
    except (_NotPlain, yaml.YAMLError):
        return None
    finally:
        wcs_of.let_go()
    return tree if isinstance(tree, dict) else None


class _WcsOfFile:
    """Makes every WCS of a file, as it stands there; they share its blocks."""

    def __init__(self, content, end, where, whole):
        self._end, self._where = end, where
        self._content: Any = content
        self._whole: Any = whole
        self._source: Any = None

    def let_go(self):
        """Forget the file: the class of the loader lives until garbage is looked for."""
        self._content = self._whole = self._source = None

    def __call__(self, node):
        if self._source is None:
            standard = _STANDARD.search(self._content, 0, self._end.start())
            blocks = stored_wcs.blocks_of(self._whole(), self._end.end())
            if standard is None or blocks is None:
                raise _NotPlain
            self._source = stored_wcs.Source(blocks, standard[1], self._where)
        stored = StoredWcs(node, self._source)
        self._source.objects.add(stored)
        return stored


class _NotPlain(Exception):
    """The tree holds something that only the ASDF library can read."""


def loader_of(wcs_of):
    """Return a loader of YAML that reads plain values; `wcs_of` makes a WCS of its node (None: it is not asked to)."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):
        """Reads plain YAML and the bookkeeping tags of ASDF."""

    def bookkeeping(loader, suffix, node):
        name = suffix.rpartition("-")[0]
        if name in ("asdf", "software", "history_entry", "extension_metadata"):
            return loader.construct_mapping(node, deep=True)
        if name == "ndarray" and isinstance(node, yaml.MappingNode):
            mapping = loader.construct_mapping(node, deep=True)
            if str(mapping.get("source", "")).startswith("fits:"):
                return _InFits
        raise _NotPlain

    def anything(loader, suffix, node):
        raise _NotPlain

    Loader.add_multi_constructor(TAG, bookkeeping)
    Loader.add_multi_constructor(stored_wcs.TAG, lambda loader, suffix, node: wcs_of(node))
    Loader.add_multi_constructor("tag:", anything)
    Loader.add_multi_constructor("!", anything)
    # Dates stay the texts that they are in headers.
    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in Loader.yaml_implicit_resolvers.items()
    }
    return Loader


class _InFits:
    """Stands for an array that is in a FITS extension of the same file."""


def _library():
    """The ASDF library, with the extensions of all installed packages."""
    import asdf

    with quick_imports.for_asdf():
        # Looked for by the first call only.
        asdf.get_config().extensions  # noqa: B018
    return asdf


def _library_tree(source, where):
    import yaml

    asdf = _library()
    with warnings.catch_warnings():
        # Files carry tags of many library versions; an unknown one leaves plain dicts and lists, which is all that is
        # needed here.
        warnings.simplefilter("ignore")
        try:
            with asdf.open(
                source, memmap=False, lazy_load=False, ignore_unrecognized_tag=True, ignore_missing_extensions=True
            ) as content:
                return dict(content.tree)
        except yaml.YAMLError as error:
            raise InputError(f"not readable as ASDF: {' '.join(str(error).split())}", where=where) from error
        except ImportError as error:
            raise InputError(
                f"the file needs a Python package to be read: {' '.join(str(error).split())}",
                where=where,
                hint="install it, or write the file without compression",
            ) from error
        except (ValueError, OSError, TypeError, KeyError, AttributeError, asdf.exceptions.ValidationError) as error:
            raise InputError(f"not readable as ASDF: {str(error).splitlines()[0]}", where=where) from error


def _cleaned(tree):
    history = tree.get("history")
    entries = history.get("entries", []) if isinstance(history, dict) else []
    cleaned = {name: value for name, value in tree.items() if name not in NOT_METADATA and value is not _InFits}
    cleaned["history"] = [entry["description"] for entry in entries]
    return cleaned


def to_bytes(tree, history=()):
    """Return an ASDF file with that tree, as bytes for the ASDF extension."""
    tree = plain(tree)
    if _is_plain(tree):
        return _plain_bytes(tree, history)
    buffer = io.BytesIO()
    _write_with_library(buffer, tree, history)
    return buffer.getvalue()


def to_bytes_with_library(tree, version=None):
    """As `to_bytes`, by the ASDF library, following a version of the standard (None: the newest)."""
    buffer = io.BytesIO()
    _library().AsdfFile(tree, version=version).write_to(buffer)
    return buffer.getvalue()


def _write_with_library(stream, tree, history):
    content = _library().AsdfFile(stored_wcs.all_opened(tree))
    for entry in history:
        content.add_history_entry(str(entry))
    content.write_to(stream)


def _with_stored_wcs(tree):
    """Return the tree with every WCS as it stands in a file, all following one version of the standard.

    That of those that nobody has touched, if the others can follow it: descriptions follow the newest one.
    """
    wcses = {id(value): value for value in _wcses(tree)}
    standards = {value.standard for value in wcses.values() if isinstance(value, StoredWcs)}
    live = [value for value in wcses.values() if stored_wcs.is_wcs(value)]
    is_of_one = len(standards) == 1 and not any(isinstance(value, Wcs) for value in wcses.values())
    standard = next(iter(standards)) if is_of_one else STANDARD
    if not wcses or (is_of_one and not live):
        return tree
    done = {}
    for value in wcses.values():
        if isinstance(value, Wcs):
            done[id(value)] = value
        elif isinstance(value, StoredWcs) and value.standard != standard:
            done[id(value)] = stored_wcs.described(value) or value.read()
    live += [value for value in done.values() if stored_wcs.is_wcs(value)]
    # Each once, and all together: the library checks the whole file each time.
    done |= dict(zip(map(id, live), stored_wcs.stored(live, standard), strict=True)) if live else {}
    descriptions = {id(value): value for value in done.values() if isinstance(value, Wcs)}
    nodes = dict(zip(descriptions, stored_wcs.written(list(descriptions.values())), strict=True))

    def converted(value):
        if isinstance(value, dict):
            return {name: converted(item) for name, item in value.items()}
        if isinstance(value, list):
            return [converted(item) for item in value]
        value = done.get(id(value), value)
        value = done.get(id(value), value)
        return nodes.get(id(value), value)

    return converted(tree)


def _wcses(value):
    """Return every WCS in nested dicts and lists, in order."""
    found, waiting = [], [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting.extend(reversed(list(value.values()) if isinstance(value, dict) else value))
        elif _is_any_wcs(value):
            found.append(value)
    return found


def _is_any_wcs(value):
    if type(value) in _PLAIN:
        return False
    return isinstance(value, StoredWcs | Wcs) or stored_wcs.is_wcs(value)


def _plain_bytes(tree, history):
    with not_collected():
        return _whole(_with_stored_wcs(tree), history)


def _whole(tree, history):
    from hexcal import __version__

    wcses = _wcses(tree)
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0)
    content = {"asdf_library": Software(name="hexcal", version=__version__, author="the Hexcal developers"), **tree}
    if history:
        content["history"] = {"entries": [HistoryEntry(description=str(text), time=now) for text in history]}
    text, blocks = text_of(content, wcses)
    standard = wcses[0].standard if wcses else _PLAIN_STANDARD
    # Maps of slices have 34 MB: they are copied once.
    return b"".join([_HEAD % standard, text.encode(), _END, *blocks])


def file_of(root, standard, blocks, yaml):
    """Return the ASDF file of a tree of YAML nodes (bytes)."""
    body = yaml.serialize(root, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), encoding="utf-8")
    head = b"#ASDF 1.0.0\n#ASDF_STANDARD %s\n%%YAML 1.1\n---\n" % standard
    return head + body.rstrip(b"\n") + _END + b"".join(blocks)


def _is_plain(value):
    if isinstance(value, dict):
        return all(_is_plain(item) for item in value.values())
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return value is None or type(value) in _PLAIN or _is_any_wcs(value)


def to_file(path, tree, history=()):
    """Write a stand-alone ASDF file, atomically."""
    tree = plain(tree)
    with atomic(path) as stream:
        if _is_plain(tree):
            stream.write(_plain_bytes(tree, history))
        else:
            _write_with_library(stream, tree, history)


def plain(value) -> Any:
    """Replace numpy scalars by Python ones, so that a tree can be written by any serialiser.

    Arrays and library objects stay.
    """
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    return value
