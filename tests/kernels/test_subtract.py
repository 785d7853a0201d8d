"""The subtraction of an image from groups of a ramp."""

import itertools

import numpy as np
import pytest

from hexcal.kernels.subtract import subtract


def twin(data, plane, integrations, groups):
    data[integrations, groups] -= np.where(np.isnan(plane), 0, plane)


@pytest.fixture
def ramp():
    return np.random.default_rng(1).uniform(0, 6e4, (3, 5, 8, 7)).astype(np.float32)


@pytest.fixture
def image():
    plane = np.random.default_rng(2).normal(0, 100, (8, 7)).astype(np.float32)
    plane[2, 3] = np.nan
    plane[4, 1] = np.inf
    return plane


def test_known_value():
    data = np.full((1, 2, 2, 2), 10, np.float32)
    subtract(0, 2, data, np.float32([[1, 2], [3, np.nan]]), 0, 0, 1, 1, 2)
    assert data[0, 0].tolist() == [[10, 10], [10, 10]]
    assert data[0, 1].tolist() == [[9, 8], [7, 10]]


@pytest.mark.parametrize(
    ("integrations", "groups"), [((0, 3), (0, 5)), ((1, 2), (0, 5)), ((0, 3), (4, 5)), ((2, 2), (0, 5))]
)
def test_equals_twin(ramp, image, integrations, groups):
    expected = ramp.copy()
    twin(expected, image, slice(*integrations), slice(*groups))
    subtract(0, 8, ramp, image, 0, *integrations, *groups)
    np.testing.assert_array_equal(ramp, expected)


@pytest.mark.parametrize("cuts", [(0, 8), (0, 1, 8), (0, 3, 5, 8)])
def test_same_bits_wherever_bands_are_cut(ramp, image, cuts):
    expected = ramp.copy()
    twin(expected, image, slice(None), slice(None))
    for first, last in itertools.pairwise(cuts):
        subtract(first, last, ramp, np.ascontiguousarray(image[first:last]), first, 0, 3, 0, 5)
    np.testing.assert_array_equal(ramp, expected)


def test_only_rows_of_the_band_change(ramp, image):
    before = ramp.copy()
    subtract(2, 4, ramp, image, 0, 0, 3, 0, 5)
    changed = (ramp != before).any(axis=(0, 1, 3))
    assert changed.tolist() == [False, False, True, True, False, False, False, False]
