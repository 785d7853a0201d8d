"""Polynomials of two variables at many points."""

import itertools

import numpy as np
import pytest

from hexcal.kernels.surface import evaluate_surface


@pytest.mark.parametrize("cuts", [(0, 700), (0, 1, 300, 513, 700)])
def test_polynomials_are_those_of_numpy_wherever_bands_are_cut(cuts):
    rng = np.random.default_rng(1)
    u, v, coefficients = rng.uniform(-1, 1, 700), rng.uniform(-1, 1, 700), rng.normal(size=(4, 3))
    out = np.full(700, np.nan)
    for first, last in itertools.pairwise(cuts):
        evaluate_surface(first, last, out, u, v, coefficients)
    np.testing.assert_allclose(out, np.polynomial.polynomial.polyval2d(u, v, coefficients), rtol=1e-12)
    whole = np.empty(700)
    evaluate_surface(0, 700, whole, u, v, coefficients)
    np.testing.assert_array_equal(out, whole)
