"""Subtraction of the superbias."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.steps.detector.superbias import SuperBiasStep, subtract_superbias


def make_ramp(shape=(2, 5, 4, 6), instrument="NIRCAM", value=100.0):
    ramp = datamodels.RampModel(np.full(shape, value, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = shape[:2]
    return ramp


@pytest.mark.req("SBIAS-01", "SBIAS-02", "SBIAS-03")
def test_known_values():
    data = np.full((2, 3, 2, 2), 10, np.float32)
    flags = np.uint32([[1, 0], [0, 0]])
    subtract_superbias(data, flags, np.float32([[1, 2], [np.nan, 4]]), np.uint32([[2, 0], [4, 0]]), threads=2)
    assert (data == np.float32([[9, 8], [10, 6]])).all()
    assert flags.tolist() == [[3, 0], [4, 0]]


@pytest.mark.req("SBIAS-03", "SBIAS-04", "SBIAS-10")
def test_step():
    ramp = make_ramp()
    ramp.groupdq[0, 0, 0, 0], ramp.err[:] = 4, 7
    bias = datamodels.SuperBiasModel(np.full((4, 6), 30, np.float32))
    bias.dq = np.zeros((4, 6), np.uint32)
    bias.dq[2, 2] = pixel.UNRELIABLE_BIAS
    result = SuperBiasStep.call(ramp, override_superbias=bias)
    assert (result.data == 70).all()
    assert (result.err == 7).all()
    assert result.groupdq.sum() == 4
    assert result.pixeldq[2, 2] == pixel.UNRELIABLE_BIAS
    assert result.meta.cal_step.superbias == "COMPLETE"


@pytest.mark.req("REF-12")
@pytest.mark.parametrize("axes", [(1, 2), (-1, -2), (2, -1), (None, None)])
def test_the_orientation_of_a_reference_is_neither_checked_nor_corrected(axes, tmp_path):
    image = np.arange(24, dtype=np.float32).reshape(4, 6)
    bias = datamodels.SuperBiasModel(image)
    bias.meta.subarray.fastaxis, bias.meta.subarray.slowaxis = axes
    ramp = make_ramp()
    ramp.meta.subarray.fastaxis, ramp.meta.subarray.slowaxis = 1, 2
    result = SuperBiasStep.call(ramp, override_superbias=bias.save(tmp_path / "bias.fits"))
    assert (result.data == 100 - image).all()


@pytest.mark.req("SBIAS-06")
def test_subarray_is_cut_out_of_a_file(tmp_path):
    bias = datamodels.SuperBiasModel(np.arange(1024, dtype=np.float32).reshape(32, 32))
    bias.meta.subarray.xstart = bias.meta.subarray.ystart = 1
    bias.save(tmp_path / "superbias.fits")
    ramp = make_ramp(value=0)
    ramp.meta.subarray.xstart, ramp.meta.subarray.ystart = 9, 5
    result = SuperBiasStep.call(ramp, override_superbias=str(tmp_path / "superbias.fits"))
    np.testing.assert_array_equal(-result.data[1, 2], np.arange(1024).reshape(32, 32)[4:8, 8:14])


def test_reference_that_is_too_small_is_refused():
    with pytest.raises(ReferenceError_, match=r"\(4, 6\).*\(3, 6\)"):
        SuperBiasStep.call(make_ramp(), override_superbias=datamodels.SuperBiasModel(np.ones((3, 6), np.float32)))


def test_skipped_without_reference():
    result = SuperBiasStep.call(make_ramp(), override_superbias="N/A")
    assert result.meta.cal_step.superbias == "SKIPPED"
    assert (result.data == 100).all()
