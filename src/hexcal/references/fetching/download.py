"""One file from a server into the cache: resumed where it broke off, checked, renamed when right."""

import hashlib
import http.client
import os
from dataclasses import dataclass

from hexcal.errors import ReferenceError_
from hexcal.references.fetching.partial import held
from hexcal.references.fetching.web import Passing, Stopped, Tries, ask, passing

_CHUNK = 1 << 20
# So many wrong files are accepted: a resumed one may have begun as another version, and a line may be bad once.
_WRONG_FILES = 2


@dataclass(frozen=True)
class Item:
    """A file to fetch.

    Parameters
    ----------
    name : str
        Without folder.
    url : str
        Where the server has it.
    path : str
        Where it goes.
    size : int
        Bytes.
    sha1 : str
        Hexadecimal digits.
    check : callable, optional
        Called with the content (bytes) and the final path; raises if the file must not enter the cache.
    """

    name: str
    url: str
    path: str
    size: int
    sha1: str
    check: object = None


def difference(item, path, with_sha1=True):
    """Return how a file on disk differs from what the server says of it (str), or None if it does not.

    Parameters
    ----------
    item : Item
        What is right.
    path : str
        Of the file.
    with_sha1 : bool
        Whether the content counts, not only the size.
    """
    size = os.stat(path).st_size
    if size != item.size:
        return f"has {size} bytes instead of {item.size}"
    if not with_sha1:
        return None
    with open(path, "rb") as stream:
        sha1 = hashlib.file_digest(stream, "sha1").hexdigest()
    return None if sha1 == item.sha1.lower() else f"has sha1 {sha1} instead of {item.sha1.lower()}"


def download(item, patience, report=lambda count: None, stop=None, replace=False):
    """Fetch one file; safe for any number of threads and processes at once.

    Parameters
    ----------
    item : Item
        The file.
    patience : Patience
        With the server.
    report : callable, optional
        Called with the number of bytes that are new (negative: that have to come again).
    stop : threading.Event, optional
        Set by another thread to call the download off.
    replace : bool
        Whether a file of this name that is there, and is not right, is replaced.

    Returns
    -------
    bool
        Whether it was fetched here; False if it was there already.

    Raises
    ------
    ReferenceError_
        If the server does not answer, does not have the file, or sends another one than it announces.
    ResourceError
        If the cache cannot be written.
    """
    if not replace and os.path.exists(item.path):
        report(item.size)
        return False
    with held(item.path, stop) as part:
        # Another process may have done it while this one waited.
        if os.path.exists(item.path) and not (replace and difference(item, item.path)):
            part.clear()
            report(item.size)
            return False
        report(min(part.size, item.size))
        _receive_right(item, part, patience, report, stop)
        if item.check is not None:
            _checked(item, part)
        part.publish()
        return True


def _checked(item, part):
    with open(part.path, "rb") as stream:
        content = stream.read()
    try:
        item.check(content, item.path)
    except ReferenceError_:
        part.clear()
        raise


def _receive_right(item, part, patience, report, stop):
    tries, wrong = Tries(patience, item.url, stop), ""
    for _ in range(_WRONG_FILES):
        _receive_whole(item, part, tries, report, stop)
        wrong = difference(item, part.path)
        if wrong is None:
            return
        report(-part.size)
        part.clear()
    raise ReferenceError_(
        f"the server sends a {item.name} that {wrong}",
        where=item.url,
        hint="the file was not put into the cache; try again later, or tell those who run the server",
    )


def _receive_whole(item, part, tries, report, stop):
    if part.size > item.size:
        part.clear()
    while part.size < item.size:
        before = part.size
        try:
            _receive(item, part, tries.patience.for_file(item.size), report, stop)
        except Passing as error:
            tries.failed(error, progress=part.size - before >= _CHUNK)


def _receive(item, part, pace, report, stop):
    start = part.size
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if stop is not None and stop.is_set():
        raise Stopped
    try:
        with ask(item.url, pace, headers=headers) as response:
            resumed = response.status == 206 and _starts_at(response, start)
            if start and not resumed:
                report(-start)
                part.clear()
            if response.status == 206 and not resumed:
                raise Passing("sends another part of the file than was asked for")
            _append(response, item, part, report, stop)
    except http.client.HTTPException as error:
        raise passing(error, item.url) from error
    if part.size < item.size:
        raise Passing(f"breaks off after {part.size} of {item.size} bytes")


def _starts_at(response, start):
    return response.headers.get("Content-Range", "").replace("bytes=", "bytes ").startswith(f"bytes {start}-")


def _append(response, item, part, report, stop):
    # One byte more than announced is enough to know that it is another file.
    while part.size <= item.size:
        if stop is not None and stop.is_set():
            raise Stopped
        try:
            data = response.read1(_CHUNK)
        except OSError as error:
            raise passing(error, item.url) from error
        if not data:
            return
        part.append(data[: item.size + 1 - part.size])
        report(len(data))
