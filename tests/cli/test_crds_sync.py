"""``hexcal crds sync``: what is fetched, checked and replaced; what is printed; faults."""

import os

import pytest
from astropy.io import fits
from crds_caches import header, make_cache, pmap
from fault_server import FaultServer, server_of

from hexcal.cli.main import main

DARKS = {f"jwst_nircam_dark_{number:04d}.fits": bytes([number]) * 5000 for number in (1, 2, 3, 9)}
RULES_1 = ["jwst_0001.pmap", "jwst_nircam_0001.imap", "jwst_nircam_dark_0001.rmap"]
RULES_2 = ["jwst_0002.pmap", "jwst_nircam_0002.imap", "jwst_nircam_dark_0002.rmap"]
CONFIGURATION = ["bad_files.txt", "server_config"]


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("CONTEXT", "OBSERVATORY", "READONLY_CACHE", "IGNORE_MAPPING_CHECKSUM"):
        monkeypatch.delenv(f"CRDS_{name}", raising=False)
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "cache"))
    monkeypatch.setenv("CRDS_CLIENT_TIMEOUT_SECONDS", "30")
    monkeypatch.setenv("CRDS_CLIENT_RETRY_COUNT", "2")
    monkeypatch.setenv("CRDS_CLIENT_RETRY_DELAY_SECONDS", "0.001")
    monkeypatch.chdir(tmp_path)
    with server_of(make_cache(tmp_path / "of_the_server"), **DARKS) as server:
        monkeypatch.setenv("CRDS_SERVER_URL", server.url)
        yield server


@pytest.fixture
def sync(server, capsys):
    def sync(*words):
        status = main(["crds", "sync", *words])
        captured = capsys.readouterr()
        assert "fault in the program" not in captured.err
        return status, captured.out, captured.err

    return sync


@pytest.fixture
def here(tmp_path):
    """Names of the files in the cache, but those of the configuration."""
    return lambda: sorted(
        name for _, _, names in os.walk(tmp_path / "cache") for name in names if name not in CONFIGURATION
    )


def exposure(name="a_uncal.fits", **changes):
    made = fits.Header()
    for keyword, value in header(**changes).items():
        made[keyword] = value
    fits.PrimaryHDU(header=made).writeto(name)
    return name


# ---- filling


@pytest.mark.req("CRDS-03", "CRDS-04")
def test_an_empty_cache_gets_the_rules_of_the_default_context(sync, here, server):
    status, out, err = sync()
    assert (status, err) == (0, "")
    assert out.startswith(f"{server.url}: jwst, default context jwst_0002.pmap\nmappings: 3, of which 3 missing (")
    assert here() == RULES_2
    assert sync()[:2] == (
        0,
        f"{server.url}: jwst, default context jwst_0002.pmap\nmappings: 3, of which 0 missing\n",
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--contexts", "jwst_0001.pmap"], RULES_1),
        (["--contexts", "jwst_nircam_0001.imap", "default"], RULES_1[1:] + RULES_2),
        (["--all"], RULES_1 + RULES_2),
        (["--range", "1:1"], RULES_1),
        (["--range", "0:9"], RULES_1 + RULES_2),
        (["--last-n-contexts", "1"], RULES_2),
        (["--up-to-context", "jwst_0001.pmap"], RULES_1),
        (["--after-context", "jwst_0001.pmap"], RULES_1 + RULES_2),
        (["--files", "jwst_nircam_dark_0001.rmap"], RULES_1[2:]),
        (["--files", "jwst_nircam_dark_0003.fits"], ["jwst_nircam_dark_0003.fits"]),
        (["--contexts", "jwst_0002.pmap", "--fetch-references"], RULES_2 + sorted(DARKS)[:3]),
    ],
)
def test_what_is_selected(sync, here, words, expected):
    status, _, err = sync(*words)
    assert (status, err) == (0, "")
    assert here() == sorted(expected)


@pytest.mark.req("CRDS-02")
def test_all_that_exposures_need(sync, here, capsys, monkeypatch):
    files = [exposure(), exposure("b_uncal.fits", **{"DATE-OBS": "2000-01-01"})]
    status, out, _ = sync("--dataset-files", *files)
    assert status == 0
    assert "reference files of 2 exposures: 2, of which 2 missing (10.0 kB)\n  fetched 2\n" in out
    assert here() == sorted([*RULES_2, *sorted(DARKS)[:2]])
    monkeypatch.delenv("CRDS_SERVER_URL")
    assert main(["crds", "bestrefs", *files]) == 0


def test_an_exposure_that_cannot_be_read_does_not_keep_the_files_of_the_others_out(sync, here):
    exposure()
    exposure("b.fits", INSTRUME=" ")
    status, out, err = sync("--dataset-files", "none.fits", "a_uncal.fits", "b.fits")
    assert status == 1
    assert "reference files of 1 exposure: 1, of which 1 missing" in out
    assert "where: none.fits" in err and "hexcal: 'b.fits': the instrument of the exposure is not known" in err
    assert "jwst_nircam_dark_0002.fits" in here()


