"""What is missing in a cache comes from the server of the environment.

What is there, or what no server is named for, touches no network.
"""

import os

import pytest
from crds_caches import DARK, header, imap, make_cache, pmap, rmap
from exposures import write_uncal
from fault_server import FaultServer, server_of

from hexcal import datamodels
from hexcal.errors import HexcalError, ReferenceError_, ResourceError
from hexcal.references import chooser
from hexcal.references.cache import ReferenceCache
from hexcal.references.context import Context, open_context
from hexcal.references.fetching import fetch
from hexcal.references.fetching.remote import Remote

DARK_2 = "jwst_nircam_dark_0002.fits"
FILES = {f"jwst_nircam_dark_{number:04d}.fits": bytes([number]) * 5000 for number in (1, 2, 3, 9)}
MAPPINGS_OF_2 = ["jwst_0002.pmap", "jwst_nircam_0002.imap", "jwst_nircam_dark_0002.rmap"]
PARKEY = (
    ("META.INSTRUMENT.DETECTOR", "META.EXPOSURE.READPATT", "META.SUBARRAY.NAME"),
    ("META.OBSERVATION.DATE", "META.OBSERVATION.TIME"),
)


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    for name in ("CONTEXT", "OBSERVATORY", "SERVER_URL", "READONLY_CACHE", "IGNORE_MAPPING_CHECKSUM"):
        monkeypatch.delenv(f"CRDS_{name}", raising=False)
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "cache"))
    monkeypatch.setenv("CRDS_CLIENT_TIMEOUT_SECONDS", "30")
    monkeypatch.setenv("CRDS_CLIENT_RETRY_COUNT", "2")
    monkeypatch.setenv("CRDS_CLIENT_RETRY_DELAY_SECONDS", "0.001")


@pytest.fixture
def server(tmp_path, monkeypatch):
    with server_of(make_cache(tmp_path / "of_the_server"), **FILES) as server:
        monkeypatch.setenv("CRDS_SERVER_URL", server.url)
        yield server


@pytest.fixture
def model(tmp_path):
    model = datamodels.open(write_uncal(tmp_path))
    for path, value in {
        "instrument.name": "NIRCAM",
        "instrument.detector": "NRCA1",
        "exposure.readpatt": "RAPID",
        "subarray.name": "FULL",
        "observation.date": "2021-05-06",
        "observation.time": "00:00:00",
    }.items():
        model.set_meta(f"meta.{path}", value)
    return model


def files_in(folder):
    return sorted(name for _, _, names in os.walk(folder) for name in names)


def refused(call, *texts, kind=ReferenceError_):
    """The call raises an error of at most five lines with these texts."""
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert len(message.splitlines()) <= 5
    for text in texts:
        assert text in message
    return message


# ---- an empty cache


@pytest.mark.req("CRDS-02", "CRDS-03", "CRDS-04")
def test_an_empty_cache_fills_itself_with_what_an_exposure_needs(server, model, tmp_path):
    made = chooser.Chooser(model)
    assert made.context.name == "jwst_0002.pmap"
    assert made.find("dark") == str(tmp_path / "cache/references/jwst/nircam" / DARK_2)
    with open(made.find("dark"), "rb") as stream:
        assert stream.read() == FILES[DARK_2]
    assert files_in(tmp_path / "cache") == sorted(["bad_files.txt", "server_config", *MAPPINGS_OF_2, DARK_2])


@pytest.mark.req("CRDS-02")
def test_a_filled_cache_needs_no_server(server, model, monkeypatch):
    path = chooser.Chooser(model).find("dark")
    asked = len(server.requests)
    assert chooser.Chooser(model).find("dark") == path
    assert len(server.requests) == asked
    monkeypatch.setenv("CRDS_SERVER_URL", "http://127.0.0.1:9")
    assert chooser.Chooser(model).find("dark") == path


