"""The ways of running that the documents describe, from input to names of products."""

import contextlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from exposures import NAME, write_references, write_uncal

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.core import registry
from hexcal.core.pipeline import Pipeline
from hexcal.core.step import Step
from hexcal.errors import InputError
from hexcal.pipeline import Detector1Pipeline
from hexcal.step import GroupScaleStep, JumpStep, SuperBiasStep

STEM = NAME.removesuffix("_uncal.fits")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A raw exposure with its references, in the working directory."""
    monkeypatch.chdir(tmp_path)
    write_uncal(tmp_path, (1, 5, 16, 24))
    write_references(tmp_path / "refs")
    return tmp_path


def products(folder):
    return sorted(path.name for path in folder.glob("*.fits") if path.name != NAME)


@pytest.mark.req("PYI-09", "IO-02", "IO-06")
def test_save_results_of_a_pipeline_writes_its_final_products_only(folder):
    Detector1Pipeline.call(NAME, references="refs", save_results=True)
    assert products(folder) == [f"{STEM}_rate.fits", f"{STEM}_rateints.fits"]


@pytest.mark.req("CLI-07", "IO-02")
def test_output_file_is_the_base_of_all_products(folder):
    assert main(["run", "calwebb_detector1", NAME, "--references=refs", "--output_file=stage1_processed"]) == 0
    assert products(folder) == ["stage1_processed_rate.fits", "stage1_processed_rateints.fits"]


@pytest.mark.req("PYI-05")
def test_parameters_are_keywords_of_the_constructor(folder):
    step = SuperBiasStep(override_superbias="x.fits", skip=True)
    assert (step.override_superbias, step.skip, step.name) == ("x.fits", True, "superbias")
    pipeline = Detector1Pipeline(steps={"jump": {"rejection_threshold": 7.0}}, name="mine", save_calibrated_ramp=True)
    assert pipeline.jump.rejection_threshold == 7.0 and pipeline.save_calibrated_ramp and pipeline.name == "mine"
    assert JumpStep("own", parent=pipeline).qualified_name == "mine.own"


@pytest.mark.req("PYI-03")
def test_run_takes_the_defaults_and_the_attributes_of_the_instance_again_and_again(folder):
    step = SuperBiasStep()
    step.override_superbias = "refs/superbias.fits"
    first, second = step.run(NAME), step(NAME)
    assert np.array_equal(first.data, second.data) and first.meta.cal_step.superbias == "COMPLETE"
    step.skip = True
    assert step.run(NAME).meta.cal_step.superbias == "SKIPPED"


@pytest.mark.req("PAR-02")
def test_what_is_said_of_the_pipeline_holds_for_its_steps_unless_they_say_otherwise(folder):
    steps = {"linearity": {"save_results": True}, "superbias": {"save_results": True, "output_dir": "own"}}
    Detector1Pipeline.call(NAME, references="refs", output_dir="out", steps=steps)
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        f"{STEM}_linearity.fits", f"{STEM}_rate.fits", f"{STEM}_rateints.fits",
    ]  # fmt: skip
    assert [path.name for path in (folder / "own").iterdir()] == [f"{STEM}_superbias.fits"]


@pytest.mark.req("ARCH-05")
def test_all_that_a_user_may_change_before_a_run(folder, caplog):
    (folder / "refs" / "superbias.fits").rename(folder / "mine.fits")
    caplog.set_level("INFO", "hexcal")
    words = ["--steps.superbias.override_superbias=mine.fits", "--steps.linearity.skip=true"]
    words += ["--steps.jump.rejection_threshold=9", "--steps.dq_init.save_results=true", "--output_dir=out"]
    assert main(["run", "calwebb_detector1", NAME, "--references=refs", *words]) == 0
    header = fits.getheader(f"out/{STEM}_rate.fits")
    assert (header["S_LINEAR"], header["R_SUPERB"]) == ("SKIPPED", "mine.fits")
    assert "jump.rejection_threshold=9.0 (command line)" in caplog.text
    assert (folder / "out" / f"{STEM}_dq_init.fits").is_file()


@pytest.mark.req("IO-01", "ROUTE-09")
def test_members_lie_beside_their_association(folder, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (folder / NAME).rename(there / NAME)
    association = {"asn_rule": "x", "products": [{"name": "p", "members": [{"expname": NAME, "exptype": "science"}]}]}
    (there / "asn.json").write_text(json.dumps(association))
    container = datamodels.open(there / "asn.json")
    assert [model.path.parent for model in container.each()] == [there]
    seen = []

    class Inspect(Step):
        alias = "inspect"

        def process(self, ramp):
            seen.append((self.input_dir, self.make_input_path("more.fits")))
            return ramp

    Inspect.call(str(there / NAME))
    assert seen == [(str(there), str(there / "more.fits"))]


@pytest.mark.req("IO-23")
def test_a_step_that_only_computes_is_read_for_and_written_for(folder):
    class Twice(Step):
        """Neither reads nor writes."""

        alias = "twice"
        input_model = "RampModel"

        def process(self, ramp):
            ramp.data *= 2
            return ramp

    Twice.from_cmdline([NAME])
    assert fits.getdata(f"{STEM}_twice.fits", "SCI").mean() == pytest.approx(2 * fits.getdata(NAME, "SCI").mean())
    assert products(folder) == [f"{STEM}_twice.fits"]


@pytest.mark.req("STEP-04")
def test_the_order_of_steps_is_that_of_the_program(folder, caplog):
    class Backwards(Pipeline):
        alias = "backwards"
        step_defs = {"group_scale": GroupScaleStep, "superbias": SuperBiasStep}

        def process(self, ramp):
            return self.group_scale(self.superbias(ramp))

    result = Backwards.call(NAME, references="refs")
    assert result.meta.cal_step.superbias == "COMPLETE" and result.meta.cal_step.group_scale == "SKIPPED"
    assert caplog.text.index("Step superbias complete") < caplog.text.index("Step group_scale skipped")


@pytest.mark.req("STEP-08")
def test_hooks_get_the_inputs_and_the_result(folder):
    seen = []

    def before(ramp):
        seen.append(ramp.data.mean())

    def after(ramp):
        ramp.data += 1000
        return ramp

    plain = SuperBiasStep.call(NAME, references="refs")
    hooked = SuperBiasStep.call(NAME, references="refs", pre_hooks=[before], post_hooks=[after])
    assert seen == [pytest.approx(fits.getdata(NAME, "SCI").mean())]
    assert np.allclose(hooked.data, plain.data + 1000)


@pytest.mark.req("NAME-08")
def test_segments_are_processed_each_by_itself(folder):
    for segment, first in (("001", 1), ("002", 3)):
        name = f"jw1-seg{segment}_nrca1_uncal.fits"
        write_uncal(folder, (2, 5, 16, 24), name=name, INTSTART=first, INTEND=first + 1, NINTS=4, EXSEGNUM=int(segment))
        assert main(["run", "calwebb_detector1", name, "--references=refs"]) == 0
        with fits.open(f"jw1-seg{segment}_nrca1_rateints.fits") as hdus:
            assert hdus["SCI"].shape == (2, 16, 24)
            assert (hdus[0].header["INTSTART"], hdus[0].header["INTEND"]) == (first, first + 1)


class SaveEachStep(Step):
    """Adds one to each exposure; its products are named after the exposures."""

    alias = "save_each"
    input_model = "ImageModel"

    def process(self, image):
        image.data += 1
        return image


class SumPipeline(Pipeline):
    """As documented for the third stage: the products have the name that the association gives."""

    alias = "sum_of_all"
    step_defs = {"save_each": SaveEachStep}

    def process(self, given):
        with self.open_model(given) as models:
            self.save_each.search_output_file = False
            if self.save_results and self.output_file is None:
                with contextlib.suppress(AttributeError):
                    self.output_file = models.meta.asn_table.products[0].name
            total = datamodels.ImageModel(sum(model.data for model in self.save_each.run(models)))
        self.save_model(total, suffix="i2d")
        return total


@pytest.mark.req("IO-22", "ROUTE-12", "DEV-08")
@pytest.mark.parametrize("given", [None, "mine"])
def test_a_pipeline_of_the_third_stage_names_its_products(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    names = [f"jw1_{number}_cal.fits" for number in range(12)]
    for name in names:
        datamodels.ImageModel(np.ones((2, 3), "f4")).save(name)
    members = [{"expname": name, "exptype": "science"} for name in names]
    content = {"asn_rule": "x", "asn_id": "a3001", "products": [{"name": "all_of_them", "members": members}]}
    (tmp_path / "asn.json").write_text(json.dumps(content))
    pipeline = SumPipeline(save_results=True, steps={"save_each": {"save_results": True}})
    if given is not None:
        pipeline.output_file = given
    result = pipeline.run("asn.json")
    assert (result.data == 24).all()
    # What was opened in `process` is closed.
    handles = [os.path.realpath(path) for path in Path("/proc/self/fd").glob("*")]
    assert not any(path.endswith("_cal.fits") for path in handles)
    assert (tmp_path / f"{given or 'all_of_them'}_i2d.fits").is_file()
    assert all((tmp_path / f"jw1_{number}_save_each.fits").is_file() for number in range(12))


@pytest.mark.req("IO-04")
def test_stage_3_wants_an_association():
    for alias in ("calwebb_image3", "calwebb_spec3"):
        with pytest.raises(InputError):
            registry.find(alias).call(datamodels.RampModel((1, 2, 4, 4)))
