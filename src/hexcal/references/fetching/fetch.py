"""Files that are missing in a cache come from the server that the environment names.

Without one, and for all that is there, no network is touched.
"""

import collections
import contextlib
import logging
import os
import queue
import shutil
import threading

from hexcal.errors import HexcalError, ReferenceError_, ResourceError, nearest
from hexcal.files.atomic import atomic, cause_of
from hexcal.references.environment import is_true
from hexcal.references.fetching import progress
from hexcal.references.fetching.download import Item, download
from hexcal.references.fetching.partial import sweep, unwritable
from hexcal.references.fetching.remote import remote
from hexcal.references.fetching.web import NoAnswer, Patience, Stopped
from hexcal.references.mapping_file import KINDS, MOST_BYTES, parse_mapping

THREADS = 8
# The address that users of the original set to say that there is no server.
_SERVERLESS = "crds-serverless-mode.stsci.edu"
# After these nothing else will come from this server, or go onto this disk.
_ENDING = (NoAnswer, ResourceError)
_log = logging.getLogger("hexcal.references")


# ---- may the network be touched


def server_url():
    """Return the server of the environment (CRDS_SERVER_URL), or None."""
    url = os.environ.get("CRDS_SERVER_URL", "").strip().rstrip("/")
    return None if not url or url.partition("://")[2] == _SERVERLESS else url


def is_readonly():
    """Whether the environment forbids to change the cache (CRDS_READONLY_CACHE)."""
    return is_true("CRDS_READONLY_CACHE")


def is_possible():
    """Whether missing files can be fetched: there is a server, and the cache may be changed."""
    return server_url() is not None and not is_readonly()


def why_not():
    """Return why nothing is fetched, as what to do next (str)."""
    if is_readonly():
        return "unset CRDS_READONLY_CACHE to let it be fetched"
    return "set CRDS_SERVER_URL to let it be fetched"


def server():
    """Return the server of the environment (`Remote`).

    Raises
    ------
    ReferenceError_
        If the environment names none.
    """
    url = server_url()
    if url is None:
        raise ReferenceError_(
            "a server of reference files is required, none is set",
            where="CRDS_SERVER_URL",
            hint="for JWST: export CRDS_SERVER_URL=https://jwst-crds.stsci.edu",
        )
    return remote(url, Patience.of_environment())


# ---- the configuration of a cache


def configure(root, observatory=None, source=None):
    """Write what the server says of itself into a cache: the default context, and files unfit for science.

    An empty cache is begun in this way.

    Parameters
    ----------
    root : str
        Of the cache.
    observatory : str, optional
        Lower case; another server than that of this observatory is refused.
    source : Remote, optional
        Default: `server`.

    Returns
    -------
    str
        The observatory.
    """
    source = source or server()
    info = source.info()
    if observatory is not None:
        source.require(observatory)
    observatory = info["observatory"]
    text = ",\n ".join(f"{key!r}: {info[key]!r}" for key in sorted(info))
    bad = info.get("bad_files_list")
    bad = [str(name) for name in bad] if isinstance(bad, list) else []
    folder = os.path.join(root, "config", observatory)
    _write(os.path.join(folder, "bad_files.txt"), "".join(f"{name}\n" for name in bad))
    _write(os.path.join(folder, "server_config"), f"{{{text}}}\n")
    try:
        os.makedirs(os.path.join(root, "mappings", observatory), exist_ok=True)
    except OSError as error:
        raise unwritable(error, os.path.join(root, "mappings", observatory)) from error
    _log.debug(
        "Configuration of %s from %s: default context %s", observatory, source.url, info.get("operational_context")
    )
    return observatory


def _write(path, text):
    try:
        with contextlib.suppress(FileNotFoundError, UnicodeDecodeError), open(path, encoding="utf-8") as stream:
            if stream.read() == text:
                # A cache that is up to date need not be writable.
                return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with atomic(path, again=True) as stream:
            stream.write(text.encode("utf-8"))
    except OSError as error:
        raise unwritable(cause_of(error), path) from error


