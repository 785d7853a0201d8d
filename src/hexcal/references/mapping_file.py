"""Mapping files of CRDS (.pmap, .imap, .rmap): read as data, never executed; their checksum."""

import ast
import hashlib
import os
import re
from dataclasses import dataclass

from hexcal.errors import InputError, ReferenceError_, ResourceError
from hexcal.files import gate
from hexcal.files.atomic import atomic, cause_of
from hexcal.models.bounds import read_bytes
from hexcal.python_texts import syntax_tree

SELECTORS = ("ClosestTime", "GeometricallyNearest", "Match", "SelectVersion", "UseAfter", "VersionAfter")
MOST_BYTES = 64 << 20
"""Size of a mapping: twenty times the largest of JWST."""
KINDS = {".pmap": "PIPELINE", ".imap": "INSTRUMENT", ".rmap": "REFERENCE"}

# A mapping name becomes a path: letters, digits, and no separator. (".." cannot name another folder without one, but
# has no place in a name either.)
_NAME = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*\.[pir]map")
_SHA1_LINE = re.compile(rb"\s*'sha1sum'\s*:\s*'(?P<sum>[^']*)'")


@dataclass(frozen=True)
class Call:
    """A selector in an rmap: ``UseAfter({...})``.

    Parameters
    ----------
    selector : str
        One of `SELECTORS`.
    rules : tuple of (key, value)
        Key: str, number or tuple of them. Value: name of a file (or N/A, OMIT), or `Call`.
    """

    selector: str
    rules: tuple


@dataclass(frozen=True)
class MappingFile:
    """What a mapping file says.

    Parameters
    ----------
    path : str
        Where it was read.
    header : dict
        Literals.
    comment : str
        Text of ``comment``, or "".
    selector : dict or Call
        Dict of name to name in a .pmap and .imap; `Call` in an .rmap.
    """

    path: str
    header: dict
    comment: str
    selector: dict | Call

    @property
    def name(self):
        """Name of the file, without folder."""
        return os.path.basename(self.path)


