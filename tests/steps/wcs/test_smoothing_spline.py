"""Smoothing splines: those of FITPACK, to rounding."""

import numpy as np
import pytest
from scipy.interpolate import UnivariateSpline

from hexcal.steps.wcs.smoothing_spline import b_splines, smoothed


@pytest.mark.parametrize(
    ("count", "noise", "squares"), [(388, 0.003, 0.002), (400, 0.0, 0.002), (50, 0.01, 0.02), (200, 0.02, 0.05)]
)
def test_the_spline_of_fitpack(count, noise, squares):
    rng = np.random.default_rng(4)
    x = np.sort(rng.uniform(0, 100, count))
    values = 3 * np.sin(x / 9) + 5 + 0.02 * x + noise * rng.normal(size=count)
    found = smoothed(x, values, squares)
    assert np.abs(found - UnivariateSpline(x, values, k=3, s=squares)(x)).max() < 1e-12
    assert ((found - values) ** 2).sum() < 1.001 * squares


def test_a_cubic_polynomial_stays_as_it_is():
    x = np.linspace(0.0, 3.0, 30)
    values = 1 + x - 2 * x**2 + 0.5 * x**3
    assert np.abs(smoothed(x, values, 1e-3) - values).max() < 1e-12


def test_as_few_values_as_a_spline_needs():
    x, values = np.arange(5.0), np.array([0.0, 1.0, 0.0, 1.0, 0.0])
    assert np.abs(smoothed(x, values, 1e-12) - values).max() < 1e-5


def test_splines_add_up_to_one():
    knots = np.array([0.0] * 4 + [1.0, 1.5, 4.0] + [6.0] * 4)
    values = b_splines(knots, np.linspace(0.0, 6.0, 25))
    assert values.shape == (25, 7) and values.sum(axis=1) == pytest.approx(1.0, abs=1e-14) and values.min() >= 0