@pytest.mark.req("CRDS-04")
def test_a_context_that_is_not_in_the_cache_is_fetched(server, model, monkeypatch):
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_0001.pmap")
    assert chooser.Chooser(model).find("dark").endswith("jwst_nircam_dark_0009.fits")


def test_the_newest_context_of_an_empty_cache_is_that_of_the_server(server, monkeypatch):
    server.info["operational_context"] = "jwst_0001.pmap"
    monkeypatch.setenv("CRDS_CONTEXT", "jwst-latest")
    assert open_context().name == "jwst_0002.pmap"
    monkeypatch.setenv("CRDS_CONTEXT", "jwst-operational")
    assert open_context().name == "jwst_0001.pmap"
    # There now is one in the cache, and the network is touched only for what is missing.
    monkeypatch.setenv("CRDS_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CRDS_CONTEXT", "newest")
    assert open_context().name == "jwst_0002.pmap"


def test_no_cache_and_no_server(tmp_path):
    refused(ReferenceCache, "does not exist", str(tmp_path / "cache"), "CRDS_SERVER_URL")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("url", ["", "https://crds-serverless-mode.stsci.edu"])
def test_no_server_no_network(model, tmp_path, monkeypatch, url):
    make_cache(tmp_path / "cache")
    monkeypatch.setenv("CRDS_SERVER_URL", url)
    made = chooser.Chooser(model)
    refused(lambda: made.find("dark"), f"the dark reference {DARK_2} is not in the cache", "set CRDS_SERVER_URL")
    refused(lambda: made.fetch(["dark"]), f"the reference file {DARK_2} is not in the cache", "set CRDS_SERVER_URL")
    os.unlink(tmp_path / "cache/mappings/jwst/jwst_nircam_dark_0002.rmap")
    refused(
        lambda: Context(ReferenceCache()).choose(header(), ["dark"]), "the mapping does not exist", "dark_0002.rmap"
    )


# ---- fetching together


def test_files_that_are_missing_are_listed_with_their_size_and_fetched_together(server, model, caplog):
    made = chooser.Chooser(model)
    assert list(made.missing(["dark", "flat"])) == [DARK_2]
    caplog.set_level("INFO", "hexcal.references")
    made.fetch(["dark", "flat"])
    assert made.missing(["dark", "flat"]) == {}
    assert [record.getMessage() for record in caplog.records] == [
        f"Fetching 1 reference file, 5.0 kB, from {server.url}",
        f"  {DARK_2}  5.0 kB",
    ]
    caplog.clear()
    made.fetch(["dark", "flat"])
    assert caplog.records == []


def test_a_withdrawn_file_is_not_fetched(server, model):
    server.info["bad_files_list"] = [DARK_2]
    made = chooser.Chooser(model)
    refused(lambda: made.fetch(["dark"]), "unfit for science")
    assert server.asked(DARK_2) == 0


def test_all_missing_files_are_named_at_once(tmp_path):
    cache = ReferenceCache(make_cache(tmp_path / "cache"))
    paths = {f"jwst_nircam_dark_{number}.fits": str(tmp_path / str(number)) for number in range(9)}
    message = refused(
        lambda: fetch.bring(cache, paths), "9 reference files are not in the cache: jwst_nircam_dark_0.fits,"
    )
    assert "dark_5.fits ..." in message


def test_one_file_that_fails_does_not_keep_the_others_out(server, tmp_path):
    cache = ReferenceCache()
    server.faults[DARK_2] = ["altered", "always"]
    paths = {name: cache.reference_path(name, "nircam") for name in FILES}
    refused(lambda: fetch.bring(cache, paths), f"sends a {DARK_2} that has sha1")
    assert files_in(tmp_path / "cache/references") == sorted(set(FILES) - {DARK_2})
    server.files["jwst_nircam_dark_0004.fits"] = server.files["jwst_nircam_dark_0005.fits"] = b"x"
    for number in (4, 5):
        name = f"jwst_nircam_dark_{number:04d}.fits"
        server.faults[name] = ["altered", "always"]
        paths[name] = cache.reference_path(name, "nircam")
    refused(lambda: fetch.bring(cache, paths), "3 of 3 files could not be fetched; the first, jwst_nircam_dark_0")


