"""``hexcal crds``: what is printed, exit status, errors."""

import json

import pytest
from astropy.io import fits
from crds_caches import header, make_cache

from hexcal.cli.crds import main as crds
from hexcal.cli.main import main


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name in ("CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_IGNORE_MAPPING_CHECKSUM"):
        monkeypatch.delenv(name, raising=False)
    root = make_cache(tmp_path / "cache", operational_context="jwst_0002.pmap")
    monkeypatch.setenv("CRDS_PATH", str(root))
    monkeypatch.chdir(tmp_path)
    return root


def exposure(path, **changes):
    made = fits.Header()
    for name, value in header(**changes).items():
        made[name] = value
    fits.PrimaryHDU(header=made).writeto(path, overwrite=True)
    return str(path)


@pytest.fixture
def run(root, capsys):
    def run(*words):
        status = main(["crds", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.mark.req("CRDS-02")
def test_bestrefs(run):
    exposure("a.fits")
    status, out, err = run("bestrefs", "a.fits")
    assert (status, err) == (0, "")
    assert out == "a.fits  (jwst_0002.pmap)\n  dark  jwst_nircam_dark_0002.fits\n  flat  N/A\n"


@pytest.mark.req("CRDS-04")
def test_bestrefs_as_json(run):
    exposure("a.fits")
    exposure("b.fits", DETECTOR="NRCBLONG")
    status, out, _ = run("bestrefs", "a.fits", "b.fits", "--json", "--types", "DARK", "--context", "jwst_0001.pmap")
    assert status == 0
    assert json.loads(out) == {"a.fits": {"dark": "jwst_nircam_dark_0009.fits"}, "b.fits": {"dark": "N/A"}}


def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_their_answer(run, tmp_path):
    exposure("a.fits")
    exposure("b c.fits", TELESCOP="JWST", INSTRUME=" ")
    (tmp_path / "text.fits").write_text("no FITS")
    status, out, err = run("bestrefs", "a.fits", "--json", "text.fits", "--types", "dark", "none.fits", "b c.fits")
    assert status == 1
    assert json.loads(out) == {"a.fits": {"dark": "jwst_nircam_dark_0002.fits"}}
    assert err.splitlines()[:3] == [
        "hexcal: not a readable FITS file: it does not begin with SIMPLE",
        "  where: text.fits",
        "  next:  check the name of the file",
    ]
    assert "none.fits" in err and "hexcal: 'b c.fits': the instrument of the exposure is not known" in err


@pytest.mark.parametrize(
    ("words", "guess"),
    [
        (["bestrefs", "a.fits", "--jsn"], "--json"),
        (["list", "context"], "contexts"),
        (["sync", "--contxts", "default"], "--contexts"),
    ],
)
def test_the_nearest_right_word(run, words, guess):
    status, _, err = run(*words)
    assert status == 1 and f"did you mean '{guess}'?" in err


def test_a_context_that_is_not_here_may_be_fetched(run, monkeypatch):
    exposure("a.fits")
    assert "set CRDS_SERVER_URL to let it be fetched" in run("bestrefs", "a.fits", "--context", "jwst_9999.pmap")[2]


def test_several_observatories_and_a_file_that_names_none(run, root):
    (root / "mappings/tmt").mkdir()
    exposure("a.fits", TELESCOP=" ")
    status, _, err = run("bestrefs", "a.fits")
    assert status == 1
    assert (
        "hexcal: 'a.fits': the file does not name its telescope, and the cache has rules of several: jwst, tmt" in err
    )
    assert run("bestrefs", "a.fits", "--observatory", "jwst")[0] == 0


def test_bestrefs_ends_with_1_if_a_type_is_not_found_named_or_not(run, root):
    exposure("a.fits")
    assert run("bestrefs", "a.fits")[0] == 0
    exposure("b.fits", DETECTOR="NRCA9")
    for words in ([], ["--types", "dark"], ["--json"]):
        status, out, _ = run("bestrefs", "a.fits", "b.fits", *words)
        assert status == 1 and "NOT FOUND: META.INSTRUMENT.DETECTOR is NRCA9" in out
    # What does not apply is no failure.
    exposure("c.fits", DETECTOR="NRCBLONG")
    status, out, _ = run("bestrefs", "c.fits")
    assert status == 0 and "N/A" in out


def test_bestrefs_warns_of_withdrawn_files(run, root):
    exposure("a.fits")
    (root / "config/jwst/bad_files.txt").write_text("jwst_nircam_dark_0002.fits\n")
    status, out, err = run("bestrefs", "a.fits", "--json")
    assert status == 0
    assert json.loads(out)
    assert err == "hexcal: the observatory has declared jwst_nircam_dark_0002.fits unfit for science\n"


def test_explain(run):
    exposure("a.fits")
    status, out, _ = run("explain", "a.fits", "dark")
    assert status == 0
    assert out.splitlines()[-1] == "result     jwst_nircam_dark_0002.fits"
    exposure("a.fits", DETECTOR="NRCB1")
    assert run("explain", "a.fits", "dark")[0] == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["observatories"], "jwst\n"),
        (["contexts"], "jwst_0001.pmap\njwst_0002.pmap  (used)\n"),
        (["contexts", "--context", "jwst_0001.pmap"], "jwst_0001.pmap  (used)\njwst_0002.pmap\n"),
        (["instruments"], "NIRCAM  jwst_nircam_0002.imap\nMIRI  N/A\n"),
        (["types", "nircam"], "dark  jwst_nircam_dark_0002.rmap\nflat  N/A\ngain  OMIT\n"),
        (["types", "MIRI"], ""),
        (["files", "NIRCAM", "flat"], ""),
    ],
)
def test_list(run, words, expected):
    assert run("list", *words) == (0, expected, "")


