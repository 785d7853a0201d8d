"""What the server of reference files answers to calls."""

import hashlib
import json

import pytest
from crds_caches import header, make_cache, pmap, write

from hexcal.errors import HexcalError, ReferenceError_
from hexcal.references.context import open_context
from hexcal.references.server import rpc
from hexcal.references.server.methods import METHODS, Call
from hexcal.references.server.sites import Sites

URL = "http://server:1"
HISTORY = [["2022-03-04 05:06:07", "jwst_0002.pmap", "better"], ["2021-01-01 00:00:00", "jwst_0001.pmap", "first"]]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("CRDS_PATH", "CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_SERVER_URL", "CRDS_IGNORE_MAPPING_CHECKSUM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path):
    root = make_cache(tmp_path / "cache", operational_context="jwst_0001.pmap", context_history=HISTORY)
    (root / "references/jwst/nircam").mkdir(parents=True)
    (root / "references/jwst/nircam/jwst_nircam_dark_0002.fits").write_bytes(b"dark")
    (root / "references/jwst/jwst_nircam_dark_0001.fits").write_bytes(b"a flat cache")
    return root


def ask(sites, method, *params, site=None):
    """Result of a call; an error is raised."""
    body = json.dumps({"jsonrpc": "1.0", "method": method, "params": params, "id": 7}).encode()
    answer = rpc.answer(Call(sites, URL, site), body, method)
    assert answer["id"] == 7
    if answer["error"]:
        assert answer["result"] is None
        raise HexcalError(answer["error"]["message"])
    return answer["result"]


def test_what_a_client_is_told_first(root):
    (root / "config/jwst/bad_files.txt").write_text("jwst_nircam_dark_0003.fits\n")
    info = ask(Sites(root), "get_server_info")
    assert info["observatory"] == "jwst"
    assert info["operational_context"] == info["edit_context"] == "jwst_0001.pmap"
    assert info["mapping_url"] == {"jwst": f"{URL}/jwst/unchecked_get/mappings/jwst/"}
    assert info["reference_url"] == {"jwst": f"{URL}/jwst/unchecked_get/references/jwst/"}
    assert info["bad_files_list"] == ["jwst_nircam_dark_0003.fits"]
    assert info["context_history"] == HISTORY
    assert [name for name in info["mappings"] if name.endswith(".pmap")] == ["jwst_0001.pmap", "jwst_0002.pmap"]


def test_the_default_context(root):
    config = root / "config/jwst/server_config"
    sites = Sites(root)
    assert ask(sites, "get_default_context", "jwst") == "jwst_0001.pmap"
    assert ask(sites, "get_default_context", "JWST", "latest") == "jwst_0001.pmap"
    config.write_text("{'operational_context': 'jwst_0002.pmap'}")
    assert ask(sites, "get_default_context", "jwst") == "jwst_0002.pmap", "the configuration is read anew"
    config.write_text("{'operational_context': 'jwst_9999.pmap'}")
    assert ask(sites, "get_default_context", "jwst") == "jwst_0002.pmap", "of what is there, the newest"
    config.unlink()
    assert ask(sites, "get_default_context", "jwst") == "jwst_0002.pmap"
    assert ask(Sites(root, context="jwst_0001.pmap"), "get_default_context", "jwst") == "jwst_0001.pmap"
    assert ask(sites, "get_default_context", "jwst", "edit") == "jwst_0002.pmap"
    config.write_text("{'operational_context': 'jwst_0001.pmap', 'edit_context': 'jwst_0002.pmap'}")
    assert ask(sites, "get_default_context", "jwst", "edit") == "jwst_0002.pmap"
    assert ask(sites, "get_default_context", "jwst", "versions") == "jwst_0001.pmap"
    assert ask(sites, "get_server_info")["edit_context"] == "jwst_0002.pmap"
    assert "jwst_nircam_0002.imap" in ask(sites, "get_mapping_names", "jwst-edit")
    with pytest.raises(HexcalError, match="unknown context 'lates'"):
        ask(sites, "get_default_context", "jwst", "lates")
    with pytest.raises(ReferenceError_, match="unknown context"):
        Sites(root, context="jwst_0009.pmap")


def test_the_environment_of_the_server_does_not_choose_for_its_clients(root, monkeypatch):
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_0002.pmap")
    assert ask(Sites(root), "get_default_context", "jwst") == "jwst_0001.pmap"


def test_the_context_of_a_date(root):
    sites = Sites(root)
    assert ask(sites, "get_context_by_date", "2021-06-01", "jwst") == "jwst_0001.pmap"
    assert ask(sites, "get_context_by_date", "2022-03-04T05:06:07", "jwst") == "jwst_0002.pmap"
    assert ask(sites, "get_context_by_date", "jwst-2030-01-01", "jwst") == "jwst_0002.pmap"
    with pytest.raises(HexcalError, match="no default context of 2020-12-31"):
        ask(sites, "get_context_by_date", "2020-12-31", "jwst")
    with pytest.raises(HexcalError, match=r"a date such as .* is required \(build\)"):
        ask(sites, "get_context_by_date", "jwst-build", "jwst")


def test_names_below_a_mapping(root):
    sites = Sites(root)
    rmap, imap = "jwst_nircam_dark_0002.rmap", "jwst_nircam_0002.imap"
    assert ask(sites, "get_mapping_names", "jwst_0002.pmap") == sorted(["jwst_0002.pmap", imap, rmap])
    assert ask(sites, "get_mapping_names", "jwst-operational") == sorted(
        ["jwst_0001.pmap", imap.replace("2", "1"), rmap.replace("2", "1")]
    )
    assert ask(sites, "get_mapping_names", imap) == sorted([imap, rmap])
    assert ask(sites, "get_mapping_names", rmap) == [rmap]
    darks = [f"jwst_nircam_dark_000{number}.fits" for number in (1, 2, 3)]
    for name in ("jwst_0002.pmap", imap, rmap):
        assert ask(sites, "get_reference_names", name) == darks
    with pytest.raises(HexcalError, match=r"unknown mapping 'jwst_nircam_0009.imap'; did you mean"):
        ask(sites, "get_mapping_names", "jwst_nircam_0009.imap")


def test_a_mapping_that_the_cache_lacks_is_named_all_the_same(root):
    (root / "mappings/jwst/jwst_nircam_dark_0002.rmap").unlink()
    sites = Sites(root)
    assert "jwst_nircam_dark_0002.rmap" in ask(sites, "get_mapping_names", "jwst_0002.pmap")
    assert ask(sites, "get_reference_names", "jwst_0002.pmap") == []
    assert "jwst_nircam_dark_0002.rmap" not in ask(sites, "get_file_info_map", "jwst")


def test_facts_about_files(root):
    sites = Sites(root)
    facts = ask(sites, "get_file_info_map", "jwst", None, ["sha1sum", "size"])
    assert set(facts) == {
        *(path.name for path in (root / "mappings/jwst").iterdir()),
        "jwst_nircam_dark_0001.fits",
        "jwst_nircam_dark_0002.fits",
    }
    for name, fact in facts.items():
        content = next(root.rglob(name)).read_bytes()
        assert fact == {"sha1sum": hashlib.sha1(content).hexdigest(), "size": str(len(content))}
    dark = "jwst_nircam_dark_0002.fits"
    assert list(ask(sites, "get_file_info_map", "jwst", [dark, "none.fits", "../x"])) == [dark]
    (root / "config/jwst/bad_files.txt").write_text(dark)
    assert ask(sites, "get_file_info", "jwst_0001.pmap", dark) == {
        "blacklisted": "true",
        "rejected": "true",
        "filename": dark,
        "observatory": "jwst",
        "sha1sum": hashlib.sha1(b"dark").hexdigest(),
        "size": "4",
        "state": "archived",
    }
    with pytest.raises(HexcalError, match=r"jwst has no file 'none.fits'"):
        ask(sites, "get_file_info", "jwst", "none.fits")
    with pytest.raises(HexcalError, match=r"unknown field 'sha1'.*did you mean 'sha1sum'"):
        ask(sites, "get_file_info_map", "jwst", None, ["sha1"])


def test_a_sum_follows_its_file(root):
    sites, dark = Sites(root), "jwst_nircam_dark_0002.fits"
    for content in (b"dark", b"another dark"):
        next(root.rglob(dark)).write_bytes(content)
        wanted = hashlib.sha1(content).hexdigest()
        assert ask(sites, "get_file_info_map", "jwst", [dark], ["sha1sum"]) == {dark: {"sha1sum": wanted}}
        assert ask(sites, "get_file_info_map", "jwst", None, ["sha1sum"])[dark] == {"sha1sum": wanted}


def test_a_file_that_changed_is_summed_anew_for_all(root):
    sites, dark = Sites(root), "jwst_nircam_dark_0002.fits"
    for content in (b"dark", b"another dark"):
        next(root.rglob(dark)).write_bytes(content)
        wanted = hashlib.sha1(content).hexdigest()
        assert ask(sites, "get_file_info_map", "jwst", None, ["sha1sum"])[dark] == {"sha1sum": wanted}


def test_sums_that_would_take_long_are_named_as_unknown(root, monkeypatch):
    sites = Sites(root)
    sums = sites.by_name["jwst"].sums
    monkeypatch.setattr(sums, "fill", lambda paths, patience: None)
    dark = "jwst_nircam_dark_0002.fits"
    assert ask(sites, "get_file_info_map", "jwst")[dark]["sha1sum"] == "none"
    assert ask(sites, "get_file_info_map", "jwst", [dark])[dark]["sha1sum"] == hashlib.sha1(b"dark").hexdigest()
    assert ask(sites, "get_file_info_map", "jwst")[dark]["sha1sum"] != "none"


@pytest.mark.parametrize("changes", [{}, {"DETECTOR": "NRCBLONG"}, {"DETECTOR": "NRCB1"}, {"SUBARRAY": "SUB64"}])
def test_best_references_are_those_of_the_context(root, changes):
    exposure = header(**changes)
    wanted = {
        "file": lambda choice: choice.name,
        "n/a": lambda _: "NOT FOUND n/a",
        "not found": lambda choice: f"NOT FOUND {choice.reason}",
    }
    for types in (None, ["dark"], ["DARK", "gain"]):
        choices = open_context("jwst_0002.pmap", root, "jwst").choose(exposure, types)
        found = ask(Sites(root), "get_best_references", "jwst_0002.pmap", exposure, types)
        assert found == {kind: wanted[choice.status](choice) for kind, choice in choices.items()}


def test_a_type_that_the_context_does_not_know_spoils_no_other(root):
    found = ask(Sites(root), "get_best_references", "jwst_0001.pmap", header(), ["dark", "v2v3"])
    assert found == {
        "dark": "jwst_nircam_dark_0009.fits",
        "v2v3": "NOT FOUND unknown type of reference 'v2v3'",
    }


def test_several_observatories(root):
    make_cache(root, {"tmt_0001.pmap": pmap({"IRIS": "N/A"}, observatory="TMT")}, "tmt")
    (root / "mappings/empty").mkdir()
    sites = Sites(root)
    assert list(sites.by_name) == ["jwst", "tmt"]
    assert "no numbered context" in str(sites.left_out["empty"])
    with pytest.raises(HexcalError, match=rf"2 observatories: jwst, tmt; .*CRDS_SERVER_URL={URL}/jwst"):
        ask(sites, "get_server_info")
    assert ask(sites, "get_server_info", site=sites.of("tmt"))["operational_context"] == "tmt_0001.pmap"
    # Where a parameter tells the observatory, nothing else has to.
    assert ask(sites, "get_mapping_names", "tmt_0001.pmap") == ["tmt_0001.pmap"]
    assert list(ask(sites, "get_file_info_map", "tmt", None, ["size"])) == ["tmt_0001.pmap"]
    with pytest.raises(HexcalError, match="unknown observatory 'hst'; one of: jwst, tmt"):
        ask(sites, "get_default_context", "hst")
    assert list(Sites(root, "TMT").by_name) == ["tmt"]
    assert Sites(root, context="tmt_0001.pmap").of("jwst").default_context() == "jwst_0001.pmap"
    with pytest.raises(ReferenceError_, match=r"observatory of the context '1.pmap' is not known"):
        Sites(root, context="1.pmap")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "a call in JSON is required"),
        (b"\xff\xfe", "a call in JSON is required"),
        (b"[" * 200_000, "a call in JSON is required"),
        (b"[]", '"method" and "params"'),
        (b'{"params": []}', '"method" and "params"'),
        (b'{"method": "get_server_inf"}', "unknown method 'get_server_inf'; did you mean 'get_server_info'?"),
        (b'{"method": "__init__", "params": [1, 2]}', "unknown method '__init__'"),
        (b'{"method": "get_mapping_names"}', "the parameters of get_mapping_names are (context), got 0"),
        (b'{"method": "get_mapping_names", "params": {"context": "a"}}', "a list of parameters is required"),
        (b'{"method": "get_mapping_names", "params": [3]}', "a text is required, got int (context)"),
        (b'{"method": "get_mapping_names", "params": ["../../etc/passwd"]}', "unknown context '../../etc/passwd'"),
        (b'{"method": "get_mapping_names", "params": ["../jwst_0001.pmap"]}', "is not the name of a mapping"),
        (b'{"method": "get_file_info_map", "params": ["jwst", "a.fits"]}', "a list of texts is required (files)"),
        (b'{"method": "get_best_references", "params": ["jwst_0002.pmap", []]}', "a table of keywords and values"),
        (b'{"method": "get_best_references", "params": ["jwst_0002.pmap", {}]}', "the instrument of the exposure"),
    ],
)
def test_bad_calls_get_one_sentence(root, body, message):
    answer = rpc.answer(Call(Sites(root), URL), body)
    assert answer["result"] is None
    assert message in answer["error"]["message"]
    assert "\n" not in answer["error"]["message"]
    assert str(root) not in json.dumps(answer)


