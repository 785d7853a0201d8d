"""Many processes that fetch the same files at once, some of them killed.

Every file is whole or absent, and the next fetch completes.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from crds_caches import make_cache
from fault_server import FaultServer, server_of

from hexcal.files import locks
from hexcal.references.cache import ReferenceCache
from hexcal.references.fetching import fetch

NAMES = [f"jwst_nircam_dark_{number:04d}.fits" for number in range(20)]
FILES = {name: random.Random(name).randbytes(400_000 + 5_000 * number) for number, name in enumerate(NAMES)}
CHILD = """
import sys
from hexcal.references.fetching import fetch
from hexcal.references.cache import ReferenceCache
cache = ReferenceCache()
fetch.bring(cache, {name: cache.reference_path(name, "nircam") for name in sys.argv[1:]})
"""

# The kernel refuses to write more into a file, as it does where the disk is full or a quota is used up.
SMALL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
from hexcal.cli.main import main
raise SystemExit(main(["crds", "sync", "--files", "jwst_nircam_dark_0001.fits"]))
"""
CHOOSE = """
import sys
sys.path.insert(0, sys.argv[1])
from crds_caches import header
from hexcal.references.context import open_context
print(open_context().choose(header(), ["dark"])["dark"].name)
"""


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("CONTEXT", "OBSERVATORY", "READONLY_CACHE"):
        monkeypatch.delenv(f"CRDS_{name}", raising=False)
    with FaultServer(FILES) as server:
        server.faults["*"] = ["slow", "always"]
        monkeypatch.setenv("CRDS_PATH", str(make_cache(tmp_path / "cache")))
        monkeypatch.setenv("CRDS_SERVER_URL", server.url)
        yield server


def start(names=NAMES):
    return subprocess.Popen([sys.executable, "-c", CHILD, *names], stderr=subprocess.PIPE)


def wait_until(condition, children):
    """Wait, but not for processes that have failed, nor for ever."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end and all(child.poll() is None for child in children), "nothing was fetched"
        time.sleep(0.005)


def right_files(folder):
    """Names of the files that are there, all of which are right."""
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    for name in names:
        assert (folder / name).read_bytes() == FILES[name], name
    return names


@pytest.mark.req("CRDS-02")
def test_processes_that_are_killed_leave_whole_files_or_none(server, tmp_path):
    folder, chance = tmp_path / "cache/references/jwst/nircam", random.Random(3)
    children = [start() for _ in range(8)]
    killed = 0
    wait_until(lambda: folder.is_dir() and os.listdir(folder), children)
    for child in children[:6]:
        time.sleep(chance.uniform(0, 0.08))
        killed += child.poll() is None
        child.send_signal(signal.SIGKILL)
        right_files(folder)
    for child in children[:6]:
        child.communicate()
    assert killed, "all processes had ended before they were killed: the files are too small for this test"
    right_files(folder)
    for child in children[6:]:
        _, message = child.communicate()
        assert child.returncode == 0, message.decode()
    # The survivors have taken over what the killed ones held, and nothing but the files is left.
    assert right_files(folder) == NAMES == sorted(os.listdir(folder))


def test_a_fetch_after_all_were_killed_continues(server, tmp_path):
    folder = tmp_path / "cache/references/jwst/nircam"
    # Some files never come to an end, however long the processes live.
    server.faults.update({name: ["hold:100000", "always"] for name in NAMES[10:]})
    children = [start() for _ in range(3)]
    held = [folder / f".{name}.part" for name in NAMES[10:]]
    wait_until(lambda: any(path.is_file() and path.stat().st_size > 50_000 for path in held), children)
    for child in children:
        child.kill()
        child.communicate()
    before = right_files(folder)
    assert not set(before) & set(NAMES[10:])
    server.faults.clear()
    asked = len(server.requests)
    cache = ReferenceCache()
    fetch.bring(cache, {name: cache.reference_path(name, "nircam") for name in NAMES})
    assert right_files(folder) == NAMES == sorted(os.listdir(folder))
    assert any(given for _, given in server.requests[asked:]), "no partial file was continued"


def test_an_empty_partial_file_beside_a_whole_one_goes_with_the_next_fetch(server, tmp_path):
    folder, cache = tmp_path / "cache/references/jwst/nircam", ReferenceCache()
    first, second, third, last = ({name: cache.reference_path(name, "nircam")} for name in NAMES[:4])
    fetch.bring(cache, first | second | third)
    left, begun, in_use = (folder / f".{name}.part" for name in NAMES[:3])
    begun.write_bytes(b"a replacement that was begun")
    left.touch()
    with open(in_use, "wb") as stream:
        assert locks.lock(stream.fileno())
        fetch.bring(cache, first | second | third | last)
        assert right_files(folder) == NAMES[:4]
        assert not left.exists() and begun.exists() and in_use.exists()


def test_processes_share_the_work(server, tmp_path):
    children = [start() for _ in range(4)]
    for child in children:
        _, message = child.communicate()
        assert child.returncode == 0, message.decode()
    assert right_files(tmp_path / "cache/references/jwst/nircam") == NAMES
    assert all(server.asked(name) == 1 for name in NAMES)
    for name in NAMES:
        path = tmp_path / "cache/references/jwst/nircam" / name
        assert hashlib.sha1(path.read_bytes()).hexdigest() == server.facts_of(name)["sha1sum"]


def test_a_disk_that_takes_no_more(server, tmp_path):
    child = subprocess.run([sys.executable, "-c", SMALL], capture_output=True, text=True, check=False)
    assert child.returncode == 1
    assert "the disk of the cache is full" in child.stderr
    assert len(child.stderr.strip().splitlines()) <= 5
    folder = tmp_path / "cache/references/jwst/nircam"
    assert os.listdir(folder) == []


def test_processes_begin_an_empty_cache_together(tmp_path, monkeypatch):
    monkeypatch.delenv("CRDS_READONLY_CACHE", raising=False)
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "cache"))
    with server_of(make_cache(tmp_path / "of_the_server")) as server:
        server.faults["*"] = ["slow", "always"]
        monkeypatch.setenv("CRDS_SERVER_URL", server.url)
        words = [sys.executable, "-c", CHOOSE, str(Path(__file__).parents[1])]
        children = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        assert [child.communicate()[0] for child in children] == ["jwst_nircam_dark_0002.fits\n"] * 4
    there = sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())
    rules = ["jwst_0002.pmap", "jwst_nircam_0002.imap", "jwst_nircam_dark_0002.rmap"]
    assert there == sorted(["bad_files.txt", "server_config", *rules])
