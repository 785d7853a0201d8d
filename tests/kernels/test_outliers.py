"""The comparison of an image with the median of all."""

import itertools

import numpy as np
import pytest

from hexcal.kernels.outliers import FIRST, SECOND, STEEP, compare

NONE = np.zeros((1, 1), "f4")
LIMITS = (5.0, 1.2, 4.0, 0.7, 0.6, 1.5, 0.3, 0.17)
"""snr, scale; beside a detection; scale of stars, of their tops, beside a detection on them; sharpening."""


def run(data, expected, errors, number, spread, limits, bands=1):
    passed = np.empty(data.shape, np.uint8)
    edges = np.linspace(0, data.shape[0], bands + 1).astype(int)
    for low, high in itertools.pairwise(edges):
        compare(low, high, data, expected, errors, number, spread, 0.5, limits, passed)
    return passed


def twin(data, expected, errors, number, spread, limits):
    snr, scale, snr_beside, scale_beside, of_stars, of_tops, beside_on_stars, sharpening = limits
    passed = np.zeros(data.shape, np.uint8)
    padded = np.pad(expected.astype(float), 1, constant_values=np.nan)
    for y, x in np.ndindex(data.shape):
        around = padded[y : y + 3, x : x + 3].copy()
        nearest, here = around[[0, 1, 1, 2], [1, 0, 2, 1]], around[1, 1]
        steep = np.nanmax([0, *np.abs(nearest - here)])
        difference, error = data[y, x] - 0.5 - here, float(errors[y, x])
        first, second = scale, scale_beside
        if steep > STEEP * error:
            is_top = not (around > here).any()
            first, second = of_tops if is_top else of_stars, beside_on_stars
            if number.shape == data.shape and number[y, x] < 2:
                first, second = max(scale, of_tops), scale_beside
            if np.isfinite(nearest).all():
                difference += sharpening * (nearest.sum() - 4 * here)
            if spread.shape == data.shape:
                error = max(error, spread[y, x])
        if number.shape == data.shape and number[y, x] < 3:
            difference = max(difference, 0)
        if abs(difference) > first * steep + snr * error:
            passed[y, x] |= FIRST
        if abs(difference) > second * steep + snr_beside * error:
            passed[y, x] |= SECOND
    return passed


@pytest.mark.parametrize("bands", [1, 4])
@pytest.mark.parametrize("limits", [LIMITS, (5.0, 1.2, 4.0, 0.7, 1.2, 1.2, 0.7, 0.0)])
@pytest.mark.parametrize("with_numbers", [True, False])
def test_against_a_slow_twin(bands, limits, with_numbers):
    random = np.random.default_rng(2)
    expected = random.normal(5, 2, (32, 40)).astype("f4")
    expected[random.random(expected.shape) < 0.03] = np.nan
    data = expected + random.normal(0, 4, expected.shape).astype("f4")
    errors = random.uniform(0.2, 0.6, expected.shape).astype("f4")
    number = random.integers(1, 5, data.shape).astype("f4") if with_numbers else NONE
    spread = random.uniform(0, 0.8, data.shape).astype("f4") if with_numbers else NONE
    found = run(data, expected, errors, number, spread, limits, bands)
    assert np.array_equal(found, twin(data, expected, errors, number, spread, limits))
    assert {0, int(SECOND), int(FIRST | SECOND)} <= set(np.unique(found).tolist())
