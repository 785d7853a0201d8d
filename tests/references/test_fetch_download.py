"""One file from a server: resumed, checked, renamed when right.

With every fault, a clear error and nothing left that is wrong.
"""

import errno
import hashlib
import os
import threading

import pytest
from fault_server import FaultServer
from hypothesis import given, settings
from hypothesis import strategies as st

from hexcal.errors import HexcalError, ReferenceError_, ResourceError
from hexcal.references.fetching import partial
from hexcal.references.fetching.download import Item, download
from hexcal.references.fetching.partial import held, partial_path
from hexcal.references.fetching.web import NoAnswer, Patience

NAME = "jwst_nircam_dark_0001.fits"
CONTENT = bytes(range(256)) * 1000
# A busy machine may be silent for a while: only where nothing comes is the wait short.
QUICK = Patience(timeout=30, tries=3, delay=0.001)
SHORT = Patience(timeout=0.3, tries=3, delay=0.001)


@pytest.fixture
def server():
    with FaultServer({NAME: CONTENT}) as server:
        yield server


def item(server, folder, **changes):
    facts = {
        "name": NAME,
        "url": f"{server.url}/unchecked_get/references/jwst/{NAME}",
        "path": str(folder / "nircam" / NAME),
        "size": len(CONTENT),
        "sha1": hashlib.sha1(CONTENT).hexdigest(),
    }
    return Item(**{**facts, **changes})


def whole(wanted, content=CONTENT):
    """The file is there, right, and alone."""
    folder = os.path.dirname(wanted.path)
    with open(wanted.path, "rb") as stream:
        assert stream.read() == content
    assert os.listdir(folder) == [wanted.name]


def absent(wanted, rest=0):
    """The file is not there; of what came, `rest` bytes are kept to be continued."""
    assert not os.path.exists(wanted.path)
    part = partial_path(wanted.path)
    assert (os.path.getsize(part) if os.path.exists(part) else 0) == rest
    assert rest or not os.path.exists(part)


@pytest.mark.req("CRDS-02")
def test_a_file_is_fetched_once(server, tmp_path):
    wanted, counts = item(server, tmp_path), []
    assert download(wanted, QUICK, counts.append) is True
    whole(wanted)
    assert sum(counts) == len(CONTENT)
    assert download(wanted, QUICK) is False
    assert server.asked(NAME) == 1


def test_the_rights_of_a_file_are_those_of_the_user(server, tmp_path):
    wanted = item(server, tmp_path)
    former = os.umask(0o027)
    try:
        download(wanted, QUICK)
    finally:
        os.umask(former)
    assert os.stat(wanted.path).st_mode & 0o777 == 0o640


@pytest.mark.parametrize("fault", ["500", "503", "stall", "drop", "cut:1000", "short:1000", "altered", "longer"])
def test_a_passing_fault_is_survived(server, tmp_path, fault):
    wanted = item(server, tmp_path)
    server.faults[NAME] = [fault]
    download(wanted, SHORT if fault == "stall" else QUICK)
    whole(wanted)
    assert server.asked(NAME) == 2 or (fault == "stall" and server.asked(NAME) == 3)


@pytest.mark.parametrize("fault", ["cut:1000", "short:1000"])
def test_what_has_come_is_not_asked_for_again(server, tmp_path, fault):
    wanted, counts = item(server, tmp_path), []
    server.faults[NAME] = [fault]
    download(wanted, QUICK, counts.append)
    assert server.ranges(NAME) == [None, "bytes=1000-"]
    assert sum(counts) == len(CONTENT)


@pytest.mark.parametrize("fault", ["no range", "wrong range"])
def test_a_server_that_does_not_continue_a_file_sends_it_anew(server, tmp_path, fault):
    wanted, counts = item(server, tmp_path), []
    server.faults[NAME] = ["cut:1000", fault]
    download(wanted, QUICK, counts.append)
    whole(wanted)
    assert sum(counts) == len(CONTENT)


@pytest.mark.parametrize(
    ("rest", "ranges"),
    [
        (CONTENT[:1000], ["bytes=1000-"]),
        (b"of another version", ["bytes=18-", None]),
        (CONTENT + b"too long", [None]),
        (CONTENT, []),
    ],
)
def test_a_partial_file_of_a_killed_process_is_continued_or_replaced(server, tmp_path, rest, ranges):
    wanted = item(server, tmp_path)
    os.mkdir(tmp_path / "nircam")
    with open(partial_path(wanted.path), "wb") as stream:
        stream.write(rest)
    download(wanted, QUICK)
    whole(wanted)
    assert server.ranges(NAME) == ranges


@pytest.mark.parametrize(
    ("fault", "text", "rest"),
    [
        ("500", "answers 500 Internal Server Error (tried 3 times)", 0),
        ("stall", "stalls: no byte in time (tried 3 times)", 0),
        ("drop", "breaks off", 0),
        ("altered", f"sends a {NAME} that has sha1", 0),
        ("longer", f"sends a {NAME} that has 256001 bytes instead of 256000", 0),
        ("404", "refuses: 404", 0),
    ],
)
def test_a_lasting_fault_is_an_error(server, tmp_path, fault, text, rest):
    wanted = item(server, tmp_path)
    server.faults[NAME] = [fault, "always"]
    with pytest.raises(ReferenceError_) as caught:
        download(wanted, SHORT if fault == "stall" else QUICK)
    assert text in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 5
    absent(wanted, rest)
    server.faults[NAME] = []
    download(wanted, QUICK)
    whole(wanted)