def test_what_is_said_to_be_fetched_is_there(sync, server, here, tmp_path):
    exposure()
    exposure("b_uncal.fits", **{"DATE-OBS": "2000-01-01"})
    sync()
    (tmp_path / "cache/references").write_text("a file where a folder should be")
    status, out, err = sync("--dataset-files", "a_uncal.fits", "b_uncal.fits")
    assert status == 1
    assert "2, of which 2 missing (10.0 kB)\n  fetched 0\n" in out
    assert "cannot be written" in err and len(err.splitlines()) <= 6
    (tmp_path / "cache/references").unlink()
    server.faults["*"] = ["500", "always"]
    status, out, err = sync("--dataset-files", "a_uncal.fits", "b_uncal.fits")
    assert (status, out.splitlines()[-1]) == (1, "  fetched 0")
    assert here() == RULES_2


def test_a_full_cache_need_not_be_writable(sync, tmp_path):
    exposure()
    assert sync("--dataset-files", "a_uncal.fits")[0] == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")}
    assert sync("--dataset-files", "a_uncal.fits")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")} == before


def test_the_newest_context_of_the_server(sync, here):
    assert sync("--contexts", "newest")[0] == 0
    assert here() == RULES_2


def test_a_dry_run_changes_nothing(sync, here, tmp_path):
    words = ["--contexts", "jwst_0002.pmap", "--fetch-references", "--dry-run"]
    status, out, _ = sync(*words)
    assert status == 0
    assert "jwst_nircam_dark_0002.rmap" in out
    assert "jwst_nircam_dark_0002.fits  5.0 kB" in out
    assert not (tmp_path / "cache").exists()
    sync()
    before = here()
    status, out, _ = sync(*words)
    assert "mappings: 3, of which 0 missing\nreference files: 3, of which 3 missing (15.0 kB)\n" in out
    assert here() == before
    status, _, err = sync("--dataset-files", exposure(), "--contexts", "jwst_0001.pmap", "--dry-run")
    assert status == 1
    assert "without the mappings" in err


def test_the_default_context_follows_only_when_its_rules_are_here(sync, server, tmp_path):
    sync()
    server.info["operational_context"] = "jwst_0001.pmap"
    configuration = tmp_path / "cache/config/jwst/server_config"
    status, out, _ = sync("--files", "jwst_nircam_dark_0001.fits")
    assert status == 0
    assert "the default context stays jwst_0002.pmap" in out
    assert "'operational_context': 'jwst_0002.pmap'" in configuration.read_text()
    sync()
    assert "'operational_context': 'jwst_0001.pmap'" in configuration.read_text()


# ---- checking


def test_a_check_finds_what_is_wrong_and_repairs_it(sync, tmp_path):
    sync("--contexts", "default", "--fetch-references")
    folder = tmp_path / "cache/references/jwst/nircam"
    shorter, altered = folder / "jwst_nircam_dark_0001.fits", folder / "jwst_nircam_dark_0002.fits"
    shorter.write_bytes(b"short")
    altered.write_bytes(b"x" * 5000)
    (folder / "jwst_nircam_dark_0077.fits").write_bytes(b"of one's own")
    status, out, _ = sync("--check-files")
    assert status == 1
    assert out.splitlines()[1:] == [
        "checked 7 files: 1 wrong, 1 unknown to the server",
        "  jwst_nircam_dark_0001.fits has 5 bytes instead of 5000",
        "  jwst_nircam_dark_0077.fits is not known to the server",
    ]
    for words in (["--check"], ["-k", "-s"], ["--check", "--repair-files", "--dry-run"]):
        status, out, _ = sync(*words)
        assert (status, "checked 7 files: 2 wrong" in out) == (1, True)
        assert "jwst_nircam_dark_0002.fits has sha1" in out
    assert altered.read_bytes() == b"x" * 5000
    status, out, _ = sync("--check", "--repair-files")
    assert (status, out.splitlines()[-1]) == (0, "  replaced 2")
    for path in (shorter, altered):
        assert path.read_bytes() == DARKS[path.name]
    assert (folder / "jwst_nircam_dark_0077.fits").read_bytes() == b"of one's own"
    status, out, _ = sync("--check", "--contexts", "default")
    assert (status, "checked 3 files: 0 wrong, 0 unknown" in out) == (0, True)


def test_a_repair_that_fails_leaves_what_is_there(sync, server, tmp_path):
    sync("--files", "jwst_nircam_dark_0001.fits")
    path = tmp_path / "cache/references/jwst/nircam/jwst_nircam_dark_0001.fits"
    path.write_bytes(b"damaged")
    server.faults[path.name] = ["altered", "always"]
    status, _, err = sync("--check", "--repair-files")
    assert status == 1
    assert "sends a jwst_nircam_dark_0001.fits that has sha1" in err
    assert path.read_bytes() == b"damaged"


