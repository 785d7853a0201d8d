"""Kernels of sky statistics against plain twins."""

import numpy as np
import pytest

from hexcal.kernels import sky


@pytest.mark.parametrize("seed", range(6))
def test_polygons_are_filled_with_their_edges(seed):
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(5) / 5 + rng.uniform(0, 0.6, 5)
    x, y = np.rint(20 + 17 * np.cos(angle)).astype(np.int64), np.rint(18 + 15 * np.sin(angle)).astype(np.int64)
    mask = np.zeros((40, 44), np.uint8)
    sky.fill_polygon(x, y, mask)
    rows, columns = np.indices(mask.shape)
    cross = []
    for k in range(5):
        dx, dy = x[(k + 1) % 5] - x[k], y[(k + 1) % 5] - y[k]
        length = max(np.hypot(dx, dy), 1e-9)
        cross.append((dx * (rows - y[k]) - dy * (columns - x[k])) / length)
    inside = np.min(cross, axis=0)
    # Convex, anti-clockwise: all at the left of all edges; edges may take up to a pixel.
    assert (mask[inside >= 0] == 1).all() and (mask[inside < -1] == 0).all()


def test_polygons_beyond_the_image_are_cut():
    mask = np.zeros((10, 12), np.uint8)
    sky.fill_polygon(np.array([-5, 30, 30, -5]), np.array([-7, -7, 4, 4]), mask)
    assert mask[:5].all() and not mask[5:].any()


def test_usable_pixels_moments_and_histogram():
    rng = np.random.default_rng(2)
    data = rng.normal(100, 2, (30, 20)).astype("f4")
    data[3, 3] = np.nan
    dq, mask = np.zeros(data.shape, np.uint32), np.zeros(data.shape, np.uint8)
    dq[5], mask[:20] = 4, 1
    values = np.empty(data.size, np.float32)
    count = sky.collect(data, dq, np.uint32(4), mask, True, 97.0, 104.0, values)
    usable = (mask == 1) & (dq == 0) & (data >= 97) & (data <= 104)
    assert np.array_equal(values[:count], data[usable])
    values = values[:count]
    assert sky.moments(values) == pytest.approx((values.mean(dtype=float), values.std(dtype=float, ddof=1)))
    counts = np.zeros(7, np.int64)
    low, width = float(values.min()), float(np.ptp(values)) / 7
    sky.histogram(values, low, width, counts)
    assert counts.sum() == count and np.abs(counts - np.histogram(values, 7)[0]).max() <= 1
    kept = sky.keep_between(values.copy(), 99.0, 101.0)
    assert kept == np.count_nonzero((values >= 99) & (values <= 101))
