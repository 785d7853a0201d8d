"""What a server of reference files is asked, and how its answers are read."""

import pytest
from crds_caches import make_cache
from fault_server import packed, server_of

from hexcal.errors import HexcalError, ReferenceError_
from hexcal.references.fetching import remote
from hexcal.references.fetching.remote import Remote
from hexcal.references.fetching.web import Patience


@pytest.fixture
def server(tmp_path):
    with server_of(make_cache(tmp_path / "of_the_server")) as server:
        yield server


def test_packed_answers_are_understood():
    value = {"a": [1, "two"]}
    assert remote.unpacked(packed(value), "") == value
    assert remote.unpacked(value, "") == value
    for wrong in (
        {**packed(value), "crds_payload": "###"},
        {**packed(value), "crds_payload": "AAAA"},
        {"crds_encoded": "1"},
    ):
        with pytest.raises(ReferenceError_, match="cannot be unpacked"):
            remote.unpacked(wrong, "here")


def test_a_call_that_the_server_refuses(server):
    with pytest.raises(ReferenceError_, match=f"(?s)refuses get_wet: there is no method get_wet.*{server.url}"):
        Remote(server.url).call("get_wet")


def test_urls_are_those_that_the_server_names(server):
    source = Remote(f"{server.url}/")
    assert source.url_of("jwst_0001.pmap") == f"{server.url}/unchecked_get/mappings/jwst/jwst_0001.pmap"
    server.info["reference_url"] = {"jwst": "http://elsewhere/files"}
    server.info["mapping_url"] = None
    source = Remote(server.url)
    assert source.url_of("a+b.fits") == "http://elsewhere/files/a%2Bb.fits"
    assert source.url_of("jwst_0001.pmap") == f"{server.url}/unchecked_get/mappings/jwst/jwst_0001.pmap"


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_number_of_the_environment_that_is_none(monkeypatch, text):
    monkeypatch.setenv("CRDS_CLIENT_TIMEOUT_SECONDS", text)
    with pytest.raises(HexcalError, match=f"(?s)a number of .*got '{text}'.*CRDS_CLIENT_TIMEOUT_SECONDS"):
        Patience.of_environment()


def test_patience_of_the_environment(monkeypatch):
    for name, text in (("TIMEOUT_SECONDS", "0.3"), ("RETRY_COUNT", "2"), ("RETRY_DELAY_SECONDS", "0")):
        monkeypatch.setenv(f"CRDS_CLIENT_{name}", text)
    assert Patience.of_environment() == Patience(0.3, 2, 0)
    for name in ("TIMEOUT_SECONDS", "RETRY_COUNT", "RETRY_DELAY_SECONDS"):
        monkeypatch.delenv(f"CRDS_CLIENT_{name}")
    assert Patience.of_environment() == Patience()
