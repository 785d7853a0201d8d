"""The polynomial of the linearity correction."""

import numpy as np
import pytest

from hexcal.kernels.linearity import linearize

SATURATED = 2


def twin(data, group_dq, coefficients, uncorrected):
    sums = np.broadcast_to(coefficients[-1], data.shape).astype(np.float32)
    for plane in coefficients[-2::-1]:
        sums = sums * data + plane
    return np.where(uncorrected | (group_dq & SATURATED > 0), data, sums)


@pytest.fixture
def case():
    rng = np.random.default_rng(3)
    data = rng.uniform(-100, 60000, (2, 4, 9, 11)).astype(np.float32)
    data[0, 0, 0, 0] = np.nan
    group_dq = rng.integers(0, 8, data.shape).astype(np.uint8)
    scale = np.float32([3, 1, 1e-6, 1e-11, 1e-16])[:, None, None]
    coefficients = (rng.normal(1, 0.1, (5, 9, 11)) * scale).astype(np.float32)
    uncorrected = rng.random((9, 11)) < 0.2
    return data, group_dq, coefficients, uncorrected


@pytest.mark.req("LIN-01")
def test_known_polynomial():
    data = np.float32([[[[2.0]], [[3.0]]]])
    coefficients = np.float32([1, 2, 3, 4])[:, None, None]
    linearize(0, 1, data, np.zeros(data.shape, np.uint8), coefficients, 0, np.zeros((1, 1), bool), SATURATED)
    assert data.ravel().tolist() == [1 + 4 + 12 + 32, 1 + 6 + 27 + 108]


@pytest.mark.req("LIN-01")
@pytest.mark.parametrize("n_coefficients", [2, 3, 5])
def test_equals_twin_bit_for_bit(case, n_coefficients):
    data, group_dq, coefficients, uncorrected = case
    coefficients = coefficients[:n_coefficients].copy()
    expected = twin(data, group_dq, coefficients, uncorrected)
    linearize(0, 9, data, group_dq, coefficients, 0, uncorrected, SATURATED)
    np.testing.assert_array_equal(data, expected)


def test_same_bits_wherever_bands_are_cut(case):
    data, group_dq, coefficients, uncorrected = case
    expected = twin(data, group_dq, coefficients, uncorrected)
    for first, last in ((0, 4), (4, 5), (5, 9)):
        linearize(
            first,
            last,
            data,
            group_dq,
            coefficients[:, first:last].copy(),
            first,
            uncorrected[first:last].copy(),
            SATURATED,
        )
    np.testing.assert_array_equal(data, expected)


def test_identity_changes_nothing(case):
    data, group_dq, coefficients, uncorrected = case
    before = data.copy()
    coefficients[:] = 0
    coefficients[1] = 1
    linearize(0, 9, data, group_dq, coefficients, 0, uncorrected, SATURATED)
    np.testing.assert_array_equal(data, before)