# ---- files


def is_mapping(name):
    """Whether a name is that of a mapping, by its ending."""
    return os.path.splitext(name)[1] in KINDS


def plan(source, paths):
    """Ask the server for size and sha1 of files.

    Parameters
    ----------
    source : Remote
        The server.
    paths : dict of str to str
        Name -> where it goes; checked names.

    Returns
    -------
    items : list of Item
        What the server has.
    unknown : list of str
        What it does not know.
    """
    known = source.file_info(paths)
    for name, (size, _) in known.items():
        if is_mapping(name) and size > MOST_BYTES:
            raise ReferenceError_(
                f"a mapping of at most {MOST_BYTES >> 20} MB is required, "
                f"the server says that {name} has {size >> 20} MB",
                where=source.url,
                hint="check that CRDS_SERVER_URL is a server of reference files, and tell those who run it",
            )
    items = [
        Item(name, source.url_of(name), path, *known[name], check=parse_mapping if is_mapping(name) else None)
        for name, path in paths.items()
        if name in known
    ]
    return items, [name for name in paths if name not in known]


def fetch_all(items, patience=None, replace=False, threads=THREADS):
    """Fetch files side by side. A failure of the server or of the disk ends it all, one of a file concerns that file.

    Parameters
    ----------
    items : list of Item
        From `plan`.
    patience : Patience, optional
        Default: by the environment.
    replace : bool
        Whether files that are there and not right are replaced.
    threads : int
        Connections at a time.

    Returns
    -------
    dict of str to HexcalError
        What failed, by name; files that were not begun after a failure of the server or the disk have that failure.
    """
    patience = patience or Patience.of_environment()
    total = sum(item.size for item in items)
    _require_room(items, total)
    stop, failures, stopped = threading.Event(), {}, []
    text = f"{len(items)} files" if len(items) != 1 else items[0].name
    with progress.bar(text, total) as report:
        try:
            for item, error in _side_by_side(lambda item: _one(item, patience, report, stop, replace), items, threads):
                if isinstance(error, HexcalError):
                    failures[item.name] = error
                elif isinstance(error, Stopped):
                    stopped.append(item.name)
                elif error is not None:
                    raise error
        except BaseException:
            stop.set()
            raise
    ending = next((error for error in failures.values() if isinstance(error, _ENDING)), None)
    return failures | dict.fromkeys(stopped, ending)


def _side_by_side(function, items, threads):
    """Yield each item and the exception that the function raised for it, as they end.

    The threads end with the program: whoever interrupts it is not kept waiting for a server that stalls.
    """
    waiting, ended = collections.deque(items), queue.SimpleQueue()

    def work():
        while waiting:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            error = None
            try:
                function(item)
            except Exception as raised:  # noqa: BLE001 - raised again in the thread that waits for it
                error = raised
            ended.put((item, error))

    for _ in range(min(threads, len(items))):
        threading.Thread(target=work, name="fetch", daemon=True).start()
    for _ in range(len(items)):
        yield ended.get()


def _one(item, patience, report, stop, replace):
    if stop.is_set():
        raise Stopped
    try:
        download(item, patience, report, stop, replace)
    except _ENDING:
        stop.set()
        raise


def _require_room(items, total):
    folder = os.path.dirname(items[0].path) if items else "."
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise unwritable(error, folder) from error
    if total > free:
        raise ResourceError(
            f"room for {progress.size_text(total)} of reference files is required, "
            f"the disk has {progress.size_text(free)}",
            where=folder,
            hint="free some space, or set CRDS_PATH to a folder on a larger disk",
        )


