"""A small simulated programme, from raw exposures to mosaics and spectra, with its pages."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.simulate import programme
from hexcal.workflow.ledger import DONE, Ledger


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of the exposures and that of the products, which a run on a local cluster has made."""
    folder = tmp_path_factory.mktemp("programme")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("HEXCAL_REFERENCES", raising=False)
        _, cache = programme.write("raw", "small")
        patch.setenv("CRDS_PATH", str(folder / cache))
        # As its user gives it: relative to where he is.
        assert main(["process", "raw", "--out", "products", "--workers=1"]) == 0
        yield folder / "raw", folder / "products"


@pytest.mark.req("ARCH-01")
def test_all_stages_have_their_products(made):
    _, out = made
    jobs = Ledger(out, writes=False).jobs()
    assert {job["state"] for job in jobs} == {DONE}
    assert {job["pipeline"] for job in jobs} >= {
        "calwebb_detector1", "calwebb_image2", "calwebb_image3", "calwebb_spec2",
    }  # fmt: skip
    names = {path.name for path in out.iterdir()}
    for band in ("f150w", "f200w"):
        product = next(name for name in names if band in name and name.endswith("_i2d.fits"))
        assert product.replace("_i2d.fits", "_cat.ecsv") in names
    assert any(name.endswith("_x1dints.fits") for name in names)


def test_the_pages_lead_to_every_product(made):
    _, out = made
    text = (out / "report" / "index.html").read_text(encoding="utf-8")
    pages = re.findall(r'<a href="([^"]+\.html)">', text)
    products = [item["path"] for job in Ledger(out, writes=False).jobs() for item in job["products"]]
    assert {f"{path.rpartition('/')[2]}.html" for path in products if path.endswith(".fits")} <= set(pages)
    assert all((out / "report" / page).is_file() for page in pages)
    assert text.index("Stage 3") < text.index("Stage 2") < text.index("Stage 1")


def test_a_second_run_makes_nothing_and_another_name_of_the_folder_is_the_same(made, capfd):
    raw, out = made
    assert main(["process", str(raw), "--out", str(out)]) == 0
    assert re.search(r"0 jobs done \(0 files\), \d+ already up to date, 0 failed", capfd.readouterr().out)


def plan(raw, out, capfd, *words):
    """What would run, and why: key -> reason."""
    assert main(["process", str(raw), "--out", str(out), "--dry-run", "--json", *words]) == 0
    return {job["key"]: job["runs"] for job in json.loads(capfd.readouterr().out)["jobs"] if job["runs"]}


def test_another_parameter_concerns_only_the_jobs_of_that_step_and_what_needs_them(made, capfd):
    raw, out = made
    why = plan(raw, out, capfd, "--steps.resample.pixfrac=0.8")
    assert {key.split()[0] for key in why} == {"calwebb_image2", "calwebb_image3"}
    assert any("now with --steps.resample.pixfrac=0.8" in reason for reason in why.values())
    assert {key.split()[0] for key in plan(raw, out, capfd, "--calwebb_image3.steps.resample.pixfrac=0.8")} == {
        "calwebb_image3"
    }


def test_another_reference_file_concerns_only_the_jobs_that_used_it(made, capfd):
    raw, out = made
    photom = next(
        item["path"]
        for job in Ledger(out, writes=False).jobs()
        for item in job["made_of"]["references"]
        if item["type"] == "photom" and "42003001" in job["key"]
    )
    with open(photom, "r+b") as stream:
        content = stream.read()
        try:
            stream.write(b"\0" * 2880)
            stream.flush()
            why = plan(raw, out, capfd)
        finally:
            stream.truncate(len(content))
    assert len(why) == 3
    assert all("42003001" in key or "-o003_" in key for key in why)
    assert sum("the photom reference" in reason and "has changed" in reason for reason in why.values()) == 2


def test_what_products_were_made_of_is_what_all_of_their_records_say(made):
    """Also what steps have asked for after the first product was saved."""
    _, out = made
    for job in Ledger(out, writes=False).jobs():
        noted = {(item["step"], item["type"], item["path"]) for item in job["made_of"]["references"]}
        for product in job["products"]:
            assert product["sha256"] == hashlib.sha256(Path(product["path"]).read_bytes()).hexdigest()
            if not product["path"].endswith(".fits"):
                continue
            record = datamodels.open(product["path"]).get_meta("provenance").instance
            for entry in record["steps"]:
                for kind, item in entry["references"].items():
                    assert (entry["step"], kind, item["path"]) in noted
            inputs = {item["path"] for item in job["made_of"]["inputs"]}
            assert {item["path"] for item in record["inputs"]} == inputs
