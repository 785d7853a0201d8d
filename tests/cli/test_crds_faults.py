"""Every fault of a server, of a disk or of a mapping.

One clear error, exit status 1, and a cache in which nothing is lost or wrong, byte for byte.
"""

import errno
import os
import socket
from pathlib import Path

import pytest
from crds_caches import imap, make_cache, pmap
from exposures import write_uncal
from fault_server import server_of

from hexcal.cli.main import main
from hexcal.references.fetching import partial
from hexcal.references.mapping_file import sha1sum

DARK = "jwst_nircam_dark_0002.fits"
OLD = "jwst_nircam_dark_0001.fits"
RULES = "jwst_nircam_dark_0002.rmap"
CONTENT = bytes(range(256)) * 400
COMMANDS = {
    "sync": ["crds", "sync", "--contexts", "jwst_0002.pmap", "--dataset-files", "a_uncal.fits"],
    "run": ["run", "dark_current", "a_uncal.fits", "--output_dir=out"],
}


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server, and a cache that has another context and another file."""
    for name in [name for name in os.environ if name.startswith(("CRDS_", "HEXCAL_REF"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CRDS_CLIENT_TIMEOUT_SECONDS", "30")
    monkeypatch.setenv("CRDS_CLIENT_RETRY_COUNT", "2")
    monkeypatch.setenv("CRDS_CLIENT_RETRY_DELAY_SECONDS", "0.001")
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "cache"))
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_0002.pmap")
    monkeypatch.chdir(tmp_path)
    write_uncal(tmp_path, name="a_uncal.fits", SUBARRAY="FULL")
    whole = make_cache(tmp_path / "of_the_server")
    first = ("jwst_0001.pmap", "jwst_nircam_0001.imap", "jwst_nircam_dark_0001.rmap")
    texts = {name: (whole / "mappings/jwst" / name).read_text() for name in first}
    make_cache(tmp_path / "cache", texts, operational_context="jwst_0001.pmap")
    old = tmp_path / "cache/references/jwst/nircam" / OLD
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    with server_of(whole, context="jwst_0001.pmap", **{DARK: CONTENT}) as server:
        monkeypatch.setenv("CRDS_SERVER_URL", server.url)
        yield server


def contents(folder="cache"):
    return {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def with_sum(text):
    return text.replace("'sha1sum' : ''", f"'sha1sum' : '{sha1sum(text.encode())[0]}'").encode()


def down(server, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("CRDS_SERVER_URL", f"http://127.0.0.1:{free.getsockname()[1]}")


def of_file(name, fault):
    def make(server, monkeypatch):
        server.faults[name] = [fault, "always"]
        if fault == "stall":
            monkeypatch.setenv("CRDS_CLIENT_TIMEOUT_SECONDS", "0.3")

    return make


def wrong_sum(server, monkeypatch):
    server.facts[DARK] = {"size": str(len(CONTENT)), "sha1sum": "0" * 40}


def read_only(server, monkeypatch):
    monkeypatch.setenv("CRDS_READONLY_CACHE", "1")


def full_disk(server, monkeypatch):
    def write(descriptor, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(partial.os, "write", write)


def mapping(name, content):
    def make(server, monkeypatch):
        server.files[name] = content

    return make


def missing_mapping(server, monkeypatch):
    del server.files[RULES]


FAULTS = {
    "server down": (down, "connection refused"),
    "500 of a call": (of_file("get_file_info_map", "500"), "answers 500"),
    "500 of a file": (of_file(DARK, "500"), "answers 500"),
    "call stalls": (of_file("get_file_info_map", "stall"), "stalls"),
    "file stalls": (of_file(DARK, "stall"), "stalls"),
    "mapping stalls": (of_file(RULES, "stall"), "stalls"),
    "truncated body": (of_file(DARK, "short:5000"), DARK),
    "line breaks": (of_file(DARK, "cut:0"), "breaks off"),
    "altered body": (of_file(DARK, "altered"), "sha1"),
    "altered mapping": (of_file(RULES, "altered"), "sha1"),
    "wrong checksum": (wrong_sum, "sha1"),
    "read-only cache": (read_only, "CRDS_READONLY_CACHE"),
    "full disk": (full_disk, "the disk of the cache is full"),
    "corrupt mapping": (mapping(RULES, b"header = {"), "the mapping is corrupt"),
    "missing mapping": (missing_mapping, RULES),
    "code in a mapping": (mapping(RULES, b"import os\nos.system('touch evil')\n"), "the mapping is corrupt"),
    "path in a context": (
        mapping("jwst_0002.pmap", with_sum(pmap({"NIRCAM": "../../evil.imap"}))),
        "'../../evil.imap' is not the name of a mapping",
    ),
    "path in rules": (
        mapping("jwst_nircam_0002.imap", with_sum(imap({"DARK": "/etc/evil.rmap"}))),
        "'/etc/evil.rmap' is not the name of a mapping",
    ),
}


@pytest.mark.req("CRDS-02", "CRDS-03")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_clear_error_and_harms_nothing(server, capsys, monkeypatch, command, fault):
    make, text = FAULTS[fault]
    before, right = contents(), dict(server.files)
    with monkeypatch.context() as change:
        make(server, change)
        told = dict(server.files)
        assert main(COMMANDS[command]) == 1
    err = capsys.readouterr().err
    assert err.startswith("hexcal: ") and text in err and "fault in the program" not in err
    assert len(err.strip().splitlines()) <= 5, err
    after = contents()
    assert {path: after.get(path) for path in before} == before
    for path in after.keys() - before.keys():
        if path.name.startswith("."):
            # Half a file, to be continued: beside its place, never in it.
            assert path.suffix == ".part" and right[path.name[1:-5]].startswith(after[path])
        else:
            # Mappings that came before the fault; a context whose names are paths is whole, and refused when it is
            # used.
            assert path.parts[0] == "config" or after[path] == told[path.name], path
    assert not Path("out").exists() and not list(Path().rglob("*evil*"))


@pytest.mark.parametrize("fault", [name for name in FAULTS if not name.startswith("path")])
def test_when_the_fault_has_gone_the_cache_fills(server, capsys, monkeypatch, fault):
    right = dict(server.files)
    with monkeypatch.context() as change:
        FAULTS[fault][0](server, change)
        assert main(COMMANDS["sync"]) == 1
    server.faults.clear()
    server.facts.clear()
    server.files = right
    assert main(COMMANDS["sync"]) == 0
    files = {path.name: content for path, content in contents().items() if path.parts[0] != "config"}
    rules = {name: right[name] for name in right if name.endswith("map")}
    assert files == {**rules, DARK: CONTENT, OLD: b"old"}