def bring(cache, paths, what="reference file"):
    """Have files in the cache: those that are missing are listed in the log and fetched together.

    Parameters
    ----------
    cache : ReferenceCache
        For its observatory.
    paths : dict of str to str
        Name -> where it belongs.
    what : str
        For the log: one of them.

    Raises
    ------
    ReferenceError_, ResourceError
        If one of them cannot be had.
    """
    missing = {name: path for name, path in paths.items() if not os.path.isfile(path)}
    if not missing:
        return
    refuse_unless_possible(missing, what)
    source = server()
    try:
        source.require(cache.observatory)
        items, unknown = plan(source, missing)
    except NoAnswer as error:
        raise NoAnswer(f"{_are_missing(missing, what)}, and {error.message}", error.where, error.hint) from error
    if unknown:
        raise unknown_file(source, unknown)
    announce(items, what, source.url)
    failures = fetch_all(items, source.patience)
    for path in paths.values():
        if os.path.isfile(path):
            sweep(path)
    raise_failures(failures, len(items))


def refuse_unless_possible(missing, what):
    """Raise `ReferenceError_`, with the names of what is missing, where nothing can be fetched.

    Parameters
    ----------
    missing : dict of str to str
        Name -> where it belongs.
    what : str
        One of them.
    """
    if is_possible():
        return
    raise ReferenceError_(_are_missing(missing, what), where=next(iter(missing.values())), hint=why_not())


def _are_missing(missing, what):
    names = list(missing)
    if len(names) == 1:
        return f"the {what} {names[0]} is not in the cache"
    return f"{len(names)} {what}s are not in the cache: {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}"


def announce(items, what, url):
    """List in the log what will be fetched, with its size."""
    total = progress.size_text(sum(item.size for item in items))
    _log.info("Fetching %d %s%s, %s, from %s", len(items), what, "" if len(items) == 1 else "s", total, url)
    level = logging.INFO if what == "reference file" else logging.DEBUG
    for item in items:
        _log.log(level, "  %s  %s", item.name, progress.size_text(item.size))


def unknown_file(source, names):
    """Return the exception for files that the server does not know (`ReferenceError_`)."""
    rest = f" and {len(names) - 1} more" if len(names) > 1 else ""
    known = source.info().get("mappings") if is_mapping(names[0]) else None
    guess = nearest(names[0], [str(name) for name in known]) if isinstance(known, list) else None
    return ReferenceError_(
        f"the server does not know {names[0]}{rest}",
        where=source.url,
        hint=f"did you mean '{guess}'?" if guess else "check the name, CRDS_CONTEXT and CRDS_SERVER_URL",
    )


def raise_failures(failures, number):
    """Raise what failed: the error of one file as it is, those of several in one.

    Parameters
    ----------
    failures : dict of str to HexcalError
        From `fetch_all`.
    number : int
        How many files were wanted.
    """
    if not failures:
        return
    name, first = next(iter(failures.items()))
    if len(failures) == 1:
        raise first
    raise type(first)(
        f"{len(failures)} of {number} files could not be fetched; the first, {name}: {first.message}",
        where=first.where,
        hint=first.hint,
    ) from first


def bring_mapping(cache, name, beside=()):
    """Have a mapping in the cache; those beside it that are missing come with it, since they will be asked for next.

    Parameters
    ----------
    cache : ReferenceCache
        Where it belongs.
    name : str
        Of the mapping.
    beside : iterable of str
        Names that stand beside it; what cannot be had of them is an error only when it is used.

    Returns
    -------
    bool
        False if it is not there and nothing can be fetched.
    """
    if not (cache.may_fetch and is_possible()):
        return False
    source = server()
    source.require(cache.observatory)
    others = [other for other in beside if is_mapping(other)]
    paths = {wanted: cache.mapping_path(wanted) for wanted in dict.fromkeys([name, *others])}
    items, unknown = plan(source, {wanted: path for wanted, path in paths.items() if not os.path.isfile(path)})
    if name in unknown:
        raise unknown_file(source, [name])
    announce(items, "mapping", source.url)
    failures = fetch_all(items, source.patience)
    is_there = os.path.isfile(paths[name])
    if not is_there:
        raise_failures({name: failures[name]} if name in failures else failures, len(items))
    return is_there
