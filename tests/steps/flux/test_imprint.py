"""Light that passes the closed shutters of NIRSpec."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.steps.flux.imprint import ImprintStep

SHAPE = (4, 5)


def rate(value, observation="001", position=1, background=None, shape=SHAPE, dq=0):
    kind = datamodels.IFUImageModel if len(shape) == 2 else datamodels.CubeModel
    model = kind(np.full(shape, value, "f4"), err=np.full(shape, 2, "f4"))
    model.dq, model.var_poisson = np.full(shape, dq, "u4"), np.full(shape, 3, "f4")
    model.meta.telescope, model.meta.instrument.name, model.meta.exposure.type = "JWST", "NIRSPEC", "NRS_IFU"
    model.meta.instrument.detector = "NRS1"
    model.meta.observation.observation_number, model.meta.dither.position_number = observation, position
    model.meta.observation.bkgdtarg = background
    return model


@pytest.mark.req("IMPR-01", "IMPR-02", "IMPR-04", "IMPR-05")
@pytest.mark.parametrize("shape", [SHAPE, (3, *SHAPE)])
def test_values_are_subtracted_and_flags_added(shape):
    science = rate(10, shape=shape, dq=2)
    result = ImprintStep.call(science, [rate(1, dq=4)])
    assert (result.data == 9).all() and (result.dq == 6).all()
    assert (result.err == 2).all() and (result.var_poisson == 3).all()
    assert result.meta.cal_step.imprint == "COMPLETE"
    assert (science.data == 10).all() and science.meta.cal_step.imprint is None
    assert ImprintStep.reference_types == ()


@pytest.mark.req("IMPR-02")
def test_files_may_be_given(tmp_path):
    rate(10).save(tmp_path / "a_rate.fits")
    rate(1).save(tmp_path / "b_rate.fits")
    result = ImprintStep.call(str(tmp_path / "a_rate.fits"), [str(tmp_path / "b_rate.fits")])
    assert (result.data == 9).all()


@pytest.mark.req("IMPR-03")
@pytest.mark.parametrize(
    ("imprints", "value"),
    [
        ([rate(1, position=2), rate(2, position=1)], 8),
        ([rate(1), rate(2)], 9),
        ([rate(1, position=2), rate(2, position=3)], 10),
        ([rate(1, observation="002"), rate(2, observation="003")], 10),
        ([rate(1, observation="002")], 9),
        ([rate(1, background=True), rate(2, observation="002", position=4, background=False)], 8),
        ([], 10),
    ],
)
def test_the_imprint_that_belongs_to_the_exposure_is_taken(imprints, value):
    result = ImprintStep.call(rate(10, background=False if len(imprints) == 2 and value == 8 else None), imprints)
    assert (result.data == value).all()
    assert result.meta.cal_step.imprint == ("SKIPPED" if value == 10 else "COMPLETE")


@pytest.mark.parametrize("shape", [(4, 6), (3, *SHAPE)])
def test_an_imprint_of_another_size_is_refused(shape):
    with pytest.raises(InputError, match="must have the size of the exposure"):
        ImprintStep.call(rate(10), [rate(1, shape=shape)])


def test_an_exposure_that_is_all_nan_stays_so():
    assert np.isnan(ImprintStep.call(rate(np.nan), [rate(1)]).data).all()


def test_skip():
    result = ImprintStep.call(rate(10), [rate(1)], skip=True)
    assert (result.data == 10).all() and result.meta.cal_step.imprint == "SKIPPED"
