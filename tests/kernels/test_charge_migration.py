"""First bright group, and its neighbours."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, generate_binary_structure

from hexcal.kernels import charge_migration as kernels

LOSS, DO_NOT_USE = 129, 1


def twin(data, flags, threshold):
    """The same, group by group."""
    above = np.logical_or.accumulate((data > threshold) & (flags != DO_NOT_USE), axis=1)
    cross = generate_binary_structure(2, 1)
    grown = np.array([[binary_dilation(image, cross) for image in ramp] for ramp in above])
    return flags | np.where(grown, LOSS, 0)


@pytest.mark.parametrize("bands", [1, 2, 5])
def test_equal_to_the_plain_way_for_any_bands(bands):
    rng = np.random.default_rng(4)
    data = np.cumsum(rng.exponential(500, (3, 6, 20, 17)), axis=1).astype(np.float32)
    data[rng.random(data.shape) < 0.01] = np.nan
    flags = rng.choice([0, 1, 2, 3, 4], data.shape, p=[0.8, 0.05, 0.05, 0.05, 0.05]).astype(np.uint8)
    expected = twin(data, flags, 4500)
    first = np.empty((3, 20, 17), np.int32)
    edges = list(itertools.pairwise(np.linspace(0, 20, bands + 1).astype(int)))
    for low, high in edges:
        kernels.find_first_above(low, high, data, flags, DO_NOT_USE, 4500.0, first)
    for low, high in edges:
        kernels.flag_with_neighbors(low, high, first, LOSS, flags)
    np.testing.assert_array_equal(flags, expected)
    assert (flags == LOSS).any()
