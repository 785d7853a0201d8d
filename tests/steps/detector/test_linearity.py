"""The linearity correction."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.steps.detector.linearity import LinearityStep, correct_linearity


def make_ramp(shape=(2, 5, 4, 6), instrument="NIRCAM", value=100.0):
    ramp = datamodels.RampModel(np.full(shape, value, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = shape[:2]
    return ramp


def make_reference(shape=(3, 4, 6)):
    reference = datamodels.LinearityModel(np.zeros(shape, np.float32))
    reference.coeffs[1] = 1
    reference.coeffs[2:3] = 0.01
    reference.dq = np.zeros(shape[1:], np.uint32)
    return reference


@pytest.mark.req("LIN-01", "LIN-09")
def test_known_values():
    result = LinearityStep.call(make_ramp(), override_linearity=make_reference())
    np.testing.assert_allclose(result.data, 100 + 0.01 * 100**2, rtol=1e-6)
    assert not result.pixeldq.any()
    assert result.meta.cal_step.linearity == "COMPLETE"


@pytest.mark.req("LIN-02", "LIN-03")
@pytest.mark.parametrize(("order", "value"), [(0, np.nan), (1, np.nan), (2, np.nan), (1, 0)])
def test_pixel_without_correction(order, value):
    reference = make_reference()
    reference.coeffs[order, 1, 2] = value
    reference.dq[3, 3] = pixel.NO_LIN_CORR
    result = LinearityStep.call(make_ramp(), override_linearity=reference)
    alone = result.data[0, 0] == 100
    assert alone[1, 2]
    assert alone[3, 3]
    assert alone.sum() == 2
    np.testing.assert_array_equal(result.pixeldq == pixel.NO_LIN_CORR, alone)


@pytest.mark.req("LIN-04", "LIN-05")
def test_saturated_groups_only_are_left_alone():
    ramp = make_ramp()
    ramp.groupdq[1, 3:, 2, 2] = 2
    ramp.groupdq[0, 0, 0, 0] = 1 | 4
    ramp.pixeldq[0, 1] = pixel.NO_LIN_CORR
    ramp.err[:] = 7
    reference = make_reference()
    reference.dq[0, 5] = pixel.NONLINEAR
    result = LinearityStep.call(ramp, override_linearity=reference)
    alone = result.data == 100
    assert alone[1, 3:, 2, 2].all()
    assert alone.sum() == 2
    assert result.pixeldq[2, 2] == 0
    assert result.pixeldq[0, 5] == pixel.NONLINEAR
    assert (result.err == 7).all()
    np.testing.assert_array_equal(result.groupdq, ramp.groupdq)


@pytest.mark.req("LIN-07", "LIN-10")
def test_subarray_is_cut_out_of_a_file(tmp_path):
    coefficients, flags = np.zeros((4, 64, 48), np.float32), np.zeros((64, 48), np.int32)
    coefficients[1] = np.arange(1, 64 * 48 + 1).reshape(64, 48)
    flags[4, 8] = 2
    definitions = np.array([(1, 2, b"NONLINEAR", b"")], "i4,u4,S40,S80")
    definitions.dtype.names = ("BIT", "VALUE", "NAME", "DESCRIPTION")
    header = fits.Header(
        {"TELESCOP": "JWST", "INSTRUME": "NIRCAM", "REFTYPE": "LINEARITY", "SUBSTRT1": 1, "SUBSTRT2": 1}
    )
    extensions = (
        fits.ImageHDU(coefficients, name="COEFFS"),
        fits.ImageHDU(flags, name="DQ"),
        fits.BinTableHDU(definitions, name="DQ_DEF"),
    )
    fits.HDUList([fits.PrimaryHDU(header=header), *extensions]).writeto(tmp_path / "linearity.fits")
    ramp = make_ramp((1, 2, 40, 6), value=1)
    ramp.meta.subarray.xstart, ramp.meta.subarray.ystart = 9, 5
    result = LinearityStep.call(ramp, override_linearity=str(tmp_path / "linearity.fits"))
    np.testing.assert_array_equal(result.data[0, 1], np.arange(1, 64 * 48 + 1).reshape(64, 48)[4:44, 8:14])
    assert result.pixeldq[0, 0] == pixel.NONLINEAR and np.count_nonzero(result.pixeldq) == 1


def test_same_bits_for_any_number_of_threads():
    rng = np.random.default_rng(5)
    data = rng.uniform(0, 6e4, (1, 3, 100, 7)).astype(np.float32)
    coefficients = (rng.normal(1, 0.1, (4, 100, 7)) * np.float32([1, 1, 1e-6, 1e-11])[:, None, None]).astype(np.float32)
    coefficients[3, 50] = np.nan
    flags = np.zeros((100, 7), np.uint32)
    expected = coefficients[3] * data + coefficients[2]
    expected = (expected * data + coefficients[1]) * data + coefficients[0]
    expected[:, :, 50] = data[:, :, 50]
    for threads in (1, 2, 3):
        result = data.copy()
        correct_linearity(
            result,
            np.zeros(data.shape, np.uint8),
            flags,
            lambda index: np.ascontiguousarray(coefficients[index]),
            None,
            threads=threads,
        )
        np.testing.assert_array_equal(result, expected)
    assert (flags[50] == pixel.NO_LIN_CORR).all()
    assert np.count_nonzero(flags) == 7


def test_a_constant_is_no_polynomial():
    with pytest.raises(ReferenceError_, match="orders 0 and 1"):
        LinearityStep.call(make_ramp(), override_linearity=datamodels.LinearityModel(np.ones((1, 4, 6), np.float32)))
