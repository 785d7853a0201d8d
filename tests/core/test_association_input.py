"""An association as the input of a step or pipeline."""

import json

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.core.pipeline import Pipeline
from hexcal.core.roles import Role
from hexcal.core.step import Step
from hexcal.datamodels import ImageModel, ModelContainer


class SumStep(Step):
    """Add the exposures of an association."""

    alias = "sum_of_members"

    def process(self, exposures):
        assert isinstance(exposures, ModelContainer)
        total = exposures[0]
        for model in exposures[1:]:
            total.data += model.data
        return total


class SumPipeline(Pipeline):
    """Add the exposures of an association, as a pipeline."""

    alias = "calwebb_sum"
    step_defs = {"sum_of_members": SumStep}

    def process(self, exposures):
        return self.sum_of_members(exposures)


@pytest.fixture
def association(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for value, name in ((1, "a_cal.fits"), (2, "b_cal.fits")):
        ImageModel(np.full((4, 5), value, np.float32)).save(tmp_path / name)
    members = [{"expname": name, "exptype": "science"} for name in ("a_cal.fits", "b_cal.fits")]
    content = {"asn_id": "o001", "asn_pool": "none", "products": [{"name": "mosaic", "members": members}]}
    (tmp_path / "x_asn.json").write_text(json.dumps(content))
    return content


@pytest.mark.req("ASN2-06")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("all", "all_image_of_all.fits"),
        ("all.fits", "all_image_of_all.fits"),
        ("all.v2", "all.v2_image_of_all.fits"),
        (None, "jw1_a_image_of_all.fits"),
    ],
)
def test_a_product_without_a_name_is_named_after_its_science_exposure(tmp_path, monkeypatch, name, expected):
    monkeypatch.chdir(tmp_path)

    class OfAllPipeline(Pipeline):
        """Takes a background away."""

        alias = "image_of_all"
        roles = (Role("science", "ImageModel"), Role("background", "ImageModel", many=True, required=False))

        def process(self, science, background):
            return science

    for number, file in enumerate(("jw1_b_rate.fits", "jw1_a_rate.fits")):
        datamodels.ImageModel(np.full((2, 2), number, "f4")).save(file)
    members = [
        {"expname": "jw1_b_rate.fits", "exptype": "background"},
        {"expname": "jw1_a_rate.fits", "exptype": "science"},
    ]
    product = {"members": members} if name is None else {"name": name, "members": members}
    (tmp_path / "asn.json").write_text(json.dumps({"asn_rule": "x", "products": [product]}))
    OfAllPipeline.call("asn.json", save_results=True)
    assert (tmp_path / expected).is_file()


@pytest.mark.req("ASN-05")
@pytest.mark.parametrize("target", [SumStep, SumPipeline])
def test_an_association_file_is_the_input_of_a_pipeline(association, tmp_path, target):
    assert target.call("x_asn.json").data[0, 0] == 3
    # the members in their files stay what they were
    assert datamodels.open(tmp_path / "a_cal.fits").data[0, 0] == 1


def test_an_open_container_is_not_changed(association):
    container = datamodels.open("x_asn.json")
    assert SumStep.call(container).data[0, 0] == 3
    assert container[0].data[0, 0] == 1
    assert SumStep.call(datamodels.open(association)).data[0, 0] == 3


def test_a_pipeline_of_single_exposures_says_so(association, capsys):
    assert main(["run", "calwebb_detector1", "x_asn.json"]) == 1
    message = capsys.readouterr().err
    assert "works on RampModel or GuiderRawModel, the input is an association" in message


def test_info_lists_the_members(association, capsys):
    assert main(["info", "x_asn.json"]) == 0
    assert "science      b_cal.fits" in capsys.readouterr().out
