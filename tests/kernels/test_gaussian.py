"""Weighted means of the good pixels around each pixel, against two plain convolutions."""

import numpy as np
from scipy.ndimage import convolve

from hexcal.kernels.gaussian import convolve_good


def test_pixels_that_are_left_out_do_not_count_and_those_beyond_the_edges_are_zero():
    rng = np.random.default_rng(4)
    image = rng.normal(3, 1, (23, 31)).astype("f4")
    is_good = rng.random(image.shape) < 0.8
    is_good[:12, :11] = False
    image[~is_good] = np.nan
    axis = np.exp(-0.5 * (np.arange(-4, 5) / 0.9) ** 2)
    found = np.empty_like(image)
    for first, last in ((0, 9), (9, 23)):
        convolve_good(first, last, image, is_good, axis, found)
    kernel = np.outer(axis, axis)
    values = convolve(np.where(is_good, image, 0).astype(float), kernel, mode="constant", cval=0)
    weights = convolve(is_good.astype(float), kernel, mode="constant", cval=1)
    # Nothing is known where all pixels around are left out.
    known = weights > 1e-12
    assert np.allclose(found[known], (values[known] / weights[known]), rtol=1e-6)
    assert np.isnan(found[5:8, 5:7]).all()


def test_far_from_all_good_pixels_there_is_no_value():
    image, is_good = np.ones((20, 20), "f4"), np.zeros((20, 20), bool)
    is_good[0, 0] = True
    found = np.empty_like(image)
    convolve_good(0, 20, image, is_good, np.ones(3), found)
    assert found[0, 0] == np.float32(1 / 6) and found[1, 1] == 1 and np.isnan(found[5:15, 5:15]).all()
