"""Saturated samples and their neighbours."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from hexcal.kernels import saturation as kernels

NO_CHECK, SATURATED, FLOOR = 1 << 21, 2, 65


def twin(data, threshold, flags, distance):
    """The same, group by group: the flags, and the flags SATURATED alone."""
    saturated = np.zeros(data.shape, bool)
    for integration in range(data.shape[0]):
        for group in range(data.shape[1]):
            now = data[integration, group] >= threshold
            saturated[integration, group] = now | (saturated[integration, group - 1] if group else False)
    grown = maximum_filter(saturated, (1, 1, 2 * distance + 1, 2 * distance + 1), mode="constant")
    return flags | np.where(grown, SATURATED, 0) | np.where(data <= 0, FLOOR, 0), grown


@pytest.fixture
def ramp():
    rng = np.random.default_rng(3)
    data = np.cumsum(rng.exponential(600, (3, 7, 21, 33)), axis=1).astype(np.float32)
    data[rng.random(data.shape) < 0.002] = 0
    data[rng.random(data.shape) < 0.002] = np.nan
    data[rng.random(data.shape) < 0.001] = -5
    return data


def run(data, threshold, flags, distance, bands):
    first = np.empty(np.delete(data.shape, 1), np.int16)
    grown = np.empty_like(first)
    edges = np.linspace(0, data.shape[2], bands + 1).astype(int)
    for low, high in itertools.pairwise(edges):
        kernels.find_saturation(low, high, data, threshold, FLOOR, flags, first)
    for low, high in itertools.pairwise(edges):
        kernels.flag_saturation(low, high, first, distance, SATURATED, flags, grown)
    return grown


@pytest.mark.req("SAT-01", "SAT-02", "SAT-04", "SAT-05")
@pytest.mark.parametrize("distance", [0, 1, 2, 40])
@pytest.mark.parametrize("bands", [1, 5])
def test_equals_twin(ramp, distance, bands):
    rng = np.random.default_rng(4)
    threshold = rng.uniform(6000, 9000, ramp.shape[2:]).astype(np.float32)
    flags = (rng.random(ramp.shape) < 0.1).astype(np.uint8)
    expected, saturated = twin(ramp, threshold, flags, distance)
    grown = run(ramp, threshold, flags, distance, bands)
    np.testing.assert_array_equal(flags, expected)
    np.testing.assert_array_equal(grown, np.where(saturated.any(axis=1), saturated.argmax(axis=1), ramp.shape[1]))


def test_nothing_saturated(ramp):
    flags = np.zeros(ramp.shape, np.uint8)
    grown = run(np.abs(ramp) + 1, np.full(ramp.shape[2:], 1e6, np.float32), flags, 1, 2)
    assert not flags.any()
    assert (grown == ramp.shape[1]).all()


@pytest.mark.req("SAT-03")
def test_thresholds_that_are_not_used():
    threshold = np.float32([[100, np.nan, 300, np.inf]])
    reference_dq = np.uint32([[1024, 0, NO_CHECK, 0]])
    pixel_dq = np.uint32([[1, 2, 1 << 31, 0]])
    usable = np.empty_like(threshold)
    kernels.prepare_threshold(0, 1, threshold, reference_dq, NO_CHECK, 65536.0, pixel_dq, usable)
    assert usable.tolist() == [[100, 65536, 65536, np.inf]]
    assert pixel_dq.tolist() == [[1025, 2 | NO_CHECK, NO_CHECK | 1 << 31, 0]]
    assert usable.dtype == np.float32


def test_partly_saturated_groups_grow_each_in_its_own_group():
    partly = np.full((1, 5, 5), -1, np.int16)
    partly[0, 0, 0], partly[0, 1, 3] = 0, 2
    flags = np.zeros((1, 3, 5, 5), np.uint8)
    for row in range(5):
        kernels.flag_partly_saturated(row, row + 1, partly, 1, 1, flags)
    assert flags[0, 0].sum() == 4
    assert flags[0, 1].sum() == 0
    assert flags[0, 2, :3, 2:].all()
    assert flags[0, 2].sum() == 9