def test_an_address_that_names_another_method_is_refused(root):
    answer = rpc.answer(Call(Sites(root), URL), b'{"method": "get_server_info"}', "get_default_context")
    assert "the address names the method get_default_context" in answer["error"]["message"]


def test_a_corrupt_mapping_is_told_without_the_folders_of_the_server(root):
    write(root / "mappings/jwst", "jwst_0003.pmap", "import os\n", with_sum=False)
    answer = rpc.answer(Call(Sites(root), URL), b'{"method": "get_mapping_names", "params": ["jwst_0003.pmap"]}')
    assert "the mapping is corrupt: line 1 is code" in answer["error"]["message"]
    assert "(jwst_0003.pmap)" in answer["error"]["message"]
    assert str(root) not in answer["error"]["message"]


def test_a_fault_of_the_server_is_one_sentence_too(root, monkeypatch, caplog):
    sites = Sites(root)
    monkeypatch.setattr(sites.by_name["jwst"], "info", lambda url: 1 / 0)
    answer = rpc.answer(Call(sites, URL), b'{"method": "get_server_info", "id": 1}')
    assert answer["error"]["message"] == "a fault of the server: ZeroDivisionError"
    assert "ZeroDivisionError" in caplog.text, "the operator sees all of it"


def test_the_cache_is_never_filled_from_another_server(root, monkeypatch):
    monkeypatch.setenv("CRDS_SERVER_URL", "http://127.0.0.1:9")
    (root / "mappings/jwst/jwst_nircam_dark_0002.rmap").unlink()
    (root / "config/jwst/server_config").unlink()
    sites = Sites(root)
    assert ask(sites, "get_default_context", "jwst") == "jwst_0002.pmap"
    assert len(ask(sites, "get_mapping_names", "jwst_0002.pmap")) == 3
    for method, params in [
        ("get_mapping_names", ["jwst_0007.pmap"]),
        ("get_best_references", ["jwst_0002.pmap", header()]),
    ]:
        with pytest.raises(HexcalError, match=r"does not exist|unknown context"):
            ask(sites, method, *params)
    assert not (root / "config/jwst/server_config").exists()


def test_the_methods_are_those_of_the_protocol():
    assert sorted(METHODS) == [
        "get_best_references",
        "get_context_by_date",
        "get_default_context",
        "get_file_info",
        "get_file_info_map",
        "get_mapping_names",
        "get_reference_names",
        "get_server_info",
    ]
