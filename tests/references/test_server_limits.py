"""No client can stop the server.

Slow ones are let go, places are limited, calls are bounded, and the log stays short.
"""

import contextlib
import http.client
import json
import logging
import socket
import time

import pytest
from crds_caches import header, make_cache
from crds_servers import call, request, served
from hypothesis import given, settings
from hypothesis import strategies as st

from hexcal.references.server import rpc
from hexcal.references.server.connections import Limits
from hexcal.references.server.log import Sparing
from hexcal.references.server.methods import METHODS, MOST_NAMES, Call
from hexcal.references.server.sites import Sites

GET = "GET /unchecked_get/mappings/jwst/jwst_0001.pmap HTTP/1.1\r\nHost: x\r\n"
POST = "POST /json/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
LARGE = "GET /unchecked_get/references/jwst/large.fits HTTP/1.1\r\nHost: x\r\n\r\n"
QUICK = Limits(headers=0.4, body=0.4, stalled=0.4, connections=4)
PATIENT = Limits(headers=60, body=60, stalled=60, connections=4)


@pytest.fixture
def sites(tmp_path, monkeypatch):
    for name in ("CRDS_PATH", "CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_SERVER_URL", "CRDS_IGNORE_MAPPING_CHECKSUM"):
        monkeypatch.delenv(name, raising=False)
    root = make_cache(tmp_path / "cache", operational_context="jwst_0002.pmap")
    path = root / "references/jwst/nircam/large.fits"
    path.parent.mkdir(parents=True)
    with open(path, "wb") as stream:
        stream.truncate(200 << 20)
    return Sites(root)


@contextlib.contextmanager
def connections(url, texts):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connected(url, text)) for text in texts]


def connected(url, text):
    connection = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 60)
    connection.sendall(text.encode())
    return connection


def drip(connection):
    """Send a letter again and again."""
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def received_until_closed(connection):
    """Bytes that come until the other side lets go."""
    received = 0
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(1 << 20):
            received += len(part)
    return received


@pytest.mark.parametrize("text", ["", "GET /", GET, POST], ids=["nothing", "line", "headers", "body"])
def test_a_client_that_does_not_finish_its_request_is_let_go(sites, text):
    with served(sites, QUICK) as url, connections(url, [text]) as (client,):
        assert received_until_closed(client) == 0
        assert request(url, "/")[0] == 200


def test_a_client_that_drips_is_let_go_all_the_same(sites):
    with served(sites, QUICK) as url, connections(url, [GET + "X: "]) as (client,), pytest.raises(ConnectionError):
        drip(client)


def test_a_client_that_takes_nothing_of_its_file_is_let_go_and_one_that_reads_is_not(sites):
    with served(sites, QUICK) as url, connections(url, [LARGE, LARGE]) as (idle, reading):
        received = 0
        while received < 20 << 20:
            received += len(reading.recv(1 << 18))
            time.sleep(0.02)
        assert received_until_closed(idle) < 100 << 20


def test_half_open_requests_give_their_places_to_good_ones(sites):
    with served(sites, PATIENT) as url, connections(url, [GET, POST, ""] * 10):
        for _ in range(3):
            assert request(url, "/unchecked_get/mappings/jwst/jwst_0001.pmap")[0] == 200


def test_where_all_places_are_at_work_a_client_is_told_to_come_again(sites):
    with served(sites, PATIENT) as url, connections(url, [LARGE] * 4) as busy:
        for client in busy:
            client.recv(1000)
        status, headers, _ = request(url, "/")
        assert (status, headers["retry-after"]) == (503, "5")


def test_an_idle_connection_may_ask_again_in_time(sites):
    with served(sites, Limits(headers=2, connections=4)) as url:
        client = http.client.HTTPConnection(url.rpartition("/")[2], timeout=60)
        client.connect()
        used = client.sock
        for _ in range(4):
            client.request("GET", "/unchecked_get/mappings/jwst/jwst_0001.pmap")
            answer = client.getresponse()
            assert (answer.status, len(answer.read()) > 0) == (200, True)
            time.sleep(0.6)
        assert client.sock is used
        client.close()


