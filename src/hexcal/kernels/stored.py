"""The machine code of kernels on disk: one file for each kernel and kind of arguments.

A file is taken only if it has been made on a machine of this kind, by the present compiler, from the present source of
the kernel and of all modules with helpers that it imports.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import stat
import sys
import zlib
from pathlib import Path

from hexcal.kernels import one_at_a_time

_SUFFIX = ".hxk"
_FORMAT = 2
_IMPORTED = re.compile(r"^\s*from hexcal\.kernels\.(\w+) import", re.MULTILINE)
_HERE = Path(__file__).parent


@functools.cache
def folder(source=_HERE):
    """Return where machine code is kept.

    ``NUMBA_CACHE_DIR``, if it is set; else beside the source, with Python's own; else, if that cannot be written, in
    the user's cache (``HEXCAL_CACHE``); else in the folder of temporary files, where only the user can write to it.

    Parameters
    ----------
    source : Path
        Folder of the source.

    Returns
    -------
    Path or None
        None if nothing can be kept.
    """
    first = _writable(_first(source))
    if first is not None or os.environ.get("NUMBA_CACHE_DIR"):
        return first
    return _in_users_cache(_named(source)) or _among_temporary_files(_named(source))


def _first(source):
    given = os.environ.get("NUMBA_CACHE_DIR")
    return Path(given) / f"hexcal-{_named(source)}" if given else source / "__pycache__"


def _places(source=_HERE):
    """Return where machine code is looked for: also where it cannot be written, but may have been by the installer."""
    return tuple(dict.fromkeys(place for place in (_first(source), folder(source)) if place is not None))


def _named(source):
    return hashlib.sha256(str(source).encode()).hexdigest()[:16]


def _writable(directory):
    """Return a folder, made if it is not there yet; None if it cannot be written."""
    with contextlib.suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        if os.access(directory, os.W_OK | os.X_OK):
            return directory
    return None


def _in_users_cache(named):
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cache = os.environ.get("HEXCAL_CACHE") or os.path.join(caches, "hexcal")
    # Of a user without a home nothing is expanded.
    return None if cache.startswith("~") else _writable(Path(cache) / f"kernels-{named}")


def _among_temporary_files(named):
    """Return the user's own folder there: machine code that somebody else could write there would be run."""
    import tempfile

    if not hasattr(os, "getuid"):
        return None
    with contextlib.suppress(OSError):
        directory = Path(tempfile.gettempdir()) / f"hexcal-kernels-{os.getuid()}-{named}"
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        status = directory.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077:
            return _writable(directory)
    return None


def is_empty():
    """Whether no kernel has been compiled yet."""
    return not any(True for place in _places() for _ in place.glob(f"*{_SUFFIX}"))


def read(function, kinds):
    """Return the machine code (`machine_code.Code`) of a function for kinds of arguments, or None."""
    from hexcal.kernels.machine_code import Code

    name = _file_name(function, kinds)
    for place in _places(_source(function).parent) if name else ():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            head, _, binary = (place / name).read_bytes().partition(b"\n")
            about = json.loads(head)
            if _is_valid(about) and about["check"] == zlib.crc32(binary):
                results, needs = tuple(about["results"]), tuple(about["needs"])
                return Code(about["entry"], about["arguments"], results, about["is_tuple"], needs, binary)
    return None


def write(function, kinds, code):
    """Keep machine code; where nothing can be written, the next run compiles again."""
    file = path(function, kinds)
    if file is None:
        return
    head = {
        "format": _FORMAT,
        "machine": _machine(),
        "sources": _sources(_source(function)),
        "check": zlib.crc32(code.binary),
        **code._asdict(),
    }
    del head["binary"]
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for old in _of(function, [file.parent]):
            if not _is_valid(_head(old)):
                old.unlink(missing_ok=True)
        partial.write_bytes(json.dumps(head).encode() + b"\n" + code.binary)
        partial.replace(file)
    except OSError:
        # A full disk, or a folder that must not be written.
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def has_any(function):
    """Whether there is machine code of a function, for arguments of whatever kind."""
    return any(_is_valid(_head(file)) for file in _of(function, _places(_source(function).parent)))


def is_being_made(function):
    """Whether a process makes machine code of a function now, for arguments of whatever kind."""
    here = folder(_source(function).parent)
    return here is not None and any(one_at_a_time.is_held(lock) for lock in _of(function, [here], one_at_a_time.SUFFIX))


def _of(function, places, suffix=_SUFFIX):
    for place in places:
        yield from place.glob(f"{_name(function)}-*{suffix}")


def _head(path):
    try:
        with path.open("rb") as stream:
            return json.loads(stream.readline())
    except (OSError, ValueError):
        return {}


def path(function, kinds):
    """Return the file of a function for kinds of arguments; None if it is not kept."""
    name = _file_name(function, kinds)
    here = folder(_source(function).parent) if name else None
    return here / name if here is not None else None


def _file_name(function, kinds):
    """Return the name of the file of a function for kinds of arguments; None if there can be none."""
    text = _text(kinds)
    if text is None or not _source(function).is_absolute():
        return None
    code = f"{text} {function.__qualname__} {function.__code__.co_firstlineno} {_machine()}"
    return f"{_name(function)}-{hashlib.sha256(code.encode()).hexdigest()[:20]}{_SUFFIX}"


def _source(function):
    return Path(function.__code__.co_filename)


def _name(function):
    return f"{_source(function).stem}.{function.__name__}"


def _text(kind):
    """Kinds of arguments as a text; None if one of them is of no kind that machine code takes."""
    if kind is None:
        return None
    if isinstance(kind, tuple):
        texts = [_text(part) for part in kind]
        return None if None in texts else f"({','.join(texts)})"
    if isinstance(kind, type):
        return f"{kind.__module__}.{kind.__qualname__}{getattr(kind, '_fields', '')}"
    return (
        str(kind) if isinstance(kind, (bool, int, str)) else kind.str if kind.isnative and not kind.hasobject else None
    )


@functools.cache
def _machine():
    from hexcal.kernels.machine_code import machine

    return hashlib.sha256(f"{machine()} {sys.version_info[:2]}".encode()).hexdigest()


def _is_valid(about):
    try:
        return (
            about["format"] == _FORMAT
            and about["machine"] == _machine()
            and all(_stamp(Path(path)) == tuple(stamp) for path, stamp in about["sources"].items())
        )
    except (OSError, KeyError):
        return False


def _stamp(path):
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _sources(path, known=None):
    """Return {path: stamp} of a module of kernels and of those that it imports, one after the other."""
    known = {} if known is None else known
    if str(path) not in known and path.is_file():
        known[str(path)] = _stamp(path)
        for name in _IMPORTED.findall(path.read_text()):
            if name not in ("compiled",):
                _sources(_HERE / f"{name}.py", known)
    return known