# ---- what goes wrong


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--contexts", "jwst_0007.pmap"], "the server does not know jwst_0007.pmap"),
        (["--contexts", "../../x.pmap"], "is not the name of a mapping"),
        (["--up-to-context", "jwst_0007.pmap"], "did you mean 'jwst_000"),
        (["--range", "one"], "--range needs MIN:MAX"),
        (["--range", "3:9"], "the server has no context from 3 to 9"),
        (["--last-n-contexts", "0"], "a number from 1 on"),
        (["--files", "x.fits"], "from its name"),
        (["--files", "a_b_../../x.fits"], "is not the name of a reference file"),
        (["--files", "jwst_nircam_dark_0042.fits"], "the server does not know jwst_nircam_dark_0042.fits"),
        (["--fetch-references", "--files", "jwst_0001.pmap"], "--fetch-references needs contexts"),
        (["--check"], "there is no cache to check"),
        (["--repair-files"], "need --check-files"),
        (["--dataset-files", "none.fits"], "none.fits"),
        (["--contxts", "x"], "unknown option"),
        (["--all", "--range", "1:2"], "not allowed with"),
        (["--observatory", "hst"], "observatory 'hst' is required, this is that of 'jwst'"),
    ],
)
def test_words_that_are_wrong(sync, words, text):
    status, _, err = sync(*words)
    assert status == 1
    assert text in err
    assert len(err.strip().splitlines()) <= 5


def test_no_server(sync, monkeypatch, tmp_path):
    monkeypatch.delenv("CRDS_SERVER_URL")
    status, _, err = sync()
    assert status == 1
    assert "a server of reference files is required, none is set" in err
    with FaultServer({}) as gone:
        monkeypatch.setenv("CRDS_SERVER_URL", gone.url)
    status, _, err = sync()
    assert status == 1
    assert "connection refused (tried 2 times)" in err
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_may_not_be_changed(sync, monkeypatch, tmp_path):
    monkeypatch.setenv("CRDS_READONLY_CACHE", "1")
    status, _, err = sync()
    assert status == 1
    assert "CRDS_READONLY_CACHE" in err
    assert not (tmp_path / "cache").exists()
    assert sync("--dry-run")[0] == 0
    monkeypatch.delenv("CRDS_READONLY_CACHE")
    sync()
    monkeypatch.setenv("CRDS_READONLY_CACHE", "1")
    status, out, _ = sync("--check")
    assert (status, "checked 3 files: 0 wrong" in out) == (0, True)
    assert "CRDS_READONLY_CACHE" in sync("--check", "--repair-files")[2]


@pytest.mark.parametrize(
    ("fault", "text"),
    [("500", "answers 500"), ("stall", "stalls"), ("cut:30", "breaks off"), ("altered", "that has sha1")],
)
def test_a_fault_of_one_file(sync, server, here, monkeypatch, fault, text):
    server.faults["jwst_nircam_dark_0002.rmap"] = [fault, "always"]
    if fault == "stall":
        monkeypatch.setenv("CRDS_CLIENT_TIMEOUT_SECONDS", "0.3")
    status, _, err = sync()
    assert status == 1
    assert text in err
    assert len(err.strip().splitlines()) <= 5
    assert "jwst_nircam_dark_0002.rmap" not in here()
    server.faults.clear()
    monkeypatch.setenv("CRDS_CLIENT_TIMEOUT_SECONDS", "30")
    assert sync()[0] == 0
    assert here() == RULES_2


@pytest.mark.parametrize("content", [b"import os", b"header = {", b"header = {'mapping': open('x')}\nselector = {}"])
def test_a_mapping_that_is_corrupt_or_has_code_in_it(sync, server, here, content):
    server.files["jwst_0002.pmap"] = content
    status, _, err = sync()
    assert status == 1
    assert "the mapping is corrupt" in err
    assert "jwst_0002.pmap" not in here()


@pytest.mark.parametrize("words", [["--dry-run"], ["--all"], ["--contexts", "jwst_0003.pmap"]])
def test_a_path_in_an_answer_of_the_server(sync, server, tmp_path, words):
    server.below["jwst_0002.pmap"] = server.info["mappings"] = ["jwst_0002.pmap", "../../../../evil.rmap"]
    server.files["../../../../evil.rmap"] = b"evil"
    server.files["jwst_0003.pmap"] = pmap({"NIRCAM": "../../../../evil.rmap"}).encode()
    status, _, err = sync(*words)
    assert status == 1
    assert "'../../../../evil.rmap' is not the name of a mapping" in err
    assert not list(tmp_path.rglob("*evil*"))


def test_what_the_server_lacks_does_not_keep_the_rest_out(sync, server, here):
    server.files["jwst_0003.pmap"] = pmap({"NIRCAM": "jwst_nircam_0002.imap", "MIRI": "jwst_miri_0001.imap"}).encode()
    status, out, err = sync("--contexts", "jwst_0003.pmap")
    assert status == 1
    assert out.splitlines()[1].startswith("mappings: 4, of which 4 missing (")
    assert err == "hexcal: the server does not know jwst_miri_0001.imap\n"
    assert here() == ["jwst_0003.pmap", *RULES_2[1:]]
    status, _, err = sync("--files", *[f"jwst_nircam_dark_1{number:03d}.fits" for number in range(9)])
    assert status == 1
    assert len(err.splitlines()) == 6
    assert err.endswith("hexcal: ... and 4 more\n")
