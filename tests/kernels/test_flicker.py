"""Medians along lines, and in boxes."""

import itertools

import numpy as np
import pytest

from hexcal.kernels.flicker import box_medians, line_medians


@pytest.fixture
def image():
    rng = np.random.default_rng(2)
    image = rng.normal(0, 5, (10, 30)).astype(np.float32)
    image[rng.random(image.shape) < 0.1] = np.nan
    return image


@pytest.fixture
def usable():
    usable = np.random.default_rng(3).random((10, 30)) < 0.7
    usable[4] = False
    return usable


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("bands", [1, 3])
def test_lines_equal_to_the_plain_way_for_any_bands(image, usable, parts, bands):
    noise = np.empty((10, parts))
    for first, last in itertools.pairwise(np.linspace(0, 10, bands + 1).astype(int)):
        line_medians(first, last, image, usable, noise)
    values = np.where(usable, image, np.nan)
    edges = [30 // parts * part for part in range(parts)] + [30]
    for row, part in itertools.product(range(10), range(parts)):
        chosen = values[row, edges[part] : edges[part + 1]]
        chosen = chosen[np.isfinite(chosen)]
        assert noise[row, part] == (pytest.approx(np.median(chosen), abs=1e-6) if chosen.size else 0)


def test_boxes_equal_to_the_plain_way(image, usable):
    image[2, 3] = 500
    rows, columns = np.array([0, 4, 5, 10]), np.array([0, 15, 30])
    medians = np.empty((3, 2))
    box_medians(0, 3, image, usable, rows, columns, 2.0, 5, medians)
    for j, i in itertools.product(range(3), range(2)):
        part = np.s_[rows[j] : rows[j + 1], columns[i] : columns[i + 1]]
        values = image[part][usable[part]].astype(np.float64)
        values = values[np.isfinite(values)]
        for _ in range(5):
            if values.size:
                values = values[np.abs(values - np.median(values)) <= 2 * values.std()]
        np.testing.assert_allclose(medians[j, i], np.median(values) if values.size else np.nan)
