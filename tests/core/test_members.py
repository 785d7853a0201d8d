"""A step over several exposures: status, references, record and name of each.

And steps that take inputs in several roles.
"""

import json

import numpy as np
import pytest

from hexcal import datamodels, observatories
from hexcal.core import Pipeline, Role, SkipStep, Step, StepParameters, parameter
from hexcal.datamodels import ImageModel, ModelContainer
from hexcal.errors import InputError, ParameterError
from hexcal.models.reference import GainModel

DETECTORS = ("NRCA1", "NRCA2", "NRCA1")


class DivideStep(Step):
    """Divide one exposure by its gain."""

    alias = "divide"
    reference_types = ("gain",)
    input_model = "ImageModel"

    def process(self, image, references):
        if image.meta.observation.visit_number == "9":
            raise SkipStep("visit 9 is left out")
        image.data /= references.gain.data
        return image


class AlignStep(Step):
    """Subtract the mean of all exposures from each; each is divided by its own gain first."""

    alias = "align"
    reference_types = ("gain",)
    input_model = "ImageContainer"

    def process(self, exposures, references):
        means = []
        for exposure in exposures.each(changed=["data"]):
            exposure.data /= references.for_member(exposure).gain.data
            means.append(exposure.data.mean())
        for exposure in exposures.each(changed=["data"]):
            exposure.data -= np.mean(means)
        return exposures


class DivideSlitsStep(Step):
    """Divide each slit by a gain of its own."""

    alias = "divide_slits"
    reference_types = ("gain",)
    input_model = "MultiSlitModel"

    def process(self, exposure, references):
        for slit in exposure.slits:
            slit.data /= references.for_part(slit).gain.data
        return exposure


class AddStep(Step):
    """Add exposures into one product."""

    alias = "add"
    input_model = "ImageContainer"
    default_suffix = "i2d"

    def process(self, exposures):
        total = None
        for exposure in exposures.each():
            total = exposure.copy() if total is None else total
            if total.meta.filename != exposure.meta.filename:
                total.data += exposure.data
        return total


class MosaicPipeline(Pipeline):
    """Align, then add."""

    alias = "calwebb_mosaic"
    default_suffix = "i2d"
    step_defs = {"align": AlignStep, "add": AddStep}
    roles = (Role("science", "ImageModel", many=True), Role("sourcecat", required=False))

    def process(self, science, sourcecat):
        self.log.info("catalogue: %s", sourcecat)
        return self.add.run(self.align.run(science))


class ScaleStep(Step):
    """Scale a PSF to a science exposure."""

    alias = "scale"
    roles = (Role("science", "ImageModel"), Role("psf", "ImageModel"))

    class Parameters(StepParameters):
        """Of the scaling."""

        factor: float = parameter(2.0, "Factor.")

    def process(self, psf, science):
        psf.data *= self.factor * science.data.mean()
        return science, psf


class SubtractStep(Step):
    """Subtract a PSF."""

    alias = "subtract_psf"
    roles = (Role("science", "ImageModel"), Role("psf", "ImageModel"))

    def process(self, science, psf):
        science.data -= psf.data
        return science


class PsfPipeline(Pipeline):
    """Scale and subtract a PSF."""

    alias = "calwebb_psf"
    default_suffix = "psfsub"
    step_defs = {"scale": ScaleStep, "subtract_psf": SubtractStep}
    roles = (Role("science", "ImageModel"), Role("psf", "ImageModel"), Role("background", "ImageModel", True, False))

    class Parameters(StepParameters):
        """Of the pipeline."""

        fail_on_exception: bool = parameter(True, "End with the first product that fails.")

    def process(self, science, psf, background):
        assert isinstance(background, ModelContainer)
        for exposure in background.each():
            science.data -= exposure.data
        science, psf = self.scale.run(science, psf=psf)
        return self.subtract_psf.run(science, psf)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "refs").mkdir()
    for detector, gain in (("NRCA1", 2), ("NRCA2", 4)):
        model = GainModel(np.full((4, 5), gain, np.float32))
        model.meta.reftype, model.meta.instrument.name, model.meta.instrument.detector = "GAIN", "NIRCAM", detector
        model.save(tmp_path / "refs" / f"gain_{detector.lower()}.fits")
    for number, detector in enumerate(DETECTORS):
        model = ImageModel(np.full((4, 5), 8 * (number + 1), np.float32))
        model.meta.instrument.name, model.meta.instrument.detector = "NIRCAM", detector
        model.save(tmp_path / f"e{number}_cal.fits")
    return tmp_path


def product(name, *members):
    return {"name": name, "members": [{"expname": path, "exptype": kind} for path, kind in members]}


def association(*members, name="jw00001-o001_t001_nircam", more=()):
    content = {"asn_id": "o001", "asn_pool": "none", "products": [product(name, *members), *more]}
    with open("x_asn.json", "w") as stream:
        json.dump(content, stream)
    return "x_asn.json"


