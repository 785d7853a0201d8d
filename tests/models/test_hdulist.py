"""Models of an open file of astropy."""

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_uncal

from hexcal import datamodels


@pytest.fixture
def uncal(tmp_path):
    return write_uncal(tmp_path)


def test_an_open_file_of_astropy_is_the_model_that_it_is(uncal):
    with fits.open(uncal) as hdus:
        model = datamodels.open(hdus)
        ramp = datamodels.RampModel(hdus)
    assert type(model) is datamodels.Level1bModel
    # The list is closed: the model has what it needs.
    assert np.array_equal(model.data, fits.getdata(uncal, "SCI")) and model.meta.instrument.name == "NIRCAM"
    assert ramp.data.dtype == np.float32 and ramp.shape == model.shape and model.path == uncal


def test_what_was_changed_in_memory_counts(uncal, tmp_path):
    with fits.open(uncal) as hdus:
        hdus["SCI"].data[...] = 7
        hdus[0].header["FILTER"] = "F444W"
        model = datamodels.open(hdus)
    assert (model.data == 7).all() and model.meta.instrument.filter == "F444W"
    model.save(tmp_path / "x_uncal.fits")
    assert (fits.getdata(tmp_path / "x_uncal.fits", "SCI") == 7).all()


def test_a_list_that_has_no_file(tmp_path):
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.ones((2, 3), "f4"), name="SCI")])
    model = datamodels.open(hdus)
    assert type(model) is datamodels.ImageModel and model.path is None and model.data.sum() == 6
    assert model.copy().data.sum() == 6
    model.save(tmp_path / "x.fits")
    assert datamodels.open(tmp_path / "x.fits").data.sum() == 6
