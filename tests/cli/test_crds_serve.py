"""``hexcal crds serve``: from the start to the signal that ends it."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys

import pytest
from crds_caches import header, make_cache
from crds_servers import call, request

from hexcal.cli.main import main

COMMAND = "import sys; from hexcal.cli.main import main; sys.exit(main())"
VARIABLES = ("CRDS_PATH", "CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_SERVER_URL")


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return make_cache(tmp_path / "cache", operational_context="jwst_0002.pmap")


def start(*words, files=None):
    """The command in a process of its own, with so many open files, when it has said where it serves.

    (process, its line, address).
    """
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "crds", "serve", "--port", "0", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))),
    )
    line = process.stdout.readline()
    found = re.search(r" at (http://\S+?): ", line)
    if not found:
        process.kill()
        pytest.fail(f"it said '{line}' and {process.communicate()}")
    return process, line, found[1]


def connected(url, text):
    """A connection on which something has been said."""
    connection = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 60)
    connection.sendall(text.encode())
    return connection


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal(root, number):
    before = sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*"))
    process, line, url = start("--cache", root)
    assert line == f"serving {os.path.realpath(root)} at {url}: jwst (jwst_0002.pmap); CRDS_SERVER_URL={url}/jwst\n"
    assert url.startswith("http://127.0.0.1:")
    found, error = call(f"{url}/jwst", "get_best_references", "jwst_0002.pmap", header())
    assert (found["dark"], error) == ("jwst_nircam_dark_0002.fits", None)
    assert request(url, "/unchecked_get/mappings/jwst/jwst_0001.pmap")[0] == 200
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    assert sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*")) == before


def test_the_options_choose_what_is_served(root):
    make_cache(root, {"tmt_0001.pmap": (root / "mappings/jwst/jwst_0001.pmap").read_text()}, "tmt")
    process, line, url = start("--cache", root, "--context", "jwst_0001.pmap")
    assert f"jwst (jwst_0001.pmap), tmt (tmt_0001.pmap); CRDS_SERVER_URL={url}/jwst" in line
    process.terminate()
    process.communicate(timeout=60)
    process, line, url = start("--cache", root, "--observatory", "TMT", "--host", "0.0.0.0")
    assert f": tmt (tmt_0001.pmap); CRDS_SERVER_URL={url}/tmt" in line
    process.terminate()
    assert "every machine that reaches 0.0.0.0 can read the cache" in process.communicate(timeout=60)[1]


def test_what_clients_do_wrong_fills_no_screen(root):
    path = root / "references/jwst/nircam/large.fits"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(50 << 20))
    process, _, url = start("--cache", root)
    place = "/unchecked_get/references/jwst/large.fits"
    with connected(url, f"GET {place} HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        client.recv(1000)
    with connected(url, "POST /json/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
        pass
    with connected(url, f"GET {place} HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        client.recv(1000)
        os.truncate(path, 1000)
        while client.recv(1 << 20):
            pass
    assert request(url, "/unchecked_get/mappings/jwst/jwst_0001.pmap")[0] == 200
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 1


def test_half_open_requests_without_number_do_not_stop_it(root):
    process, _, url = start("--cache", root, files=128)
    half = [connected(url, "POST /json/ HTTP/1.1\r\nHost: x\r\n") for _ in range(128)]
    try:
        for _ in range(20):
            assert request(url, "/unchecked_get/mappings/jwst/jwst_0001.pmap")[0] == 200
    finally:
        for connection in half:
            connection.close()
        process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    # How many connections are refused for want of files depends on the machine; the log has its bound.
    assert len(err.splitlines()) <= 10


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cache", "nowhere"], "the cache of reference files does not exist"),
        (["--cache", "."], "the cache of reference files holds no mappings"),
        (["--cache", "cache", "--observatory", "jswt"], "unknown observatory 'jswt'"),
        (["--cache", "cache", "--context", "jwst_0009.pmap"], "unknown context 'jwst_0009.pmap'"),
        (["--cache", "cache", "--port", "70000"], "a port from 0 to 65535 is required, got 70000"),
        (["--cache", "cache", "--port", "no"], "invalid int value: 'no'"),
        (["--cache", "cache", "--prot", "1"], "unknown option '--prot'"),
        # An address for documentation, which no machine has.
        (["--cache", "cache", "--host", "192.0.2.1", "--port", "0"], "the server cannot listen"),
    ],
)
def test_what_cannot_be_served_is_told(root, monkeypatch, capsys, words, message):
    monkeypatch.chdir(root.parent)
    assert main(["crds", "serve", *words]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) <= 5


def test_a_port_in_use_is_told(root, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["crds", "serve", "--cache", str(root), "--port", str(port)]) == 1
    error = capsys.readouterr().err
    assert "Address already in use" in error
    assert f"127.0.0.1:{port}" in error


def test_without_its_packages_it_says_what_to_install(root, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["crds", "serve", "--cache", str(root)]) == 1
    error = capsys.readouterr().err
    assert "needs packages that are not installed: uvicorn" in error
    assert "pip install 'hexcal[server]'" in error
