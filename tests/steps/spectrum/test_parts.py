"""A correction that acts on each slit, and what happens to a slit that it cannot be used on."""

import logging

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.core import SkipStep
from hexcal.steps.spectrum.parts import SkipPart, correct_parts, name_of_part, parts_of

LOG = logging.getLogger("hexcal.tests.parts")


def make_slits(*names, exposure_type="NRS_FIXEDSLIT"):
    model = datamodels.MultiSlitModel()
    model.meta.telescope, model.meta.instrument.name = "JWST", "NIRSPEC"
    model.meta.exposure.type = exposure_type
    model.slits = [datamodels.SlitModel(np.ones((2, 3), np.float32)) for _ in names]
    for slit, name in zip(model.slits, names, strict=True):
        slit.name = name
    return model


def test_parts_are_slits_or_the_exposure_itself():
    slits = make_slits("S200A1", "S200A2")
    assert parts_of(slits) == slits.slits
    image = datamodels.ImageModel(np.ones((2, 3), np.float32))
    assert parts_of(image) == [image]


@pytest.mark.parametrize(
    ("exposure_type", "text"), [("NRS_FIXEDSLIT", "slit 12"), ("NRS_MSASPEC", "slitlet 12 (source 5)")]
)
def test_names(exposure_type, text):
    slits = make_slits("12", exposure_type=exposure_type)
    slits.slits[0].source_id = 5
    assert name_of_part(slits.slits[0], slits) == text
    assert name_of_part(datamodels.ImageModel(np.ones((2, 3), np.float32))) == "the exposure"


def double(part):
    if part.name == "S200A2":
        raise SkipPart("all of its values are NaN")
    part.data *= 2


def test_a_part_without_use_is_left_as_it_is_and_the_others_go_on(caplog):
    slits = make_slits("S200A1", "S200A2", "S400A1")
    with caplog.at_level(logging.WARNING, LOG.name):
        corrected = correct_parts(slits, double, LOG)
    assert [part.name for part in corrected] == ["S200A1", "S400A1"]
    assert [slit.data[0, 0] for slit in slits.slits] == [2, 1, 2]
    assert "Not corrected: slit S200A2: all of its values are NaN" in caplog.text


def test_the_step_is_skipped_where_no_part_is_corrected():
    with pytest.raises(SkipStep, match="all of its values are NaN"):
        correct_parts(make_slits("S200A2", "S200A2"), double, LOG)
