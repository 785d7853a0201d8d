"""fringe of MIRI MRS: values and errors divided where the reference has a value."""

import miri_spectra as miri
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.step import FringeStep

SHAPE = (6, 8)


@pytest.fixture
def flat():
    fringe = np.full(SHAPE, 0.8, "f4")
    fringe[:, 3:] = 1.25
    fringe[2, 2] = np.nan
    return fringe


def write(folder, data):
    model = datamodels.FringeModel(data=data, err=np.zeros_like(data), dq=np.zeros(data.shape, "u4"))
    model.update({"meta": {"telescope": "JWST", "reftype": "FRINGE", "instrument": {"name": "MIRI"}}})
    model.save(folder / "fringe.fits")
    return str(folder)


def exposure():
    model = miri.mrs_exposure(np.full(SHAPE, 10, "f4"))
    model.err, model.var_poisson, model.var_rnoise = (np.full(SHAPE, value, "f4") for value in (2, 3, 1))
    model.dq[0, 0] = 4
    return model


@pytest.mark.req("FRNG-01", "FRNG-02", "FRNG-03", "ERR-07")
def test_values_and_errors_are_divided(tmp_path, flat):
    before = exposure()
    result = FringeStep.call(before, references=write(tmp_path, flat))
    factor = np.where(np.isnan(flat), 1, flat)
    assert np.array_equal(result.data, before.data / factor) and np.array_equal(result.err, before.err / factor)
    for name in ("var_poisson", "var_rnoise", "dq"):
        assert np.array_equal(getattr(result, name), getattr(before, name))


@pytest.mark.req("FRNG-04")
def test_status(tmp_path, flat):
    assert FringeStep.call(exposure(), references=write(tmp_path, flat)).meta.cal_step.fringe == "COMPLETE"
    other = exposure()
    other.meta.exposure.type = "NRS_IFU"
    assert FringeStep.call(other, references=str(tmp_path)).meta.cal_step.fringe == "SKIPPED"


def test_variances_that_remain_those_of_the_errors(tmp_path, flat):
    result = FringeStep.call(exposure(), references=write(tmp_path, flat), scale_variances=True)
    assert result.var_poisson + result.var_rnoise == pytest.approx(result.err**2, rel=1e-6)


def test_a_fringe_flat_of_another_shape(tmp_path):
    with pytest.raises(ReferenceError_, match="shape of the exposure"):
        FringeStep.call(exposure(), references=write(tmp_path, np.ones((4, 4), "f4")))
