"""A server that sends without end, or so slowly that it never ends, is given up; one that is only slow is not."""

import contextlib
import gzip
import hashlib
import itertools
import json
import socket
import threading

import pytest
from fault_server import packed

from hexcal.errors import ReferenceError_
from hexcal.references.fetching import fetch, remote
from hexcal.references.fetching.download import Item, download
from hexcal.references.fetching.remote import Remote
from hexcal.references.fetching.web import NoAnswer, Patience

PATIENCE = Patience(timeout=0.3, tries=2, delay=0.001)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextlib.contextmanager
def sending(parts, pause=0.0):
    """A server on this machine that answers every request with `parts()` (an iterable of bytes), a pause after each."""
    ended = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(connection):
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            for part in parts():
                connection.sendall(part)
                if ended.wait(pause):
                    return
            # A connection that is closed with something unread is reset, and the client loses what is under way.
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(10)
            while connection.recv(1 << 16):
                continue

    def serve():
        with contextlib.suppress(OSError):
            while not ended.is_set():
                threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ended.set()
        # Closing alone does not wake the thread that accepts.
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


def each_byte(content):
    return (content[place : place + 1] for place in range(len(content)))


@pytest.mark.parametrize(
    "parts",
    [
        lambda: itertools.chain([HEAD, b"Content-Length: 100000\r\n\r\n"], itertools.repeat(b" ")),
        lambda: itertools.chain([HEAD, b"X: "], itertools.repeat(b"x")),
        lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda: itertools.chain(
            [HEAD.replace(b"200 OK", b"302 Found"), b"Location: /a\r\n\r\n"], itertools.repeat(b" ")
        ),
    ],
    ids=["body", "headers", "continue", "redirection"],
)
def test_an_answer_that_drips_ends_after_five_times_the_time_out(parts):
    with sending(parts, pause=0.02) as url, pytest.raises(NoAnswer, match=r"has not answered in full after 1\.5 s"):
        Remote(url, PATIENCE).info()


@pytest.mark.parametrize(
    "parts",
    [
        lambda: itertools.chain([HEAD, b"\r\n"], itertools.repeat(b" " * 65536)),
        lambda: itertools.chain(
            [HEAD.replace(b"200 OK", b"302 Found"), b"Location: /a\r\n\r\n"], itertools.repeat(b" " * 65536)
        ),
        lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    ],
    ids=["body", "redirection", "continue"],
)
def test_an_answer_without_end_is_refused_at_its_largest_size(parts, monkeypatch):
    monkeypatch.setattr(remote, "MOST_ANSWER", 1 << 20)
    with sending(parts) as url, pytest.raises(ReferenceError_, match="sends more than 1 MB as an answer") as caught:
        Remote(url, Patience(timeout=30, tries=2, delay=0.001)).info()
    assert not isinstance(caught.value, NoAnswer)


def test_a_small_packed_answer_that_unpacks_to_gigabytes_is_refused(monkeypatch):
    monkeypatch.setattr(remote, "MOST_UNPACKED", 1 << 20)
    with pytest.raises(ReferenceError_, match="a packed value of more than 1 MB"):
        remote.unpacked(packed(" " * (8 << 20)), "here")
    assert remote.unpacked(packed({"a": 1}), "here") == {"a": 1}


def test_a_packed_answer_that_breaks_off_is_refused():
    import base64

    content = base64.b64encode(gzip.compress(b"[1, 2]")[:-6]).decode()
    with pytest.raises(ReferenceError_, match="cannot be unpacked"):
        remote.unpacked({"crds_encoded": "1.0", "crds_payload": content}, "here")


@pytest.mark.parametrize("levels", [300, 5_000, 100_000])
def test_a_deeply_nested_answer_is_refused(levels):
    text = '{"result": ' + "[" * levels + "]" * levels + "}"
    reply = HEAD + f"Content-Length: {len(text)}\r\n\r\n{text}".encode()
    with sending(lambda: [reply]) as url, pytest.raises(ReferenceError_, match="200 levels of nesting") as caught:
        Remote(url, Patience(timeout=30, tries=2, delay=0.001)).info()
    assert url in str(caught.value)


def wanted(url, folder, content):
    return Item("a.fits", url + "/a.fits", str(folder / "a.fits"), len(content), hashlib.sha1(content).hexdigest())


def test_a_file_that_drips_is_given_up(tmp_path):
    content = b"x" * 100_000
    answer = HEAD + b"Content-Length: 100000\r\n\r\n"
    with (
        sending(lambda: itertools.chain([answer], each_byte(content)), pause=0.02) as url,
        pytest.raises(NoAnswer, match=r"sends only \d+ bytes/s, at least 1000 are required \(tried 2 times\)"),
    ):
        download(wanted(url, tmp_path, content), PATIENCE)


def test_a_file_on_a_slow_line_may_take_many_times_the_time_out(tmp_path):
    content = bytes(range(250)) * 80
    answer = HEAD + b"Content-Length: 20000\r\n\r\n"
    parts = [answer, *(content[first : first + 400] for first in range(0, len(content), 400))]
    with sending(lambda: parts, pause=0.05) as url:
        assert download(wanted(url, tmp_path, content), Patience(timeout=0.3, tries=1, delay=0))
    assert (tmp_path / "a.fits").read_bytes() == content


def test_a_mapping_larger_than_any_is_not_fetched():
    class Source:
        url = "http://here"

        def file_info(self, names):
            return dict.fromkeys(names, (1 << 30, "0" * 40))

        def url_of(self, name):
            return f"{self.url}/{name}"

    with pytest.raises(ReferenceError_, match=r"of at most 64 MB is required, the server says .*_1\.pmap has 1024 MB"):
        fetch.plan(Source(), {"jwst_1.pmap": "/x"})
    assert len(fetch.plan(Source(), {"jwst_1.fits": "/x"})[0]) == 1


def test_what_is_sent_fast_and_right_is_read():
    text = json.dumps({"result": {"observatory": "jwst"}, "error": None})
    reply = HEAD + f"Content-Length: {len(text)}\r\n\r\n{text}".encode()
    with sending(lambda: [reply]) as url:
        assert Remote(url, PATIENCE).info() == {"observatory": "jwst"}
