"""The reference file of a step."""

import pytest
from crds_caches import make_cache
from exposures import write_uncal

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.references import chooser


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name in ("CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_ALLOW_BAD_REFERENCES"):
        monkeypatch.delenv(name, raising=False)
    root = make_cache(tmp_path / "cache", operational_context="jwst_0002.pmap")
    monkeypatch.setenv("CRDS_PATH", str(root))
    return root


@pytest.fixture
def model(tmp_path):
    model = datamodels.open(write_uncal(tmp_path))
    for path, value in (
        ("name", "NIRCAM"),
        ("detector", "NRCA1"),
    ):
        model.set_meta(f"meta.instrument.{path}", value)
    model.set_meta("meta.exposure.readpatt", "RAPID")
    model.set_meta("meta.subarray.name", "FULL")
    model.set_meta("meta.observation.date", "2021-05-06")
    model.set_meta("meta.observation.time", "00:00:00")
    return model


@pytest.mark.req("BEST-03", "CRDS-02")
def test_find(root, model):
    made = chooser.Chooser(model)
    assert made.context.name == "jwst_0002.pmap"
    with pytest.raises(
        ReferenceError_, match=r"(?s)jwst_nircam_dark_0002.fits is not in the cache.*references/jwst/nircam"
    ):
        made.find("dark")
    path = root / "references/jwst/nircam/jwst_nircam_dark_0002.fits"
    path.parent.mkdir(parents=True)
    path.touch()
    assert made.find("dark") == str(path)
    assert made.find("flat") == "N/A"
    assert made.find("gain") == "N/A"


@pytest.mark.req("BEST-03")
def test_a_file_that_is_not_found_is_an_error(root, model):
    model.set_meta("meta.observation.date", "1864-01-01")
    with pytest.raises(ReferenceError_, match=r"(?s)no dark reference: no rule is for 1864.*hexcal crds explain"):
        chooser.Chooser(model).find("dark")


def test_a_withdrawn_file_is_refused(root, model, monkeypatch):
    (root / "config/jwst/bad_files.txt").write_text("jwst_nircam_dark_0002.fits\n")
    with pytest.raises(
        ReferenceError_, match=r"(?s)declared jwst_nircam_dark_0002.fits unfit.*CRDS_ALLOW_BAD_REFERENCES"
    ):
        chooser.Chooser(model).find("dark")
    monkeypatch.setenv("CRDS_ALLOW_BAD_REFERENCES", "1")
    with pytest.raises(ReferenceError_, match="not in the cache"):
        chooser.Chooser(model).find("dark")


@pytest.mark.req("CRDS-04")
def test_the_context_of_the_environment(root, model, monkeypatch):
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_0001.pmap")
    assert chooser.Chooser(model).choose(["dark"])["dark"].name == "jwst_nircam_dark_0009.fits"
    assert chooser.Chooser(model, "newest").choose(["dark"])["dark"].name == "jwst_nircam_dark_0002.fits"


def test_is_configured(root, monkeypatch):
    assert chooser.is_configured()
    monkeypatch.delenv("CRDS_PATH")
    assert not chooser.is_configured()
