"""Angles on the sky, across RA 0 and at high declination."""

import numpy as np
import pytest

from hexcal.steps.wcs.sky_angles import eastward, wrapped


def test_right_ascensions_on_both_sides_of_0_are_near_one_another():
    assert wrapped(359.5 - 0.5) == -1 and wrapped(0.5 - 359.5) == 1 and wrapped(180.0) == -180
    assert np.array_equal(wrapped(np.array([-190.0, 10.0, 540.0])), [170, 10, -180])


def test_distances_to_the_east_are_those_on_the_sky():
    assert eastward(0.5, 359.5, 60.0) == pytest.approx(0.5)
    assert np.allclose(eastward(np.array([1.0, 359.0]), 0.0, 0.0), [1, -1])
