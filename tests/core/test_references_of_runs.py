"""References of runs.

Looked up together before the first step, opened, overridden, and named as before when a product is made again.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from crds_caches import DATES, imap, make_cache, pmap, rmap
from exposures import NAME, write_uncal
from fault_server import server_of

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.core import Pipeline, Step
from hexcal.errors import ReferenceError_

TYPES = ("dark", "gain", "mask")


class AskStep(Step):
    """Ask for three references."""

    alias = "ask"
    reference_types = TYPES

    def process(self, model, references):
        return model


class AskingPipeline(Pipeline):
    """Ask twice."""

    alias = "asking"
    step_defs = {"first": AskStep, "second": AskStep}

    def process(self, model):
        return self.run_in_order([self.first, self.second], model)


class LatePipeline(AskingPipeline):
    """Ask only when a step runs."""

    alias = "late"
    prefetch_references = False


def name_of(kind):
    return f"jwst_nircam_{kind}_0001.fits"


def reference(kind):
    header = {"TELESCOP": "JWST", "INSTRUME": "NIRCAM", "DETECTOR": "NRCA1", "REFTYPE": kind.upper()}
    return fits.HDUList([fits.PrimaryHDU(header=fits.Header(header)), fits.ImageHDU(np.ones((4, 4), "f4"), name="SCI")])


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A cache with rules for three types and, of the files, none."""
    mappings = {"jwst_0001.pmap": pmap({"NIRCAM": "jwst_nircam_0001.imap"})}
    mappings["jwst_nircam_0001.imap"] = imap({kind.upper(): f"jwst_nircam_{kind}_0001.rmap" for kind in TYPES})
    for kind in TYPES:
        selector = f"Match({{('NRC_IMAGE',): UseAfter({{'2020-01-01 00:00:00': '{name_of(kind)}'}})}})"
        mappings[f"jwst_nircam_{kind}_0001.rmap"] = rmap(
            selector, (("META.EXPOSURE.TYPE",), DATES), filekind=kind.upper()
        )
    root = make_cache(tmp_path / "cache", mappings, operational_context="jwst_0001.pmap")
    monkeypatch.setenv("CRDS_PATH", str(root))
    monkeypatch.setenv("STPIPE_DISABLE_CRDS_STEPPARS", "true")
    monkeypatch.setenv("CRDS_CLIENT_RETRY_DELAY_SECONDS", "0.001")
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def full(root):
    """The same with all files."""
    folder = root / "references/jwst/nircam"
    folder.mkdir(parents=True)
    for kind in TYPES:
        reference(kind).writeto(folder / name_of(kind))
    return root


@pytest.fixture
def uncal(tmp_path):
    return write_uncal(tmp_path, data=np.ones((1, 2, 4, 4), "u2"))


@pytest.mark.req("BEST-02", "S2C-06")
def test_a_pipeline_tells_all_that_is_missing_before_its_first_step(root, uncal, caplog):
    with pytest.raises(ReferenceError_, match="3 reference files are not in the cache") as caught:
        AskingPipeline.call(uncal)
    assert all(name_of(kind) in str(caught.value) for kind in TYPES)
    assert "Step first running" not in caplog.messages
    # Rules that have nothing for the exposure are told together too.
    other = write_uncal(Path(), name="other_uncal.fits", data=np.ones((1, 2, 4, 4), "u2"), EXP_TYPE="NRC_GRISM")
    with pytest.raises(ReferenceError_, match=r"no dark reference: .*also missing: gain, mask") as caught:
        AskingPipeline.call(other)
    assert len(str(caught.value).splitlines()) <= 5
    assert "Step first running" not in caplog.messages


@pytest.mark.req("BEST-02")
def test_a_pipeline_may_leave_the_look_up_to_its_steps(root, uncal, caplog):
    with pytest.raises(ReferenceError_):
        LatePipeline.call(uncal, steps={"first": {"skip": True}})
    assert "Step first skipped" in caplog.messages and "Step second running" in caplog.messages