def test_a_server_that_fails_ends_it_all(server):
    cache = ReferenceCache()
    server.files.update({f"jwst_nircam_dark_1{number:03d}.fits": b"x" for number in range(200)})
    names = [name for name in server.files if "_dark_1" in name]
    server.faults["*"] = ["500", "always"]
    failures = fetch.fetch_all(
        fetch.plan(fetch.server(), {name: cache.reference_path(name, "nircam") for name in names})[0]
    )
    assert failures.keys() == set(names), "what was not begun is not there either"
    assert 1 <= len(set(failures.values())) <= fetch.THREADS
    assert sum(server.asked(name) for name in names) <= 4 * fetch.THREADS


def test_more_than_the_disk_holds_is_not_begun(server, tmp_path):
    cache = ReferenceCache()
    server.facts[DARK_2] = {"size": str(10**18), "sha1sum": "0" * 40}
    paths = {DARK_2: cache.reference_path(DARK_2, "nircam")}
    refused(lambda: fetch.bring(cache, paths), "room for 1000000.0 TB", "CRDS_PATH", kind=ResourceError)
    assert server.asked(DARK_2) == 0


# ---- faults, from an empty cache on


@pytest.mark.parametrize(
    ("name", "fault", "text"),
    [
        ("get_server_info", "500", "answers 500"),
        ("get_server_info", "stall", "stalls"),
        ("get_server_info", "not json", "no JSON"),
        ("get_server_info", "cut:40", "breaks off"),
        ("get_file_info_map", "500", "answers 500"),
        ("jwst_0002.pmap", "500", "answers 500"),
        ("jwst_nircam_0002.imap", "altered", "sends a jwst_nircam_0002.imap that has sha1"),
        ("jwst_nircam_dark_0002.rmap", "404", "refuses: 404"),
        ("jwst_nircam_dark_0002.rmap", "cut:20", "breaks off"),
        (DARK_2, "altered", f"sends a {DARK_2} that has sha1"),
        (DARK_2, "stall", "stalls"),
    ],
)
def test_a_fault_of_the_server_is_an_error_and_the_cache_goes_on_when_it_is_gone(
    server, model, tmp_path, monkeypatch, name, fault, text
):
    server.faults[name] = [fault, "always"]
    if fault == "stall":
        monkeypatch.setenv("CRDS_CLIENT_TIMEOUT_SECONDS", "0.3")
    message = refused(lambda: chooser.Chooser(model).find("dark"), text)
    assert "where:" in message and "next:" in message
    right = {"bad_files.txt", "server_config", *MAPPINGS_OF_2}
    assert {each for each in files_in(tmp_path / "cache") if not each.endswith(".part")} <= right - {name}
    server.faults.clear()
    monkeypatch.setenv("CRDS_CLIENT_TIMEOUT_SECONDS", "30")
    assert chooser.Chooser(model).find("dark").endswith(DARK_2)


def test_a_passing_fault_of_a_call_is_survived(server, model):
    server.faults["get_server_info"] = ["500"]
    server.faults["get_file_info_map"] = ["not json", "drop"]
    with pytest.raises(ReferenceError_, match="breaks off"):
        chooser.Chooser(model)
    assert chooser.Chooser(model).find("dark").endswith(DARK_2)


def test_a_server_that_is_down(model, monkeypatch, tmp_path):
    with FaultServer({}) as gone:
        monkeypatch.setenv("CRDS_SERVER_URL", gone.url)
    refused(lambda: chooser.Chooser(model), "connection refused (tried 2 times)", gone.url, "CRDS_SERVER_URL")
    assert not (tmp_path / "cache").exists()
    make_cache(tmp_path / "cache", operational_context="jwst_0002.pmap")
    made = chooser.Chooser(model)
    refused(lambda: made.find("dark"), "connection refused")


