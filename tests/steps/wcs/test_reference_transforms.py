"""Transforms of reference files, as descriptions."""

import pytest
from astropy.modeling import models

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.models.open import open as open_model
from hexcal.models.wcs.transforms import Compound
from hexcal.steps.wcs.reference_transforms import content_of, transform_in


def _reference(transform, other):
    model = datamodels.DistortionModel(model=transform)
    model.meta.reftype = "distortion"
    model.set_unchecked("other", other)
    return model


def test_of_a_file_and_of_a_model_in_memory(tmp_path):
    model = _reference(models.Shift(1.0) & models.Scale(2.0), [1, 2])
    model.save(tmp_path / "a.asdf")
    stored = open_model(tmp_path / "a.asdf")
    assert stored.meta.reftype == "distortion"
    for reference in (model, stored):
        assert isinstance(transform_in(reference, "model", "distortion"), Compound)
        assert content_of(reference, "other", "distortion") == [1, 2]
        assert content_of(reference, "nothing", "distortion") is None
    assert stored.tree["model"](1.0, 1.0) == (2.0, 2.0)


def test_what_is_no_transform_or_an_unknown_one_is_told(tmp_path):
    _reference(models.Gaussian2D(), 3.0).save(tmp_path / "a.asdf")
    reference = open_model(tmp_path / "a.asdf")
    with pytest.raises(ReferenceError_, match=r"transform that Hexcal does not know.*gaussian2d"):
        transform_in(reference, "model", "distortion")
    with pytest.raises(ReferenceError_, match="a distortion file with a transform named 'other' is required"):
        transform_in(reference, "other", "distortion")