def check_name(name, where=None):
    """Return the name of a mapping if it is one.

    Raises
    ------
    ReferenceError_
        If it has a path in it, or does not end in .pmap, .imap or .rmap.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or ".." in name:
        raise ReferenceError_(
            f"'{name}' is not the name of a mapping",
            where=where,
            hint="a name of letters, digits, _ . - + that ends in .pmap, .imap or .rmap",
        )
    return name


def read_mapping(path, verify=True):
    """Read one mapping file.

    Parameters
    ----------
    path : path-like
        The file.
    verify : bool
        Whether its sha1sum must be right.

    Returns
    -------
    MappingFile

    Raises
    ------
    ReferenceError_
        If it is missing, not readable, has anything but literals and selectors in it, or a wrong sha1sum.
    """
    path = os.fspath(path)
    gate.reading(path, "mapping of CRDS")
    try:
        content = read_bytes(path, "a mapping", MOST_BYTES)
    except InputError as error:
        raise ReferenceError_(error.message, error.where, error.hint) from error
    except FileNotFoundError as error:
        raise ReferenceError_(
            "the mapping does not exist", where=path, hint="fetch it into the cache, or check CRDS_PATH and the name"
        ) from error
    except OSError as error:
        raise ReferenceError_(f"the mapping cannot be read: {error.strerror}", where=path) from error
    mapping = parse_mapping(content, path)
    if verify:
        _verify(content, path)
    return mapping


def parse_mapping(content, path):
    """Parse the content of a mapping file.

    Parameters
    ----------
    content : bytes
        UTF-8.
    path : str
        For messages; its ending tells the kind.

    Returns
    -------
    MappingFile
    """
    try:
        body = syntax_tree(content.decode("utf-8")).body
    except SyntaxError as error:
        raise _corrupt(path, f"line {error.lineno} is not understood") from error
    except (UnicodeDecodeError, ValueError, RecursionError, MemoryError) as error:
        raise _corrupt(path, "it is not a text of header and selector") from error
    parts = {}
    for statement in body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
        if not isinstance(target, ast.Name) or target.id not in ("header", "comment", "selector"):
            raise _corrupt(
                path, f"line {statement.lineno} is code; only header, comment and selector are allowed there"
            )
        parts[target.id] = statement.value
    if "header" not in parts or "selector" not in parts:
        raise _corrupt(path, "header and selector are required")
    header = _literal(parts["header"], path)
    if not isinstance(header, dict) or not all(isinstance(key, str) for key in header):
        raise _corrupt(path, "header must be a table of names and values")
    comment = _literal(parts["comment"], path) if "comment" in parts else ""
    ending = os.path.splitext(path)[1]
    if ending == ".rmap":
        selector = _selector(parts["selector"], path)
        if not isinstance(selector, Call):
            raise _corrupt(path, f"the selector of an .rmap must be one of {', '.join(SELECTORS)}")
    else:
        selector = _literal(parts["selector"], path)
        if not isinstance(selector, dict) or not all(
            isinstance(text, str) for item in selector.items() for text in item
        ):
            raise _corrupt(path, "the selector must be a table of names and mappings")
    if header.get("mapping") != KINDS.get(ending):
        raise _corrupt(path, f"header 'mapping' must be '{KINDS.get(ending)}', found '{header.get('mapping')}'")
    return MappingFile(path, header, str(comment), selector)


def _corrupt(path, why):
    return ReferenceError_(
        f"the mapping is corrupt: {why}",
        where=str(path),
        hint="fetch it again; mappings are data and are never executed",
    )


def _literal(node, path):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Tuple):
        return tuple([_literal(element, path) for element in node.elts])
    if isinstance(node, ast.Dict):
        keys = [_literal(_key(key, path), path) for key in node.keys]
        try:
            return dict(zip(keys, [_literal(value, path) for value in node.values], strict=True))
        except TypeError as error:
            raise _corrupt(path, f"line {node.lineno}: a key must be a text") from error
    if isinstance(node, ast.List):
        return [_literal(element, path) for element in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value if isinstance(node.operand.value, int | float) else _refuse(node, path)
    return _refuse(node, path)


def _refuse(node, path):
    raise _corrupt(path, f"line {node.lineno} has {type(node).__name__} in it, where only text and numbers may stand")


def _key(node, path):
    if node is None:
        raise _corrupt(path, "** is code")
    return node


def _selector(node, path):
    if not isinstance(node, ast.Call):
        value = _literal(node, path)
        if not isinstance(value, str):
            raise _corrupt(path, f"line {node.lineno}: the result of a rule must be the name of one file")
        return value
    if not isinstance(node.func, ast.Name) or node.func.id not in SELECTORS:
        raise _corrupt(
            path, f"line {node.lineno}: '{ast.unparse(node.func)}' is no selector; known are {', '.join(SELECTORS)}"
        )
    if len(node.args) != 1 or node.keywords or not isinstance(node.args[0], ast.Dict):
        raise _corrupt(path, f"line {node.lineno}: {node.func.id} must have one table of rules")
    table = node.args[0]
    # Of two rules with the same key the last holds, as in the original.
    rules = {_hashable(key, path): _selector(value, path) for key, value in zip(table.keys, table.values, strict=True)}
    return Call(node.func.id, tuple(rules.items()))


def _hashable(node, path):
    key = _literal(_key(node, path), path)
    elements = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(element, str | int | float) for element in elements):
        raise _corrupt(path, f"line {node.lineno}: a key must be text or numbers")
    return key


# ---- checksum


def sha1sum(content):
    """Return the checksum of a mapping: sha1 of all lines but that of sha1sum itself.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    computed, recorded : str, str or None
        Hexadecimal digits; `recorded` is what the file says, None if nothing.
    """
    recorded, lines = None, []
    for line in content.splitlines(keepends=True):
        match = _SHA1_LINE.match(line)
        if match:
            recorded = match["sum"].decode("ascii", "replace")
        else:
            lines.append(line)
    return hashlib.sha1(b"".join(lines)).hexdigest(), recorded


def _verify(content, path):
    computed, recorded = sha1sum(content)
    if recorded is not None and computed != recorded:
        raise ReferenceError_(
            f"the mapping has been altered: its sha1sum is {computed}, it says {recorded}",
            where=path,
            hint="fetch it again; if the change is yours: `hexcal crds checksum --update FILE`",
        )


def write_sha1sum(path):
    """Set the sha1sum in a mapping file to what it is; the file is replaced as a whole or not at all.

    Returns
    -------
    bool
        Whether it had to be changed.

    Raises
    ------
    ReferenceError_
        If the file has no sha1sum.
    ResourceError
        If it cannot be written.
    """
    path = os.path.realpath(path)
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError as error:
        raise ReferenceError_(f"the mapping cannot be read: {error.strerror}", where=path) from error
    computed, recorded = sha1sum(content)
    if recorded is None:
        raise ReferenceError_(
            "the mapping has no sha1sum to update", where=path, hint="add 'sha1sum' : '' to its header"
        )
    if computed == recorded:
        return False
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines):
        match = _SHA1_LINE.match(line)
        if match:
            lines[number] = line[: match.start("sum")] + computed.encode() + line[match.end("sum") :]
    # The user asked for this file to be changed in place.
    gate.edits(path)
    mode = os.stat(path).st_mode
    try:
        with atomic(path) as stream:
            stream.write(b"".join(lines))
        os.chmod(path, mode)
    except OSError as error:
        raise ResourceError(f"the mapping cannot be written: {cause_of(error).strerror}", where=path) from error
    return True