def test_a_server_that_is_no_server_of_reference_files(model, monkeypatch):
    with FaultServer({}) as server:
        monkeypatch.setenv("CRDS_SERVER_URL", f"{server.url}/json")
        server.info = ["not", "a", "table"]
        refused(lambda: chooser.Chooser(model), "required, got observatory None")
    for url in ("https//jwst-crds.stsci.edu", "jwst-crds", "http://[::1"):
        monkeypatch.setenv("CRDS_SERVER_URL", url)
        refused(lambda: chooser.Chooser(model), kind=HexcalError)


def test_the_server_of_another_observatory(model, tmp_path, monkeypatch):
    with FaultServer({}, observatory="hst") as server:
        monkeypatch.setenv("CRDS_SERVER_URL", server.url)
        refused(
            lambda: chooser.Chooser(model), "observatory 'jwst' is required, this is that of 'hst'", "CRDS_SERVER_URL"
        )
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("header = {", "not understood"),
        (pmap({"NIRCAM": "jwst_nircam_0002.imap"}) + "\nimport os\n", "is code"),
        (pmap({"NIRCAM": "x"}).replace("'x'", "__import__('os').system('touch owned')"), "Call in it"),
        ("", "header and selector are required"),
        ("\x00\xff", "the mapping is corrupt"),
    ],
)
def test_a_corrupt_mapping_or_one_with_code_in_it_does_not_enter_the_cache(
    server, model, tmp_path, monkeypatch, content, text
):
    monkeypatch.chdir(tmp_path)
    server.files["jwst_0002.pmap"] = content.encode()
    refused(lambda: chooser.Chooser(model), "the mapping is corrupt", text, "never executed")
    assert files_in(tmp_path / "cache") == ["bad_files.txt", "server_config"]
    assert not (tmp_path / "owned").exists()


def test_a_mapping_whose_own_sum_is_wrong_is_not_used(server, model):
    server.files["jwst_nircam_dark_0002.rmap"] = server.files["jwst_nircam_dark_0002.rmap"].replace(b"2020-", b"2019-")
    refused(lambda: chooser.Chooser(model).find("dark"), "has been altered")


@pytest.mark.parametrize("name", ["jwst_0003.pmap", "jwst_0012.pmap"])
def test_a_mapping_that_the_server_does_not_have(server, model, monkeypatch, name):
    monkeypatch.setenv("CRDS_CONTEXT", name)
    refused(lambda: chooser.Chooser(model), f"the server does not know {name}", "did you mean 'jwst_000")


def test_a_reference_file_that_the_server_does_not_have(server, model):
    del server.files[DARK_2]
    refused(lambda: chooser.Chooser(model).find("dark"), f"the server does not know {DARK_2}", server.url)


# ---- names that would leave the cache


EVIL = "../../../../evil"


@pytest.mark.parametrize(
    "mappings",
    [
        {"jwst_0002.pmap": pmap({"NIRCAM": f"{EVIL}.imap"})},
        {
            "jwst_0002.pmap": pmap({"NIRCAM": "jwst_nircam_0002.imap"}),
            "jwst_nircam_0002.imap": imap({"DARK": f"{EVIL}.rmap"}),
        },
        {
            "jwst_0002.pmap": pmap({"NIRCAM": "jwst_nircam_0002.imap"}),
            "jwst_nircam_0002.imap": imap({"DARK": "jwst_nircam_dark_0002.rmap"}),
            "jwst_nircam_dark_0002.rmap": rmap(DARK.replace(DARK_2, f"{EVIL}.fits"), PARKEY),
        },
    ],
)
def test_a_path_in_a_mapping_is_refused(tmp_path, monkeypatch, model, mappings):
    evil = {f"{EVIL}{ending}": b"evil" for ending in (".imap", ".rmap", ".fits")}
    with server_of(make_cache(tmp_path / "of_the_server", mappings), **evil) as server:
        monkeypatch.setenv("CRDS_SERVER_URL", server.url)
        refused(lambda: chooser.Chooser(model).find("dark"), "is not the name of a")
        assert not any("evil" in name for name, _ in server.requests)
    assert not [name for name in files_in(tmp_path) if "evil" in name]