def test_a_step_on_its_own_fetches_its_references_together(root, uncal, tmp_path, monkeypatch, caplog):
    for kind in TYPES:
        reference(kind).writeto(tmp_path / name_of(kind))
    files = {name_of(kind): (tmp_path / name_of(kind)).read_bytes() for kind in TYPES}
    with server_of(root, context="jwst_0001.pmap", **files) as server:
        monkeypatch.setenv("CRDS_SERVER_URL", server.url)
        AskStep.call(uncal)
    assert len([text for text in caplog.messages if text.startswith("Fetching")]) == 1
    assert server.asked("get_file_info_map") == 1
    assert {path.name for path in (root / "references/jwst/nircam").iterdir()} == set(files)


@pytest.mark.req("BEST-03", "BEST-05", "CRDS-01")
def test_a_reference_is_found_opened_and_overridden(full, uncal, tmp_path, monkeypatch):
    model, path = datamodels.open(uncal), str(full / "references/jwst/nircam" / name_of("gain"))
    monkeypatch.setenv("CRDS_PATH", "cache")  # relative; what is returned is not
    assert AskStep().get_reference_file(model, "gain") == AskStep().get_reference_file(str(uncal), "gain") == path
    with AskStep().get_reference_file_model(model, "gain") as gain:
        assert type(gain).__name__ == "GainModel" and gain.data.shape == (4, 4)
    mine = tmp_path / "mine.fits"
    reference("gain").writeto(mine)
    step = AskStep(override_gain=str(mine))
    assert step.get_reference_file(model, "gain") == str(mine)
    assert str(step.get_reference_file_model(model, "gain").path) == str(mine)
    opened = datamodels.open(mine)
    step = AskStep(override_gain=opened)
    assert step.get_reference_file_model(model, "gain") is opened
    assert step.get_reference_file(model, "gain") == str(mine)
    step = AskStep(override_gain="N/A")
    assert step.get_reference_file(model, "gain") == "N/A"
    with pytest.raises(ReferenceError_, match="no gain reference applies"):
        step.get_reference_file_model(model, "gain")


@pytest.mark.req("BEST-04")
def test_a_product_that_is_made_again_names_its_references_as_before(full, uncal, tmp_path, monkeypatch):
    mine = tmp_path / "mine.fits"
    reference("mask").writeto(mine)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    words = ["run", "test_references_of_runs.AskStep", str(uncal), f"--override_mask={mine}"]
    assert main(words) == 0
    product = NAME.replace("uncal", "ask")
    # Neither the cache of the environment nor its context matter any more.
    monkeypatch.delenv("CRDS_PATH")
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_9999.pmap")
    assert main(["rerun", product]) == 0
    assert main(["rerun", f"rerun/{product}", "--output_dir=third"]) == 0
    for path in (product, f"rerun/{product}", f"third/{product}"):
        files = datamodels.open(path).meta.ref_file
        assert files.dark.name == "crds://jwst_nircam_dark_0001.fits", path
        assert files.gain.name == "crds://jwst_nircam_gain_0001.fits"
        assert files.mask.name == "mine.fits"
        assert files.crds.context_used == "jwst_0001.pmap" and files.crds.sw_version.startswith("Hexcal")


@pytest.mark.req("CRDS-05")
def test_a_program_that_sets_the_environment_and_then_imports(full, uncal):
    text = f"""
import os
os.environ["CRDS_PATH"], os.environ["CRDS_CONTEXT"] = {str(full)!r}, "jwst_0001.pmap"
from hexcal.step import Step
print(Step().get_reference_file({str(uncal)!r}, "dark"))
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRDS_")}
    done = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(full / "references/jwst/nircam" / name_of("dark"))


def test_the_system_reads_all_references_before_the_first_step(root, uncal, monkeypatch):
    from hexcal.files import ahead

    asked = []
    monkeypatch.setattr(
        ahead.os, "posix_fadvise", lambda descriptor, *_: asked.append(os.fstat(descriptor).st_ino), raising=False
    )
    files = {}
    for kind in TYPES:
        files[kind] = uncal.parent / f"{kind}.fits"
        files[kind].write_bytes(uncal.read_bytes())
    given = {f"override_{kind}": str(path) for kind, path in files.items()}
    AskingPipeline(steps={"first": given, "second": given}).run(uncal)
    assert asked == [path.stat().st_ino for path in files.values()]


def test_a_file_that_cannot_be_read_ahead_is_left_to_whoever_reads_it(tmp_path):
    from hexcal.files.ahead import read_ahead

    read_ahead(tmp_path / "missing.fits")
    read_ahead(tmp_path)
    read_ahead("\0")
