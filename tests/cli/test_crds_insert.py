"""``hexcal crds insert``: what is printed, exit status, errors."""

import os

import pytest
from astropy.io import fits
from crds_caches import header, make_cache

from hexcal.cli.main import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    for name in ("CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_READONLY_CACHE", "CRDS_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRDS_PATH", str(make_cache(tmp_path / "cache", operational_context="jwst_0002.pmap")))
    monkeypatch.chdir(tmp_path)

    def run(*words):
        status = main(["crds", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def write(name, **changes):
    made = fits.Header(
        {**header(), "REFTYPE": "DARK", "USEAFTER": "2023-04-05T06:07:08", "SUBARRAY": "SUB64", **changes}
    )
    fits.PrimaryHDU(header=made).writeto(name, overwrite=True)
    return name


@pytest.mark.req("TMT-04")
@pytest.mark.parametrize("into", ["jwst_0002.pmap", "default", "jwst_nircam_dark_0002.rmap"])
def test_insert_and_select(run, into):
    name = write("new.fits", READPATT="DEEP8")
    status, out, err = run("insert", into, name)
    assert (status, err) == (0, "")
    assert out.splitlines()[:5] == [
        "new.fits",
        "  in jwst_nircam_dark_0003.rmap: NRCA1, DEEP8, SUB64, 2023-04-05 06:07:08, a new rule",
        "jwst_nircam_dark_0003.rmap  from jwst_nircam_dark_0002.rmap",
        "jwst_nircam_0003.imap  from jwst_nircam_0002.imap",
        "jwst_0003.pmap  from jwst_0002.pmap",
    ]
    assert "To use them: export CRDS_CONTEXT=jwst_0003.pmap" in out
    assert os.path.isfile("cache/references/jwst/nircam/new.fits")
    write("exposure.fits", READPATT="DEEP8", **{"DATE-OBS": "2024-01-01"})
    assert "new.fits" in run("bestrefs", "exposure.fits", "--context", "jwst_0003.pmap", "--types", "dark")[1]
    assert "new.fits" not in run("bestrefs", "exposure.fits", "--types", "dark")[1]
    names = [f"cache/mappings/jwst/{line.split()[0]}" for line in out.splitlines()[2:5]]
    assert run("checksum", *names)[0] == 0


def test_into_a_folder(run):
    status, out, _ = run("insert", "default", write("new.fits", READPATT="DEEP8"), "--output", "made")
    assert status == 0
    assert "the cache has not been changed" in out
    assert sorted(os.listdir("made")) == ["jwst_0003.pmap", "jwst_nircam_0003.imap", "jwst_nircam_dark_0003.rmap"]
    assert not os.path.exists("cache/references")


def test_without_copying(run):
    assert run("insert", "default", write("new.fits", READPATT="DEEP8"), "--no-copy")[0] == 0
    assert not os.path.exists("cache/references")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("new.fits", "new.fits"), "an .rmap or a context is required first, got new.fits"),
        (("default", "absent.fits"), "does not exist"),
        (("jwst_0009.pmap", "new.fits"), "unknown context 'jwst_0009.pmap'"),
        (("jwst_nircam_dark_0009.rmap", "new.fits"), "the cache has no jwst_nircam_dark_0009.rmap"),
        (
            ("jwst_nircam_dark_0001.rmap", "new.fits"),
            "names jwst_nircam_dark_0002.rmap, not jwst_nircam_dark_0001.rmap",
        ),
        (("default", "new.fits", "--context", "newest"), "two contexts are named"),
        (("default",), "required: FILE"),
    ],
)
def test_errors(run, words, message):
    write("new.fits", READPATT="DEEP8")
    status, out, err = run("insert", *words)
    assert (status, out) == (1, "")
    assert message in err
    assert len(err.splitlines()) <= 5
    assert len(os.listdir("cache/mappings/jwst")) == 6
