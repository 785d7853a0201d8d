"""What a run reads is never written over, whatever names, folders, suffixes, links and extra products are asked for."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import asdf
import numpy as np
import pytest
from exposures import write_references, write_uncal
from hypothesis import given, settings
from hypothesis import strategies as st

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.core import Step, StepParameters, parameter
from hexcal.errors import HexcalError, InputError
from hexcal.step import DarkCurrentStep, SuperBiasStep

SHAPE = (1, 2, 4, 4)


class ExtraStep(Step):
    """Writes what it is told to, beside its result."""

    alias = "extra"
    reference_types = ("mask",)

    class Parameters(StepParameters):
        catalogue: str | None = parameter(None, "A file that is read late, if at all.")
        extra: list = parameter([], "Suffixes of further products.")
        copy_to: str | None = parameter(None, "A file to write the result to as well.")

    def process(self, model, references):
        for suffix in self.parameters.extra:
            self.save_model(model, suffix, force=True)
        if self.parameters.copy_to:
            model.save(self.parameters.copy_to)
        return model


def digests(names):
    return {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in names}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


READ = ["x_uncal.fits", "refs/mask.fits", "stars.ecsv", "mine.asdf", "in/x_rate.fits"]
"""Inputs, references, a catalogue that a parameter names, the parameter file."""


def fill(folder):
    write_uncal(folder, shape=SHAPE, name="x_uncal.fits")
    write_references(folder / "refs", SHAPE)
    (folder / "in").mkdir()
    os.link(folder / "x_uncal.fits", folder / "in" / "x_rate.fits")
    (folder / "stars.ecsv").write_text("# stars")
    (folder / "out").mkdir()
    os.symlink("../x_uncal.fits", folder / "out" / "x_extra.fits")
    os.symlink("../refs/mask.fits", folder / "out" / "x_mask.fits")
    os.link(folder / "stars.ecsv", folder / "out" / "x_0.fits")
    os.symlink("refs", folder / "linked")
    content = {"class": "extra", "parameters": {"catalogue": str(folder / "stars.ecsv")}}
    asdf.AsdfFile(content).write_to(folder / "mine.asdf")


_BASES = st.sampled_from(["x", "x_uncal", "mask", "stars", "mine", "in/x", "../x", "out/x", "refs/mask"])
_FOLDERS = st.sampled_from([None, ".", "out", "refs", "linked", "in", "new/er"])
_SUFFIXES = st.sampled_from([None, "uncal", "rate", "mask", "extra", "0", "x"])
_COPIES = st.sampled_from([None, *READ, "out/x_extra.fits", "out/x_0.fits", "linked/mask.fits", "free.fits"])


@settings(max_examples=40)
@given(
    base=st.none() | _BASES,
    output_dir=_FOLDERS,
    suffix=_SUFFIXES,
    ext=st.sampled_from([".fits", "fits", ".asdf"]),
    extra=st.lists(_SUFFIXES.filter(bool), max_size=3),
    copy_to=_COPIES,
)
def test_no_combination_of_names_writes_over_what_is_read(base, output_dir, suffix, ext, extra, copy_to):
    before = os.getcwd()
    work = Path(tempfile.mkdtemp())
    try:
        fill(work)
        os.chdir(work)
        known = digests(READ)
        names = {"output_file": base, "output_dir": output_dir, "suffix": suffix, "output_ext": ext}
        names |= {"extra": extra, "copy_to": copy_to, "save_results": True, "references": "refs"}
        # Refused, with whatever reason, or done: what was read is as it was.
        with contextlib.suppress(HexcalError):
            ExtraStep.call("x_uncal.fits", config_file="mine.asdf", **names)
        assert digests(READ) == known
        assert not list(work.rglob(".*"))
    finally:
        os.chdir(before)
        shutil.rmtree(work)


@pytest.mark.parametrize(
    "target", ["x_uncal.fits", "refs/superbias.fits", "in/x_rate.fits", "x_superbias.fits", "mine.asdf"]
)
def test_saved_parameters_replace_nothing_that_is_read_or_written(folder, target, capsys):
    asdf.AsdfFile({"class": "superbias", "parameters": {}}).write_to("mine.asdf")
    before = digests(["x_uncal.fits", "refs/superbias.fits", "mine.asdf"])
    words = ["run", "mine.asdf", "x_uncal.fits", "--references=refs", f"--save-parameters={target}"]
    assert main(words) == 1
    assert digests(before) == before
    assert "overwrite" in (error := capsys.readouterr().err) or "one file" in error
    # Found before the work, not after it.
    assert not (folder / "x_superbias.fits").exists()


@pytest.mark.parametrize("target", ["x_uncal.fits", "refs/dark.fits"])
def test_the_averaged_dark_replaces_nothing_that_is_read(folder, target):
    before = digests(["x_uncal.fits", "refs/dark.fits"])
    with pytest.raises(InputError, match="overwrite"):
        DarkCurrentStep.call("x_uncal.fits", references="refs", dark_output=str(folder / target))
    assert digests(before) == before


@pytest.mark.parametrize("kind", ["file", "append"])
def test_a_log_replaces_no_data(folder, kind):
    before = digests(["x_uncal.fits", "refs/superbias.fits"])
    for name in before:
        (folder / "log.cfg").write_text(f"[*]\nhandler = {kind}:{name}\n")
        with pytest.raises(InputError, match=r"overwrite|data file"):
            SuperBiasStep.call("x_uncal.fits", references="refs", logcfg="log.cfg")
    assert digests(before) == before


def association(name, *members):
    content = {
        "products": [{"name": "p", "members": [{"expname": member, "exptype": "science"} for member in members]}]
    }
    Path(name).write_text(json.dumps(content))


def test_a_step_over_an_association_replaces_no_member_of_any_level(folder):
    Path("x_uncal.fits").rename("x_superbias.fits")
    shutil.copy("x_superbias.fits", "y_uncal.fits")
    association("inner.json", "x_superbias.fits")
    association("outer.json", "y_uncal.fits", "inner.json")
    before = digests(["x_superbias.fits"])
    for words in (["--output_file=x"], ["--save-parameters=x_superbias.fits"]):
        assert main(["run", "superbias", "outer.json", "--references=refs", *words]) == 1
    assert digests(before) == before


@pytest.mark.parametrize(
    "words",
    [
        ["from-list", "-o", "x_uncal.fits", "x_uncal.fits", "--product-name", "p"],
        ["from-list", "-o", "in/x_rate.fits", "x_uncal.fits", "--product-name", "p"],
        ["edit", "-a", "asn.json", "x_uncal.fits", "-o", "x_uncal.fits"],
        ["edit", "-a", "asn.json", "out/x_0.fits", "-o", "y_uncal.fits"],
        ["pool", "in/x_rate.fits", "x_uncal.fits"],
    ],
)
def test_associations_and_pools_replace_no_member(folder, words):
    shutil.copy("x_uncal.fits", "y_uncal.fits")
    association("asn.json", "y_uncal.fits")
    before = digests(["x_uncal.fits", "y_uncal.fits", "asn.json"])
    assert main(["asn", *words]) == 1
    assert digests(before) == before


def test_a_program_may_save_a_model_over_its_own_file(folder):
    with datamodels.open("x_uncal.fits") as model:
        model.meta.target.catalog_name = "NGC 1"
        model.save("x_uncal.fits")
    assert datamodels.open("x_uncal.fits").meta.target.catalog_name == "NGC 1"


def test_members_of_an_association_are_recorded_and_rerun_notices_when_they_change(folder, capsys):
    Path("x_uncal.fits").rename("a_uncal.fits")
    shutil.copy("a_uncal.fits", "b_uncal.fits")
    association("asn.json", "a_uncal.fits", "b_uncal.fits")
    expected = {
        f"{name}_uncal.fits": digest
        for name, digest in zip("ab", digests(["a_uncal.fits", "b_uncal.fits"]).values(), strict=True)
    }
    assert main(["run", "superbias", "asn.json", "--references=refs"]) == 0
    product = next(folder.glob("*_superbias.fits"))
    record = datamodels.open(product).get_meta("provenance").instance["inputs"][0]
    assert {Path(item["path"]).name: item["sha256"] for item in record["members"]} == expected
    assert main(["rerun", str(product)]) == 0
    with datamodels.open("b_uncal.fits") as model:
        model.meta.target.catalog_name = "NGC 1"
        model.save("b_uncal.fits")
    assert main(["rerun", str(product)]) == 1
    assert "member of the association has changed" in (error := capsys.readouterr().err) and "b_uncal.fits" in error


def test_two_results_of_one_name_get_numbers(folder):
    class TwiceStep(Step):
        """Saves three times under one suffix."""

        alias = "twice"

        def process(self, model):
            for value in (1, 2, 3):
                model.meta.target.catalog_name = f"NGC {value}"
                self.save_model(model, "same", force=True)
            return model

    TwiceStep.call("x_uncal.fits")
    names = ["x_same.fits", "x_1_same.fits", "x_2_same.fits"]
    assert [datamodels.open(name).meta.target.catalog_name for name in names] == ["NGC 1", "NGC 2", "NGC 3"]


def test_references_that_a_step_asks_for_are_recorded_and_made_again(folder, monkeypatch, capsys):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    target = f"{__name__}.AskingStep"
    assert main(["run", target, "x_uncal.fits", "--references=refs"]) == 0
    product = datamodels.open("x_asking.fits")
    assert product.meta.ref_file.gain.name.endswith("gain.fits")
    asked = product.get_meta("provenance").instance["steps"][0]["references_asked"]
    assert [(item["type"], Path(item["path"]).name) for item in asked] == [("gain", "gain.fits")]
    assert asked[0]["sha256"] == digests(["refs/gain.fits"])["refs/gain.fits"]
    assert main(["rerun", "x_asking.fits"]) == 0
    with datamodels.open("refs/gain.fits") as model:
        model.data += np.float32(1)
        model.save("refs/gain.fits")
    assert main(["rerun", "x_asking.fits"]) == 1
    assert "gain reference has changed" in capsys.readouterr().err


class AskingStep(Step):
    """Asks for a reference that it does not declare."""

    alias = "asking"

    def process(self, model):
        with self.get_reference_file_model(model, "gain") as gain:
            assert gain.data.any()
        return model
