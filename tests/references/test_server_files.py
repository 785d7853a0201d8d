"""The server of reference files over HTTP: what is served, and what never is."""

import hashlib
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from crds_caches import header, make_cache
from crds_servers import call, request, served
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hexcal.references.server.catalog import Catalog
from hexcal.references.server.checksums import Checksums
from hexcal.references.server.sites import Sites

CONTENT = bytes(range(256)) * 5000
DARK = "jwst_nircam_dark_0001.fits"
PLACE = "/jwst/unchecked_get/references/jwst"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    place = tmp_path_factory.mktemp("served")
    root = make_cache(place / "cache", operational_context="jwst_0002.pmap")
    folder = root / "references/jwst/nircam"
    folder.mkdir(parents=True)
    (folder / DARK).write_bytes(CONTENT)
    (folder / f".{DARK}.part").write_bytes(b"unfinished")
    (place / "secret.fits").write_text("secret")
    (place / "cache-of-another").mkdir()
    (place / "cache-of-another/near.fits").write_text("secret")
    (folder / "out.fits").symlink_to(place / "secret.fits")
    (folder / "near.fits").symlink_to(place / "cache-of-another/near.fits")
    (folder / "within.fits").symlink_to(folder / DARK)
    (folder / "broken.fits").symlink_to(folder / "nothing.fits")
    (root / "references/jwst/elsewhere").symlink_to(place / "cache-of-another")
    os.mkfifo(folder / "pipe.fits")
    return root


@pytest.fixture(scope="module")
def url(root):
    with served(Sites(root)) as url:
        yield url


def test_files_are_whole(root, url):
    status, headers, content = request(url, f"{PLACE}/{DARK}")
    assert (status, content) == (200, CONTENT)
    assert headers["content-length"] == str(len(CONTENT))
    assert headers["accept-ranges"] == "bytes"
    assert headers["etag"]
    for path in sorted((root / "mappings/jwst").iterdir()):
        assert request(url, f"/unchecked_get/mappings/jwst/{path.name}")[2] == path.read_bytes()
    status, headers, content = request(url, f"{PLACE}/{DARK}", "HEAD")
    assert (status, headers["content-length"], content) == (200, str(len(CONTENT)), b"")
    assert request(url, f"{PLACE}/within.fits")[2] == CONTENT


def test_a_file_can_be_resumed(url):
    etag = request(url, f"{PLACE}/{DARK}")[1]["etag"]
    status, headers, content = request(url, f"{PLACE}/{DARK}", headers={"Range": "bytes=1000-", "If-Range": etag})
    assert (status, content) == (206, CONTENT[1000:])
    assert headers["content-range"] == f"bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert request(url, f"{PLACE}/{DARK}", headers={"Range": "bytes=-7"})[2] == CONTENT[-7:]
    # Of another version of the file, nothing can be resumed.
    other = request(url, f"{PLACE}/{DARK}", headers={"Range": "bytes=1000-", "If-Range": '"other"'})
    assert (other[0], other[2]) == (200, CONTENT)
    assert request(url, f"{PLACE}/{DARK}", headers={"Range": "bytes=99999999-"})[0] == 416


@pytest.mark.parametrize(
    "path",
    [
        f"{PLACE}/none.fits",
        f"{PLACE}/out.fits",
        f"{PLACE}/near.fits",
        f"{PLACE}/broken.fits",
        f"{PLACE}/pipe.fits",
        f"{PLACE}/.{DARK}.part",
        f"{PLACE}/nircam",
        f"{PLACE}/nircam/{DARK}",
        f"{PLACE}/",
        f"{PLACE}/jwst_0001.pmap",
        f"{PLACE}/../../../secret.fits",
        f"{PLACE}/..%2f..%2f..%2f..%2fsecret.fits",
        f"{PLACE}/%2e%2e/%2e%2e/%2e%2e/secret.fits",
        f"{PLACE}/{DARK}%00",
        f"{PLACE}/%00{DARK}",
        f"{PLACE}//etc/passwd",
        f"{PLACE}/%2fetc%2fpasswd",
        "/unchecked_get/mappings/..%2f..%2f/passwd",
        "/unchecked_get/references/hst/any.fits",
        "/unchecked_get/config/jwst/server_config",
        "/unchecked_get/mappings/jwst/..%2f..%2fconfig%2fjwst%2fserver_config",
        "/../secret.fits",
        "/secret.fits",
        "/config/jwst/server_config",
    ],
)
def test_nothing_else_is_served(url, path):
    for method in ("GET", "HEAD"):
        status, _, content = request(url, path, method)
        assert status == 404, path
        assert b"secret" not in content


