"""Deconvolution of the interpixel capacitance."""

import numpy as np
import pytest
from scipy.signal import convolve2d

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.steps.detector.ipc import IPCStep, correct_ipc

KERNEL = np.float32([[0, -0.006, 0], [-0.007, 1.025, -0.005], [0, -0.007, 0]])


def make_ramp(shape, detector="NRCA1", instrument="NIRCAM", start=(1, 1), subarray="FULL"):
    ramp = datamodels.RampModel(np.random.default_rng(1).normal(1000, 100, shape).astype(np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name, ramp.meta.instrument.detector = "JWST", instrument, detector
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = shape[:2]
    own = ramp.meta.subarray
    own.name, own.xstart, own.ystart, own.xsize, own.ysize = subarray, *start, shape[3], shape[2]
    return ramp


def borders(result, ramp):
    """Number of unchanged columns at the left and right, and of unchanged rows at the bottom and top."""
    changed = (result.data != ramp.data).any(axis=(0, 1))
    columns, rows = np.nonzero(changed.any(axis=0))[0], np.nonzero(changed.any(axis=1))[0]
    return int(columns[0]), int(changed.shape[1] - 1 - columns[-1]), int(rows[0]), int(changed.shape[0] - 1 - rows[-1])


@pytest.mark.req("IPC-01", "IPC-02", "IPC-03")
def test_point_source_is_restored():
    ramp = make_ramp((2, 2, 40, 40), subarray="SUB64P")
    capacitance = np.array([[0, 0.006, 0], [0.007, 0.975, 0.005], [0, 0.007, 0]])
    point = np.zeros((40, 40))
    point[20, 21] = 1e4
    ramp.data[:] = convolve2d(point, capacitance, mode="same")
    ramp.groupdq[:], ramp.pixeldq[:], ramp.err[:] = 4, 1024, 7
    result = IPCStep.call(ramp, override_ipc=datamodels.IPCModel(KERNEL))
    assert result.data[1, 1, 20, 21] == pytest.approx(1e4, rel=1e-3)
    assert np.abs(result.data[1, 1, 19:22, 20]).max() < 5
    assert (result.groupdq == 4).all()
    assert (result.pixeldq == 1024).all()
    assert (result.err == 7).all()
    assert result.meta.cal_step.ipc == "COMPLETE"


@pytest.mark.req("IPC-02", "IPC-04")
@pytest.mark.parametrize(
    ("detector", "instrument", "start", "expected"),
    [
        ("NRCA1", "NIRCAM", (1, 1), (4, 0, 4, 0)),
        ("NRCA1", "NIRCAM", (101, 301), (0, 0, 0, 0)),
        ("NRS2", "NIRSPEC", (2021, 2025), (0, 4, 0, 4)),
        ("NIS", "NIRISS", (3, 2), (2, 0, 3, 0)),
        ("MIRIMAGE", "MIRI", (1, 1), (4, 0, 0, 0)),
        ("MIRIMAGE", "MIRI", (1005, 1001), (0, 4, 0, 0)),
    ],
)
def test_reference_pixels_are_those_of_the_detector(detector, instrument, start, expected):
    ramp = make_ramp((1, 2, 24, 28), detector, instrument, start, "SUB64P")
    result = IPCStep.call(ramp, override_ipc=datamodels.IPCModel(KERNEL))
    assert borders(result, ramp) == expected
    left, right, bottom, top = expected
    inside = np.zeros((24, 28), bool)
    inside[bottom : 24 - top, left : 28 - right] = True
    image = ramp.data[0, 1]
    truth = np.where(inside, convolve2d(np.where(inside, image, 0).astype(float), KERNEL, mode="same"), image)
    np.testing.assert_allclose(result.data[0, 1], truth, rtol=1e-6)


@pytest.mark.req("IPC-06")
def test_kernel_per_pixel_is_cut_to_the_subarray():
    kernel = np.zeros((3, 3, 64, 64), np.float32)
    kernel[1, 1] = np.arange(64)
    reference = datamodels.IPCModel(kernel)
    reference.meta.subarray.xstart = reference.meta.subarray.ystart = 1
    reference.meta.subarray.xsize = reference.meta.subarray.ysize = 64
    ramp = make_ramp((1, 1, 8, 9), start=(11, 21), subarray="SUB64P")
    result = IPCStep.call(ramp, override_ipc=reference)
    np.testing.assert_allclose(result.data, ramp.data * (10 + np.arange(9)), rtol=1e-6)


@pytest.mark.parametrize("shape", [(2, 2), (3, 4), (3, 3, 3)])
def test_kernel_of_a_wrong_shape(shape):
    with pytest.raises(ReferenceError_, match="odd"):
        IPCStep.call(
            make_ramp((1, 1, 3, 3), start=(11, 21), subarray="SUB64P"),
            override_ipc=datamodels.IPCModel(np.ones(shape, np.float32)),
        )


def test_without_reference():
    result = IPCStep.call(make_ramp((1, 1, 8, 8)), override_ipc="N/A")
    assert result.meta.cal_step.ipc == "SKIPPED"


def test_any_number_of_threads():
    results = []
    for threads in (1, 2, 5):
        data = np.random.default_rng(2).normal(0, 1, (2, 2, 30, 20)).astype(np.float32)
        correct_ipc(data, KERNEL, slice(4, 30), slice(0, 20), threads)
        results.append(data)
    assert (results[0] == results[1]).all()
    assert (results[0] == results[2]).all()