SCIENCE = [(f"e{number}_cal.fits", "science") for number in range(3)]


def test_a_step_for_one_exposure_works_on_each_member(folder):
    with datamodels.open("e2_cal.fits") as model:
        model.meta.observation.visit_number = "9"
        model.save("e2_cal.fits")
    result = DivideStep.call(association(*SCIENCE), references="refs", save_results=True)
    assert isinstance(result, ModelContainer)
    values = [(float(one.data[0, 0]), one.meta.cal_step.divide) for one in result.each()]
    assert values == [(4, "COMPLETE"), (4, "COMPLETE"), (24, "SKIPPED")]
    names = [one.meta.ref_file.gain.name for one in result.each()]
    assert [name[-10:] for name in names] == ["nrca1.fits", "nrca2.fits", "nrca1.fits"]
    # products are named after the members
    products = [datamodels.open(f"e{number}_divide.fits") for number in range(3)]
    assert [float(one.data[0, 0]) for one in products] == [4, 4, 24]
    parts = products[1].provenance["steps"][0]["parts"]
    assert [part["status"] for part in parts] == ["COMPLETE", "COMPLETE", "SKIPPED"]
    assert parts[1]["references"]["gain"]["path"].endswith("gain_nrca2.fits") and parts[1]["name"] == "e1_cal.fits"
    assert "visit 9 is left out" in " ".join(products[2].cal_logs["divide"])
    # and the members stay as they were
    assert datamodels.open("e0_cal.fits").data[0, 0] == 8


def test_a_step_for_all_exposures_gets_them_together_and_asks_for_the_references_of_each(folder):
    result = AlignStep.call(association(*SCIENCE), references="refs")
    means = [float(one.data.mean()) for one in result.each()]
    assert means == pytest.approx([4 - 20 / 3, 4 - 20 / 3, 12 - 20 / 3])
    assert [one.meta.cal_step.align for one in result.each()] == ["COMPLETE"] * 3
    assert [one.meta.ref_file.gain.name[-10:-5] for one in result.each()] == ["nrca1", "nrca2", "nrca1"]


def test_an_image_container_is_also_made_of_a_list_or_of_one_file(folder):
    assert AddStep.call(ModelContainer(["e0_cal.fits", "e1_cal.fits"])).data[0, 0] == 24
    assert AddStep.call("e1_cal.fits").data[0, 0] == 16
    model = ImageModel(np.ones((4, 5), np.float32))
    model.meta.filename = "m_cal.fits"
    assert AddStep.call(ModelContainer([model, "e0_cal.fits"])).data[0, 0] == 9
    assert model.data[0, 0] == 1
    datamodels.CubeModel((2, 4, 5)).save("cube_cal.fits")
    with pytest.raises(InputError, match="works on an ImageModel, the input is a CubeModel"):
        AddStep.call(ModelContainer(["e0_cal.fits", "cube_cal.fits"]))


def test_the_products_of_a_pipeline_are_named_after_the_association_or_after_its_members(folder):
    (folder / "c_cat.ecsv").write_text("# catalogue")
    path = association(*SCIENCE, ("c_cat.ecsv", "sourcecat"))
    steps = {"align": {"save_results": True, "suffix": "crf"}}
    result = MosaicPipeline.call(path, references="refs", save_results=True, steps=steps)
    assert result.meta.cal_step.add == result.meta.cal_step.align == "COMPLETE"
    written = sorted(path.name for path in folder.glob("*_crf.fits")) + [
        path.name for path in folder.glob("*_i2d.fits")
    ]
    assert written == ["e0_crf.fits", "e1_crf.fits", "e2_crf.fits", "jw00001-o001_t001_nircam_i2d.fits"]
    log = " ".join(datamodels.open(written[-1]).cal_logs["calwebb_mosaic"])
    assert "catalogue: c_cat.ecsv" in log


def test_a_skipped_step_hands_on_everything_that_it_was_given(folder):
    psf = ImageModel(np.ones((4, 5), np.float32))
    science = ImageModel(np.full((4, 5), 3, np.float32))
    assert PsfPipeline.call(science, psf).data[0, 0] == 3 - 6
    result = PsfPipeline.call(science, psf=psf, steps={"scale": {"skip": True}})
    assert result.data[0, 0] == 2 and result.meta.cal_step.scale == "SKIPPED"
    assert science.data[0, 0] == 3 and psf.data[0, 0] == 1


@pytest.mark.parametrize("form", ["file", "mapping", "object", "roles"])
def test_roles_are_read_from_any_form_of_association(folder, form):
    path = association(("e0_cal.fits", "science"), ("e1_cal.fits", "psf"), ("e2_cal.fits", "target_acq"))
    given = {
        "file": path,
        "mapping": json.loads((folder / path).read_text()),
        "object": datamodels.open(path),
        "roles": {"SCIENCE": "e0_cal.fits", "PSF": "e1_cal.fits"},
    }[form]
    assert PsfPipeline.call(given, steps={"scale": {"skip": True}}).data[0, 0] == 8 - 16