@pytest.mark.parametrize(
    "changes",
    [
        {"operational_context": f"{EVIL}.pmap"},
        {"operational_context": "/etc/evil.pmap"},
        {"observatory": "../../evil"},
        {"observatory": ""},
    ],
)
def test_a_path_in_the_answer_of_the_server_is_refused(server, changes, tmp_path):
    server.info.update(changes)
    refused(ReferenceCache)
    assert not (tmp_path / "cache").exists()
    source = Remote(server.url)
    server.info.update(observatory="jwst", operational_context=None, mappings=[f"{EVIL}.pmap"])
    refused(source.mappings, "is not the name of a mapping")
    server.below["jwst_0002.pmap"] = ["/etc/evil.rmap"]
    refused(lambda: source.mapping_names("jwst_0002.pmap"), "is not the name of a mapping")


def test_an_instrument_that_is_a_path_is_refused(tmp_path):
    cache = ReferenceCache(make_cache(tmp_path / "cache"))
    refused(lambda: cache.reference_path(DARK_2, "../../x"), "is not the name of a reference file")


# ---- what the environment says


def test_a_cache_that_may_not_be_changed(server, model, tmp_path, monkeypatch):
    monkeypatch.setenv("CRDS_READONLY_CACHE", "1")
    refused(ReferenceCache, "does not exist")
    make_cache(tmp_path / "cache")
    before = files_in(tmp_path / "cache")
    made = chooser.Chooser(model)
    assert made.context.name == "jwst_0002.pmap"
    refused(lambda: made.find("dark"), f"{DARK_2} is not in the cache", "unset CRDS_READONLY_CACHE")
    refused(lambda: made.fetch(["dark"]), f"{DARK_2} is not in the cache", "unset CRDS_READONLY_CACHE")
    os.unlink(tmp_path / "cache/mappings/jwst/jwst_nircam_dark_0002.rmap")
    refused(lambda: Context(ReferenceCache()).choose(header(), ["dark"]), "the mapping does not exist")
    assert files_in(tmp_path / "cache") == [name for name in before if name != "jwst_nircam_dark_0002.rmap"]
    assert server.requests == []


def test_a_cache_that_cannot_be_written(server, model, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    refused(lambda: chooser.Chooser(model), "cannot be written", str(tmp_path / "cache"), kind=ResourceError)
    assert (tmp_path / "cache").read_text() == "a file where a folder should be"


def test_what_the_configuration_says_is_kept(server, tmp_path):
    server.info["bad_files_list"] = ["jwst_miri_dark_0001.fits", "jwst_miri_dark_0002.fits"]
    server.info["context_history"] = [["2019-07-30", "jwst_0002.pmap", 'it\'s "new"']]
    cache = ReferenceCache()
    assert cache.configured("operational_context") == "jwst_0002.pmap"
    assert cache.configured("context_history") == [["2019-07-30", "jwst_0002.pmap", 'it\'s "new"']]
    assert cache.withdrawn() == set(server.info["bad_files_list"])


@pytest.mark.parametrize(
    "facts",
    [{"size": "12"}, {"size": "12", "sha1sum": "none"}, {"sha1sum": "0" * 40}, {"size": "-1", "sha1sum": "0" * 40}],
)
def test_a_file_that_cannot_be_checked_is_not_fetched(server, model, facts):
    server.facts[DARK_2] = facts
    refused(lambda: chooser.Chooser(model).find("dark"), f"size and sha1 of {DARK_2} are required")
    assert server.asked(DARK_2) == 0


def test_a_configuration_of_the_original_is_read(tmp_path):
    cache = ReferenceCache(make_cache(tmp_path / "cache", operational_context="jwst_0001.pmap", mappings_=["x"] * 40))
    assert cache.context_name() == "jwst_0001.pmap"
