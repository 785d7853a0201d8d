"""``hexcal crds certify``: what is printed, exit status, errors."""

import json

import pytest
from astropy.io import fits
from crds_caches import header, make_cache

from hexcal.cli.main import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    for name in ("CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_PATH", "CRDS_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    make_cache(tmp_path / "cache", operational_context="jwst_0002.pmap")
    monkeypatch.chdir(tmp_path)

    def run(*words):
        status = main(["crds", "certify", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def write(name, **changes):
    """An IPC reference or, with other keywords, a dark without data: what it lacks depends on the type."""
    made = fits.Header(
        {
            **header(),
            "REFTYPE": "DRIZPARS",
            "USEAFTER": "2023-04-05T06:07:08",
            "PEDIGREE": "GROUND",
            "AUTHOR": "A. Nother",
            "DESCRIP": "none",
            "DATAMODL": "DrizParsModel",
            "DATE": "2024-01-01",
            "FILENAME": "x.fits",
            **changes,
        }
    )
    made["HISTORY"] = "DOCUMENT, SOFTWARE, DATA USED, DIFFERENCES"
    columns = ("numimages", "filter", "pixfrac", "kernel", "fillval", "wht_type", "stepsize")
    table = fits.BinTableHDU.from_columns([fits.Column(name=name, format="E", array=[1.0]) for name in columns])
    table.name = "DRIZPARS"
    fits.HDUList([fits.PrimaryHDU(header=made), table]).writeto(name, overwrite=True)
    return name


def test_a_right_file_without_a_cache(run):
    status, out, err = run(write("a.fits"))
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "a.fits  (drizpars of NIRCAM)",
        "  rule     not looked at: there is no cache (CRDS_PATH is not set)",
        "1 file: 0 errors, 0 warnings",
    ]


@pytest.mark.req("REF-04")
def test_errors_and_warnings(run):
    status, out, _ = run(write("a.fits", USEAFTER="soon"), write("b.fits", PEDIGREE="ground"))
    assert status == 1
    lines = out.splitlines()
    assert lines[1].startswith("  error    USEAFTER: must be a date like 2021-03-04T00:00:00, it is 'soon'")
    assert lines[4] == "  warning  PEDIGREE: should be in capitals, it is 'ground'"
    assert lines[-1] == "2 files: 1 error, 1 warning"


def test_as_json(run):
    status, out, _ = run(write("a.fits", AUTHOR=""), "--json", "--cache", "cache")
    made = json.loads(out)["a.fits"]
    assert status == 1
    assert made["errors"] == [["AUTHOR", "is required (who made it), the file has none"]]
    assert (made["type"], made["context"]) == ("drizpars", "jwst_0002.pmap")


def test_against_another_file(run):
    status, out, _ = run(write("new.fits", AUTHOR="B. Nother"), "--against", write("old.fits"))
    assert status == 0
    assert "  changed  since old.fits: 1\n           AUTHOR: 'A. Nother' -> 'B. Nother'\n" in out


def test_against_the_file_that_is_chosen_now(run):
    """Without --against: what the context chooses, if it is in the cache."""
    keywords = {"REFTYPE": "DARK", "READPATT": "BRIGHT1", "P_READPA": "RAPID|BRIGHT1|", "SUBARRAY": "SUB64"}
    write("new.fits", **keywords)
    out = run("new.fits", "--cache", "cache")[1]
    assert "  now      jwst_nircam_dark_0003.fits  (not in the cache: nothing to compare with)\n" in out
    import os

    os.makedirs("cache/references/jwst/nircam")
    write("cache/references/jwst/nircam/jwst_nircam_dark_0003.fits", **keywords, DETECTOR="NRCA2")
    out = run("new.fits", "--cache", "cache")[1]
    assert "DETECTOR: 'NRCA2' -> 'NRCA1'" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "required: FILE"),
        (("a.fits", "--against", "absent.fits"), "there is no such file"),
        (("a.fits", "--type", "drizparts"), "did you mean 'drizpars'?"),
        (("a.fits", "--cache", "absent"), "does not exist"),
        (("a.fits", "--cache", "cache", "--context", "jwst_0007.pmap"), "unknown context"),
    ],
)
def test_bad_words(run, words, message):
    write("a.fits")
    status, _, err = run(*words)
    assert status == 1
    assert message in err
    assert len(err.splitlines()) <= 5


def test_files_that_are_none(run):
    with open("a.fits", "w") as stream:
        stream.write("no file")
    status, out, err = run("a.fits", "absent.fits")
    assert (status, err) == (1, "")
    assert out.count("  error    file: ") == 2


def test_a_file_that_does_not_name_its_telescope(run):
    status, out, _ = run(write("a.fits", TELESCOP=""))
    assert status == 1
    # The instrument tells whose it is; it must say so all the same.
    assert "error    TELESCOP: is required (the telescope), the file has none" in out
    status, out, _ = run(write("a.fits", TELESCOP="", INSTRUME=""))
    assert status == 1
    assert "error    TELESCOP: must say the observatory (or --observatory NAME), the file has none" in out
    out = run("a.fits", "--observatory", "jwst")[1]
    assert out.count("  error ") == 2 and "INSTRUME: is required" in out