def test_a_type_of_member_that_is_nearly_one_of_the_pipeline_is_a_warning(folder, caplog):
    path = association(("e0_cal.fits", "science"), ("e1_cal.fits", "psf"), ("e2_cal.fits", "sciense"))
    PsfPipeline.call(path, steps={"scale": {"skip": True}})
    assert "Members of the type 'sciense' are not used: is 'science' meant?" in caplog.text


def test_the_products_of_an_association_are_made_one_after_the_other(folder):
    psf = ("e1_cal.fits", "psf")
    second = product("second", ("e1_cal.fits", "science"))
    third = product("third", ("e2_cal.fits", "science"), ("e0_cal.fits", "psf"))
    path = association(("e0_cal.fits", "science"), psf, name="first", more=(second, third))
    with pytest.raises(InputError, match="needs an input of the role 'psf'; found: science"):
        PsfPipeline.call(path)
    steps = {"scale": {"skip": True}}
    good = association(("e0_cal.fits", "science"), psf, name="first", more=(third,))
    results = PsfPipeline.call(good, steps=steps, save_results=True)
    assert [float(one.data[0, 0]) for one in results] == [-8, 16]
    assert sorted(path.name for path in folder.glob("*_psfsub.fits")) == ["first_psfsub.fits", "third_psfsub.fits"]


def test_a_product_that_fails_does_not_stop_the_others_if_the_user_says_so(folder, caplog):
    (folder / "bad_cal.fits").write_text("not FITS")
    psf = ("e1_cal.fits", "psf")
    bad = product("second", ("bad_cal.fits", "science"), psf)
    good = product("third", ("e2_cal.fits", "science"), psf)
    path = association(("e0_cal.fits", "science"), psf, name="first", more=(bad, good))
    with pytest.raises(InputError, match="FITS"):
        PsfPipeline.call(path)
    results = PsfPipeline.call(path, fail_on_exception=False)
    assert len(results) == 2 and "Product second failed: not a readable FITS file" in caplog.text


def test_inputs_that_do_not_fit_the_roles_are_refused(folder):
    psf = SubtractStep()
    with pytest.raises(InputError, match="takes 2 inputs"):
        psf.run("e0_cal.fits", "e1_cal.fits", "e2_cal.fits")
    with pytest.raises(ParameterError, match="unknown input 'pfs'") as caught:
        psf.run("e0_cal.fits", pfs="e1_cal.fits")
    assert "did you mean 'psf'" in str(caught.value)
    with pytest.raises(InputError, match="works on one input of the role 'psf', 2 are given"):
        psf.run("e0_cal.fits", psf=["e1_cal.fits", "e2_cal.fits"])
    with pytest.raises(ParameterError, match="unknown input 'psf'"):
        DivideStep().run("e0_cal.fits", psf="e1_cal.fits")


class SubtractDarkStep(Step):
    """Subtract the dark of each frame."""

    alias = "dark_of_frame"
    reference_types = ("dark",)
    input_model = "IRISImageModel"

    def process(self, frame, references):
        frame.data -= references.dark.data
        return frame


def test_members_of_another_observatory_have_references_and_status_too(tmp_path, monkeypatch):
    from hexcal.models.single import model_class

    monkeypatch.chdir(tmp_path)
    if "tmt" not in observatories.names():
        pytest.skip("the plug-in of TMT is not installed")
    frame_class = model_class("IRISImageModel")
    for name in ("a_raw.fits", "b_raw.fits"):
        frame = frame_class(np.full((4, 5), 7, np.float32))
        frame.meta.telescope = "TMT"
        frame.save(name)
    dark = frame_class(np.full((4, 5), 3, np.float32))
    dark.save("dark.fits")
    path = association(("a_raw.fits", "sci"), ("b_raw.fits", "sci"))
    result = SubtractDarkStep.call(path, override_dark="dark.fits", save_results=True)
    assert [float(one.data[0, 0]) for one in result.each()] == [4, 4]
    assert {type(one).__name__ for one in result.each()} == {"IRISImageModel"}
    assert sorted(path.name for path in tmp_path.glob("*_dark_of_frame.fits")) == [
        "a_raw_dark_of_frame.fits",
        "b_raw_dark_of_frame.fits",
    ]


def test_references_of_slits_follow_their_metadata_and_else_those_of_the_exposure(folder):
    exposure = datamodels.MultiSlitModel()
    exposure.meta.instrument.name, exposure.meta.instrument.detector = "NIRCAM", "NRCA1"
    exposure.slits = [datamodels.SlitModel(np.full((4, 5), 8, np.float32)) for _ in range(2)]
    exposure.slits[0].name, exposure.slits[1].name = "first", "second"
    exposure.slits[1].meta.instrument.detector = "NRCA2"
    result = DivideSlitsStep.call(exposure, references="refs")
    assert [slit.data[0, 0] for slit in result.slits] == [4, 2]