def test_list_files(run, root):
    (root / "references/jwst/nircam").mkdir(parents=True)
    (root / "references/jwst/nircam/jwst_nircam_dark_0001.fits").touch()
    (root / "config/jwst/bad_files.txt").write_text("jwst_nircam_dark_0002.fits\n")
    assert run("list", "files", "NIRCAM", "DARK")[1].splitlines() == [
        "jwst_nircam_dark_0001.fits",
        "jwst_nircam_dark_0002.fits  (not in the cache, declared unfit for science)",
        "jwst_nircam_dark_0003.fits  (not in the cache)",
    ]


def test_uses(run):
    assert run("uses", "jwst_nircam_dark_0009.fits") == (
        0,
        "jwst_nircam_dark_0001.rmap\njwst_nircam_0001.imap\njwst_0001.pmap\n",
        "",
    )
    assert run("uses", "jwst_none.fits")[0] == 1


def test_diff(run):
    status, out, _ = run("diff", "jwst_nircam_0001.imap", "jwst_nircam_0002.imap")
    assert status == 0
    assert out.splitlines()[-1] == "jwst_nircam_0002.imap: added GAIN: OMIT"
    assert run("diff", "jwst_0001.pmap", "jwst_0001.pmap")[1] == "no difference\n"


@pytest.mark.req("TMT-04")
def test_checksum(run, root):
    path = root / "mappings/jwst/jwst_0001.pmap"
    assert run("checksum", str(path)) == (0, "jwst_0001.pmap: right\n", "")
    path.write_text(path.read_text().replace("MIRI", "FGS"))
    status, out, _ = run("checksum", str(path))
    assert status == 1
    assert out.startswith("jwst_0001.pmap: wrong: is ")
    assert run("checksum", str(path), "--update") == (0, "jwst_0001.pmap: updated\n", "")
    assert run("checksum", str(path), "--update") == (0, "jwst_0001.pmap: right\n", "")


def test_help(run):
    status, out, _ = run()
    assert status == 1
    assert "bestrefs" in out
    assert run("--help")[0] == 0
    for command in ("bestrefs", "explain", "list", "uses", "diff", "checksum"):
        with pytest.raises(SystemExit) as ended:
            crds([command, "--help"])
        assert ended.value.code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bestref"], "unknown command 'bestref'"),
        (["bestrefs"], "the following arguments are required"),
        (["bestrefs", "none.fits"], "the file does not exist"),
        (["bestrefs", "a.fits", "--types", ","], "no type of reference is named"),
        (["bestrefs", "a.fits", "--types", "drak"], "did you mean 'dark'?"),
        (["bestrefs", "a.fits", "--context", "jwst_0003.pmap"], "unknown context"),
        (["bestrefs", "a.fits", "--context", "../jwst_0001.pmap"], "not the name of a mapping"),
        (["bestrefs", "a.fits", "--cache", "nowhere"], "does not exist"),
        (["bestrefs", "a.fits", "--observatory", "jwts"], "did you mean 'jwst'?"),
        (["explain", "a.fits", "drak"], "did you mean 'dark'?"),
        (["list", "everything"], "invalid choice"),
        (["list", "types"], "`list types` needs INSTRUMENT, got: nothing"),
        (["list", "types", "NIRCAN"], "did you mean 'NIRCAM'?"),
        (["list", "files", "NIRCAM", "drak"], "did you mean 'dark'?"),
        (["diff", "jwst_0001.pmap", "jwst_nircam_0001.imap"], "mappings of the same kind"),
        (["diff", "jwst_0001.pmap", "jwst_0003.pmap"], "the mapping does not exist"),
        (["checksum", "none.pmap"], "the mapping does not exist"),
        (["checksum", "a.fits"], "the mapping is corrupt"),
    ],
)
def test_errors_are_short_and_end_with_status_1(run, words, message):
    exposure("a.fits")
    status, out, err = run(*words)
    assert status == 1
    assert message in err
    assert out == ""
    assert err.startswith("hexcal: ")
    assert len(err.splitlines()) <= 5


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "the mapping does not exist"),
        (lambda path: path.write_text(path.read_text() + "\n"), "has been altered"),
        (lambda path: path.write_text(path.read_text()[:200]), "the mapping is corrupt"),
        (lambda path: path.write_text(path.read_text() + "import os\n"), "the mapping is corrupt: line"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "the mapping is corrupt"),
        (lambda path: (path.unlink(), path.mkdir()), "a mapping is required, this is a directory"),
    ],
)
@pytest.mark.parametrize("name", ["jwst_0002.pmap", "jwst_nircam_0002.imap", "jwst_nircam_dark_0002.rmap"])
def test_damaged_mappings(run, root, damage, message, name):
    exposure("a.fits")
    damage(root / "mappings/jwst" / name)
    status, _, err = run("bestrefs", "a.fits")
    assert status == 1
    assert message in err or (name.endswith("pmap") and "unknown context" in err)
    assert len(err.splitlines()) <= 5