def test_a_call_of_many_names_is_answered_and_one_of_too_many_refused(sites):
    names = [f"jwst_nircam_dark_{number:06d}.fits" for number in range(MOST_NAMES - 1)]
    with served(sites) as url:
        answer, error = call(f"{url}/jwst", "get_file_info_map", "jwst", [*names, "large.fits"], ["size"])
        assert (answer, error) == ({"large.fits": {"size": str(200 << 20)}}, None)
        answer, error = call(f"{url}/jwst", "get_file_info_map", "jwst", [*names, "a", "b"], ["size"])
        assert answer is None
        assert "at most 100000 files are answered in one call, got 100001" in error
        assert request(url, "/json/", "POST", "x" * (9 << 20))[0] == 413


ODD = [
    "\ud800",
    "x" * 10**6,
    "\x00",
    "../../etc/passwd",
    "",
    "é",
    None,
    10**30,
    1.5,
    True,
    [],
    {},
    [["a"]],
    {"a": {"b": []}},
]


@pytest.mark.parametrize("method", ["\ud800", "\x00", "x" * 10**6, "get_server_info\ud800"])
def test_the_name_of_a_method_may_be_anything(sites, method):
    body = json.dumps({"method": method, "params": [], "id": 1})
    with served(sites) as url:
        status, _, content = request(url, "/json/", "POST", body)
    assert status == 200
    answer = json.loads(content)
    assert answer["result"] is None
    assert answer["error"]["name"] == "ParameterError"
    assert len(content) < 1000


@pytest.mark.parametrize("number", ["\ud800", [], {}, "x" * 1000, [[[[1]]]], float("nan")])
@pytest.mark.parametrize("version", ["\ud800", {}, None])
def test_so_may_its_id(sites, number, version):
    body = json.dumps({"jsonrpc": version, "method": "get_default_context", "params": ["jwst"], "id": number})
    with served(sites) as url:
        status, _, content = request(url, "/json/", "POST", body)
    answer = json.loads(content)
    assert (status, answer["jsonrpc"]) == (200, "1.0")
    assert answer["id"] == number if answer["error"] is None else answer["id"] is None


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_parameters_are_a_fault_of_the_server(tmp_path_factory, data):
    root = tmp_path_factory.getbasetemp() / "odd_cache"
    if not root.exists():
        make_cache(root, operational_context="jwst_0002.pmap")
    odd = st.sampled_from(
        [*ODD, "jwst", "jwst_0002.pmap", ["dark"], header(), {"INSTRUME": "\ud800"}, {"INSTRUME": []}]
    )
    odd = odd | st.dictionaries(st.sampled_from([*header(), "\ud800"]), st.sampled_from(ODD))
    params = data.draw(st.lists(odd, max_size=4))
    method = data.draw(st.sampled_from(METHODS))
    answer = rpc.answer(Call(Sites(root), "http://server:1"), json.dumps({"method": method, "params": params}).encode())
    assert answer["error"] is None or answer["error"]["name"] != "ServerFault", answer


def test_the_log_has_some_lines_a_minute_and_tells_how_many_it_left_out():
    spare = Sparing(lines=3, window=1000)
    records = [logging.LogRecord("asyncio", logging.ERROR, "", 0, "accept: %d", (n,), None) for n in range(100)]
    assert sum(map(spare.filter, records)) == 3
    spare.window = -1
    last = logging.LogRecord("asyncio", logging.ERROR, "", 0, "once more", (), None)
    assert spare.filter(last)
    assert last.getMessage() == "once more (97 lines before this one were left out)"


def test_there_are_not_more_places_than_files_that_may_be_open(monkeypatch):
    resource = pytest.importorskip("resource")
    for files, places in ((64, 8), (128, 32), (1024, 432), (1 << 20, 512), (resource.RLIM_INFINITY, 512)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, files=files: (files, files))
        assert Limits.of_this_machine().connections == places