def test_a_file_whose_body_always_breaks_off_is_an_error_and_is_continued_later(server, tmp_path):
    wanted = item(server, tmp_path)
    server.faults[NAME] = ["cut:1000"] * 3
    with pytest.raises(NoAnswer, match="breaks off after 3000 of 256000 bytes"):
        download(wanted, QUICK)
    absent(wanted, 3000)
    download(wanted, QUICK)
    whole(wanted)
    assert server.ranges(NAME)[-1] == "bytes=3000-"


def test_a_server_that_is_down(tmp_path):
    with FaultServer({}) as gone:
        wanted = item(gone, tmp_path)
    with pytest.raises(NoAnswer, match=r"(?s)connection refused \(tried 3 times\).*CRDS_SERVER_URL"):
        download(wanted, QUICK)
    absent(wanted)


@pytest.mark.parametrize("change", [{"sha1": "0" * 40}, {"size": 255_999}, {"size": 256_001}])
def test_a_file_that_is_not_the_announced_one_is_refused(server, tmp_path, change):
    wanted = item(server, tmp_path, **change)
    with pytest.raises(ReferenceError_):
        download(wanted, QUICK)
    assert not os.path.exists(wanted.path)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "nonsense"])
def test_only_http_is_spoken(server, tmp_path, url):
    with pytest.raises(ReferenceError_, match="http or https is required"):
        download(item(server, tmp_path, url=url), QUICK)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk(server, tmp_path, monkeypatch, number):
    wanted = item(server, tmp_path)
    real = os.write
    written = []

    def write(descriptor, data):
        if sum(written) >= 1000:
            raise OSError(number, os.strerror(number))
        written.append(real(descriptor, bytes(data)[:700]))
        return written[-1]

    monkeypatch.setattr(partial.os, "write", write)
    with pytest.raises(ResourceError, match="disk of the cache is full"):
        download(wanted, QUICK)
    monkeypatch.undo()
    absent(wanted)
    download(wanted, QUICK)
    whole(wanted)


def test_a_cache_that_cannot_be_written(server, tmp_path):
    (tmp_path / "nircam").write_text("a file where a folder should be")
    with pytest.raises(ResourceError, match="cannot be written"):
        download(item(server, tmp_path), QUICK)
    assert server.requests == []


def test_a_file_that_fails_its_check_stays_out(server, tmp_path):
    def check(content, path):
        assert (content, path) == (CONTENT, wanted.path)
        raise ReferenceError_("the mapping is corrupt")

    wanted = item(server, tmp_path, check=check)
    with pytest.raises(ReferenceError_, match="corrupt"):
        download(wanted, QUICK)
    absent(wanted)


def test_a_damaged_file_is_replaced_when_the_right_one_is_there(server, tmp_path):
    wanted = item(server, tmp_path)
    os.mkdir(tmp_path / "nircam")
    with open(wanted.path, "wb") as stream:
        stream.write(b"damaged")
    server.faults[NAME] = ["altered", "always"]
    with pytest.raises(ReferenceError_):
        download(wanted, QUICK, replace=True)
    whole(wanted, b"damaged")
    server.faults[NAME] = []
    assert download(wanted, QUICK, replace=True) is True
    whole(wanted)
    assert download(wanted, QUICK, replace=True) is False


def test_threads_fetch_a_file_once(server, tmp_path):
    wanted, results = item(server, tmp_path), []
    server.faults[NAME] = ["slow", "always"]
    threads = [threading.Thread(target=lambda: results.append(download(wanted, QUICK))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]
    assert server.asked(NAME) == 1
    whole(wanted)


def test_a_holder_that_has_stopped_is_not_waited_for_without_end(tmp_path):
    target = str(tmp_path / NAME)
    with (
        held(target),
        pytest.raises(ResourceError, match="another process fetches"),
        held(target, patience=0.1),
    ):
        pass


@settings(max_examples=30)
@given(
    content=st.binary(max_size=3000),
    rest=st.binary(max_size=4000),
    faults=st.lists(
        st.sampled_from(["500", "drop", "cut:1", "cut:700", "short:0", "altered", "longer", "no range"]), max_size=4
    ),
)
def test_whatever_happens_the_file_is_right_or_absent(tmp_path_factory, content, rest, faults):
    folder = tmp_path_factory.mktemp("cache")
    with FaultServer({NAME: content}) as server:
        wanted = item(server, folder, size=len(content), sha1=hashlib.sha1(content).hexdigest())
        os.mkdir(folder / "nircam")
        with open(partial_path(wanted.path), "wb") as stream:
            stream.write(rest)
        server.faults[NAME] = list(faults)
        try:
            download(wanted, QUICK)
        except HexcalError:
            assert not os.path.exists(wanted.path)
        server.faults[NAME] = []
        download(wanted, QUICK)
        whole(wanted, content)
