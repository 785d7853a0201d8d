"""Regions of a mask, and the ellipses around them, against scipy and plain numpy."""

import numpy as np
import pytest
from scipy import ndimage

from hexcal.kernels import regions as kernels

TOUCHING = np.ones((3, 3))
Y, X = np.mgrid[:60, :70]


def find(mask, least_area=1):
    return kernels.find_regions(mask.copy(), float(least_area), np.empty(mask.size, np.int64))


def test_regions_are_those_of_scipy_with_centre_and_number_of_pixels():
    mask = np.random.default_rng(1).random((50, 64)) < 0.3
    labels, count = ndimage.label(mask, TOUCHING)
    found = find(mask)
    truth = sorted((*ndimage.center_of_mass(labels == s), float((labels == s).sum())) for s in range(1, count + 1))
    result = sorted(map(tuple, found[:, [kernels.CENTER_Y, kernels.CENTER_X, kernels.AREA]]))
    np.testing.assert_allclose(result, truth)


@pytest.mark.parametrize("angle", [0.0, 0.5, 1.2, 2.8])
def test_the_ellipse_of_a_filled_ellipse_runs_through_the_centres_of_its_border_pixels(angle):
    along, across = (
        (X - 35) * np.cos(angle) + (Y - 30) * np.sin(angle),
        (Y - 30) * np.cos(angle) - (X - 35) * np.sin(angle),
    )
    region = find((along / 20) ** 2 + (across / 9) ** 2 <= 1)[0]
    assert region[kernels.MAJOR] == pytest.approx(19.5, abs=0.2)
    assert region[kernels.MINOR] == pytest.approx(8.5, abs=0.2)
    direction = np.arctan2(region[kernels.SINE], region[kernels.COSINE])
    assert abs(np.sin(direction - angle)) < 0.01


def test_the_area_of_a_region_counts_what_it_encloses_on_all_sides():
    distance = np.hypot(Y - 30, X - 35)
    ring = (distance <= 8) & (distance > 5)
    inside = int((distance <= 8).sum())
    assert len(find(ring, inside)) == 1
    assert len(find(ring, inside + 1)) == 0
    ring[30, 35:] = False
    assert len(find(ring, ring.sum())) == 1
    assert len(find(ring, ring.sum() + 1)) == 0


def test_regions_larger_than_the_first_table_are_all_found():
    mask = (Y % 2 == 0) & (X % 2 == 0)
    assert len(find(mask)) == mask.sum()


def test_a_flagged_ellipse_spares_its_border_and_protected_pixels_and_may_leave_the_image():
    region = find(np.hypot(Y - 3, X - 35) <= 3)[0]
    flags = np.zeros(X.shape, np.uint8)
    flags[5, 35], flags[6, 35] = 1, 8
    kernels.flag_ellipse(flags, region, 7.2, 6.8, np.uint8(4), np.uint8(8), np.uint8(1))
    expected = np.where(np.hypot(Y - 3, X - 35) < 7, 4, 0)
    expected[5, 35] = 1
    np.testing.assert_array_equal(flags, expected)