def test_the_list_of_files_has_nothing_from_outside(root):
    assert sorted(Catalog(root, "jwst").files("references")) == [DARK, "within.fits"]


@given(
    name=st.text(max_size=40) | st.lists(st.sampled_from(["..", "/", ".", "\0", "nircam", DARK, "a.fits"])).map("".join)
)
@example(name=DARK)
@settings(max_examples=150)
def test_whatever_the_name_nothing_outside_is_found(root, name):
    for kind in ("mappings", "references"):
        path = Catalog(root, "jwst").find(kind, name)
        assert path is None or (path.startswith(f"{os.path.realpath(root)}/{kind}/jwst/") and os.path.isfile(path))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_reading(root, url, method):
    before = sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file())
    for path in ("/", f"{PLACE}/{DARK}", f"{PLACE}/new.fits"):
        assert request(url, path, method, b"content")[0] == 405
    assert sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()) == before


def test_calls(url):
    info, error = call(f"{url}/jwst", "get_server_info")
    assert error is None
    place = info["reference_url"]["jwst"].removeprefix(url)
    assert request(url, f"{place}{DARK}")[2] == CONTENT
    assert call(url, "get_server_info")[0]["server"] == f"{url}/jwst"
    assert call(url, "get_default_context", "jwst") == ("jwst_0002.pmap", None)
    assert call(url, "get_default_context", "hst") == (None, "unknown observatory 'hst'; one of: jwst")
    # As written in the documentation of CRDS: without method and number in the address.
    for path in ("/json/", "/json", "/jwst/json/"):
        status, _, content = request(url, path, "POST", b'{"method": "get_default_context", "params": ["jwst"]}')
        assert (status, json.loads(content)["result"]) == (200, "jwst_0002.pmap")
    assert request(url, "/json/get_server_info/1/")[0] == 405


def test_the_address_is_that_of_the_client(url):
    body = b'{"method": "get_server_info"}'
    content = request(url, "/json/", "POST", body, {"Host": "crds.observatory.org:99"})[2]
    assert json.loads(content)["result"]["server"] == "http://crds.observatory.org:99/jwst"


def test_the_overview(url):
    overview = json.loads(request(url, "/")[2])
    assert overview == {"jwst": {"default_context": "jwst_0002.pmap", "CRDS_SERVER_URL": f"{url}/jwst"}}


def test_a_call_that_is_too_large_is_refused(url):
    status, _, content = request(url, "/json/", "POST", b" " * (33 << 20))
    assert status == 413
    assert b"Traceback" not in content


def test_many_at_once(url):
    def one(number):
        if number % 3 == 0:
            return request(url, f"{PLACE}/{DARK}")[2] == CONTENT
        if number % 3 == 1:
            facts = call(url, "get_file_info_map", "jwst", [DARK], ["sha1sum"])[0]
            return facts[DARK]["sha1sum"] == hashlib.sha1(CONTENT).hexdigest()
        found = call(url, "get_best_references", "jwst_0002.pmap", header())[0]
        return found == {"dark": "jwst_nircam_dark_0002.fits", "flat": "NOT FOUND n/a"}

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(one, range(60)))


def test_a_file_is_read_once_for_its_sum_however_many_ask(tmp_path, monkeypatch):
    path, opened = tmp_path / "a.fits", []
    path.write_bytes(CONTENT)
    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *words: opened.append(1) or real(*words))
    sums, start = Checksums(), threading.Barrier(8)

    def one(_):
        start.wait()
        return sums.of(str(path))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(8))) == {hashlib.sha1(CONTENT).hexdigest()}
    assert len(opened) == 1
    path.write_bytes(b"changed")
    assert sums.remembered(str(path)) is None
    sums.fill([str(path), str(tmp_path / "gone.fits")], 60)
    assert sums.remembered(str(path)) == hashlib.sha1(b"changed").hexdigest()
