"""Delivery: certified, inserted into a new context, with its form; what a context lacks."""

import pytest
import yaml
from astropy.io import fits

from hexcal.cli.main import main


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Darks of one detector, a cache with the references of the simulation, and a superbias that was made with it."""
    folder = tmp_path_factory.mktemp("delivery")
    cache = folder / "crds"
    patch = pytest.MonkeyPatch()
    patch.setenv("CRDS_PATH", str(cache))
    patch.delenv("HEXCAL_REFERENCES", raising=False)
    words = ["simulate", "exposure", "--instrument", "NIRCAM", "--subarray", "SUB64P", "--groups", "5", "--dark"]
    assert main([*words, "--exposures", "3", "--output", str(folder / "darks"), "--cache", str(cache)]) == 0
    patch.setenv("CRDS_CONTEXT", _newest(cache))
    words = ["reffiles", "make", "superbias", str(folder / "darks" / "*_uncal.fits"), "--author=A", "--no-report"]
    assert main([*words, f"--output={folder / 'made'}", "--useafter=2016-01-01"]) == 0
    yield folder
    patch.undo()


def _newest(cache):
    return sorted(path.name for path in (cache / "mappings" / "jwst").glob("*.pmap"))[-1]


@pytest.mark.req("RFF-133", "RFF-134")
def test_a_file_is_delivered_with_its_form(place, capfd):
    new = place / "jwst_nircam_superbias_made.fits"
    if not new.exists():
        made = next((place / "made" / "run000" / "superbias").glob("superbias_run000.superbias.fits"))
        new.write_bytes(made.read_bytes())
    context = _newest(place / "crds")
    before = {path: path.read_bytes() for path in (place / "crds").rglob("*map")}
    exposure = next((place / "darks").glob("*_uncal.fits"))
    words = ["reffiles", "deliver", str(new), "--context", context, "--form", str(place / "form.yaml")]
    words += ["--deliverer", "B. Name", "--email", "b@c.d", "--change-level", "severe", "--text", "better"]
    assert main([*words, "--exposure", str(exposure)]) == 0
    said = capfd.readouterr().out
    assert "(instead of" in said or "is chosen for" in said
    assert f"{new.name} is chosen for: {exposure.name}" in said and "export CRDS_CONTEXT=" in said
    assert all(path.read_bytes() == content for path, content in before.items())
    assert _newest(place / "crds") != context
    form = yaml.safe_load((place / "form.yaml").read_text())
    assert form["deliverer"] == "B. Name" and form["change_level"] == "severe" and form["description"] == "better"
    assert form["file_type"] == ["superbias"] and form["useafter"][new.name] == "2016-01-01T00:00:00"
    assert form["modes_affected"][new.name]["SUBARRAY"] == "SUB64P" and "made of 3" in form["was_tested"][new.name]
    assert set(form["replacement_files"]) == {new.name} and form["calpipe_version"].startswith("Hexcal")


@pytest.mark.req("RFF-127", "RFF-133")
def test_a_file_with_errors_is_not_delivered(place, capfd):
    bad = place / "jwst_nircam_superbias_bad.fits"
    made = next((place / "made" / "run000" / "superbias").glob("superbias_run000.superbias.fits"))
    with fits.open(made) as hdus:
        del hdus[0].header["AUTHOR"]
        hdus.writeto(bad, overwrite=True)
    context = _newest(place / "crds")
    assert main(["reffiles", "deliver", str(bad), "--context", context]) == 1
    assert "must be mended before a delivery" in capfd.readouterr().err and _newest(place / "crds") == context


@pytest.mark.req("RFF-135")
def test_modes_without_a_file_are_listed(place, capfd):
    context = _newest(place / "crds")
    exposure = str(next((place / "darks").glob("*_uncal.fits")))
    words = ["reffiles", "coverage", exposure, "--context", context]
    assert main([*words, "--type", "superbias"]) == 0
    assert "0 modes and types without a file" in capfd.readouterr().out
    assert main([*words, "--type", "superbias", "--type", "ipc"]) == 1
    said = capfd.readouterr().out
    assert "ipc: " in said and "SUBARRAY=SUB64P" in said and "1 modes and types" in said


@pytest.mark.req("RFF-22", "RFF-129")
def test_the_choice_of_the_context_is_what_a_new_file_is_compared_with(place, tmp_path, capfd):
    settings = tmp_path / "c.yaml"
    settings.write_text("validation:\n  superbias: CRDS\ntest4ssb: false\n")
    exposure = sorted((place / "darks").glob("*_uncal.fits"))[-1]
    words = ["reffiles", "make", "superbias", str(place / "darks" / "*_uncal.fits"), "--author=A", "-c", str(settings)]
    assert main([*words, f"--output={tmp_path}", "--test-exposure", str(exposure)]) == 0
    page = (tmp_path / "run000" / "report.html").read_text()
    assert "compared with" in page and "rate: median change in errors" in page and "VAR_RNOISE" in page
